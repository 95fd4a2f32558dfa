#include "sluice/frontend/scaled_values.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sluice/frontend/scaled_numbers.hpp"

namespace sluice::frontend {

namespace {

/// For every axis of `shape`, how far apart its neighbours are in memory.
std::vector<std::int64_t> strides(const network::Shape& shape,
                                  const std::vector<std::size_t>& order) {
  std::vector<std::int64_t> result(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = order.size(); i-- > 0;) {
    result[order[i]] = stride;
    stride *= shape[order[i]];
  }
  return result;
}

}  // namespace

LayerValues layer_values(const ScaledTensor& x, const std::string& network_layer) {
  LayerValues values{.network_layer = network_layer};
  if (x.lower) values.lower = x.lower->get_d();
  if (x.upper) values.upper = x.upper->get_d();
  const bool has_factor = !all_are(x.factor, 1);
  const bool has_offset = x.has_offset();
  const bool is_ordered = std::ranges::is_sorted(x.order);
  if (is_ordered && !has_factor && !has_offset) return values;
  const std::vector<std::int64_t> steps = strides(x.shape, x.order);
  const std::int64_t count = network::element_count(x.shape);
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t rest = i;
    std::int64_t place = 0;
    std::size_t channel = 0;
    for (std::size_t axis = x.shape.size(); axis-- > 0;) {
      const std::int64_t at = rest % x.shape[axis];
      rest /= x.shape[axis];
      place += at * steps[axis];
      if (x.axis == axis) channel = static_cast<std::size_t>(at);
    }
    if (!is_ordered) values.order.push_back(place);
    if (has_factor) values.factor.push_back(of(x.factor, channel).get_d());
    if (has_offset) values.offset.push_back(of(x.offset, channel).get_d());
  }
  return values;
}

}  // namespace sluice::frontend
