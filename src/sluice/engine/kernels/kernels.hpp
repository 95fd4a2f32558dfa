#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/engine/program.hpp"

/// The vector code, compiled once per instruction set. Only kernels.cpp knows Highway.
namespace sluice::engine {

/// The part of a tile that a step works on: `events` is a multiple of the target's lanes, and
/// planes are kTileEvents values apart.
struct StepMemory {
  const Buffer* in;
  const Buffer* out;
  std::byte* scratch;
  std::size_t events;
};

/// Functions of one target.
struct Kernels {
  std::string_view target;
  std::size_t lanes;  ///< 32-bit lanes of a vector
  void (*run_int16_pairs)(const Step&, const StepMemory&);
  void (*run_int32)(const Step&, const StepMemory&);
  void (*run_float64)(const Step&, const StepMemory&);
  /// `count` reals to containers of 8, 16, 32 or 64 bits. Returns false when there was a NaN.
  bool (*quantize_float)(const float* reals, std::size_t count, const RealQuantizer<float>& to,
                         int container_bits, void* mantissas);
  bool (*quantize_double)(const double* reals, std::size_t count, const RealQuantizer<double>& to,
                          int container_bits, void* mantissas);
  /// `count` mantissas of 8, 16 or 32 bits times `scale`, a normal power of two.
  void (*dequantize_float)(const void* mantissas, int container_bits, std::size_t count,
                           float scale, float* reals);
  void (*dequantize_double)(const void* mantissas, int container_bits, std::size_t count,
                            double scale, double* reals);
};

/// Best first.
const std::vector<const Kernels*>& supported_kernels();

/// The kernels named `target`, or the best for an empty name. Throws UsageError.
const Kernels& find_kernels(std::string_view target);

}  // namespace sluice::engine
