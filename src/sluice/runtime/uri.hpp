#pragma once

#include <string_view>

namespace sluice::runtime::detail {

enum class DeviceKind { engine, rtl, xrt };

struct DeviceUri {
  DeviceKind kind = DeviceKind::engine;
  unsigned index = 0;  ///< of an XRT card
  friend bool operator==(const DeviceUri&, const DeviceUri&) = default;
};

/// Throws UsageError E-RUNTIME-001 for anything but `engine`, `rtl` and `xrt:N`.
DeviceUri parse_device_uri(std::string_view uri);

}  // namespace sluice::runtime::detail
