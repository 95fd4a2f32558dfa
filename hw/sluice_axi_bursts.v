`default_nettype none
// Cuts a transfer of `words` bus words from the aligned address `base` into AXI4 bursts: INCR, full
// width, at most 256 beats, none across a 4 KiB boundary. A burst ends at every multiple of the
// longest burst's size, which divides 4 KiB. Takes the next transfer while `idle`.
module sluice_axi_bursts #(
    parameter DATA_BITS = 512,
    parameter WORD_BITS = 48    // of the word count
) (
    input  wire                 clk,
    input  wire                 rst_n,
    input  wire                 start,
    input  wire [         63:0] base,
    input  wire [WORD_BITS-1:0] words,
    output wire                 idle,        // every burst of the transfer was taken
    output reg                  out_valid,
    input  wire                 out_ready,
    output wire [         63:0] out_address,
    output wire [          8:0] out_beats,
    output wire                 out_last     // of the transfer
);
  localparam LOG_BYTES = $clog2(DATA_BITS / 8);
  localparam LOG_BEATS = (LOG_BYTES > 4) ? 12 - LOG_BYTES : 8;
  localparam [8:0] MAX_BEATS = 9'd1 << LOG_BEATS;

  reg [63-LOG_BYTES:0] next_word;  // word address of the next burst
  reg [63-LOG_BYTES:0] burst_word;
  reg [8:0] burst_beats;
  reg [WORD_BITS-1:0] words_left;

  wire [8:0] to_boundary = MAX_BEATS - {{9 - LOG_BEATS{1'b0}}, next_word[LOG_BEATS-1:0]};
  wire ends_here = words_left <= {{WORD_BITS - 9{1'b0}}, to_boundary};
  wire [8:0] beats = ends_here ? words_left[8:0] : to_boundary;

  assign out_address = {burst_word, {LOG_BYTES{1'b0}}};
  assign out_beats   = burst_beats;
  assign out_last    = words_left == 0;
  assign idle        = !out_valid && words_left == 0;

  always @(posedge clk) begin
    if (start) begin
      next_word  <= base[63:LOG_BYTES];
      words_left <= words;
      out_valid  <= 1'b0;
    end else if (!out_valid || out_ready) begin
      out_valid <= words_left != 0;
      if (words_left != 0) begin
        burst_word  <= next_word;
        burst_beats <= beats;
        next_word   <= next_word + {{55 - LOG_BYTES{1'b0}}, beats};
        words_left  <= words_left - {{WORD_BITS - 9{1'b0}}, beats};
      end
    end
    if (!rst_n) begin
      out_valid  <= 1'b0;
      words_left <= 0;
    end
  end

  wire unused = &{1'b0, base[LOG_BYTES-1:0]};
endmodule
`default_nettype wire
