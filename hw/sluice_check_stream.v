`ifndef SYNTHESIS
`default_nettype none
`ifndef SLUICE_RULE
`ifdef FORMAL
`define SLUICE_RULE(condition, text) assert (condition)
`else
`define SLUICE_RULE(condition, text) if ((condition) !== 1'b1) $error(text)
`endif
`endif
// Rules of a valid/ready stream, for simulation and formal proof.
module sluice_check_stream #(
    parameter WIDTH = 8
) (
    input wire             clk,
    input wire             rst_n,
    input wire             valid,
    input wire             ready,
    input wire [WIDTH-1:0] data
);
  reg waits;  // an offer was not taken in the last cycle
  reg [WIDTH-1:0] offer;

  always @(posedge clk) begin
    waits <= rst_n && valid && !ready;
    offer <= data;
    if (rst_n) begin
      `SLUICE_RULE((^{valid, ready}) !== 1'bx, "stream: valid or ready is unknown");
      `SLUICE_RULE(!valid || (^data) !== 1'bx, "stream: data is unknown while valid");
      if (waits) begin
        `SLUICE_RULE(valid, "stream: valid fell before ready");
        `SLUICE_RULE(data == offer, "stream: data changed before ready");
      end
    end
  end
  initial waits = 1'b0;
endmodule
`default_nettype wire
`endif
