`default_nettype none
// Register slice of a valid/ready stream: no combinational path in either direction, one cycle of
// latency, one word per clock.
module sluice_skid #(
    parameter WIDTH = 8
) (
    input  wire             clk,
    input  wire             rst_n,
    input  wire             in_valid,
    output wire             in_ready,
    input  wire [WIDTH-1:0] in_data,
    output reg              out_valid,
    input  wire             out_ready,
    output reg  [WIDTH-1:0] out_data
);
  reg spare_valid;
  reg [WIDTH-1:0] spare_data;
  assign in_ready = !spare_valid;

  always @(posedge clk) begin
    if (!out_valid || out_ready) begin
      out_valid   <= in_valid || spare_valid;
      out_data    <= spare_valid ? spare_data : in_data;
      spare_valid <= 1'b0;
    end else if (in_valid && in_ready) begin
      spare_data  <= in_data;
      spare_valid <= 1'b1;
    end
    if (!rst_n) begin
      out_valid   <= 1'b0;
      spare_valid <= 1'b0;
    end
  end
endmodule
`default_nettype wire
