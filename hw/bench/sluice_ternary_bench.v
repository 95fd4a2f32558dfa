`default_nettype none
// `equal` is 1 when sluice_ternary_adder computes what the expression says of operands that repeat
// their bit REPEATED above it.
module sluice_ternary_bench #(
    parameter WIDTH = 16,
    parameter SUBTRACT_B = 0,
    parameter SUBTRACT_C = 0,
    parameter CARRY_BITS = 8,
    parameter [WIDTH-1:0] WIRED = 0,
    parameter REPEATED = WIDTH - 1
) (
    input  wire [WIDTH-1:0] a,
    input  wire [WIDTH-1:0] b,
    input  wire [WIDTH-1:0] c,
    output wire equal
);
  localparam DISTINCT = (REPEATED + 2 < WIDTH) ? REPEATED + 2 : WIDTH;
  wire [WIDTH-1:0] x = {{WIDTH{a[REPEATED]}}, a[REPEATED:0]};
  wire [WIDTH-1:0] y = {{WIDTH{b[REPEATED]}}, b[REPEATED:0]};
  wire [WIDTH-1:0] z = {{WIDTH{c[REPEATED]}}, c[REPEATED:0]};
  wire [WIDTH-1:0] sum;
  wire [WIDTH-1:0] ab = (SUBTRACT_B != 0) ? x - y : x + y;
  wire [WIDTH-1:0] abc = (SUBTRACT_C != 0) ? ab - z : ab + z;
  sluice_ternary_adder #(
      .WIDTH(WIDTH),
      .SUBTRACT_B(SUBTRACT_B),
      .SUBTRACT_C(SUBTRACT_C),
      .CARRY_BITS(CARRY_BITS),
      .WIRED(WIRED),
      .DISTINCT(DISTINCT)
  ) adder (
      .a(x),
      .b(y),
      .c(z),
      .sum(sum)
  );
  assign equal = sum == abc;
endmodule
`default_nettype wire
