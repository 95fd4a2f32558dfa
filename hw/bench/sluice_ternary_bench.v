`default_nettype none
// `equal` is 1 when sluice_ternary_adder computes what the expression says.
module sluice_ternary_bench #(
    parameter WIDTH = 16,
    parameter SUBTRACT_B = 0,
    parameter SUBTRACT_C = 0,
    parameter CARRY_BITS = 8
) (
    input  wire [WIDTH-1:0] a,
    input  wire [WIDTH-1:0] b,
    input  wire [WIDTH-1:0] c,
    output wire equal
);
  wire [WIDTH-1:0] sum;
  wire [WIDTH-1:0] ab = (SUBTRACT_B != 0) ? a - b : a + b;
  wire [WIDTH-1:0] abc = (SUBTRACT_C != 0) ? ab - c : ab + c;
  sluice_ternary_adder #(
      .WIDTH(WIDTH),
      .SUBTRACT_B(SUBTRACT_B),
      .SUBTRACT_C(SUBTRACT_C),
      .CARRY_BITS(CARRY_BITS)
  ) adder (
      .a(a),
      .b(b),
      .c(c),
      .sum(sum)
  );
  assign equal = sum == abc;
endmodule
`default_nettype wire
