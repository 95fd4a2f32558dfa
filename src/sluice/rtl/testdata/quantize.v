`default_nettype none
module golden_quantize_core (
    input wire clk,
    input wire valid,
    input wire [15:0] x,
    output wire [15:0] y
);
  // Circuit "quantize", latency 1 clock cycles, initiation interval 1
  // x[15:0]: "x", 1 x s10.6 in 16 bits
  // y[7:0]: "relu", 1 x u4.2 in 8 bits
  // y[15:8]: "wrapped", 1 x s5.3 in 8 bits

  // In simulation, a stage without an event stands still
  wire stage_clk;
`ifdef SYNTHESIS
  assign stage_clk = {1{clk}};
`else
  reg moves;
  /* verilator lint_off LATCH */
  always @* if (!clk) moves = valid;
  /* verilator lint_on LATCH */
  assign stage_clk = moves & {1{clk}};
`endif

  // Stage 0
  wire signed [9:0] activation_relu_0_s0 = x[9:0];
  wire signed [6:0] activation_relu_1_s0_rounded = {activation_relu_0_s0[9], activation_relu_0_s0[9:4]} + {6'd0, activation_relu_0_s0[3]};
  wire activation_relu_1_s0_below = activation_relu_1_s0_rounded[6];
  wire activation_relu_1_s0_above = (~activation_relu_1_s0_rounded[6]) & (|activation_relu_1_s0_rounded[5:4]);
  wire [3:0] activation_relu_1_s0 = activation_relu_1_s0_above ? 4'd15 : (activation_relu_1_s0_below ? 4'd0 : activation_relu_1_s0_rounded[3:0]);
  wire signed [4:0] activation_relu_2_s0 = activation_relu_0_s0[7:3];

  // Outputs
  reg [3:0] activation_relu_1_s1;
  reg signed [4:0] activation_relu_2_s1;
  always @(posedge stage_clk) begin
    activation_relu_1_s1 <= activation_relu_1_s0;
    activation_relu_2_s1 <= activation_relu_2_s0;
  end
  assign y[7:0] = {4'd0, activation_relu_1_s1};
  assign y[15:8] = {{3{activation_relu_2_s1[4]}}, activation_relu_2_s1};

  wire unused = &{1'b0, valid, x[15:10], activation_relu_0_s0[2:0], activation_relu_1_s0, activation_relu_2_s0};
endmodule
`default_nettype wire
