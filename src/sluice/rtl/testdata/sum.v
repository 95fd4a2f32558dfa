`default_nettype none
module golden_sum_core (
    input wire clk,
    input wire valid,
    input wire [23:0] x,
    output wire [31:0] y
);
  // Circuit "sum", latency 2 clock cycles, initiation interval 1
  // x[23:0]: "x", 3 x s8.4 in 8 bits
  // y[31:0]: "y", 2 x s16.5 in 16 bits

  // In simulation, a stage without an event stands still
  wire [1:0] stage_clk;
`ifdef SYNTHESIS
  assign stage_clk = {2{clk}};
`else
  reg [1:0] moves;
  reg follows;
  always @(posedge clk) follows <= moves[0:0];
  /* verilator lint_off LATCH */
  always @* if (!clk) moves = {follows, valid};
  /* verilator lint_on LATCH */
  assign stage_clk = moves & {2{clk}};
`endif

  // Stage 0
  wire signed [7:0] input_0_s0 = x[7:0];
  wire signed [7:0] input_1_s0 = x[23:16];
  wire signed [10:0] dense_1_3_s0 = {{{3{input_0_s0[7]}}, input_0_s0[7:2]} + {input_1_s0[7], input_1_s0}, input_0_s0[1:0]};
  wire signed [8:0] dense_1_5_s0 = {input_1_s0[7], input_1_s0} + 9'd24;

  // Stage 1
  reg signed [7:0] input_0_s1;
  reg signed [10:0] dense_1_3_s1;
  reg signed [8:0] dense_1_5_s1;
  always @(posedge stage_clk[0]) begin
    input_0_s1 <= input_0_s0;
    dense_1_3_s1 <= dense_1_3_s0;
    dense_1_5_s1 <= dense_1_5_s0;
  end
  wire signed [11:0] dense_1_4_s1 = {dense_1_3_s1, 1'd0} - {{4{input_0_s1[7]}}, input_0_s1};

  // Outputs
  reg signed [11:0] dense_1_4_s2;
  reg signed [8:0] dense_1_5_s2;
  always @(posedge stage_clk[1]) begin
    dense_1_4_s2 <= dense_1_4_s1;
    dense_1_5_s2 <= dense_1_5_s1;
  end
  assign y[15:0] = {{4{dense_1_4_s2[11]}}, dense_1_4_s2};
  assign y[31:16] = {{7{dense_1_5_s2[8]}}, dense_1_5_s2};

  wire unused = &{1'b0, valid, x[15:8], dense_1_3_s0, dense_1_5_s0, dense_1_5_s1, dense_1_4_s1};
endmodule
`default_nettype wire
