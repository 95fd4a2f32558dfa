`default_nettype none
// First-word-fall-through FIFO of 2**DEPTH_LOG2 words plus the output register. The read is
// synchronous, so that the array maps to block RAM or LUT RAM alike; two cycles from in to out.
module sluice_fifo #(
    parameter WIDTH      = 8,
    parameter DEPTH_LOG2 = 4
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
  reg [WIDTH-1:0] words[0:(1<<DEPTH_LOG2)-1];
  reg [DEPTH_LOG2-1:0] write_index, read_index;
  reg [DEPTH_LOG2:0] count;

  assign in_ready = !count[DEPTH_LOG2];
  wire push = in_valid && in_ready;
  wire fetch = count != 0 && (!out_valid || out_ready);

  always @(posedge clk) begin
    if (push) words[write_index] <= in_data;
    if (fetch) out_data <= words[read_index];
  end

  always @(posedge clk) begin
    if (push) write_index <= write_index + 1'b1;
    if (fetch) read_index <= read_index + 1'b1;
    if (push && !fetch) count <= count + 1'b1;
    if (!push && fetch) count <= count - 1'b1;
    if (fetch) out_valid <= 1'b1;
    else if (out_ready) out_valid <= 1'b0;
    if (!rst_n) begin
      write_index <= 0;
      read_index  <= 0;
      count       <= 0;
      out_valid   <= 1'b0;
    end
  end
endmodule
`default_nettype wire
