// Clocks a Verilated module `top (input clk, input [..] x, output [..] y)` through a file of
// inputs. Arguments: file of x, one record per cycle; file for y after each clock edge; bytes of x,
// of y.
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "Vtop.h"

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  std::ifstream inputs(argv[1], std::ios::binary);
  std::ofstream outputs(argv[2], std::ios::binary);
  std::vector<char> x(std::strtoul(argv[3], nullptr, 10));
  std::vector<char> y(std::strtoul(argv[4], nullptr, 10));
  VerilatedContext context;
  Vtop top{&context};
  while (inputs.read(x.data(), static_cast<std::streamsize>(x.size()))) {
    std::memcpy(static_cast<void*>(&top.x), x.data(), x.size());
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
    std::memcpy(y.data(), static_cast<const void*>(&top.y), y.size());
    outputs.write(y.data(), static_cast<std::streamsize>(y.size()));
  }
  top.final();
  return outputs.flush() ? 0 : 1;
}
