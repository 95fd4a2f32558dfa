#pragma once

#include <array>
#include <filesystem>
#include <ostream>
#include <string>
#include <string_view>

namespace sluice::sim::testing {

/// A kernel shape that the tests simulate: the example top of hw/bench with these parameters.
struct Shape {
  std::string_view name;
  int in_bus_bits, out_bus_bits, in_event_bits, out_event_bits, core_latency;
};

/// What GoogleTest prints for a shape.
inline void PrintTo(const Shape& shape, std::ostream* stream) { *stream << shape.name; }

inline constexpr std::array kShapes = {
    Shape{"muon", 512, 64, 432, 16, 12},    // 54 bytes on 64: straddles words, two-byte granule
    Shape{"bytes", 64, 64, 8, 8, 1},        // many events per word, shortest core
    Shape{"wide", 64, 64, 200, 136, 40},    // both events wider than the bus, odd sizes
    Shape{"mixed", 128, 512, 48, 1024, 5},  // 6 bytes on 16; two output words per event
    Shape{"full", 512, 32, 512, 24, 3},     // event as wide as the bus; 3 bytes on 4
};

/// Where the fixture `sim_kernels` leaves the library of a shape.
inline std::filesystem::path kernel_library(const std::filesystem::path& folder,
                                            std::string_view name) {
  return folder / (std::string(name) + ".so");
}

}  // namespace sluice::sim::testing
