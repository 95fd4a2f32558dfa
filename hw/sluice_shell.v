`default_nettype none
// The kernel around a core: control registers, reader, unpacking, the core's flow control, packing
// and writer. README.md is the interface sheet.
//
// The core is a pipeline that never stops: `core_out` is the result for the `core_in` of CORE_LATENCY
// clock cycles before. An event enters it only when the FIFO behind it has room for every event that
// is already on its way, so that back-pressure from memory loses none, and never less than
// CORE_INTERVAL cycles after the one before.
module sluice_shell #(
    parameter IN_BUS_BITS    = 512,  // powers of two, 32 to 512
    parameter OUT_BUS_BITS   = 64,
    parameter IN_EVENT_BITS  = 432,  // multiples of 8
    parameter OUT_EVENT_BITS = 16,
    parameter CORE_LATENCY   = 12,   // at least 1
    parameter CORE_INTERVAL  = 1     // cycles between events, at least 1
) (
    input  wire ap_clk,
    input  wire ap_rst_n,
    input  wire s_axi_control_AWVALID,
    output wire s_axi_control_AWREADY,
    input  wire [11:0] s_axi_control_AWADDR,
    input  wire s_axi_control_WVALID,
    output wire s_axi_control_WREADY,
    input  wire [31:0] s_axi_control_WDATA,
    input  wire [3:0] s_axi_control_WSTRB,
    output wire s_axi_control_BVALID,
    input  wire s_axi_control_BREADY,
    output wire [1:0] s_axi_control_BRESP,
    input  wire s_axi_control_ARVALID,
    output wire s_axi_control_ARREADY,
    input  wire [11:0] s_axi_control_ARADDR,
    output wire s_axi_control_RVALID,
    input  wire s_axi_control_RREADY,
    output wire [31:0] s_axi_control_RDATA,
    output wire [1:0] s_axi_control_RRESP,
    output wire m_axi_gmem0_AWVALID,
    input  wire m_axi_gmem0_AWREADY,
    output wire [63:0] m_axi_gmem0_AWADDR,
    output wire m_axi_gmem0_AWID,
    output wire [7:0] m_axi_gmem0_AWLEN,
    output wire [2:0] m_axi_gmem0_AWSIZE,
    output wire [1:0] m_axi_gmem0_AWBURST,
    output wire [1:0] m_axi_gmem0_AWLOCK,
    output wire [3:0] m_axi_gmem0_AWCACHE,
    output wire [2:0] m_axi_gmem0_AWPROT,
    output wire [3:0] m_axi_gmem0_AWQOS,
    output wire [3:0] m_axi_gmem0_AWREGION,
    output wire m_axi_gmem0_WVALID,
    input  wire m_axi_gmem0_WREADY,
    output wire [IN_BUS_BITS-1:0] m_axi_gmem0_WDATA,
    output wire [IN_BUS_BITS/8-1:0] m_axi_gmem0_WSTRB,
    output wire m_axi_gmem0_WLAST,
    input  wire m_axi_gmem0_BVALID,
    output wire m_axi_gmem0_BREADY,
    input  wire [1:0] m_axi_gmem0_BRESP,
    input  wire m_axi_gmem0_BID,
    output wire m_axi_gmem0_ARVALID,
    input  wire m_axi_gmem0_ARREADY,
    output wire [63:0] m_axi_gmem0_ARADDR,
    output wire m_axi_gmem0_ARID,
    output wire [7:0] m_axi_gmem0_ARLEN,
    output wire [2:0] m_axi_gmem0_ARSIZE,
    output wire [1:0] m_axi_gmem0_ARBURST,
    output wire [1:0] m_axi_gmem0_ARLOCK,
    output wire [3:0] m_axi_gmem0_ARCACHE,
    output wire [2:0] m_axi_gmem0_ARPROT,
    output wire [3:0] m_axi_gmem0_ARQOS,
    output wire [3:0] m_axi_gmem0_ARREGION,
    input  wire m_axi_gmem0_RVALID,
    output wire m_axi_gmem0_RREADY,
    input  wire [IN_BUS_BITS-1:0] m_axi_gmem0_RDATA,
    input  wire [1:0] m_axi_gmem0_RRESP,
    input  wire m_axi_gmem0_RLAST,
    input  wire m_axi_gmem0_RID,
    output wire m_axi_gmem1_AWVALID,
    input  wire m_axi_gmem1_AWREADY,
    output wire [63:0] m_axi_gmem1_AWADDR,
    output wire m_axi_gmem1_AWID,
    output wire [7:0] m_axi_gmem1_AWLEN,
    output wire [2:0] m_axi_gmem1_AWSIZE,
    output wire [1:0] m_axi_gmem1_AWBURST,
    output wire [1:0] m_axi_gmem1_AWLOCK,
    output wire [3:0] m_axi_gmem1_AWCACHE,
    output wire [2:0] m_axi_gmem1_AWPROT,
    output wire [3:0] m_axi_gmem1_AWQOS,
    output wire [3:0] m_axi_gmem1_AWREGION,
    output wire m_axi_gmem1_WVALID,
    input  wire m_axi_gmem1_WREADY,
    output wire [OUT_BUS_BITS-1:0] m_axi_gmem1_WDATA,
    output wire [OUT_BUS_BITS/8-1:0] m_axi_gmem1_WSTRB,
    output wire m_axi_gmem1_WLAST,
    input  wire m_axi_gmem1_BVALID,
    output wire m_axi_gmem1_BREADY,
    input  wire [1:0] m_axi_gmem1_BRESP,
    input  wire m_axi_gmem1_BID,
    output wire m_axi_gmem1_ARVALID,
    input  wire m_axi_gmem1_ARREADY,
    output wire [63:0] m_axi_gmem1_ARADDR,
    output wire m_axi_gmem1_ARID,
    output wire [7:0] m_axi_gmem1_ARLEN,
    output wire [2:0] m_axi_gmem1_ARSIZE,
    output wire [1:0] m_axi_gmem1_ARBURST,
    output wire [1:0] m_axi_gmem1_ARLOCK,
    output wire [3:0] m_axi_gmem1_ARCACHE,
    output wire [2:0] m_axi_gmem1_ARPROT,
    output wire [3:0] m_axi_gmem1_ARQOS,
    output wire [3:0] m_axi_gmem1_ARREGION,
    input  wire m_axi_gmem1_RVALID,
    output wire m_axi_gmem1_RREADY,
    input  wire [OUT_BUS_BITS-1:0] m_axi_gmem1_RDATA,
    input  wire [1:0] m_axi_gmem1_RRESP,
    input  wire m_axi_gmem1_RLAST,
    input  wire m_axi_gmem1_RID,
    /* verilator lint_off SYMRSVDWORD */
    output wire interrupt,
    /* verilator lint_on SYMRSVDWORD */
    output wire core_valid,  // an event enters the core; only a simulation needs to know
    output wire [IN_EVENT_BITS-1:0] core_in,
    input  wire [OUT_EVENT_BITS-1:0] core_out
);
  localparam [31:0] IN_EVENT_BYTES = IN_EVENT_BITS / 8;
  localparam [31:0] OUT_EVENT_BYTES = OUT_EVENT_BITS / 8;
  localparam LOG_IN_BUS_BYTES = $clog2(IN_BUS_BITS / 8);
  localparam LOG_OUT_BUS_BYTES = $clog2(OUT_BUS_BITS / 8);
  localparam BYTES_BITS = 48;  // 32-bit event count times 16-bit event size
  localparam CYCLE_BITS = 48;
  localparam MAX_OUTSTANDING = 8;
  // An event's place in the FIFO behind the core is free again four cycles after the core's latency.
  localparam EVENTS_INSIDE = (CORE_LATENCY + CORE_INTERVAL - 1) / CORE_INTERVAL;
  localparam CREDITS_LOG2 = (EVENTS_INSIDE <= 12) ? 4 : $clog2(EVENTS_INSIDE + 4);
  localparam GAP_BITS = (CORE_INTERVAL > 2) ? $clog2(CORE_INTERVAL) : 1;
  localparam [GAP_BITS-1:0] GAP = CORE_INTERVAL[GAP_BITS-1:0] - 1'b1;

  wire clk = ap_clk;
  wire rst_n = ap_rst_n;

  // ---- Control and the course of the runs
  // A taken run passes through the stages in order: its arguments are made ready, it is fetched,
  // unpacked, packed and written. Every stage works on one run at a time and takes the next one by
  // itself, so that a run is fetched while those before it drain. Each counter below says how many
  // runs have left its stage, modulo; its low bits are the place in the ring of the run that comes next.
  localparam LOG_RUNS = 2;
  reg [LOG_RUNS:0] taken_runs, fetched_runs, unpacked_runs, packed_runs, written_runs, done_runs;
  wire fetch_ready, unpack_ready, pack_ready, write_ready;
  wire fetch_start = fetch_ready && fetched_runs != taken_runs;
  wire unpack_start = unpack_ready && unpacked_runs != taken_runs;
  wire pack_start = pack_ready && packed_runs != taken_runs;
  wire write_start = write_ready && written_runs != taken_runs;
  wire run_done, write_error, read_error;

  wire ap_start, ap_done;
  wire [63:0] input_pointer, output_pointer;
  wire [31:0] events;
  reg [1:0] setup;
  wire [LOG_RUNS:0] in_flight = taken_runs - done_runs;
  wire accept = ap_start && setup == 0 && !in_flight[LOG_RUNS];
  wire [1:0] pointer_misaligned = {
    |output_pointer[LOG_OUT_BUS_BYTES-1:0], |input_pointer[LOG_IN_BUS_BYTES-1:0]
  };

  // The run that was taken last: two register stages for the multiplier, of which the ring is one.
  reg [63:0] new_input, new_output;
  reg [31:0] new_events;
  reg [1:0] new_misaligned;  // output, input
  reg [BYTES_BITS-1:0] input_product, output_product;
  reg [CYCLE_BITS-1:0] now, new_begin;

  reg [63:0] run_input[0:(1<<LOG_RUNS)-1], run_output[0:(1<<LOG_RUNS)-1];
  reg [BYTES_BITS-1:0] run_input_bytes[0:(1<<LOG_RUNS)-1], run_output_bytes[0:(1<<LOG_RUNS)-1];
  reg [31:0] run_events[0:(1<<LOG_RUNS)-1];
  reg [CYCLE_BITS-1:0] run_begin[0:(1<<LOG_RUNS)-1];
  reg [1:0] run_misaligned[0:(1<<LOG_RUNS)-1];
  reg [(1<<LOG_RUNS)-1:0] run_read_error;
  wire [LOG_RUNS-1:0] newest = taken_runs[LOG_RUNS-1:0];
  wire [LOG_RUNS-1:0] fetching = fetched_runs[LOG_RUNS-1:0];
  wire [LOG_RUNS-1:0] next_to_unpack = unpacked_runs[LOG_RUNS-1:0];
  wire [LOG_RUNS-1:0] unpacking = next_to_unpack - 1'b1;
  wire [LOG_RUNS-1:0] next_to_pack = packed_runs[LOG_RUNS-1:0];
  wire [LOG_RUNS-1:0] writing = written_runs[LOG_RUNS-1:0];
  wire [LOG_RUNS-1:0] oldest = done_runs[LOG_RUNS-1:0];

  always @(posedge clk) begin
    if (accept) begin
      new_input      <= input_pointer;
      new_output     <= output_pointer;
      new_events     <= (pointer_misaligned != 0) ? 32'd0 : events;
      new_misaligned <= pointer_misaligned;
      new_begin      <= now;
    end
    input_product  <= {16'd0, new_events} * {16'd0, IN_EVENT_BYTES};
    output_product <= {16'd0, new_events} * {16'd0, OUT_EVENT_BYTES};
    if (setup[1]) begin
      run_input[newest]        <= new_input;
      run_output[newest]       <= new_output;
      run_input_bytes[newest]  <= input_product;
      run_output_bytes[newest] <= output_product;
      run_events[newest]       <= new_events;
      run_begin[newest]        <= new_begin;
      run_misaligned[newest]   <= new_misaligned;
      run_read_error[newest]   <= 1'b0;
    end
    if (read_error) run_read_error[unpacking] <= 1'b1;
  end

  reg [CYCLE_BITS-1:0] run_cycles;
  reg [3:0] status;
  always @(posedge clk) begin
    now   <= now + 1'b1;
    setup <= {setup[0], accept};
    if (setup[1]) taken_runs <= taken_runs + 1'b1;
    if (fetch_start) fetched_runs <= fetched_runs + 1'b1;
    if (unpack_start) unpacked_runs <= unpacked_runs + 1'b1;
    if (pack_start) packed_runs <= packed_runs + 1'b1;
    if (write_start) written_runs <= written_runs + 1'b1;
    if (run_done) begin
      done_runs  <= done_runs + 1'b1;
      run_cycles <= now - run_begin[oldest] + 1'b1;  // counts the first and the last cycle
      status     <= {run_misaligned[oldest], write_error, run_read_error[oldest]};
    end
    if (!rst_n) begin
      now           <= 0;
      setup         <= 2'd0;
      taken_runs    <= 0;
      fetched_runs  <= 0;
      unpacked_runs <= 0;
      packed_runs   <= 0;
      written_runs  <= 0;
      done_runs     <= 0;
      run_cycles    <= 0;
      status        <= 4'd0;
    end
  end

  sluice_axi_lite_control #(
      .CORE_LATENCY(CORE_LATENCY),
      .IN_EVENT_BYTES(IN_EVENT_BYTES[15:0]),
      .OUT_EVENT_BYTES(OUT_EVENT_BYTES[15:0])
  ) control (
      .clk(clk),
      .rst_n(rst_n),
      .s_axi_awvalid(s_axi_control_AWVALID),
      .s_axi_awready(s_axi_control_AWREADY),
      .s_axi_awaddr(s_axi_control_AWADDR),
      .s_axi_wvalid(s_axi_control_WVALID),
      .s_axi_wready(s_axi_control_WREADY),
      .s_axi_wdata(s_axi_control_WDATA),
      .s_axi_wstrb(s_axi_control_WSTRB),
      .s_axi_bvalid(s_axi_control_BVALID),
      .s_axi_bready(s_axi_control_BREADY),
      .s_axi_bresp(s_axi_control_BRESP),
      .s_axi_arvalid(s_axi_control_ARVALID),
      .s_axi_arready(s_axi_control_ARREADY),
      .s_axi_araddr(s_axi_control_ARADDR),
      .s_axi_rvalid(s_axi_control_RVALID),
      .s_axi_rready(s_axi_control_RREADY),
      .s_axi_rdata(s_axi_control_RDATA),
      .s_axi_rresp(s_axi_control_RRESP),
      .interrupt(interrupt),
      .ap_start(ap_start),
      .ap_done(ap_done),
      .ap_ready(accept),
      .finished(run_done),
      .busy(in_flight != 0 || setup != 0),
      .input_pointer(input_pointer),
      .output_pointer(output_pointer),
      .events(events),
      .run_cycles({{64 - CYCLE_BITS{1'b0}}, run_cycles}),
      .status(status)
  );

  // ---- Memory to events
  wire word_in_valid, word_in_ready, word_in_last, word_in_error;
  assign read_error = word_in_valid && word_in_ready && word_in_error;
  wire [IN_BUS_BITS-1:0] word_in;
  sluice_axi_reader #(
      .DATA_BITS(IN_BUS_BITS),
      .BYTES_BITS(BYTES_BITS),
      .MAX_OUTSTANDING(MAX_OUTSTANDING)
  ) reader (
      .clk(clk),
      .rst_n(rst_n),
      .start(fetch_start),
      .ready(fetch_ready),
      .base(run_input[fetching]),
      .bytes(run_input_bytes[fetching]),
      .m_axi_arvalid(m_axi_gmem0_ARVALID),
      .m_axi_arready(m_axi_gmem0_ARREADY),
      .m_axi_araddr(m_axi_gmem0_ARADDR),
      .m_axi_arlen(m_axi_gmem0_ARLEN),
      .m_axi_rvalid(m_axi_gmem0_RVALID),
      .m_axi_rready(m_axi_gmem0_RREADY),
      .m_axi_rdata(m_axi_gmem0_RDATA),
      .m_axi_rresp(m_axi_gmem0_RRESP),
      .m_axi_rlast(m_axi_gmem0_RLAST),
      .out_valid(word_in_valid),
      .out_ready(word_in_ready),
      .out_data(word_in),
      .out_last(word_in_last),
      .out_error(word_in_error)
  );

  wire event_in_valid, event_in_ready;
  sluice_unpack #(
      .BUS_BITS(IN_BUS_BITS),
      .EVENT_BITS(IN_EVENT_BITS)
  ) unpack (
      .clk(clk),
      .rst_n(rst_n),
      .start(unpack_start),
      .events(run_events[next_to_unpack]),
      .ready(unpack_ready),
      .in_valid(word_in_valid),
      .in_ready(word_in_ready),
      .in_data(word_in),
      .in_last(word_in_last),
      .out_valid(event_in_valid),
      .out_ready(event_in_ready),
      .out_data(core_in)
  );

  // ---- The core's flow control
  reg [CREDITS_LOG2:0] credits;  // free places in the FIFO, events on their way counted as stored
  reg [CORE_LATENCY-1:0] in_core;  // bit k: an event entered the core k + 1 cycles ago
  reg [GAP_BITS-1:0] gap;  // cycles before the core takes another event
  assign event_in_ready = credits != 0 && gap == 0;
  wire issue = event_in_valid && event_in_ready;
  assign core_valid = issue;
  wire event_out_valid, event_out_ready, fifo_ready;
  wire [OUT_EVENT_BITS-1:0] event_out;
  wire taken = event_out_valid && event_out_ready;
  wire [CORE_LATENCY:0] in_core_next = {in_core, issue};

  always @(posedge clk) begin
    in_core <= in_core_next[CORE_LATENCY-1:0];
    if (issue) gap <= GAP;
    else if (gap != 0) gap <= gap - 1'b1;
    if (issue && !taken) credits <= credits - 1'b1;
    if (!issue && taken) credits <= credits + 1'b1;
    if (!rst_n) begin
      in_core <= 0;
      gap     <= 0;
      credits <= {1'b1, {CREDITS_LOG2{1'b0}}};
    end
  end

  sluice_fifo #(
      .WIDTH(OUT_EVENT_BITS),
      .DEPTH_LOG2(CREDITS_LOG2)
  ) results (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(in_core[CORE_LATENCY-1]),
      .in_ready(fifo_ready),
      .in_data(core_out),
      .out_valid(event_out_valid),
      .out_ready(event_out_ready),
      .out_data(event_out)
  );

  // ---- Events to memory
  wire word_out_valid, word_out_ready;
  wire [OUT_BUS_BITS-1:0] word_out;
  sluice_pack #(
      .BUS_BITS(OUT_BUS_BITS),
      .EVENT_BITS(OUT_EVENT_BITS)
  ) pack (
      .clk(clk),
      .rst_n(rst_n),
      .start(pack_start),
      .events(run_events[next_to_pack]),
      .ready(pack_ready),
      .in_valid(event_out_valid),
      .in_ready(event_out_ready),
      .in_data(event_out),
      .out_valid(word_out_valid),
      .out_ready(word_out_ready),
      .out_data(word_out)
  );

  sluice_axi_writer #(
      .DATA_BITS(OUT_BUS_BITS),
      .BYTES_BITS(BYTES_BITS),
      .MAX_OUTSTANDING(MAX_OUTSTANDING)
  ) writer (
      .clk(clk),
      .rst_n(rst_n),
      .start(write_start),
      .base(run_output[writing]),
      .bytes(run_output_bytes[writing]),
      .ready(write_ready),
      .done(run_done),
      .done_ready(!ap_done),
      .error(write_error),
      .in_valid(word_out_valid),
      .in_ready(word_out_ready),
      .in_data(word_out),
      .m_axi_awvalid(m_axi_gmem1_AWVALID),
      .m_axi_awready(m_axi_gmem1_AWREADY),
      .m_axi_awaddr(m_axi_gmem1_AWADDR),
      .m_axi_awlen(m_axi_gmem1_AWLEN),
      .m_axi_wvalid(m_axi_gmem1_WVALID),
      .m_axi_wready(m_axi_gmem1_WREADY),
      .m_axi_wdata(m_axi_gmem1_WDATA),
      .m_axi_wstrb(m_axi_gmem1_WSTRB),
      .m_axi_wlast(m_axi_gmem1_WLAST),
      .m_axi_bvalid(m_axi_gmem1_BVALID),
      .m_axi_bready(m_axi_gmem1_BREADY),
      .m_axi_bresp(m_axi_gmem1_BRESP)
  );

  // ---- Constant and unused signals of the AXI4 ports
  assign m_axi_gmem0_ARID = 1'b0;
  assign m_axi_gmem0_ARSIZE = LOG_IN_BUS_BYTES[2:0];
  assign m_axi_gmem0_ARBURST = 2'b01;
  assign m_axi_gmem0_ARLOCK = 2'b00;
  assign m_axi_gmem0_ARCACHE = 4'b0011;  // modifiable, bufferable
  assign m_axi_gmem0_ARPROT = 3'b000;
  assign m_axi_gmem0_ARQOS = 4'd0;
  assign m_axi_gmem0_ARREGION = 4'd0;
  assign m_axi_gmem0_AWVALID = 1'b0;
  assign m_axi_gmem0_AWADDR = 64'd0;
  assign m_axi_gmem0_AWLEN = 8'd0;
  assign m_axi_gmem0_AWID = 1'b0;
  assign m_axi_gmem0_AWSIZE = LOG_IN_BUS_BYTES[2:0];
  assign m_axi_gmem0_AWBURST = 2'b01;
  assign m_axi_gmem0_AWLOCK = 2'b00;
  assign m_axi_gmem0_AWCACHE = 4'b0011;  // modifiable, bufferable
  assign m_axi_gmem0_AWPROT = 3'b000;
  assign m_axi_gmem0_AWQOS = 4'd0;
  assign m_axi_gmem0_AWREGION = 4'd0;
  assign m_axi_gmem0_WVALID = 1'b0;
  assign m_axi_gmem0_WDATA = {IN_BUS_BITS{1'b0}};
  assign m_axi_gmem0_WSTRB = {IN_BUS_BITS / 8{1'b0}};
  assign m_axi_gmem0_WLAST = 1'b0;
  assign m_axi_gmem0_BREADY = 1'b1;
  assign m_axi_gmem1_AWID = 1'b0;
  assign m_axi_gmem1_AWSIZE = LOG_OUT_BUS_BYTES[2:0];
  assign m_axi_gmem1_AWBURST = 2'b01;
  assign m_axi_gmem1_AWLOCK = 2'b00;
  assign m_axi_gmem1_AWCACHE = 4'b0011;  // modifiable, bufferable
  assign m_axi_gmem1_AWPROT = 3'b000;
  assign m_axi_gmem1_AWQOS = 4'd0;
  assign m_axi_gmem1_AWREGION = 4'd0;
  assign m_axi_gmem1_ARVALID = 1'b0;
  assign m_axi_gmem1_ARADDR = 64'd0;
  assign m_axi_gmem1_ARLEN = 8'd0;
  assign m_axi_gmem1_ARID = 1'b0;
  assign m_axi_gmem1_ARSIZE = LOG_OUT_BUS_BYTES[2:0];
  assign m_axi_gmem1_ARBURST = 2'b01;
  assign m_axi_gmem1_ARLOCK = 2'b00;
  assign m_axi_gmem1_ARCACHE = 4'b0011;  // modifiable, bufferable
  assign m_axi_gmem1_ARPROT = 3'b000;
  assign m_axi_gmem1_ARQOS = 4'd0;
  assign m_axi_gmem1_ARREGION = 4'd0;
  assign m_axi_gmem1_RREADY = 1'b1;
  wire unused = &{
    1'b0, in_core_next[CORE_LATENCY], fifo_ready, m_axi_gmem0_RID, m_axi_gmem1_BID,
    m_axi_gmem0_AWREADY, m_axi_gmem0_WREADY, m_axi_gmem0_BVALID, m_axi_gmem0_BRESP, m_axi_gmem0_BID,
    m_axi_gmem1_ARREADY, m_axi_gmem1_RVALID, m_axi_gmem1_RDATA, m_axi_gmem1_RRESP, m_axi_gmem1_RLAST,
    m_axi_gmem1_RID
  };

  // ---- Checkers, in every simulation
`ifndef SYNTHESIS
  always @(posedge clk)
    if (rst_n && in_core[CORE_LATENCY-1] && !fifo_ready) $error("shell: an event was lost");

  sluice_check_axi_lite check_control (
      .clk(clk),
      .rst_n(rst_n),
      .awvalid(s_axi_control_AWVALID),
      .awready(s_axi_control_AWREADY),
      .awaddr(s_axi_control_AWADDR),
      .wvalid(s_axi_control_WVALID),
      .wready(s_axi_control_WREADY),
      .wdata(s_axi_control_WDATA),
      .wstrb(s_axi_control_WSTRB),
      .bvalid(s_axi_control_BVALID),
      .bready(s_axi_control_BREADY),
      .bresp(s_axi_control_BRESP),
      .arvalid(s_axi_control_ARVALID),
      .arready(s_axi_control_ARREADY),
      .araddr(s_axi_control_ARADDR),
      .rvalid(s_axi_control_RVALID),
      .rready(s_axi_control_RREADY),
      .rdata(s_axi_control_RDATA),
      .rresp(s_axi_control_RRESP)
  );
  sluice_check_axi4 #(
      .DATA_BITS(IN_BUS_BITS),
      .READS(1),
      .WRITES(0),
      .MAX_OUTSTANDING(MAX_OUTSTANDING)
  ) check_gmem0 (
      .clk(clk),
      .rst_n(rst_n),
      .awvalid(m_axi_gmem0_AWVALID),
      .awready(m_axi_gmem0_AWREADY),
      .awaddr(m_axi_gmem0_AWADDR),
      .awlen(m_axi_gmem0_AWLEN),
      .awsize(m_axi_gmem0_AWSIZE),
      .awburst(m_axi_gmem0_AWBURST),
      .wvalid(m_axi_gmem0_WVALID),
      .wready(m_axi_gmem0_WREADY),
      .wdata(m_axi_gmem0_WDATA),
      .wstrb(m_axi_gmem0_WSTRB),
      .wlast(m_axi_gmem0_WLAST),
      .bvalid(m_axi_gmem0_BVALID),
      .bready(m_axi_gmem0_BREADY),
      .bresp(m_axi_gmem0_BRESP),
      .arvalid(m_axi_gmem0_ARVALID),
      .arready(m_axi_gmem0_ARREADY),
      .araddr(m_axi_gmem0_ARADDR),
      .arlen(m_axi_gmem0_ARLEN),
      .arsize(m_axi_gmem0_ARSIZE),
      .arburst(m_axi_gmem0_ARBURST),
      .rvalid(m_axi_gmem0_RVALID),
      .rready(m_axi_gmem0_RREADY),
      .rdata(m_axi_gmem0_RDATA),
      .rresp(m_axi_gmem0_RRESP),
      .rlast(m_axi_gmem0_RLAST)
  );
  sluice_check_axi4 #(
      .DATA_BITS(OUT_BUS_BITS),
      .READS(0),
      .WRITES(1),
      .MAX_OUTSTANDING(MAX_OUTSTANDING)
  ) check_gmem1 (
      .clk(clk),
      .rst_n(rst_n),
      .awvalid(m_axi_gmem1_AWVALID),
      .awready(m_axi_gmem1_AWREADY),
      .awaddr(m_axi_gmem1_AWADDR),
      .awlen(m_axi_gmem1_AWLEN),
      .awsize(m_axi_gmem1_AWSIZE),
      .awburst(m_axi_gmem1_AWBURST),
      .wvalid(m_axi_gmem1_WVALID),
      .wready(m_axi_gmem1_WREADY),
      .wdata(m_axi_gmem1_WDATA),
      .wstrb(m_axi_gmem1_WSTRB),
      .wlast(m_axi_gmem1_WLAST),
      .bvalid(m_axi_gmem1_BVALID),
      .bready(m_axi_gmem1_BREADY),
      .bresp(m_axi_gmem1_BRESP),
      .arvalid(m_axi_gmem1_ARVALID),
      .arready(m_axi_gmem1_ARREADY),
      .araddr(m_axi_gmem1_ARADDR),
      .arlen(m_axi_gmem1_ARLEN),
      .arsize(m_axi_gmem1_ARSIZE),
      .arburst(m_axi_gmem1_ARBURST),
      .rvalid(m_axi_gmem1_RVALID),
      .rready(m_axi_gmem1_RREADY),
      .rdata(m_axi_gmem1_RDATA),
      .rresp(m_axi_gmem1_RRESP),
      .rlast(m_axi_gmem1_RLAST)
  );
  sluice_check_stream #(
      .WIDTH(IN_BUS_BITS)
  ) check_word_in (
      .clk(clk),
      .rst_n(rst_n),
      .valid(word_in_valid),
      .ready(word_in_ready),
      .data(word_in)
  );
  sluice_check_stream #(
      .WIDTH(IN_EVENT_BITS)
  ) check_event_in (
      .clk(clk),
      .rst_n(rst_n),
      .valid(event_in_valid),
      .ready(event_in_ready),
      .data(core_in)
  );
  sluice_check_stream #(
      .WIDTH(OUT_EVENT_BITS)
  ) check_event_out (
      .clk(clk),
      .rst_n(rst_n),
      .valid(event_out_valid),
      .ready(event_out_ready),
      .data(event_out)
  );
  sluice_check_stream #(
      .WIDTH(OUT_BUS_BITS)
  ) check_word_out (
      .clk(clk),
      .rst_n(rst_n),
      .valid(word_out_valid),
      .ready(word_out_ready),
      .data(word_out)
  );
`endif
endmodule
`default_nettype wire
