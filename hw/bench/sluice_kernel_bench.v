`timescale 1ns / 1ns
`default_nettype none
// The example kernel in a four-state simulator, behind a memory with random stalls: no register or bus
// signal may be unknown where it matters (the checkers say so), and the bytes must be right. Prints
// "PASSED" or what differs.
module sluice_kernel_bench;
  localparam IN_BUS = 64, OUT_BUS = 128, IN_BYTES = 6, OUT_BYTES = 3, LATENCY = 4;
  localparam INPUT = 32'h0FE8, OUTPUT = 32'h2FF0, MEMORY_BYTES = 16384;

  reg clk = 1'b0;
  always #5 clk = !clk;
  reg rst_n = 1'b0;
  reg [7:0] memory[0:MEMORY_BYTES-1];

  reg awvalid = 0, wvalid = 0, bready = 0, arvalid = 0, rready = 0;
  reg [11:0] awaddr, araddr;
  reg [31:0] wdata;
  wire awready, wready, bvalid, arready, rvalid;
  wire [31:0] rdata;

  // Memory, read side: one burst at a time.
  wire m_arvalid, m_rready;
  wire [63:0] m_araddr;
  wire [7:0] m_arlen;
  reg m_arready = 0, m_rvalid = 0, m_rlast = 0;
  reg [IN_BUS-1:0] m_rdata;
  reg [31:0] read_address;
  integer beats_left = 0, k;
  always @(posedge clk) begin
    m_arready <= 0;
    if (m_arvalid && m_arready) begin
      read_address = m_araddr[31:0];
      beats_left = m_arlen + 1;
    end else if (beats_left == 0 && !m_rvalid) m_arready <= $random;
    if (m_rvalid && m_rready) begin
      m_rvalid <= 0;
      m_rdata  <= {IN_BUS{1'bx}};
    end
    if ((!m_rvalid || m_rready) && beats_left != 0 && ($random & 1)) begin
      for (k = 0; k < IN_BUS / 8; k = k + 1) m_rdata[k*8+:8] <= memory[read_address+k];
      m_rvalid <= 1;
      m_rlast  <= beats_left == 1;
      read_address = read_address + IN_BUS / 8;
      beats_left = beats_left - 1;
    end
  end

  // Memory, write side.
  wire m_awvalid, m_wvalid, m_wlast, m_bready;
  wire [63:0] m_awaddr;
  wire [OUT_BUS-1:0] m_wdata;
  wire [OUT_BUS/8-1:0] m_wstrb;
  reg m_awready = 0, m_wready = 0, m_bvalid = 0, write_open = 0;
  reg [31:0] write_address;
  integer j;
  always @(posedge clk) begin
    m_awready <= 0;
    m_wready  <= write_open && ($random & 1);
    if (m_awvalid && m_awready) begin
      write_address = m_awaddr[31:0];
      write_open = 1;
    end else if (!write_open && !m_bvalid) m_awready <= $random;
    if (m_bvalid && m_bready) m_bvalid <= 0;
    if (m_wvalid && m_wready) begin
      for (j = 0; j < OUT_BUS / 8; j = j + 1)
        if (m_wstrb[j]) memory[write_address+j] = m_wdata[j*8+:8];
      write_address = write_address + OUT_BUS / 8;
      if (m_wlast) begin
        write_open = 0;
        m_wready <= 0;
        m_bvalid <= 1;
      end
    end
  end

  sluice_example #(
      .IN_BUS_BITS(IN_BUS),
      .OUT_BUS_BITS(OUT_BUS),
      .IN_EVENT_BITS(8 * IN_BYTES),
      .OUT_EVENT_BITS(8 * OUT_BYTES),
      .CORE_LATENCY(LATENCY)
  ) kernel (
      .ap_clk(clk), .ap_rst_n(rst_n),
      .s_axi_control_AWVALID(awvalid), .s_axi_control_AWREADY(awready),
      .s_axi_control_AWADDR(awaddr), .s_axi_control_WVALID(wvalid),
      .s_axi_control_WREADY(wready), .s_axi_control_WDATA(wdata), .s_axi_control_WSTRB(4'hF),
      .s_axi_control_BVALID(bvalid), .s_axi_control_BREADY(bready),
      .s_axi_control_ARVALID(arvalid), .s_axi_control_ARREADY(arready),
      .s_axi_control_ARADDR(araddr), .s_axi_control_RVALID(rvalid),
      .s_axi_control_RREADY(rready), .s_axi_control_RDATA(rdata),
      .m_axi_gmem0_ARVALID(m_arvalid), .m_axi_gmem0_ARREADY(m_arready),
      .m_axi_gmem0_ARADDR(m_araddr), .m_axi_gmem0_ARLEN(m_arlen),
      .m_axi_gmem0_RVALID(m_rvalid), .m_axi_gmem0_RREADY(m_rready),
      .m_axi_gmem0_RDATA(m_rdata), .m_axi_gmem0_RRESP(2'b00), .m_axi_gmem0_RLAST(m_rlast),
      .m_axi_gmem1_AWVALID(m_awvalid), .m_axi_gmem1_AWREADY(m_awready),
      .m_axi_gmem1_AWADDR(m_awaddr), .m_axi_gmem1_WVALID(m_wvalid),
      .m_axi_gmem1_WREADY(m_wready), .m_axi_gmem1_WDATA(m_wdata), .m_axi_gmem1_WSTRB(m_wstrb),
      .m_axi_gmem1_WLAST(m_wlast), .m_axi_gmem1_BVALID(m_bvalid), .m_axi_gmem1_BREADY(m_bready),
      .m_axi_gmem1_BRESP(2'b00)
  );

  task write_register(input [11:0] address, input [31:0] value);
    begin
      @(negedge clk);
      awaddr = address; wdata = value; awvalid = 1; wvalid = 1; bready = 1;
      @(negedge clk);
      awvalid = 0; wvalid = 0;
      while (!bvalid) @(negedge clk);
      @(negedge clk);
      bready = 0;
    end
  endtask
  task read_register(input [11:0] address, output [31:0] value);
    begin
      @(negedge clk);
      araddr = address; arvalid = 1; rready = 1;
      @(negedge clk);
      arvalid = 0;
      while (!rvalid) @(negedge clk);
      value = rdata;
      @(negedge clk);
      rready = 0;
    end
  endtask

  integer failures = 0, event_index, m;
  reg [7:0] expected;
  reg [31:0] status;
  task start(input [31:0] output_address, input integer events);
    begin
      write_register(12'h10, INPUT);
      write_register(12'h14, 0);
      write_register(12'h1C, output_address);
      write_register(12'h20, 0);
      write_register(12'h28, events);
      write_register(12'h00, 1);
    end
  endtask
  task finish(input [31:0] output_address, input integer events);
    begin
      status = 0;
      while (!status[1]) read_register(12'h00, status);
      read_register(12'h50, status);
      if (status !== 0) failures = failures + 1;
      write_register(12'h00, 16);
      for (event_index = 0; event_index < events; event_index = event_index + 1) begin
        for (j = 0; j < OUT_BYTES; j = j + 1) begin
          expected = 0;
          for (m = 0; m < IN_BYTES; m = m + 1)
            expected = expected ^ (memory[INPUT+event_index*IN_BYTES+m] + 3 * m + 7 * j);
          if (memory[output_address+event_index*OUT_BYTES+j] !== expected) failures = failures + 1;
        end
      end
      for (m = output_address + events * OUT_BYTES; m < output_address + events * OUT_BYTES + 256; m = m + 1)
        if (memory[m] !== 8'hC3) failures = failures + 1;
      $display("%0d events: %0d failures so far", events, failures);
    end
  endtask
  task fill;
    for (m = 0; m < MEMORY_BYTES; m = m + 1) memory[m] = (m >= OUTPUT) ? 8'hC3 : $random;
  endtask
  task run(input integer events);
    begin
      fill;
      start(OUTPUT, events);
      finish(OUTPUT, events);
    end
  endtask
  task run_queued(input integer first, input integer second);
    begin
      fill;
      start(OUTPUT, first);
      status = 1;
      while (status[0]) read_register(12'h00, status);
      start(OUTPUT + 32'h800, second);
      finish(OUTPUT, first);
      finish(OUTPUT + 32'h800, second);
    end
  endtask

  initial begin
    repeat (5) @(negedge clk);
    rst_n = 1;
    run(1);
    run(0);
    run(77);
    run(500);
    run_queued(40, 77);
    run_queued(77, 1);
    run_queued(0, 5);
    if (failures == 0) $display("PASSED");
    $finish;
  end
  initial #2000000 begin
    $display("no end");
    $finish;
  end
endmodule
`default_nettype wire
