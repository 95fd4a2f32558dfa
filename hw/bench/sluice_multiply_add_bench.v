`timescale 1ns / 1ps
`default_nettype none
// Prints what sluice_multiply_add makes of corner and random operands, in several shapes. Both of
// its forms, with and without SYNTHESIS, have to print the same.
module sluice_multiply_add_bench;
  reg clk = 0;
  reg signed [26:0] value = 0;
  reg signed [17:0] factor = 0;
  reg signed [46:0] addend = 0;
  integer i;

  wire signed [24:0] narrow_sum;
  sluice_multiply_add #(.VALUE_WIDTH(12), .FACTOR_WIDTH(8), .SUM_WIDTH(25), .REGISTERED(0)) narrow (
      .clk(clk), .value(value[11:0]), .factor(-8'sd93), .addend(addend[24:0]), .sum(narrow_sum));

  wire signed [46:0] registered_sum;
  sluice_multiply_add #(.VALUE_WIDTH(18), .FACTOR_WIDTH(27), .SUM_WIDTH(47), .REGISTERED(1)) registered (
      .clk(clk), .value(value[17:0]), .factor(27'sd67108863), .addend(addend), .sum(registered_sum));

  wire signed [46:0] wide_sum;
  sluice_multiply_add #(.VALUE_WIDTH(27), .FACTOR_WIDTH(18), .SUM_WIDTH(47), .REGISTERED(0)) wide (
      .clk(clk), .value(value), .factor(-18'sd131072), .addend(addend), .sum(wide_sum));

  wire signed [46:0] varying_sum;
  sluice_multiply_add #(.VALUE_WIDTH(27), .FACTOR_WIDTH(18), .SUM_WIDTH(47), .REGISTERED(1)) varying (
      .clk(clk), .value(value), .factor(factor), .addend(addend), .sum(varying_sum));

  initial begin
    for (i = 0; i < 2000; i = i + 1) begin
      value = i == 0 ? 27'h4000000 : i == 1 ? 27'h3ffffff : i == 2 ? 27'd0 : $random;
      factor = i == 0 ? 18'h20000 : i == 1 ? 18'h1ffff : $random;
      addend = i == 0 ? 47'd0 : i == 1 ? {1'b0, {46{1'b1}}} : {$random, $random};
      #1 clk = 1;
      #1 $display("%0d %0d %0d %0d", narrow_sum, registered_sum, wide_sum, varying_sum);
      clk = 0;
    end
    $finish;
  end
endmodule
`default_nettype wire
