`timescale 1ns / 1ps
`default_nettype none
// DSP48E2 as UG579 describes it, of which sluice_multiply_add uses: X and Y the product, Z zero,
// PCIN or C, W zero, no register but P. Anything else makes P unknown.
module DSP48E2 #(
    parameter ACASCREG = 1,
    parameter ADREG = 1,
    parameter ALUMODEREG = 1,
    parameter AREG = 1,
    parameter BCASCREG = 1,
    parameter BREG = 1,
    parameter CARRYINREG = 1,
    parameter CARRYINSELREG = 1,
    parameter CREG = 1,
    parameter DREG = 1,
    parameter INMODEREG = 1,
    parameter MREG = 1,
    parameter OPMODEREG = 1,
    parameter PREG = 1,
    parameter USE_MULT = "MULTIPLY"
) (
    input  wire               CLK,
    input  wire signed [29:0] A,
    input  wire signed [17:0] B,
    input  wire signed [47:0] C,
    input  wire signed [26:0] D,
    input  wire        [ 4:0] INMODE,
    input  wire        [ 3:0] ALUMODE,
    input  wire        [ 8:0] OPMODE,
    input  wire               CARRYIN,
    input  wire        [ 2:0] CARRYINSEL,
    input  wire               CEP,
    input  wire               RSTP,
    output wire signed [47:0] P
);
  localparam OTHER_REGISTERS = ACASCREG + ADREG + ALUMODEREG + AREG + BCASCREG + BREG + CARRYINREG +
      CARRYINSELREG + CREG + DREG + INMODEREG + MREG + OPMODEREG;
  wire supported = OTHER_REGISTERS == 0 && USE_MULT == "MULTIPLY" && INMODE == 0 && ALUMODE == 0 &&
      CARRYIN == 0 && CARRYINSEL == 0 && OPMODE[8:7] == 0 && OPMODE[3:0] == 4'b0101;
  wire signed [26:0] multiplicand = A[26:0];
  wire signed [47:0] z = OPMODE[6:4] == 3'b011 ? C : OPMODE[6:4] == 3'b000 ? 48'sd0 : 48'sbx;
  wire signed [47:0] sum = supported ? multiplicand * B + z : 48'sbx;
  reg signed [47:0] p;
  always @(posedge CLK) if (RSTP) p <= 0; else if (CEP) p <= sum;
  assign P = PREG == 0 ? sum : p;
endmodule
`default_nettype wire
