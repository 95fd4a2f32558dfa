`default_nettype none
// A core for tests: result byte j is the exclusive-or over the event's bytes k of (byte + 3 k + 7 j),
// after LATENCY clock cycles.
module sluice_test_core #(
    parameter IN_BITS  = 16,
    parameter OUT_BITS = 16,
    parameter LATENCY  = 1
) (
    input  wire                clk,
    input  wire [ IN_BITS-1:0] x,
    output wire [OUT_BITS-1:0] y
);
  reg [OUT_BITS-1:0] result;
  reg [7:0] value;
  integer j, k;
  always @* begin
    result = {OUT_BITS{1'b0}};
    for (j = 0; j < OUT_BITS / 8; j = j + 1) begin
      value = 8'd0;
      for (k = 0; k < IN_BITS / 8; k = k + 1) value = value ^ (x[k*8+:8] + 3 * k[7:0] + 7 * j[7:0]);
      result[j*8+:8] = value;
    end
  end

  reg [OUT_BITS-1:0] stages[0:LATENCY-1];
  assign y = stages[LATENCY-1];
  genvar s;
  generate
    for (s = 0; s < LATENCY; s = s + 1) begin : stage
      if (s == 0) begin : first
        always @(posedge clk) stages[0] <= result;
      end else begin : later
        always @(posedge clk) stages[s] <= stages[s-1];
      end
    end
  endgenerate
endmodule
`default_nettype wire
