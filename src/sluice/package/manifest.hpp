#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sluice/base/json.hpp"
#include "sluice/fixed/quantize.hpp"

namespace sluice::package {

/// One of several tensors of the model that lie one after the other in the kernel's.
struct TensorPart {
  std::string name;
  std::vector<std::int64_t> shape;
  friend bool operator==(const TensorPart&, const TensorPart&) = default;
};

/// One tensor at the kernel's edge. An event in memory is its mantissas, row-major, each in a
/// signed little-endian integer of container_bits(); events lie back to back.
struct TensorPort {
  std::string name;                 ///< of the model's layer
  std::vector<std::int64_t> shape;  ///< of one event
  fixed::Quantizer quantizer;       ///< format, and how real numbers are brought into it
  std::vector<TensorPart> parts;    ///< where the model has several; their order is that in memory

  std::int64_t elements() const noexcept;
  int container_bits() const noexcept;
  std::int64_t event_bytes() const noexcept;
  /// Width of the kernel's memory bus: the next power of two of an event, from 64 to 512.
  int bus_bits() const noexcept;
  friend bool operator==(const TensorPort&, const TensorPort&) = default;
};

/// The model file that a package was compiled from.
struct Source {
  std::string file;    ///< name without folder
  std::string sha256;  ///< of its bytes
  friend bool operator==(const Source&, const Source&) = default;
};

/// manifest.json: what a host needs to know of a compiled kernel. docs/reference/package.md is its
/// schema. The register map is the same for every package: see namespace registers.
struct Manifest {
  static constexpr int kSchemaVersion = 1;

  std::string name;            ///< of the kernel, a C identifier
  std::string sluice_version;  ///< that wrote it
  Source source;
  std::string board;  ///< empty: none chosen
  double clock_mhz = 0;
  int latency_cycles = 0;              ///< of the core, from an event's first to its last stage
  int initiation_interval_cycles = 1;  ///< between events
  TensorPort input;
  TensorPort output;
  std::map<std::string, std::string> files;  ///< relative path to SHA-256

  double clock_period_ns() const noexcept { return 1000.0 / clock_mhz; }
  /// Of a long run whose memory keeps up: what the core or the wider side's bus allows.
  double cycles_per_event() const noexcept;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

Json to_json(const Manifest& manifest);
/// Throws ModelError, with `origin`, for a missing key, a wrong type or another schema version.
Manifest manifest_from_json(const Json& json, const std::string& origin);

/// Register map of every kernel: AXI4-Lite, ap_ctrl_chain (UG1393, "Kernel Controls").
namespace registers {
inline constexpr std::uint32_t kControl = 0x00;
inline constexpr std::uint32_t kInput = 0x10;   ///< 64-bit device address
inline constexpr std::uint32_t kOutput = 0x1c;  ///< 64-bit device address
inline constexpr std::uint32_t kEvents = 0x28;  ///< 32-bit count `n`
inline constexpr std::uint32_t kCycles = 0x40;  ///< 64-bit, read only: cycles of the last run
}  // namespace registers

}  // namespace sluice::package
