`default_nettype none
// value * factor + addend, modulo 2^SUM_WIDTH <= 2^47, in one DSP48E2; with REGISTERED its output register
// holds the sum. A value of more than 18 bits is on port A, which has 27, with the factor on port B,
// which has 18; otherwise the value is on port B. Without PRIMITIVE synthesis finds the multiplier,
// for families that have no DSP48E2.
module sluice_multiply_add #(
    parameter VALUE_WIDTH = 18,
    parameter FACTOR_WIDTH = 18,
    parameter SUM_WIDTH = 47,
    parameter REGISTERED = 0,
    /* verilator lint_off UNUSEDPARAM */
    parameter PRIMITIVE = 1  // of synthesis
    /* verilator lint_on UNUSEDPARAM */
) (
    /* verilator lint_off UNUSED */
    input  wire                           clk,
    /* verilator lint_on UNUSED */
    input  wire signed [ VALUE_WIDTH-1:0] value,
    input  wire signed [FACTOR_WIDTH-1:0] factor,
    input  wire signed [   SUM_WIDTH-1:0] addend,
    output wire signed [   SUM_WIDTH-1:0] sum
);
  wire signed [47:0] whole_value = {{(48 - VALUE_WIDTH) {value[VALUE_WIDTH-1]}}, value};
  wire signed [47:0] whole_addend = {{(48 - SUM_WIDTH) {addend[SUM_WIDTH-1]}}, addend};
  wire signed [47:0] whole_factor = {{(48 - FACTOR_WIDTH) {factor[FACTOR_WIDTH-1]}}, factor};
  /* verilator lint_off UNUSED */
  wire signed [47:0] whole_sum;
  /* verilator lint_on UNUSED */
  assign sum = whole_sum[SUM_WIDTH-1:0];

`ifdef SYNTHESIS
  localparam AS_EXPRESSION = PRIMITIVE == 0;
  localparam ON_A = VALUE_WIDTH > 18;
  wire [29:0] wide = ON_A ? whole_value[29:0] : whole_factor[29:0];
  wire [17:0] narrow = ON_A ? whole_factor[17:0] : whole_value[17:0];
  generate
    if (PRIMITIVE != 0) begin : named
      // OPMODE: X and Y the product, Z port C.
      DSP48E2 #(
          .ACASCREG(0),
          .ADREG(0),
          .ALUMODEREG(0),
          .AREG(0),
          .BCASCREG(0),
          .BREG(0),
          .CARRYINREG(0),
          .CARRYINSELREG(0),
          .CREG(0),
          .DREG(0),
          .INMODEREG(0),
          .MREG(0),
          .OPMODEREG(0),
          .PREG(REGISTERED),
          .USE_MULT("MULTIPLY")
      ) dsp (
          .CLK(clk),
          .A(wide),
          .B(narrow),
          .C(whole_addend),
          .D(27'd0),
          .INMODE(5'd0),
          .ALUMODE(4'd0),
          .OPMODE(9'b00_011_01_01),
          .CARRYIN(1'b0),
          .CARRYINSEL(3'd0),
          .CEP(1'b1),
          .RSTP(1'b0),
          .P(whole_sum)
      );
    end
  endgenerate
`else
  localparam AS_EXPRESSION = 1;
`endif
  generate
    if (AS_EXPRESSION != 0) begin : expression
      wire signed [47:0] result = whole_value * whole_factor + whole_addend;
      if (REGISTERED != 0) begin : registered
        reg signed [47:0] last;
        always @(posedge clk) last <= result;
        assign whole_sum = last;
      end else begin : combinational
        assign whole_sum = result;
      end
    end
  endgenerate
endmodule
`default_nettype wire
