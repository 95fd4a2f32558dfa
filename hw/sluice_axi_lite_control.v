`default_nettype none
// The kernel's registers behind AXI4-Lite: ap_ctrl_chain control, interrupts, the arguments and
// read-only diagnostics (README.md has the map). A write or a read takes two cycles. Outputs are
// functions of registers only.
//
// ap_start stays set until ap_ready says that the arguments were taken; the host may then queue the
// next run. ap_done is sticky until the host writes ap_continue.
module sluice_axi_lite_control #(
    parameter [31:0] CORE_LATENCY    = 1,
    parameter [15:0] IN_EVENT_BYTES  = 1,
    parameter [15:0] OUT_EVENT_BYTES = 1
) (
    input  wire        clk,
    input  wire        rst_n,
    input  wire        s_axi_awvalid,
    output wire        s_axi_awready,
    input  wire [11:0] s_axi_awaddr,
    input  wire        s_axi_wvalid,
    output wire        s_axi_wready,
    input  wire [31:0] s_axi_wdata,
    input  wire [ 3:0] s_axi_wstrb,
    output reg         s_axi_bvalid,
    input  wire        s_axi_bready,
    output wire [ 1:0] s_axi_bresp,
    input  wire        s_axi_arvalid,
    output wire        s_axi_arready,
    input  wire [11:0] s_axi_araddr,
    output reg         s_axi_rvalid,
    input  wire        s_axi_rready,
    output reg  [31:0] s_axi_rdata,
    output wire [ 1:0] s_axi_rresp,
    output wire        interrupt,
    output reg         ap_start,       // a run is asked for
    output reg         ap_done,        // a finished run waits for ap_continue
    input  wire        ap_ready,       // pulse: the arguments were taken
    input  wire        finished,       // pulse, never while ap_done: a run's last byte is written
    input  wire        busy,           // runs were taken and have not finished
    output reg  [63:0] input_pointer,
    output reg  [63:0] output_pointer,
    output reg  [31:0] events,
    input  wire [63:0] run_cycles,
    input  wire [ 3:0] status
);
  localparam [31:0] INTERFACE_VERSION = 1;
  localparam [11:0] CONTROL = 12'h00, GLOBAL_ENABLE = 12'h04, ENABLE = 12'h08, PENDING = 12'h0C,
      INPUT_LO = 12'h10, INPUT_HI = 12'h14, OUTPUT_LO = 12'h1C, OUTPUT_HI = 12'h20, EVENTS = 12'h28,
      CYCLES_LO = 12'h40, CYCLES_HI = 12'h44, LATENCY = 12'h48, VERSION = 12'h4C, STATUS = 12'h50,
      EVENT_BYTES = 12'h54;

  // Address and data may come in any order; what comes first is held.
  reg address_held, data_held;
  reg [11:0] held_address;
  reg [31:0] held_data;
  reg [3:0] held_strobe;
  assign s_axi_awready = !address_held;
  assign s_axi_wready  = !data_held;
  assign s_axi_bresp   = 2'b00;
  assign s_axi_rresp   = 2'b00;

  wire write = (address_held || s_axi_awvalid) && (data_held || s_axi_wvalid) &&
      (!s_axi_bvalid || s_axi_bready);
  wire [11:0] write_address = {address_held ? held_address[11:2] : s_axi_awaddr[11:2], 2'b00};
  wire [31:0] write_data = data_held ? held_data : s_axi_wdata;
  wire [3:0] strobe = data_held ? held_strobe : s_axi_wstrb;
  wire [31:0] mask = {{8{strobe[3]}}, {8{strobe[2]}}, {8{strobe[1]}}, {8{strobe[0]}}};
  wire [31:0] set_bits = write_data & mask;

  always @(posedge clk) begin
    if (s_axi_awvalid && s_axi_awready) held_address <= s_axi_awaddr;
    if (s_axi_wvalid && s_axi_wready) begin
      held_data   <= s_axi_wdata;
      held_strobe <= s_axi_wstrb;
    end
    address_held <= !write && (address_held || s_axi_awvalid);
    data_held    <= !write && (data_held || s_axi_wvalid);
    s_axi_bvalid <= write || (s_axi_bvalid && !s_axi_bready);
    if (!rst_n) begin
      address_held <= 1'b0;
      data_held    <= 1'b0;
      s_axi_bvalid <= 1'b0;
    end
  end

  wire write_control = write && write_address == CONTROL;
  reg auto_restart, was_ready, global_enable;
  reg [1:0] enable, pending;
  assign interrupt = global_enable && pending != 0;

  wire read = s_axi_arvalid && s_axi_arready;
  wire [11:0] read_address = {s_axi_araddr[11:2], 2'b00};
  assign s_axi_arready = !s_axi_rvalid;

  always @(posedge clk) begin
    if (write_control && set_bits[0]) ap_start <= 1'b1;
    else if (ap_ready) ap_start <= auto_restart;
    if (write_control && strobe[0]) auto_restart <= set_bits[7];
    ap_done   <= finished || (ap_done && !(write_control && set_bits[4]));
    was_ready <= ap_ready || (was_ready && !(read && read_address == CONTROL));

    if (write && write_address == GLOBAL_ENABLE && strobe[0]) global_enable <= set_bits[0];
    if (write && write_address == ENABLE && strobe[0]) enable <= set_bits[1:0];
    pending <= (pending ^ ((write && write_address == PENDING) ? set_bits[1:0] : 2'b00)) |
        (enable & {ap_ready, finished});

    if (!rst_n) begin
      ap_start      <= 1'b0;
      ap_done       <= 1'b0;
      auto_restart  <= 1'b0;
      was_ready     <= 1'b0;
      global_enable <= 1'b0;
      enable        <= 2'b00;
      pending       <= 2'b00;
    end
  end

  always @(posedge clk) begin
    if (write) begin
      case (write_address)
        INPUT_LO: input_pointer[31:0] <= (input_pointer[31:0] & ~mask) | set_bits;
        INPUT_HI: input_pointer[63:32] <= (input_pointer[63:32] & ~mask) | set_bits;
        OUTPUT_LO: output_pointer[31:0] <= (output_pointer[31:0] & ~mask) | set_bits;
        OUTPUT_HI: output_pointer[63:32] <= (output_pointer[63:32] & ~mask) | set_bits;
        EVENTS: events <= (events & ~mask) | set_bits;
        default: ;
      endcase
    end
    if (!rst_n) begin
      input_pointer  <= 64'd0;
      output_pointer <= 64'd0;
      events         <= 32'd0;
    end
  end

  always @(posedge clk) begin
    if (read) begin
      case (read_address)
        CONTROL:
        s_axi_rdata <= {
          24'd0, auto_restart, 3'd0, was_ready, !ap_start && !busy, ap_done, ap_start
        };
        GLOBAL_ENABLE: s_axi_rdata <= {31'd0, global_enable};
        ENABLE: s_axi_rdata <= {30'd0, enable};
        PENDING: s_axi_rdata <= {30'd0, pending};
        INPUT_LO: s_axi_rdata <= input_pointer[31:0];
        INPUT_HI: s_axi_rdata <= input_pointer[63:32];
        OUTPUT_LO: s_axi_rdata <= output_pointer[31:0];
        OUTPUT_HI: s_axi_rdata <= output_pointer[63:32];
        EVENTS: s_axi_rdata <= events;
        CYCLES_LO: s_axi_rdata <= run_cycles[31:0];
        CYCLES_HI: s_axi_rdata <= run_cycles[63:32];
        LATENCY: s_axi_rdata <= CORE_LATENCY;
        VERSION: s_axi_rdata <= INTERFACE_VERSION;
        STATUS: s_axi_rdata <= {28'd0, status};
        EVENT_BYTES: s_axi_rdata <= {OUT_EVENT_BYTES, IN_EVENT_BYTES};
        default: s_axi_rdata <= 32'd0;
      endcase
    end
    s_axi_rvalid <= read || (s_axi_rvalid && !s_axi_rready);
    if (!rst_n) s_axi_rvalid <= 1'b0;
  end

  wire unused = &{1'b0, held_address[1:0], s_axi_awaddr[1:0], s_axi_araddr[1:0]};
endmodule
`default_nettype wire
