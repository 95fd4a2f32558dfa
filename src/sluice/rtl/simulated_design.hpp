#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sluice/circuit/circuit.hpp"
#include "sluice/rtl/family.hpp"

/// Support for tests: cores side by side in one simulated module, compared with the interpreter.
namespace sluice::rtl::testing {

struct Design {
  circuit::Circuit circuit;
  circuit::Schedule schedule;
  std::vector<std::int64_t> events;  ///< mantissas, event-major
  Family family = kFamilies.front();
};

/// Several cores under one `top (clk, x, y)`. Every core gets a new event in three cycles of four;
/// in the others `x` is no event. The last byte of `x` says which it is.
class DesignSet {
 public:
  explicit DesignSet(std::vector<Design> designs);

  /// Writes `top.v` and one file per core; returns their names.
  std::vector<std::string> write_verilog(const std::filesystem::path& folder) const;

  std::int64_t cycles() const noexcept { return cycles_; }
  std::int64_t input_bytes() const noexcept { return input_bytes_; }
  std::int64_t output_bytes() const noexcept { return output_bytes_; }

  /// The bytes of `x` in every cycle, in memory order.
  std::vector<std::uint8_t> stimulus() const;

  /// `observed` holds the bytes of `y` after every clock edge. Returns the first difference from
  /// the interpreter in words, with seed-carrying circuit name, layer and circuit text, or nothing.
  /// `known` says per byte whether it has a value at all (4-state simulators); empty: all have.
  std::string first_difference(const std::vector<std::uint8_t>& observed,
                               const std::vector<bool>& known = {}) const;
  /// Whether every core's `y` keeps its value in the cycles whose `x` was no event.
  bool idle_stages_stand_still(const std::vector<std::uint8_t>& observed) const;
  /// Output elements that first_difference() compares.
  std::int64_t compared_elements() const;

 private:
  std::size_t event_count(const Design& design) const;

  std::vector<Design> designs_;
  std::int64_t cycles_ = 0;
  std::int64_t input_bytes_ = 0;
  std::int64_t output_bytes_ = 0;
};

}  // namespace sluice::rtl::testing
