`default_nettype none
// a plus or minus b plus or minus c, modulo 2^WIDTH, in one carry chain with one LUT per bit: for
// Xilinx families, whose tools spend two chains on `a + b + c`. CARRY_BITS is 8 for UltraScale+
// (CARRY8) and 4 for 7-series (CARRY4).
//
// A LUT adds three bits: their sum goes into the chain, together with what the LUT of the bit below
// saved for this one. A subtracted operand is inverted, and its +1 is the chain's first carry (b) or
// what would come from below bit 0 (c).
//
// Bits of operands that are constant need fewer LUTs than primitives would take: where at most one
// varies, WIRED has a 1 and the tools find what is left, often a wire. From bit DISTINCT - 2 on the
// operands only repeat their signs, so the LUT at DISTINCT - 1 serves all bits above it.
module sluice_ternary_adder #(
    parameter WIDTH = 16,
    parameter SUBTRACT_B = 0,
    parameter SUBTRACT_C = 0,
    parameter CARRY_BITS = 8,
    parameter [WIDTH-1:0] WIRED = 0,
    parameter DISTINCT = WIDTH
) (
    input  wire [WIDTH-1:0] a,
    input  wire [WIDTH-1:0] b,
    input  wire [WIDTH-1:0] c,
    output wire [WIDTH-1:0] sum
);
  localparam CHAINS = (WIDTH + CARRY_BITS - 1) / CARRY_BITS;

  // By the bits {saved, c, b, a}: the parity of all four, and the majority of a, b and c.
  localparam [15:0] PARITY = ((SUBTRACT_B != 0) ^ (SUBTRACT_C != 0)) ? 16'h9669 : 16'h6996;
  localparam [7:0] MAJORITY = (SUBTRACT_B != 0) ? ((SUBTRACT_C != 0) ? 8'h2B : 8'hB2)
                                                : ((SUBTRACT_C != 0) ? 8'h8E : 8'hE8);

  wire [CHAINS*CARRY_BITS-1:0] parity, saved, out;
  wire [CHAINS*CARRY_BITS:0] from_below;
  wire [CHAINS:0] carry;
  assign from_below = {saved, SUBTRACT_C != 0};
  assign carry[0] = SUBTRACT_B != 0;
  assign sum = out[WIDTH-1:0];

  genvar i;
  generate
    for (i = 0; i < CHAINS * CARRY_BITS; i = i + 1) begin : bits
      if (i >= WIDTH) begin : unused
        assign parity[i] = 1'b0;
        assign saved[i]  = 1'b0;
      end else if (i >= DISTINCT) begin : repeated
        assign parity[i] = parity[DISTINCT-1];
        assign saved[i]  = saved[DISTINCT-1];
      end else if (WIRED[i]) begin : wired
        wire bi = b[i] ^ (SUBTRACT_B != 0);
        wire ci = c[i] ^ (SUBTRACT_C != 0);
        assign parity[i] = a[i] ^ bi ^ ci ^ from_below[i];
        assign saved[i]  = (a[i] & bi) | (a[i] & ci) | (bi & ci);
      end else begin : added
        LUT6_2 #(
            .INIT({{2{PARITY}}, {4{MAJORITY}}})
        ) lut (
            .O6(parity[i]),
            .O5(saved[i]),
            .I0(a[i]),
            .I1(b[i]),
            .I2(c[i]),
            .I3(from_below[i]),
            .I4(1'b0),
            .I5(1'b1)
        );
      end
    end
    for (i = 0; i < CHAINS; i = i + 1) begin : chains
      wire [CARRY_BITS-1:0] carries;
      assign carry[i+1] = carries[CARRY_BITS-1];
      if (CARRY_BITS == 8) begin : carry8
        CARRY8 chain (
            .CO(carries),
            .O(out[8*i+:8]),
            .CI(carry[i]),
            .CI_TOP(1'b0),
            .DI(from_below[8*i+:8]),
            .S(parity[8*i+:8])
        );
      end else begin : carry4
        CARRY4 chain (
            .CO(carries),
            .O(out[4*i+:4]),
            .CI((i == 0) ? 1'b0 : carry[i]),
            .CYINIT((i == 0) ? carry[0] : 1'b0),
            .DI(from_below[4*i+:4]),
            .S(parity[4*i+:4])
        );
      end
    end
  endgenerate
endmodule
`default_nettype wire
