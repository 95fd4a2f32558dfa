#include "sluice/calibrate/event_data.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "sluice/base/error.hpp"

namespace sluice::calibrate {

EventData read_events(const NpyArray& data, std::size_t width) {
  EventData result{data.to_double(), data.shape.empty() ? 0 : data.shape.front(), width};
  if (result.events < 1 ||
      result.values.size() != static_cast<std::size_t>(result.events) * result.width) {
    throw UsageError("E-CALIBRATE-001", "data",
                     fmt::format("has shape ({})", fmt::join(data.shape, ", ")),
                     fmt::format("give (events, {}): the events come first", result.width));
  }
  const auto bad =
      std::ranges::find_if_not(result.values, [](double v) { return std::isfinite(v); });
  if (bad != result.values.end()) {
    const auto place = static_cast<std::size_t>(bad - result.values.begin());
    throw UsageError("E-CALIBRATE-001", "data",
                     fmt::format("holds {} in event {}, element {}", *bad, place / result.width,
                                 place % result.width),
                     "leave such events out");
  }
  return result;
}

}  // namespace sluice::calibrate
