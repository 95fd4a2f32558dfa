#pragma once

#include <string_view>

#include "sluice/engine/events.hpp"

/// Real numbers to mantissas and back, vectorised.
namespace sluice::engine {

/// Mantissas of `reals` (float or double), each exactly fixed::quantize_real by its segment's
/// quantiser. `mantissas` must be in `layout`'s container and as long as `reals`, a whole number of
/// events. `target` forces one of supported_targets().
///
/// Throws UsageError: NaN (the first one's event and element are named), wrong types or sizes. The
/// contents of `mantissas` are unspecified then.
void quantize_events(const ConstEvents& reals, const EventLayout& layout, const Events& mantissas,
                     std::string_view target = {});

/// Real values of `mantissas`: fixed::to_double, and for float the nearest float. The same
/// conditions on types and sizes.
void dequantize_events(const ConstEvents& mantissas, const EventLayout& layout, const Events& reals,
                       std::string_view target = {});

}  // namespace sluice::engine
