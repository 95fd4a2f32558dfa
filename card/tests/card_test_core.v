`default_nettype none
// A core for the card's tests: each byte of the event plus 1, after LATENCY clock cycles.
module sluice_test_core #(
    parameter IN_BITS  = 8,
    parameter OUT_BITS = 8,
    parameter LATENCY  = 1
) (
    input  wire                clk,
    input  wire [ IN_BITS-1:0] x,
    output wire [OUT_BITS-1:0] y
);
  reg [OUT_BITS-1:0] stages[0:LATENCY-1];
  assign y = stages[LATENCY-1];
  genvar s, b;
  generate
    for (b = 0; b < OUT_BITS / 8; b = b + 1) begin : bytes
      always @(posedge clk) stages[0][b*8+:8] <= x[b*8+:8] + 8'd1;
    end
    for (s = 1; s < LATENCY; s = s + 1) begin : later
      always @(posedge clk) stages[s] <= stages[s-1];
    end
  endgenerate
endmodule
`default_nettype wire
