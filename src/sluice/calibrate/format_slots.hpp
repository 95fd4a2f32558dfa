#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/base/json.hpp"
#include "sluice/calibrate/real_network.hpp"
#include "sluice/fixed/quantize.hpp"
#include "sluice/frontend/import.hpp"

namespace sluice::calibrate {

/// One format to choose: that of the numbers or of the result of a layer.
struct FormatSlot {
  std::string layer, class_name, variable;
  std::int64_t count = 0;  ///< numbers, or elements of the result
  double min = 0;          ///< of the numbers, or observed
  double max = 0;
  std::vector<network::LayerId> at;  ///< of a result: where the real network rounds
  bool is_input = false;
  bool is_signed = true;
  bool is_operand_of_table = false;  ///< its width is that of an address
  bool is_redundant = false;         ///< another slot rounds the same values
  double cost = 1;                   ///< of a bit: multiplications that see it
  /// How far a last bit of 1 would move the outputs (root mean square); filled by the search.
  double gain = 0;

  bool is_result() const noexcept { return variable == "result"; }
};

/// The slots of a real network, in the order of its FormatUses; uses of one key are one slot.
/// Ranges of results are not filled yet.
std::vector<FormatSlot> find_slots(const RealNetwork& net);

/// The quantiser of a slot with this many fractional bits: as many integer bits as its range needs,
/// that of results enlarged by half; rounds to nearest and saturates.
fixed::Quantizer quantizer_of(const FormatSlot& slot, int frac_bits);

/// Bits left of the binary point, the sign not counted, that hold the slot's range. May be
/// negative.
int magnitude_bits(const FormatSlot& slot);

}  // namespace sluice::calibrate
