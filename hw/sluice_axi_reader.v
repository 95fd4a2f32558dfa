`default_nettype none
// AXI4 read master: fetches `bytes` bytes from the bus-aligned address `base` as a stream of bus
// words; what follows the last byte in its word is undefined. Up to MAX_OUTSTANDING bursts wait for
// data. A word with an error response is delivered like any other and sets `error`.
module sluice_axi_reader #(
    parameter DATA_BITS       = 512,
    parameter BYTES_BITS      = 48,   // of the byte count
    parameter MAX_OUTSTANDING = 8
) (
    input  wire                  clk,
    input  wire                  rst_n,
    input  wire                  start,
    input  wire [          63:0] base,
    input  wire [BYTES_BITS-1:0] bytes,
    output reg                   busy,     // from the cycle after start until the last word came
    output reg                   error,    // of this transfer
    output wire                  m_axi_arvalid,
    input  wire                  m_axi_arready,
    output wire [          63:0] m_axi_araddr,
    output wire [           7:0] m_axi_arlen,
    input  wire                  m_axi_rvalid,
    output wire                  m_axi_rready,
    input  wire [ DATA_BITS-1:0] m_axi_rdata,
    input  wire [           1:0] m_axi_rresp,
    input  wire                  m_axi_rlast,
    output wire                  out_valid,
    input  wire                  out_ready,
    output wire [ DATA_BITS-1:0] out_data
);
  localparam LOG_BYTES = $clog2(DATA_BITS / 8);
  localparam WORD_BITS = BYTES_BITS - LOG_BYTES + 1;
  localparam COUNT_BITS = $clog2(MAX_OUTSTANDING + 1);

  wire tail = |bytes[LOG_BYTES-1:0];
  wire [WORD_BITS-1:0] words = {1'b0, bytes[BYTES_BITS-1:LOG_BYTES]} + {{WORD_BITS - 1{1'b0}}, tail};

  reg  [WORD_BITS-1:0] words_due;
  reg  [COUNT_BITS-1:0] outstanding;
  wire room = outstanding != MAX_OUTSTANDING[COUNT_BITS-1:0];
  wire burst_valid;
  wire [8:0] burst_beats;
  wire [8:0] burst_last = burst_beats - 9'd1;

  sluice_axi_bursts #(
      .DATA_BITS(DATA_BITS),
      .WORD_BITS(WORD_BITS)
  ) bursts (
      .clk(clk),
      .rst_n(rst_n),
      .start(start),
      .base(base),
      .words(words),
      .out_valid(burst_valid),
      .out_ready(m_axi_arready && room),
      .out_address(m_axi_araddr),
      .out_beats(burst_beats)
  );
  assign m_axi_arvalid = burst_valid && room;
  assign m_axi_arlen   = burst_last[7:0];

  wire issued = m_axi_arvalid && m_axi_arready;
  wire arrived = m_axi_rvalid && m_axi_rready;
  wire completed = arrived && m_axi_rlast;

  always @(posedge clk) begin
    if (issued && !completed) outstanding <= outstanding + 1'b1;
    if (!issued && completed) outstanding <= outstanding - 1'b1;
    if (start) words_due <= words;
    else if (arrived) words_due <= words_due - 1'b1;
    busy  <= start || (busy && words_due != 0);
    error <= !start && (error || (arrived && m_axi_rresp[1]));
    if (!rst_n) begin
      outstanding <= 0;
      words_due   <= 0;
      busy        <= 1'b0;
      error       <= 1'b0;
    end
  end

  sluice_skid #(
      .WIDTH(DATA_BITS)
  ) skid (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(m_axi_rvalid),
      .in_ready(m_axi_rready),
      .in_data(m_axi_rdata),
      .out_valid(out_valid),
      .out_ready(out_ready),
      .out_data(out_data)
  );

  wire unused = &{1'b0, m_axi_rresp[0], burst_last[8]};
endmodule
`default_nettype wire
