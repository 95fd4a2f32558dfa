`timescale 1ns / 1ns
`default_nettype none
// Breaks one rule of the checkers on purpose: +scenario=NAME. "legal" breaks none. Each scenario drives
// both sides of every interface.
module sluice_check_bench;
  reg clk = 1'b0;
  always #5 clk = !clk;
  reg rst_n = 1'b0;

  // AXI4, 64-bit data
  reg awvalid = 0, awready = 1, wvalid = 0, wready = 1, wlast = 0, bvalid = 0, bready = 1;
  reg arvalid = 0, arready = 1, rvalid = 0, rready = 1, rlast = 0;
  reg [63:0] awaddr = 0, araddr = 0, wdata = 0, rdata = 0;
  reg [7:0] awlen = 0, arlen = 0, wstrb = 8'hFF;
  reg [2:0] awsize = 3, arsize = 3;
  reg [1:0] awburst = 1, arburst = 1, bresp = 0, rresp = 0;
  reg stray_write = 0, stray_read = 0;
  // AXI4-Lite
  reg l_awvalid = 0, l_awready = 1, l_wvalid = 0, l_wready = 1, l_bvalid = 0, l_bready = 1;
  reg l_arvalid = 0, l_arready = 1, l_rvalid = 0, l_rready = 1;
  reg [11:0] l_awaddr = 0, l_araddr = 0;
  reg [31:0] l_wdata = 0, l_rdata = 0;
  reg [1:0] l_bresp = 0, l_rresp = 0;
  // Stream
  reg s_valid = 0, s_ready = 1;
  reg [7:0] s_data = 0;

  sluice_check_axi4 #(
      .DATA_BITS(64),
      .MAX_OUTSTANDING(8)
  ) axi4 (
      .clk(clk), .rst_n(rst_n),
      .awvalid(awvalid), .awready(awready), .awaddr(awaddr), .awlen(awlen), .awsize(awsize),
      .awburst(awburst), .wvalid(wvalid), .wready(wready), .wdata(wdata), .wstrb(wstrb),
      .wlast(wlast), .bvalid(bvalid), .bready(bready), .bresp(bresp),
      .arvalid(arvalid), .arready(arready), .araddr(araddr), .arlen(arlen), .arsize(arsize),
      .arburst(arburst), .rvalid(rvalid), .rready(rready), .rdata(rdata), .rresp(rresp),
      .rlast(rlast)
  );
  sluice_check_axi4 #(
      .DATA_BITS(64),
      .READS(0),
      .WRITES(0)
  ) silent (
      .clk(clk), .rst_n(rst_n),
      .awvalid(stray_write), .awready(1'b1), .awaddr(64'd0), .awlen(8'd0), .awsize(3'd3),
      .awburst(2'd1), .wvalid(1'b0), .wready(1'b1), .wdata(64'd0), .wstrb(8'd0), .wlast(1'b0),
      .bvalid(1'b0), .bready(1'b1), .bresp(2'd0),
      .arvalid(stray_read), .arready(1'b1), .araddr(64'd0), .arlen(8'd0), .arsize(3'd3),
      .arburst(2'd1), .rvalid(1'b0), .rready(1'b1), .rdata(64'd0), .rresp(2'd0), .rlast(1'b0)
  );
  sluice_check_axi_lite lite (
      .clk(clk), .rst_n(rst_n),
      .awvalid(l_awvalid), .awready(l_awready), .awaddr(l_awaddr), .wvalid(l_wvalid),
      .wready(l_wready), .wdata(l_wdata), .wstrb(4'hF), .bvalid(l_bvalid), .bready(l_bready),
      .bresp(l_bresp), .arvalid(l_arvalid), .arready(l_arready), .araddr(l_araddr),
      .rvalid(l_rvalid), .rready(l_rready), .rdata(l_rdata), .rresp(l_rresp)
  );
  sluice_check_stream stream (
      .clk(clk), .rst_n(rst_n), .valid(s_valid), .ready(s_ready), .data(s_data)
  );

  // One clock cycle each with a channel valid, then the channel falls silent.
  task tick; @(negedge clk); endtask
  task ar(input [63:0] address, input [7:0] length, input ready);
    begin arvalid = 1; araddr = address; arlen = length; arready = ready; tick; arvalid = 0; arready = 1; end
  endtask
  task r(input [63:0] data, input last, input ready);
    begin rvalid = 1; rdata = data; rlast = last; rready = ready; tick; rvalid = 0; rready = 1; end
  endtask
  task aw(input [63:0] address, input [7:0] length, input ready);
    begin awvalid = 1; awaddr = address; awlen = length; awready = ready; tick; awvalid = 0; awready = 1; end
  endtask
  task w(input [63:0] data, input [7:0] strobe, input last, input ready);
    begin wvalid = 1; wdata = data; wstrb = strobe; wlast = last; wready = ready; tick; wvalid = 0; wready = 1; end
  endtask
  task b(input [1:0] response, input ready);
    begin bvalid = 1; bresp = response; bready = ready; tick; bvalid = 0; bready = 1; end
  endtask
  task lite_aw(input [11:0] address, input ready);
    begin l_awvalid = 1; l_awaddr = address; l_awready = ready; tick; l_awvalid = 0; l_awready = 1; end
  endtask
  task lite_w(input [31:0] data, input ready);
    begin l_wvalid = 1; l_wdata = data; l_wready = ready; tick; l_wvalid = 0; l_wready = 1; end
  endtask
  task lite_b(input [1:0] response, input ready);
    begin l_bvalid = 1; l_bresp = response; l_bready = ready; tick; l_bvalid = 0; l_bready = 1; end
  endtask
  task lite_ar(input [11:0] address, input ready);
    begin l_arvalid = 1; l_araddr = address; l_arready = ready; tick; l_arvalid = 0; l_arready = 1; end
  endtask
  task lite_r(input [31:0] data, input ready);
    begin l_rvalid = 1; l_rdata = data; l_rready = ready; tick; l_rvalid = 0; l_rready = 1; end
  endtask
  task offer(input [7:0] data, input ready);
    begin s_valid = 1; s_data = data; s_ready = ready; tick; s_valid = 0; s_ready = 1; end
  endtask

  // Waits on every channel, the longest bursts, a partial last word, eight bursts in flight.
  task legal;
    integer k;
    begin
      ar(64'h0800, 8'd255, 0); ar(64'h0800, 8'd255, 1);
      for (k = 0; k < 255; k = k + 1) r(k, 0, 1);
      r(9, 1, 0); r(9, 1, 1);
      for (k = 0; k < 8; k = k + 1) ar(64'h0FF8, 8'd0, 1);
      for (k = 0; k < 8; k = k + 1) r(k, 1, 1);
      aw(64'hFFFF_FFFF_FFFF_F000, 8'd1, 0); aw(64'hFFFF_FFFF_FFFF_F000, 8'd1, 1);
      w(1, 8'hFF, 0, 1); w(2, 8'h07, 1, 0); w(2, 8'h07, 1, 1);
      b(2'b10, 0); b(2'b10, 1);
      for (k = 0; k < 8; k = k + 1) aw(64'h10, 8'd0, 1);
      for (k = 0; k < 8; k = k + 1) w(k, 8'hFF, 1, 1);
      for (k = 0; k < 8; k = k + 1) b(2'b00, 1);
      lite_w(5, 0); lite_w(5, 1); lite_aw(12'h10, 0); lite_aw(12'h10, 1); lite_b(0, 0); lite_b(0, 1);
      lite_ar(12'h10, 0); lite_ar(12'h10, 1); lite_r(5, 0); lite_r(5, 1);
      offer(1, 0); offer(1, 0); offer(1, 1); offer(2, 1);
    end
  endtask

  reg [32*8-1:0] name;
  integer n;
  initial begin
    if (!$value$plusargs("scenario=%s", name)) name = "legal";
    repeat (3) tick;
    case (name)
      "read_after_reset": arvalid = 1;
      "write_after_reset": awvalid = 1;
      "lite_after_reset": l_rvalid = 1;
      default: ;
    endcase
    rst_n = 1;
    tick;
    {arvalid, awvalid, l_rvalid} = 3'd0;
    if (name != "read_after_reset" && name != "write_after_reset" && name != "lite_after_reset")
      tick;
    case (name)
      "legal": legal;
      "read_after_reset", "write_after_reset", "lite_after_reset": ;

      "read_unknown": begin arready = 1'bx; tick; end
      "read_unknown_address": ar(64'bx, 0, 1);
      "read_not_incr": begin arburst = 2'b00; ar(0, 0, 1); end
      "read_narrow": begin arsize = 3'd2; ar(0, 0, 1); end
      "read_unaligned": ar(64'h4, 0, 1);
      "read_crosses": ar(64'hFF8, 8'd1, 1);
      "read_too_many": for (n = 0; n < 9; n = n + 1) ar(0, 0, 1);
      "read_unasked": r(0, 1, 1);
      "read_early_last": begin ar(0, 8'd1, 1); r(0, 1, 1); end
      "read_late_last": begin ar(0, 8'd0, 1); r(0, 0, 1); end
      "read_exokay": begin ar(0, 0, 1); rresp = 2'b01; r(0, 1, 1); end
      "read_address_changed": begin ar(0, 0, 0); ar(8, 0, 1); end
      "read_data_withdrawn": begin ar(0, 0, 1); r(7, 1, 0); tick; end
      "read_stray": begin stray_read = 1; tick; end

      "write_unknown": begin bready = 1'bx; tick; end
      "write_unknown_address": aw(64'bx, 0, 1);
      "write_not_incr": begin awburst = 2'b10; aw(0, 0, 1); end
      "write_narrow": begin awsize = 3'd0; aw(0, 0, 1); end
      "write_unaligned": aw(64'h1, 0, 1);
      "write_crosses": aw(64'h808, 8'd255, 1);
      "write_too_many": for (n = 0; n < 9; n = n + 1) aw(0, 0, 1);
      "write_data_first": w(0, 8'hFF, 1, 1);
      "write_early_last": begin aw(0, 8'd1, 1); w(0, 8'hFF, 1, 1); end
      "write_late_last": begin aw(0, 8'd0, 1); w(0, 8'hFF, 0, 1); end
      "write_unknown_data": begin aw(0, 0, 1); w(64'bx, 8'hFF, 1, 1); end
      "write_strobe_hole": begin aw(0, 0, 1); w(0, 8'h05, 1, 1); end
      "write_strobe_none": begin aw(0, 0, 1); w(0, 8'h00, 1, 1); end
      "write_strobe_early": begin aw(0, 8'd1, 1); w(0, 8'h7F, 0, 1); end
      "write_answer_unasked": b(0, 1);
      "write_answer_early": begin aw(0, 8'd1, 1); w(0, 8'hFF, 0, 1); b(0, 1); end
      "write_exokay": begin aw(0, 0, 1); w(0, 8'hFF, 1, 1); b(2'b01, 1); end
      "write_address_changed": begin aw(0, 0, 0); aw(0, 1, 1); end
      "write_data_changed": begin aw(0, 0, 1); w(1, 8'hFF, 1, 0); w(2, 8'hFF, 1, 1); end
      "write_answer_changed": begin aw(0, 0, 1); w(0, 8'hFF, 1, 1); b(0, 0); b(2, 1); end
      "write_stray": begin stray_write = 1; tick; end

      "lite_write_unknown": begin l_awready = 1'bx; tick; end
      "lite_read_unknown": begin l_arready = 1'bx; tick; end
      "lite_unknown_data": begin lite_ar(0, 1); lite_r(32'bx, 1); end
      "lite_answer_no_data": begin lite_aw(0, 1); lite_b(0, 1); end
      "lite_answer_no_address": begin lite_w(0, 1); lite_b(0, 1); end
      "lite_read_unasked": lite_r(0, 1);
      "lite_write_exokay": begin lite_aw(0, 1); lite_w(0, 1); lite_b(2'b01, 1); end
      "lite_read_exokay": begin lite_ar(0, 1); l_rresp = 2'b01; lite_r(0, 1); end
      "lite_many_writes": for (n = 0; n < 16; n = n + 1) lite_aw(0, 1);
      "lite_many_reads": for (n = 0; n < 16; n = n + 1) lite_ar(0, 1);
      "lite_address_changed": begin lite_aw(0, 0); lite_aw(4, 1); end
      "lite_data_changed": begin lite_w(0, 0); lite_w(4, 1); end
      "lite_answer_withdrawn": begin lite_aw(0, 1); lite_w(0, 1); lite_b(0, 0); tick; end
      "lite_read_changed": begin lite_ar(0, 0); lite_ar(4, 1); end
      "lite_read_data_changed": begin lite_ar(0, 1); lite_r(1, 0); lite_r(2, 1); end

      "stream_unknown": begin s_ready = 1'bx; tick; end
      "stream_unknown_data": offer(8'bx, 1);
      "stream_withdrawn": begin offer(1, 0); tick; end
      "stream_changed": begin offer(1, 0); offer(2, 1); end
      default: $display("no such scenario");
    endcase
    tick;
    $display("end of scenario");
    $finish;
  end
endmodule
`default_nettype wire
