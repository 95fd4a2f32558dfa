`default_nettype none
// The network of runtime/test_package.cpp by hand: three inputs of s12.6 in 16 bits each, two outputs
// of s7.3 in 8 bits each, LATENCY clock cycles later.
module sluice_test_core #(
    parameter IN_BITS  = 48,
    parameter OUT_BITS = 16,
    parameter LATENCY  = 4
) (
    input  wire                clk,
    input  wire [ IN_BITS-1:0] x,
    output wire [OUT_BITS-1:0] y
);
  wire signed [19:0] x0 = {{4{x[15]}}, x[15:0]};
  wire signed [19:0] x1 = {{4{x[31]}}, x[31:16]};
  wire signed [19:0] x2 = {{4{x[47]}}, x[47:32]};
  // 8 fractional bits; the bias of 1/16 is 16 of them.
  wire signed [19:0] sum0 = x0 + 3 * x1 - 5 * x2 + 20'sd16;
  wire signed [19:0] sum1 = -2 * x0 + 4 * x1 + 6 * x2 - 20'sd16;

  // To 3 fractional bits: ties towards plus infinity, then saturation to 7 bits.
  function [7:0] to_output(input signed [19:0] sum);
    reg signed [19:0] rounded;
    begin
      rounded   = (sum + 20'sd16) >>> 5;
      to_output = rounded > 20'sd63 ? 8'sd63 : rounded < -20'sd64 ? -8'sd64 : rounded[7:0];
    end
  endfunction

  reg [OUT_BITS-1:0] stages[0:LATENCY-1];
  assign y = stages[LATENCY-1];
  always @(posedge clk) stages[0] <= {to_output(sum1), to_output(sum0)};
  genvar s;
  generate
    for (s = 1; s < LATENCY; s = s + 1) begin : later
      always @(posedge clk) stages[s] <= stages[s-1];
    end
  endgenerate
endmodule
`default_nettype wire
