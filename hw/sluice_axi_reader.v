`default_nettype none
// AXI4 read master: fetches `bytes` bytes from the bus-aligned address `base` as a stream of bus
// words; what follows the last byte in its word is undefined. Up to MAX_OUTSTANDING bursts wait for
// data. Takes the next transfer while `ready`, when all bursts of the one before are requested: its
// data follow those without a gap. A word says whether it is its transfer's last and whether it came
// with an error response.
module sluice_axi_reader #(
    parameter DATA_BITS       = 512,
    parameter BYTES_BITS      = 48,   // of the byte count
    parameter MAX_OUTSTANDING = 8
) (
    input  wire                  clk,
    input  wire                  rst_n,
    input  wire                  start,
    output wire                  ready,
    input  wire [          63:0] base,
    input  wire [BYTES_BITS-1:0] bytes,
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
    output wire [ DATA_BITS-1:0] out_data,
    output wire                  out_last,
    output wire                  out_error
);
  localparam LOG_BYTES = $clog2(DATA_BITS / 8);
  localparam WORD_BITS = BYTES_BITS - LOG_BYTES + 1;
  localparam LOG_BURSTS = $clog2(MAX_OUTSTANDING);

  wire tail = |bytes[LOG_BYTES-1:0];
  wire [WORD_BITS-1:0] words = {1'b0, bytes[BYTES_BITS-1:LOG_BYTES]} + {{WORD_BITS - 1{1'b0}}, tail};

  // The bursts under way, oldest first: is this the last one of its transfer?
  reg  [MAX_OUTSTANDING-1:0] is_last;
  reg [LOG_BURSTS:0] requested, completed;  // bursts, modulo
  wire [LOG_BURSTS:0] outstanding = requested - completed;
  wire room = !outstanding[LOG_BURSTS];
  wire burst_valid, burst_last;
  wire [8:0] burst_beats;
  wire [8:0] last_beat = burst_beats - 9'd1;

  sluice_axi_bursts #(
      .DATA_BITS(DATA_BITS),
      .WORD_BITS(WORD_BITS)
  ) bursts (
      .clk(clk),
      .rst_n(rst_n),
      .start(start),
      .base(base),
      .words(words),
      .idle(ready),
      .out_valid(burst_valid),
      .out_ready(m_axi_arready && room),
      .out_address(m_axi_araddr),
      .out_beats(burst_beats),
      .out_last(burst_last)
  );
  assign m_axi_arvalid = burst_valid && room;
  assign m_axi_arlen   = last_beat[7:0];

  always @(posedge clk) begin
    if (m_axi_arvalid && m_axi_arready) begin
      is_last[requested[LOG_BURSTS-1:0]] <= burst_last;
      requested <= requested + 1'b1;
    end
    if (m_axi_rvalid && m_axi_rready && m_axi_rlast) completed <= completed + 1'b1;
    if (!rst_n) begin
      requested <= 0;
      completed <= 0;
    end
  end

  sluice_skid #(
      .WIDTH(DATA_BITS + 2)
  ) skid (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(m_axi_rvalid),
      .in_ready(m_axi_rready),
      .in_data({m_axi_rresp[1], m_axi_rlast && is_last[completed[LOG_BURSTS-1:0]], m_axi_rdata}),
      .out_valid(out_valid),
      .out_ready(out_ready),
      .out_data({out_error, out_last, out_data})
  );

  wire unused = &{1'b0, m_axi_rresp[0], last_beat[8]};
endmodule
`default_nettype wire
