`default_nettype none
// One level of a loop nest on a static schedule: EXTENT ticks every INTERVAL cycles, the first in the
// cycle of `start`. `index` is that of the latest tick. The tick of a level starts the level inside
// of it. A start that comes before the last tick cuts the loop short.
module sluice_loop #(
    parameter EXTENT   = 2,  // at least 1
    parameter INTERVAL = 1,  // cycles, at least 1
    parameter BITS     = 1   // of the index
) (
    input  wire            clk,
    input  wire            start,
    output wire            tick,
    output wire [BITS-1:0] index
);
  localparam WAIT_BITS = (INTERVAL > 2) ? $clog2(INTERVAL) : 1;
  localparam [WAIT_BITS-1:0] WAIT = INTERVAL[WAIT_BITS-1:0] - 1'b1;
  localparam [BITS-1:0] LAST = EXTENT[BITS-1:0] - 1'b1;

  reg running = 1'b0;
  reg [WAIT_BITS-1:0] left;  // cycles before the next tick
  reg [BITS-1:0] latest;

  wire due = running && left == 0;
  assign tick  = start || due;
  assign index = start ? {BITS{1'b0}} : due ? latest + 1'b1 : latest;

  always @(posedge clk) begin
    latest <= index;
    left   <= tick ? WAIT : left - 1'b1;
    if (tick) running <= index != LAST;
  end
endmodule
`default_nettype wire
