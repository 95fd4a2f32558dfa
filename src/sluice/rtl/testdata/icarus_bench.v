// Clocks `top` through the lines of a file of hexadecimal inputs and prints y after each edge.
module icarus_bench;
  parameter IN_BITS = 8;
  parameter OUT_BITS = 8;
  parameter CYCLES = 1;
  reg clk;
  reg [IN_BITS-1:0] events[0:CYCLES-1];
  reg [IN_BITS-1:0] x;
  wire [OUT_BITS-1:0] y;
  integer cycle;

  top dut (
      .clk(clk),
      .x(x),
      .y(y)
  );

  initial begin
    $readmemh("events.hex", events);
    clk = 0;
    for (cycle = 0; cycle < CYCLES; cycle = cycle + 1) begin
      x = events[cycle];
      #1 clk = 1;
      #1 $display("%h", y);
      clk = 0;
    end
    $finish;
  end
endmodule
