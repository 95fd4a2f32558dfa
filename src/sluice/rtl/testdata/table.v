`default_nettype none
module golden_table_core (
    input wire clk,
    input wire valid,
    input wire [15:0] x,
    output wire [7:0] y
);
  // Circuit "table", latency 1 clock cycles, initiation interval 1
  // x[15:0]: "x", 2 x s3.0 in 8 bits
  // y[7:0]: "y", 1 x s8.2 in 8 bits

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
  wire signed [2:0] softplus_0_s0 = x[2:0];
  wire signed [2:0] softplus_1_s0 = x[10:8];
  function [4:0] table_0;
    input [2:0] argument;
    case (argument)
      3'd4: table_0 = 5'd29;
      3'd5: table_0 = 5'd0;
      3'd6: table_0 = 5'd5;
      3'd7: table_0 = 5'd9;
      3'd0: table_0 = 5'd9;
      3'd1: table_0 = 5'd9;
      3'd2: table_0 = 5'd11;
      default: table_0 = 5'd0;
    endcase
  endfunction
  wire signed [4:0] softplus_2_s0 = table_0(softplus_0_s0);
  wire signed [4:0] softplus_3_s0 = ($signed({softplus_1_s0, 2'd0}) < $signed(softplus_2_s0)) ? softplus_2_s0 : {softplus_1_s0, 2'd0};
  wire signed [6:0] softplus_4_s0 = $signed({{2{softplus_3_s0[4]}}, softplus_3_s0}) * $signed({{4{softplus_0_s0[2]}}, softplus_0_s0});

  // Outputs
  reg signed [6:0] softplus_4_s1;
  always @(posedge stage_clk) begin
    softplus_4_s1 <= softplus_4_s0;
  end
  assign y = {softplus_4_s1[6], softplus_4_s1};

  wire unused = &{1'b0, valid, x[7:3], x[15:11], softplus_4_s0};
endmodule
`default_nettype wire
