#pragma once

#include <memory>
#include <string_view>

#include "sluice/engine/events.hpp"

namespace sluice::engine {

class Converter;

/// Real numbers to mantissas of one layout and back, vectorised. Planned when it is made; a call
/// allocates nothing. Can be moved; const functions may be called from several threads at a time.
class EventConverter {
 public:
  /// `target` forces one of supported_targets(). Throws UsageError for another one, or for a layout
  /// without elements.
  explicit EventConverter(EventLayout layout, std::string_view target = {});
  EventConverter(EventConverter&&) noexcept;
  EventConverter& operator=(EventConverter&&) noexcept;
  ~EventConverter();

  const EventLayout& layout() const noexcept { return layout_; }

  /// Mantissas of `reals` (float or double), each exactly fixed::quantize_real by its segment's
  /// quantiser. `mantissas` must be in the layout's container and as long as `reals`, a whole
  /// number of events.
  ///
  /// Throws UsageError: NaN (the first one's event, counted from `first_event`, and its element are
  /// named), wrong types or sizes. The contents of `mantissas` are unspecified then.
  void quantize(const ConstEvents& reals, const Events& mantissas,
                std::size_t first_event = 0) const;

  /// Real values of `mantissas`: fixed::to_double, and for float the nearest float. The same
  /// conditions on types and sizes.
  void dequantize(const ConstEvents& mantissas, const Events& reals) const;

 private:
  EventLayout layout_;
  std::unique_ptr<const Converter> converter_;
};

}  // namespace sluice::engine
