`default_nettype none
// AXI4 write master: writes `bytes` bytes to the bus-aligned address `base` from a stream of bus
// words. A burst is requested only when all its data wait in the buffer, so that a slow producer never
// holds the write channel of a shared memory port. The strobes of the last word cover the remaining
// bytes. Takes the next transfer while `ready`, when all data of the one before are sent. The
// transfers end in order: one has ended, with `error` if a response said so, in the cycle in which
// `done` is high, which is not before `done_ready`.
module sluice_axi_writer #(
    parameter DATA_BITS       = 512,
    parameter BYTES_BITS      = 48,   // of the byte count
    parameter MAX_OUTSTANDING = 8
) (
    input  wire                   clk,
    input  wire                   rst_n,
    input  wire                   start,
    input  wire [           63:0] base,
    input  wire [ BYTES_BITS-1:0] bytes,
    output wire                   ready,
    output wire                   done,
    input  wire                   done_ready,
    output wire                   error,
    input  wire                   in_valid,
    output wire                   in_ready,
    input  wire [  DATA_BITS-1:0] in_data,
    output wire                   m_axi_awvalid,
    input  wire                   m_axi_awready,
    output wire [           63:0] m_axi_awaddr,
    output wire [            7:0] m_axi_awlen,
    output wire                   m_axi_wvalid,
    input  wire                   m_axi_wready,
    output wire [  DATA_BITS-1:0] m_axi_wdata,
    output wire [DATA_BITS/8-1:0] m_axi_wstrb,
    output wire                   m_axi_wlast,
    input  wire                   m_axi_bvalid,
    output wire                   m_axi_bready,
    input  wire [            1:0] m_axi_bresp
);
  localparam BUS_BYTES = DATA_BITS / 8;
  localparam LOG_BYTES = $clog2(BUS_BYTES);
  localparam WORD_BITS = BYTES_BITS - LOG_BYTES + 1;
  localparam LOG_BURSTS = $clog2(MAX_OUTSTANDING);
  localparam LOG_BEATS = (LOG_BYTES > 4) ? 12 - LOG_BYTES : 8;  // of the longest burst
  localparam LEVEL_BITS = LOG_BEATS + 3;  // counts words in the buffer: two bursts and some

  wire tail = |bytes[LOG_BYTES-1:0];
  wire [WORD_BITS-1:0] words = {1'b0, bytes[BYTES_BITS-1:LOG_BYTES]} + {{WORD_BITS - 1{1'b0}}, tail};

  // Words in the buffer whose burst is not requested yet, and those whose burst is.
  reg [LEVEL_BITS-1:0] waiting, granted;
  reg [WORD_BITS-1:0] words_due;
  reg [BUS_BYTES-1:0] tail_strobe;
  reg [LOG_BEATS-1:0] position;  // of the next beat, counted from the last burst boundary

  wire burst_valid, bursts_idle, burst_is_last;
  wire [8:0] burst_beats;
  wire [8:0] burst_last = burst_beats - 9'd1;
  wire [LEVEL_BITS+8:0] burst_level = {{LEVEL_BITS{1'b0}}, burst_beats};
  wire room;
  wire go = room && waiting >= burst_level[LEVEL_BITS-1:0];
  wire requested = m_axi_awvalid && m_axi_awready;
  wire sent = m_axi_wvalid && m_axi_wready;
  wire pushed = in_valid && in_ready;
  assign ready = bursts_idle && words_due == 0;

  sluice_axi_bursts #(
      .DATA_BITS(DATA_BITS),
      .WORD_BITS(WORD_BITS)
  ) bursts (
      .clk(clk),
      .rst_n(rst_n),
      .start(start),
      .base(base),
      .words(words),
      .idle(bursts_idle),
      .out_valid(burst_valid),
      .out_ready(m_axi_awready && go),
      .out_address(m_axi_awaddr),
      .out_beats(burst_beats),
      .out_last(burst_is_last)
  );
  assign m_axi_awvalid = burst_valid && go;
  assign m_axi_awlen   = burst_last[7:0];

  wire buffer_valid;
  sluice_fifo #(
      .WIDTH(DATA_BITS),
      .DEPTH_LOG2(LOG_BEATS + 1)
  ) buffer (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(in_valid),
      .in_ready(in_ready),
      .in_data(in_data),
      .out_valid(buffer_valid),
      .out_ready(m_axi_wready && granted != 0),
      .out_data(m_axi_wdata)
  );
  wire final_word = words_due == 1;
  assign m_axi_wvalid = buffer_valid && granted != 0;
  assign m_axi_wlast  = final_word || (&position);
  assign m_axi_wstrb  = final_word ? tail_strobe : {BUS_BYTES{1'b1}};

  always @(posedge clk) begin
    waiting <= waiting + {{LEVEL_BITS - 1{1'b0}}, pushed} -
        (requested ? burst_level[LEVEL_BITS-1:0] : {LEVEL_BITS{1'b0}});
    granted <= granted - {{LEVEL_BITS - 1{1'b0}}, sent} +
        (requested ? burst_level[LEVEL_BITS-1:0] : {LEVEL_BITS{1'b0}});
    if (start) begin
      words_due   <= words;
      position    <= base[LOG_BYTES+:LOG_BEATS];
      tail_strobe <= tail ? ~({BUS_BYTES{1'b1}} << bytes[LOG_BYTES-1:0]) : {BUS_BYTES{1'b1}};
    end else if (sent) begin
      words_due <= words_due - 1'b1;
      position  <= position + 1'b1;
    end
    if (!rst_n) begin
      waiting   <= 0;
      granted   <= 0;
      words_due <= 0;
    end
  end

  // What is due, oldest first: the response of a burst, or the end of a transfer without bytes,
  // which waits for nothing. Half of the places are for those.
  reg [2*MAX_OUTSTANDING-1:0] is_last, is_empty;
  reg [LOG_BURSTS+1:0] queued, retired;  // modulo
  wire [LOG_BURSTS+1:0] due = queued - retired;
  wire [LOG_BURSTS:0] newest = queued[LOG_BURSTS:0], oldest = retired[LOG_BURSTS:0];
  assign room = due < MAX_OUTSTANDING[LOG_BURSTS+1:0];
  wire begins_empty = start && words == 0;
  wire may_retire = due != 0 && (done_ready || !is_last[oldest]);
  assign m_axi_bready = may_retire && !is_empty[oldest];
  wire answered = m_axi_bvalid && m_axi_bready;
  wire retire = answered || (may_retire && is_empty[oldest]);
  reg failed;  // an earlier response of this transfer
  assign error = failed || (answered && m_axi_bresp[1]);
  assign done = retire && is_last[oldest];

  always @(posedge clk) begin
    if (requested || begins_empty) begin
      is_last[newest] <= begins_empty || burst_is_last;
      is_empty[newest] <= begins_empty;
      queued <= queued + 1'b1;
    end
    if (retire) retired <= retired + 1'b1;
    failed <= error && !done;
    if (!rst_n) begin
      queued  <= 0;
      retired <= 0;
      failed  <= 1'b0;
    end
  end

  wire unused = &{1'b0, m_axi_bresp[0], burst_last[8], burst_level[LEVEL_BITS+8:LEVEL_BITS]};
endmodule
`default_nettype wire
