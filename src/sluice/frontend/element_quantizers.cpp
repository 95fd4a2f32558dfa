#include "sluice/frontend/element_quantizers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/fixed/convert.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/json_access.hpp"
#include "sluice/frontend/refuse.hpp"

namespace sluice::frontend {

namespace {

constexpr int kMostBits = 64;

int small_integer(double value, const char* name) {
  if (!(std::abs(value) <= kMostBits) || value != std::trunc(value)) {
    refuse(codes::kQuantizer,
           fmt::format("`{}` holds {}, expected an integer of magnitude up to {}", name, value,
                       kMostBits));
  }
  return static_cast<int>(value);
}

const RealTensor& array(const LayerWeights& arrays, const char* name) {
  const auto found = arrays.find(name);
  if (found == arrays.end()) {
    refuse(codes::kWeights, fmt::format("`{}` is missing from the weights", name));
  }
  return found->second;
}

// True when every value is one of the quantizer's format, so that rounding and overflow never
// happen.
bool changes_nothing(const fixed::Quantizer& to, const fixed::Interval& range, int frac_bits) {
  constexpr int kMostAddedBits = 62;
  const int added = to.format.frac_bits - frac_bits;
  if (added < 0 || added > kMostAddedBits) return false;
  const bool symmetric = to.overflow == fixed::Overflow::sat_sym && to.format.is_signed;
  const std::int64_t max = to.format.max_mantissa();
  const std::int64_t min = symmetric ? -max : to.format.min_mantissa();
  const std::int64_t unit = std::int64_t{1} << added;
  // Division rounds towards zero: the largest and the smallest mantissa that still fit.
  return range.max <= max / unit && range.min >= min / unit;
}

}  // namespace

bool changes_nothing(const network::Quantize& quantize, const network::TensorType& type) {
  for (std::size_t i = 0; i < type.ranges.size(); ++i) {
    if (!changes_nothing(quantize.of(i), type.ranges[i], type.format.frac_bits)) return false;
  }
  return true;
}

network::Quantize ElementQuantizers::broadcast(const network::Shape& to) const {
  const bool uniform = std::ranges::all_of(
      quantizers, [&](const fixed::Quantizer& q) { return q == quantizers.front(); });
  if (uniform) return {{quantizers.front()}};
  bool fits = shape.size() <= to.size();
  for (std::size_t back = 1; fits && back <= shape.size(); ++back) {
    const std::int64_t extent = shape[shape.size() - back];
    fits = extent == 1 || extent == to[to.size() - back];
  }
  if (!fits) {
    refuse(codes::kQuantizer, fmt::format("its quantisers have shape ({}), its operand ({})",
                                          fmt::join(shape, ", "), fmt::join(to, ", ")));
  }
  network::Quantize result;
  const std::int64_t count = network::element_count(to);
  for (std::int64_t element = 0; element < count; ++element) {
    std::int64_t rest = element;
    std::int64_t source = 0;
    std::int64_t stride = 1;
    for (std::size_t back = 1; back <= shape.size(); ++back) {
      const std::int64_t extent = shape[shape.size() - back];
      const std::int64_t position = rest % to[to.size() - back];
      rest /= to[to.size() - back];
      if (extent != 1) source += position * stride;
      stride *= extent;
    }
    result.quantizers.push_back(quantizers[static_cast<std::size_t>(source)]);
  }
  return result;
}

ElementQuantizers read_fixed_point_quantizer(const Json& config, const LayerWeights& arrays) {
  const RealTensor& signs = array(arrays, "keep_negative");
  const RealTensor& bits = array(arrays, "bits");
  const RealTensor& integers = array(arrays, "integers");
  if (signs.shape != bits.shape || integers.shape != bits.shape || bits.values.empty()) {
    refuse(codes::kWeights, "`keep_negative`, `bits` and `integers` differ in shape");
  }
  fixed::Quantizer common;
  common.rounding = fixed::parse_rounding(string_or(config, "RND", "TRN"));
  common.overflow = fixed::parse_overflow(string_or(config, "SAT", "WRAP"));
  ElementQuantizers result;
  // The batch axis comes first, with extent 1.
  if (!bits.shape.empty()) result.shape.assign(bits.shape.begin() + 1, bits.shape.end());
  if (!bits.shape.empty() && bits.shape.front() != 1) {
    refuse(codes::kWeights, fmt::format("`bits` has shape ({}), expected 1 for the batch",
                                        fmt::join(bits.shape, ", ")));
  }
  for (std::size_t i = 0; i < bits.values.size(); ++i) {
    const int width = small_integer(bits.values[i], "bits");
    const int integer = small_integer(integers.values[i], "integers");
    const bool is_signed = small_integer(signs.values[i], "keep_negative") != 0;
    common.format = fixed::Format{0, 0, is_signed};
    if (width > 0) common.format = fixed::from_ap_fixed(width, integer, is_signed);
    result.quantizers.push_back(common);
  }
  return result;
}

std::optional<fixed::Quantizer> covering_quantizer(const std::vector<fixed::Quantizer>& users) {
  if (users.empty()) return std::nullopt;
  fixed::Quantizer cover = users.front();
  if (std::ranges::all_of(users, [&](const auto& user) { return user == cover; })) return cover;
  // Dropping bits towards minus infinity can be done in two steps; rounding to nearest upwards
  // looks at one more bit and no further. Wrapping can be done in two steps, and so can saturating.
  int integer_bits = 0;
  int frac_bits = 0;
  bool first = true;
  for (const fixed::Quantizer& user : users) {
    if (user.format.width == 0) continue;
    const bool nests =
        (user.rounding == fixed::Rounding::trn || user.rounding == fixed::Rounding::rnd) &&
        (user.overflow == fixed::Overflow::wrap || user.overflow == fixed::Overflow::sat) &&
        user.overflow == cover.overflow;
    if (!nests) return std::nullopt;
    const int looked_at = user.format.frac_bits + (user.rounding == fixed::Rounding::rnd ? 1 : 0);
    const int above = user.format.width - user.format.frac_bits + (user.format.is_signed ? 0 : 1);
    frac_bits = first ? looked_at : std::max(frac_bits, looked_at);
    integer_bits = first ? above : std::max(integer_bits, above);
    first = false;
  }
  if (first) return cover;
  // A result that is rounded up may leave the range of its own quantiser only by that step.
  const bool rounds_up = std::ranges::any_of(
      users, [](const auto& user) { return user.rounding == fixed::Rounding::rnd; });
  cover.rounding = fixed::Rounding::trn;
  cover.format = {integer_bits + frac_bits + (rounds_up ? 1 : 0), frac_bits, true};
  if (cover.format.width < 1 || cover.format.width > kMostBits) return std::nullopt;
  return cover;
}

}  // namespace sluice::frontend
