#pragma once

#include <cstdint>
#include <vector>

#include "sluice/circuit/circuit.hpp"

namespace sluice::synth {

/// Cells of an UltraScale+ device.
struct Area {
  std::int64_t luts = 0;
  std::int64_t flip_flops = 0;
  std::int64_t carry_bits = 0;  ///< eight per CARRY8 at best
  std::int64_t dsps = 0;
  std::int64_t block_rams = 0;  ///< of 18 kbit

  Area& operator+=(const Area& other) noexcept;
  friend bool operator==(const Area&, const Area&) = default;
};

/// Area of every value's own logic, registers excluded, by ValueId. Bits that nobody reads or that
/// are constant cost nothing.
///
/// LUTs are what Yosys 0.23 (`synth_xilinx -family xcup`) makes of the Verilog: a bit of a carry
/// chain takes a LUT where two operand bits meet, and none where one of them is constant; without a
/// schedule, of a circuit without registers.
std::vector<Area> logic_area(const circuit::Function& function);
std::vector<Area> logic_area(const circuit::Function& function, const circuit::Schedule& schedule);

}  // namespace sluice::synth
