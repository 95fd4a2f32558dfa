`default_nettype none
// What `d` was DEPTH clock cycles before. Short ones are shift registers, which an FPGA has in its
// LUTs; long ones go round in a memory. Contents begin as zeros and are never reset.
module sluice_delay #(
    parameter WIDTH = 1,
    parameter DEPTH = 1  // at least 1
) (
    input  wire             clk,
    input  wire [WIDTH-1:0] d,
    output wire [WIDTH-1:0] q
);
  localparam LONGEST_SHIFT = 128;
  generate
    if (DEPTH == 1) begin : register
      reg [WIDTH-1:0] last = {WIDTH{1'b0}};
      always @(posedge clk) last <= d;
      assign q = last;
    end else if (DEPTH <= LONGEST_SHIFT) begin : shift
      reg [WIDTH*DEPTH-1:0] line = {WIDTH * DEPTH{1'b0}};
      always @(posedge clk) line <= {line[WIDTH*(DEPTH-1)-1:0], d};
      assign q = line[WIDTH*DEPTH-1-:WIDTH];
    end else begin : ring
      // A place is read, then written, every DEPTH - 1 cycles; the output register is one more.
      localparam PLACES = DEPTH - 1;
      localparam PLACE_BITS = $clog2(PLACES);
      localparam [PLACE_BITS-1:0] LAST = PLACES[PLACE_BITS-1:0] - 1'b1;
      reg [WIDTH-1:0] memory[0:PLACES-1];
      reg [WIDTH-1:0] out = {WIDTH{1'b0}};
      reg [PLACE_BITS-1:0] place = {PLACE_BITS{1'b0}};
      integer i;
      initial for (i = 0; i < PLACES; i = i + 1) memory[i] = {WIDTH{1'b0}};
      always @(posedge clk) begin
        out <= memory[place];
        memory[place] <= d;
        place <= (place == LAST) ? {PLACE_BITS{1'b0}} : place + 1'b1;
      end
      assign q = out;
    end
  endgenerate
endmodule
`default_nettype wire
