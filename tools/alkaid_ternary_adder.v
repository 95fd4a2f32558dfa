`default_nettype none
// The ternary adder of alkaid's netlists as the same primitives that Sluice's own are made of, so
// that both are counted by one rule. Ports and parameters are those that the netlists expect.
module ternary_adder #(
    parameter BW_INPUT0 = 32, SIGNED0 = 0, NEGATE0 = 0, PAD0 = 0,
    parameter BW_INPUT1 = 32, SIGNED1 = 0, NEGATE1 = 0, PAD1 = 0,
    parameter BW_INPUT2 = 32, SIGNED2 = 0, NEGATE2 = 0, PAD2 = 0,
    parameter BW_OUT = 32,
    parameter DROP_LSBS = 0
) (
    input  wire [BW_INPUT0-1:0] in0,
    input  wire [BW_INPUT1-1:0] in1,
    input  wire [BW_INPUT2-1:0] in2,
    output wire [   BW_OUT-1:0] out
);
  localparam WIDTH = BW_OUT + DROP_LSBS;
  // The operand that is added, and whether the lowest one is alone and added, so that its bits pass.
  localparam FIRST = (NEGATE0 == 0) ? 0 : (NEGATE1 == 0) ? 1 : 2;
  localparam LOW01 = (PAD0 < PAD1) ? PAD0 : PAD1;
  localparam HIGH01 = (PAD0 < PAD1) ? PAD1 : PAD0;
  localparam LOWEST = (LOW01 < PAD2) ? LOW01 : PAD2;
  localparam SECOND = (PAD2 <= LOW01) ? LOW01 : (PAD2 < HIGH01) ? PAD2 : HIGH01;
  localparam LOWEST_NEGATED = (PAD0 == LOWEST && NEGATE0 != 0) || (PAD1 == LOWEST && NEGATE1 != 0) ||
                              (PAD2 == LOWEST && NEGATE2 != 0);
  localparam START_RAW = (SECOND > LOWEST && !LOWEST_NEGATED) ? SECOND : LOWEST;
  localparam START = (START_RAW < WIDTH) ? START_RAW : WIDTH - 1;

  // Wide enough for every operand; the sum is their low bits.
  localparam MOST = WIDTH + BW_INPUT0 + PAD0 + BW_INPUT1 + PAD1 + BW_INPUT2 + PAD2;
  wire [MOST-1:0] x0 = {{(MOST - BW_INPUT0) {(SIGNED0 != 0) & in0[BW_INPUT0-1]}}, in0} << PAD0;
  wire [MOST-1:0] x1 = {{(MOST - BW_INPUT1) {(SIGNED1 != 0) & in1[BW_INPUT1-1]}}, in1} << PAD1;
  wire [MOST-1:0] x2 = {{(MOST - BW_INPUT2) {(SIGNED2 != 0) & in2[BW_INPUT2-1]}}, in2} << PAD2;
  wire [WIDTH-1:0] a = (FIRST == 0) ? x0 : (FIRST == 1) ? x1 : x2;
  wire [WIDTH-1:0] b = (FIRST == 0) ? x1 : x0;
  wire [WIDTH-1:0] c = (FIRST == 2) ? x1 : x2;
  wire [WIDTH-1:0] sum;

  // From this bit on an operand only repeats its sign, or 0.
  localparam LAST0 = PAD0 + BW_INPUT0 - ((SIGNED0 != 0) ? 1 : 0);
  localparam LAST1 = PAD1 + BW_INPUT1 - ((SIGNED1 != 0) ? 1 : 0);
  localparam LAST2 = PAD2 + BW_INPUT2 - ((SIGNED2 != 0) ? 1 : 0);
  localparam LAST01 = (LAST0 > LAST1) ? LAST0 : LAST1;
  localparam DISTINCT = ((LAST01 > LAST2) ? LAST01 : LAST2) + 2 - START;

  function varies(input integer bit_index, input integer pad, input integer width, input integer is_signed);
    varies = bit_index >= pad && (bit_index < pad + width || is_signed != 0);
  endfunction
  function [WIDTH-START-1:0] wired(input integer first);
    integer i;
    for (i = 0; i < WIDTH - START; i = i + 1)
      wired[i] = {1'b0, varies(first + i, PAD0, BW_INPUT0, SIGNED0)} +
                 {1'b0, varies(first + i, PAD1, BW_INPUT1, SIGNED1)} +
                 {1'b0, varies(first + i, PAD2, BW_INPUT2, SIGNED2)} < 2'd2;
  endfunction

  sluice_ternary_adder #(
      .WIDTH(WIDTH - START),
      .SUBTRACT_B((FIRST == 0) ? NEGATE1 : NEGATE0),
      .SUBTRACT_C((FIRST == 2) ? NEGATE1 : NEGATE2),
      .WIRED(wired(START)),
      .DISTINCT((DISTINCT > 2) ? DISTINCT : 2)
  ) adder (
      .a(a[WIDTH-1:START]),
      .b(b[WIDTH-1:START]),
      .c(c[WIDTH-1:START]),
      .sum(sum[WIDTH-1:START])
  );
  generate
    if (START > 0) begin : passed
      assign sum[START-1:0] = x0[START-1:0] | x1[START-1:0] | x2[START-1:0];
    end
  endgenerate
  assign out = sum[WIDTH-1:DROP_LSBS];
endmodule
`default_nettype wire
