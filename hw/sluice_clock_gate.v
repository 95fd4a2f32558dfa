`default_nettype none
// A clock that stands still in simulation while nothing needs it: a simulator then skips the
// registers on it and all that follows from them. `gated` has the rising edges of `clk` before which
// `enable` was 1. In hardware it is `clk`, so registers on it still need their own enable.
module sluice_clock_gate (
    input  wire clk,
    input  wire enable,
    output wire gated
);
`ifdef SYNTHESIS
  assign gated = clk;
  wire unused = enable;
`else
  reg open;
  /* verilator lint_off LATCH */
  always @* if (!clk) open = enable;
  /* verilator lint_on LATCH */
  assign gated = clk && open;
`endif
endmodule
`default_nettype wire
