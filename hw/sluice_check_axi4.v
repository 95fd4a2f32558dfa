`ifndef SYNTHESIS
`default_nettype none
`ifndef SLUICE_RULE
`ifdef FORMAL
`define SLUICE_RULE(condition, text) assert (condition)
`else
`define SLUICE_RULE(condition, text) if ((condition) !== 1'b1) $error(text)
`endif
`endif
// Rules of AXI4 (IHI 0022, chapter A3) between a burst master with one ID and its memory, for
// simulation and formal proof. READS or WRITES 0: that direction must stay silent. Stricter than AXI4
// where the shell promises more: INCR bursts of full, aligned beats; no write data before their
// address; strobes of one run of bytes from byte 0, partial in a burst's last beat only.
module sluice_check_axi4 #(
    parameter DATA_BITS       = 64,
    parameter READS           = 1,
    parameter WRITES          = 1,
    parameter MAX_OUTSTANDING = 8    // per direction, at most 16
) (
    input wire                   clk,
    input wire                   rst_n,
    input wire                   awvalid,
    input wire                   awready,
    input wire [           63:0] awaddr,
    input wire [            7:0] awlen,
    input wire [            2:0] awsize,
    input wire [            1:0] awburst,
    input wire                   wvalid,
    input wire                   wready,
    input wire [  DATA_BITS-1:0] wdata,
    input wire [DATA_BITS/8-1:0] wstrb,
    input wire                   wlast,
    input wire                   bvalid,
    input wire                   bready,
    input wire [            1:0] bresp,
    input wire                   arvalid,
    input wire                   arready,
    input wire [           63:0] araddr,
    input wire [            7:0] arlen,
    input wire [            2:0] arsize,
    input wire [            1:0] arburst,
    input wire                   rvalid,
    input wire                   rready,
    input wire [  DATA_BITS-1:0] rdata,
    input wire [            1:0] rresp,
    input wire                   rlast
);
  localparam BUS_BYTES = DATA_BITS / 8;
  localparam LOG_BYTES = $clog2(BUS_BYTES);
  localparam [4:0] LIMIT = MAX_OUTSTANDING[4:0];
  localparam [2:0] FULL_SIZE = LOG_BYTES[2:0];

  reg was_reset;
  initial was_reset = 1'b1;
  always @(posedge clk) was_reset <= !rst_n;

  generate
    if (READS != 0) begin : read
      // Lengths of the bursts in flight, a ring; `beat` counts within the oldest.
      reg [7:0] lengths[0:15];
      reg [3:0] newest, oldest;
      reg [4:0] bursts;
      reg [7:0] beat;
      reg ar_waits, r_waits;
      reg [76:0] ar_offer;
      reg [DATA_BITS+2:0] r_offer;
      wire [76:0] ar = {araddr, arlen, arsize, arburst};
      wire [DATA_BITS+2:0] r = {rlast, rresp, rdata};
      wire [15:0] last_byte = {4'd0, araddr[11:0]} + ({8'd0, arlen} << LOG_BYTES);
      wire ar_taken = arvalid && arready;
      wire r_taken = rvalid && rready;
      wire r_ends = r_taken && beat == lengths[oldest];

      always @(posedge clk) begin
        ar_waits <= rst_n && arvalid && !arready;
        r_waits  <= rst_n && rvalid && !rready;
        ar_offer <= ar;
        r_offer  <= r;
        if (ar_taken) lengths[newest] <= arlen;
        newest <= !rst_n ? 4'd0 : newest + {3'd0, ar_taken};
        oldest <= !rst_n ? 4'd0 : oldest + {3'd0, r_ends};
        bursts <= !rst_n ? 5'd0 : bursts + {4'd0, ar_taken} - {4'd0, r_ends};
        beat   <= (!rst_n || r_ends) ? 8'd0 : beat + {7'd0, r_taken};

        if (rst_n) begin
          `SLUICE_RULE((^{arvalid, arready, rvalid, rready}) !== 1'bx,
                       "AXI4 read: a handshake is unknown");
          `SLUICE_RULE(!was_reset || !(arvalid || rvalid),
                       "AXI4 read: ARVALID or RVALID directly after reset");
          if (arvalid) begin
            `SLUICE_RULE((^ar) !== 1'bx, "AXI4 read: the address is unknown");
            `SLUICE_RULE(arburst == 2'b01, "AXI4 read: burst type is not INCR");
            `SLUICE_RULE(arsize == FULL_SIZE, "AXI4 read: beats are not full width");
            `SLUICE_RULE(araddr[LOG_BYTES-1:0] == 0, "AXI4 read: address is not aligned");
            `SLUICE_RULE(last_byte < 16'h1000, "AXI4 read: burst crosses a 4 KiB boundary");
            `SLUICE_RULE(bursts < LIMIT, "AXI4 read: too many bursts in flight");
          end
          if (rvalid) begin
            `SLUICE_RULE(bursts != 0, "AXI4 read: RVALID without an accepted address");
            `SLUICE_RULE(rlast == (beat == lengths[oldest]), "AXI4 read: RLAST in the wrong beat");
            `SLUICE_RULE(rresp != 2'b01, "AXI4 read: RRESP is EXOKAY");
          end
          if (ar_waits) `SLUICE_RULE(arvalid && ar == ar_offer, "AXI4 read: AR changed before ARREADY");
          if (r_waits) `SLUICE_RULE(rvalid && r == r_offer, "AXI4 read: R changed before RREADY");
        end
      end
      initial {newest, oldest, bursts, beat, ar_waits, r_waits} = 23'd0;
    end else begin : no_read
      always @(posedge clk)
        if (rst_n) `SLUICE_RULE(arvalid === 1'b0, "AXI4 read: ARVALID on a write-only port");
      wire unused = &{
        1'b0, arready, araddr, arlen, arsize, arburst, rvalid, rready, rdata, rresp, rlast, was_reset
      };
    end

    if (WRITES != 0) begin : write
      reg [7:0] lengths[0:15];
      reg [3:0] newest, oldest;
      reg [4:0] bursts;  // addresses accepted, not answered
      reg [4:0] open;  // of these, data not complete
      reg [7:0] beat;
      reg aw_waits, w_waits, b_waits;
      reg [76:0] aw_offer;
      reg [DATA_BITS+BUS_BYTES:0] w_offer;
      reg [1:0] b_offer;
      wire [76:0] aw = {awaddr, awlen, awsize, awburst};
      wire [DATA_BITS+BUS_BYTES:0] w = {wlast, wstrb, wdata};
      wire [15:0] last_byte = {4'd0, awaddr[11:0]} + ({8'd0, awlen} << LOG_BYTES);
      wire aw_taken = awvalid && awready;
      wire w_taken = wvalid && wready;
      wire b_taken = bvalid && bready;
      wire ends_here = beat == lengths[oldest];
      wire w_ends = w_taken && ends_here;

      always @(posedge clk) begin
        aw_waits <= rst_n && awvalid && !awready;
        w_waits  <= rst_n && wvalid && !wready;
        b_waits  <= rst_n && bvalid && !bready;
        aw_offer <= aw;
        w_offer  <= w;
        b_offer  <= bresp;
        if (aw_taken) lengths[newest] <= awlen;
        newest <= !rst_n ? 4'd0 : newest + {3'd0, aw_taken};
        oldest <= !rst_n ? 4'd0 : oldest + {3'd0, w_ends};
        bursts <= !rst_n ? 5'd0 : bursts + {4'd0, aw_taken} - {4'd0, b_taken};
        open   <= !rst_n ? 5'd0 : open + {4'd0, aw_taken} - {4'd0, w_ends};
        beat   <= (!rst_n || w_ends) ? 8'd0 : beat + {7'd0, w_taken};

        if (rst_n) begin
          `SLUICE_RULE((^{awvalid, awready, wvalid, wready, bvalid, bready}) !== 1'bx,
                       "AXI4 write: a handshake is unknown");
          `SLUICE_RULE(!was_reset || !(awvalid || wvalid || bvalid),
                       "AXI4 write: a valid directly after reset");
          if (awvalid) begin
            `SLUICE_RULE((^aw) !== 1'bx, "AXI4 write: the address is unknown");
            `SLUICE_RULE(awburst == 2'b01, "AXI4 write: burst type is not INCR");
            `SLUICE_RULE(awsize == FULL_SIZE, "AXI4 write: beats are not full width");
            `SLUICE_RULE(awaddr[LOG_BYTES-1:0] == 0, "AXI4 write: address is not aligned");
            `SLUICE_RULE(last_byte < 16'h1000, "AXI4 write: burst crosses a 4 KiB boundary");
            `SLUICE_RULE(bursts < LIMIT, "AXI4 write: too many bursts in flight");
          end
          if (wvalid) begin
            `SLUICE_RULE(open != 0, "AXI4 write: data before their address");
            `SLUICE_RULE(wlast == ends_here, "AXI4 write: WLAST in the wrong beat");
            `SLUICE_RULE((^{wlast, wstrb, wdata}) !== 1'bx, "AXI4 write: data are unknown");
            `SLUICE_RULE(wstrb[0] && (wstrb & (wstrb + 1'b1)) == 0,
                         "AXI4 write: WSTRB is not one run of bytes from byte 0");
            `SLUICE_RULE(wlast || (&wstrb), "AXI4 write: partial WSTRB before the last beat");
          end
          if (bvalid) begin
            `SLUICE_RULE(bursts > open, "AXI4 write: BVALID without a complete burst");
            `SLUICE_RULE(bresp != 2'b01, "AXI4 write: BRESP is EXOKAY");
          end
          if (aw_waits) `SLUICE_RULE(awvalid && aw == aw_offer, "AXI4 write: AW changed before AWREADY");
          if (w_waits) `SLUICE_RULE(wvalid && w == w_offer, "AXI4 write: W changed before WREADY");
          if (b_waits) `SLUICE_RULE(bvalid && bresp == b_offer, "AXI4 write: B changed before BREADY");
        end
      end
      initial {newest, oldest, bursts, open, beat, aw_waits, w_waits, b_waits} = 29'd0;
    end else begin : no_write
      always @(posedge clk)
        if (rst_n)
          `SLUICE_RULE(awvalid === 1'b0 && wvalid === 1'b0, "AXI4 write: valid on a read-only port");
      wire unused = &{
        1'b0, awready, awaddr, awlen, awsize, awburst, wready, wdata, wstrb, wlast, bvalid, bready,
        bresp, was_reset
      };
    end
  endgenerate
endmodule
`default_nettype wire
`endif
