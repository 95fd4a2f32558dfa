`default_nettype none
// Bus words to events packed back to back. Takes the words of `events` events after each start, up to
// `in_last`, and drops what is left in the last one; may start again while `ready`. One event per clock when an event is not wider than the bus,
// otherwise one word per clock.
//
// Sizes are counted in granules: the greatest common divisor of event and word. The window holds as
// many words as an event can touch; the event begins `offset` granules into its first word.
module sluice_unpack #(
    parameter BUS_BITS   = 512,  // a power of two
    parameter EVENT_BITS = 432   // a multiple of 8
) (
    input  wire                  clk,
    input  wire                  rst_n,
    input  wire                  start,
    input  wire [          31:0] events,
    output wire                  ready,
    input  wire                  in_valid,
    output wire                  in_ready,
    input  wire [  BUS_BITS-1:0] in_data,
    input  wire                  in_last,
    output reg                   out_valid,
    input  wire                  out_ready,
    output reg  [EVENT_BITS-1:0] out_data
);
  // The largest power of two that divides both.
  localparam LOWEST_ONE = EVENT_BITS & -EVENT_BITS;
  localparam GRANULE_BITS = (LOWEST_ONE < BUS_BITS) ? LOWEST_ONE : BUS_BITS;
  localparam BUS_GRANULES = BUS_BITS / GRANULE_BITS;
  localparam EVENT_GRANULES = EVENT_BITS / GRANULE_BITS;
  localparam LOG_BUS = $clog2(BUS_GRANULES);
  localparam WORDS = (BUS_GRANULES - 1 + EVENT_GRANULES + BUS_GRANULES - 1) / BUS_GRANULES;
  localparam WINDOW_BITS = WORDS * BUS_BITS;
  localparam POSITION_BITS = $clog2(WINDOW_BITS / GRANULE_BITS + 1);
  localparam COUNT_BITS = $clog2(WORDS + 1);
  localparam WHOLE_WORDS = EVENT_GRANULES / BUS_GRANULES;  // that every event uses up

  reg  [31:0] events_left;
  reg  [WINDOW_BITS-1:0] window;
  reg  [COUNT_BITS-1:0] count;  // words in the window
  reg  [POSITION_BITS-1:0] offset;  // granules, below BUS_GRANULES

  wire [POSITION_BITS-1:0] past = offset + EVENT_GRANULES[POSITION_BITS-1:0];
  wire [POSITION_BITS-1:0] held = {{POSITION_BITS - COUNT_BITS{1'b0}}, count} << LOG_BUS;
  wire [POSITION_BITS-1:0] past_words = past >> LOG_BUS;  // WHOLE_WORDS or one more
  wire straddles = past_words[COUNT_BITS-1:0] != WHOLE_WORDS[COUNT_BITS-1:0];

  wire pop = events_left != 0 && held >= past && (!out_valid || out_ready);
  wire [COUNT_BITS-1:0] count_kept = pop ? count - past_words[COUNT_BITS-1:0] : count;
  reg expects;  // a word of this run
  assign in_ready = expects && count_kept != WORDS[COUNT_BITS-1:0];
  assign ready = events_left == 0;
  wire push = in_valid && in_ready;

  wire [WINDOW_BITS-1:0] window_kept = !pop ? window :
      straddles ? window >> ((WHOLE_WORDS + 1) * BUS_BITS) : window >> (WHOLE_WORDS * BUS_BITS);

  genvar k;
  generate
    for (k = 0; k < WORDS; k = k + 1) begin : slot
      always @(posedge clk)
        window[k*BUS_BITS+:BUS_BITS] <= (push && count_kept == k) ?
            in_data : window_kept[k*BUS_BITS+:BUS_BITS];
    end
  endgenerate

  wire pop_clk;
  sluice_clock_gate gate (
      .clk(clk),
      .enable(pop),
      .gated(pop_clk)
  );
  always @(posedge pop_clk) if (pop) out_data <= window[offset*GRANULE_BITS+:EVENT_BITS];

  always @(posedge clk) begin
    if (pop) out_valid <= 1'b1;
    else if (out_ready) out_valid <= 1'b0;

    if (start) begin
      events_left <= events;
      expects     <= events != 0;
      count       <= 0;
      offset      <= 0;
    end else begin
      if (push && in_last) expects <= 1'b0;
      if (pop) begin
        events_left <= events_left - 1'b1;
        offset      <= past - (past_words << LOG_BUS);
      end
      count <= count_kept + {{COUNT_BITS - 1{1'b0}}, push};
    end
    if (!rst_n) begin
      events_left <= 0;
      expects     <= 1'b0;
      count       <= 0;
      offset      <= 0;
      out_valid   <= 1'b0;
    end
  end
endmodule
`default_nettype wire
