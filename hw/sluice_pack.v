`default_nettype none
// Events packed back to back into bus words. Takes `events` events after each start and gives out
// the last, partial word after the last of them; may start again while `ready`. One event per clock when an event is not wider than
// the bus, otherwise one word per clock. Bytes behind the last event are zero.
//
// Sizes are counted in granules: the greatest common divisor of event and word. `fill` granules of
// `held` are in use, the others are zero.
module sluice_pack #(
    parameter BUS_BITS   = 64,  // a power of two
    parameter EVENT_BITS = 16   // a multiple of 8
) (
    input  wire                  clk,
    input  wire                  rst_n,
    input  wire                  start,
    input  wire [          31:0] events,
    output wire                  ready,
    input  wire                  in_valid,
    output wire                  in_ready,
    input  wire [EVENT_BITS-1:0] in_data,
    output wire                  out_valid,
    input  wire                  out_ready,
    output wire [  BUS_BITS-1:0] out_data
);
  // The largest power of two that divides both.
  localparam LOWEST_ONE = EVENT_BITS & -EVENT_BITS;
  localparam GRANULE_BITS = (LOWEST_ONE < BUS_BITS) ? LOWEST_ONE : BUS_BITS;
  localparam BUS_GRANULES = BUS_BITS / GRANULE_BITS;
  localparam EVENT_GRANULES = EVENT_BITS / GRANULE_BITS;
  localparam WORDS = (BUS_GRANULES - 1 + EVENT_GRANULES + BUS_GRANULES - 1) / BUS_GRANULES;
  localparam HELD_BITS = WORDS * BUS_BITS;
  localparam FILL_BITS = $clog2(HELD_BITS / GRANULE_BITS + 1) + 1;
  localparam [FILL_BITS-1:0] WORD_FILL = BUS_GRANULES[FILL_BITS-1:0];

  reg  [31:0] events_left;
  reg  [HELD_BITS-1:0] held;
  reg  [FILL_BITS-1:0] fill;

  wire whole = fill >= WORD_FILL;
  wire flush = events_left == 0 && fill != 0;
  assign ready = events_left == 0 && fill == 0;
  assign out_valid = whole || flush;
  assign out_data  = held[BUS_BITS-1:0];
  wire emit = out_valid && out_ready;

  // An event begins in the word that is being filled once a whole word, if any, has left.
  wire [FILL_BITS-1:0] rest = fill - WORD_FILL;
  wire [FILL_BITS-1:0] offset = whole ? rest : fill;
  assign in_ready = events_left != 0 && (!whole || (out_ready && rest < WORD_FILL));
  wire accept = in_valid && in_ready;

  wire [HELD_BITS-1:0] kept = emit ? held >> BUS_BITS : held;
  wire [HELD_BITS-1:0] event_bits;
  generate
    if (HELD_BITS > EVENT_BITS) begin : widen
      assign event_bits = {{HELD_BITS - EVENT_BITS{1'b0}}, in_data};
    end else begin : same
      assign event_bits = in_data;
    end
  endgenerate
  wire [HELD_BITS-1:0] placed = event_bits << (offset * GRANULE_BITS);

  always @(posedge clk) begin
    held <= accept ? kept | placed : kept;
    fill <= (!emit ? fill : whole ? rest : {FILL_BITS{1'b0}}) +
        (accept ? EVENT_GRANULES[FILL_BITS-1:0] : {FILL_BITS{1'b0}});
    if (start) events_left <= events;
    else if (accept) events_left <= events_left - 1'b1;
    if (!rst_n) begin
      events_left <= 0;
      held        <= 0;
      fill        <= 0;
    end
  end
endmodule
`default_nettype wire
