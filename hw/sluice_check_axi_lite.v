`ifndef SYNTHESIS
`default_nettype none
`ifndef SLUICE_RULE
`ifdef FORMAL
`define SLUICE_RULE(condition, text) assert (condition)
`else
`define SLUICE_RULE(condition, text) if ((condition) !== 1'b1) $error(text)
`endif
`endif
// Rules of AXI4-Lite between one master and one slave (IHI 0022, chapters A3 and B1), for simulation
// and formal proof. At most 15 transactions of a kind may be in flight.
module sluice_check_axi_lite #(
    parameter ADDRESS_BITS = 12
) (
    input wire                    clk,
    input wire                    rst_n,
    input wire                    awvalid,
    input wire                    awready,
    input wire [ADDRESS_BITS-1:0] awaddr,
    input wire                    wvalid,
    input wire                    wready,
    input wire [            31:0] wdata,
    input wire [             3:0] wstrb,
    input wire                    bvalid,
    input wire                    bready,
    input wire [             1:0] bresp,
    input wire                    arvalid,
    input wire                    arready,
    input wire [ADDRESS_BITS-1:0] araddr,
    input wire                    rvalid,
    input wire                    rready,
    input wire [            31:0] rdata,
    input wire [             1:0] rresp
);
  // Accepted and not answered yet.
  reg [3:0] write_addresses, write_words, reads;
  reg aw_waits, w_waits, b_waits, ar_waits, r_waits;
  reg [ADDRESS_BITS-1:0] aw_offer, ar_offer;
  reg [35:0] w_offer;
  reg [33:0] r_offer;
  reg [ 1:0] b_offer;
  reg was_reset;

  wire aw_taken = awvalid && awready;
  wire w_taken = wvalid && wready;
  wire b_taken = bvalid && bready;
  wire ar_taken = arvalid && arready;
  wire r_taken = rvalid && rready;

  always @(posedge clk) begin
    was_reset <= !rst_n;
    aw_waits  <= rst_n && awvalid && !awready;
    w_waits   <= rst_n && wvalid && !wready;
    b_waits   <= rst_n && bvalid && !bready;
    ar_waits  <= rst_n && arvalid && !arready;
    r_waits   <= rst_n && rvalid && !rready;
    aw_offer  <= awaddr;
    ar_offer  <= araddr;
    w_offer   <= {wstrb, wdata};
    b_offer   <= bresp;
    r_offer   <= {rresp, rdata};
    write_addresses <= !rst_n ? 4'd0 : write_addresses + {3'd0, aw_taken} - {3'd0, b_taken};
    write_words     <= !rst_n ? 4'd0 : write_words + {3'd0, w_taken} - {3'd0, b_taken};
    reads           <= !rst_n ? 4'd0 : reads + {3'd0, ar_taken} - {3'd0, r_taken};

    if (rst_n) begin
      `SLUICE_RULE((^{awvalid, awready, wvalid, wready, bvalid, bready}) !== 1'bx,
                   "AXI4-Lite: a write handshake is unknown");
      `SLUICE_RULE((^{arvalid, arready, rvalid, rready}) !== 1'bx,
                   "AXI4-Lite: a read handshake is unknown");
      `SLUICE_RULE(!rvalid || (^rdata) !== 1'bx, "AXI4-Lite: RDATA is unknown while RVALID");
      `SLUICE_RULE(!was_reset || !(bvalid || rvalid),
                   "AXI4-Lite: BVALID or RVALID directly after reset");
      `SLUICE_RULE(!bvalid || (write_addresses != 0 && write_words != 0),
                   "AXI4-Lite: BVALID without an accepted address and data");
      `SLUICE_RULE(!rvalid || reads != 0, "AXI4-Lite: RVALID without an accepted address");
      `SLUICE_RULE(!bvalid || bresp != 2'b01, "AXI4-Lite: BRESP is EXOKAY");
      `SLUICE_RULE(!rvalid || rresp != 2'b01, "AXI4-Lite: RRESP is EXOKAY");
      `SLUICE_RULE(!(aw_taken && write_addresses == 4'd15), "AXI4-Lite: too many writes in flight");
      `SLUICE_RULE(!(ar_taken && reads == 4'd15), "AXI4-Lite: too many reads in flight");
      if (aw_waits) `SLUICE_RULE(awvalid && awaddr == aw_offer, "AXI4-Lite: AW changed before AWREADY");
      if (w_waits) `SLUICE_RULE(wvalid && {wstrb, wdata} == w_offer, "AXI4-Lite: W changed before WREADY");
      if (b_waits) `SLUICE_RULE(bvalid && bresp == b_offer, "AXI4-Lite: B changed before BREADY");
      if (ar_waits) `SLUICE_RULE(arvalid && araddr == ar_offer, "AXI4-Lite: AR changed before ARREADY");
      if (r_waits) `SLUICE_RULE(rvalid && {rresp, rdata} == r_offer, "AXI4-Lite: R changed before RREADY");
    end
  end
  initial begin
    {was_reset, aw_waits, w_waits, b_waits, ar_waits, r_waits} = 6'b100000;
    {write_addresses, write_words, reads} = 12'd0;
  end
endmodule
`default_nettype wire
`endif
