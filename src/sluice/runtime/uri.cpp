#include "sluice/runtime/uri.hpp"

#include <charconv>
#include <string>

#include "sluice/base/error.hpp"

namespace sluice::runtime::detail {

DeviceUri parse_device_uri(std::string_view uri) {
  if (uri == "engine") return {DeviceKind::engine};
  if (uri == "rtl") return {DeviceKind::rtl};
  constexpr std::string_view kXrt = "xrt:";
  if (uri.starts_with(kXrt)) {
    const std::string_view digits = uri.substr(kXrt.size());
    unsigned index = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (error == std::errc() && end == digits.data() + digits.size()) {
      return {DeviceKind::xrt, index};
    }
  }
  throw UsageError("E-RUNTIME-001", std::string(uri), "is not a device",
                   "use engine, rtl, or xrt:N with N the number of the card, for example xrt:0");
}

}  // namespace sluice::runtime::detail
