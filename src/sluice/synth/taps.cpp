#include "sluice/synth/taps.hpp"

#include <algorithm>

namespace sluice::synth {

namespace {

using Index = std::vector<std::int64_t>;

Index index_of(std::int64_t position, std::span<const std::int64_t> extents) {
  Index index(extents.size());
  for (std::size_t l = extents.size(); l-- > 0;) {
    index[l] = position % extents[l];
    position /= extents[l];
  }
  return index;
}

class TapFinder {
 public:
  TapFinder(const network::Shape& shape, std::span<const Moved> elements,
            std::span<const std::int64_t> from_extents,
            const std::function<std::int64_t(std::int32_t)>& vector_size)
      : elements_(elements), from_(from_extents), vector_size_(vector_size) {
    pattern_.extents.assign(shape.begin(),
                            shape.begin() + static_cast<std::ptrdiff_t>(from_extents.size()));
    positions_ = network::element_count(pattern_.extents);
    size_ = std::ssize(elements) / std::max<std::int64_t>(positions_, 1);
  }

  std::optional<TapPattern> find() && {
    if (!find_strides()) return std::nullopt;
    bool aligned = std::ranges::equal(pattern_.extents, from_);
    for (const std::int64_t stride : pattern_.strides) aligned = aligned && stride == 1;
    for (std::int64_t e = 0; e < size_; ++e) {
      TapShape tap = first_guess(e);
      if (!holds(tap, e)) return std::nullopt;
      aligned = aligned && tap.layer >= 0 &&
                std::ranges::all_of(tap.offsets, [](std::int64_t o) { return o == 0; });
      pattern_.taps.push_back(std::move(tap));
    }
    pattern_.is_aligned = aligned;
    return std::move(pattern_);
  }

 private:
  const Moved& at(std::int64_t position, std::int64_t e) const {
    return elements_[static_cast<std::size_t>(position * size_ + e)];
  }
  Index source_index(const Moved& moved) const {
    return index_of(moved.element / vector_size_(moved.layer), from_);
  }

  /// From two neighbours along each level that both read something.
  bool find_strides() {
    pattern_.strides.assign(from_.size(), 1);
    std::int64_t step = 1;  // positions from one index of the level to the next
    for (std::size_t l = from_.size(); l-- > 0;) {
      const std::optional<std::int64_t> stride = stride_along(l, step);
      if (stride && *stride < 1) return false;
      if (stride) pattern_.strides[l] = *stride;
      step *= pattern_.extents[l];
    }
    return true;
  }

  std::optional<std::int64_t> stride_along(std::size_t l, std::int64_t step) const {
    for (std::int64_t position = 0; position + step < positions_; ++position) {
      if (position / step % pattern_.extents[l] == pattern_.extents[l] - 1) continue;
      for (std::int64_t e = 0; e < size_; ++e) {
        const Moved& here = at(position, e);
        const Moved& next = at(position + step, e);
        if (here.layer < 0 || next.layer != here.layer) continue;
        return source_index(next)[l] - source_index(here)[l];
      }
    }
    return std::nullopt;
  }

  TapShape first_guess(std::int64_t e) const {
    TapShape tap;
    for (std::int64_t position = 0; position < positions_; ++position) {
      const Moved& moved = at(position, e);
      if (moved.layer < 0) continue;
      tap.layer = moved.layer;
      tap.element = moved.element % vector_size_(moved.layer);
      tap.offsets = source_index(moved);
      const Index own = index_of(position, pattern_.extents);
      for (std::size_t l = 0; l < own.size(); ++l) {
        tap.offsets[l] -= pattern_.strides[l] * own[l];
      }
      break;
    }
    return tap;
  }

  bool holds(const TapShape& tap, std::int64_t e) const {
    for (std::int64_t position = 0; position < positions_; ++position) {
      if (at(position, e) != read(tap, position)) return false;
    }
    return true;
  }

  Moved read(const TapShape& tap, std::int64_t position) const {
    if (tap.layer < 0) return {};
    const Index own = index_of(position, pattern_.extents);
    std::int64_t from_position = 0;
    for (std::size_t l = 0; l < from_.size(); ++l) {
      const std::int64_t i = tap.offsets[l] + pattern_.strides[l] * own[l];
      if (i < 0 || i >= from_[l]) return {};
      from_position = from_position * from_[l] + i;
    }
    return {tap.layer, from_position * vector_size_(tap.layer) + tap.element};
  }

  std::span<const Moved> elements_;
  std::span<const std::int64_t> from_;
  const std::function<std::int64_t(std::int32_t)>& vector_size_;
  TapPattern pattern_;
  std::int64_t positions_ = 0;
  std::int64_t size_ = 0;  // of the vector at each position
};

}  // namespace

std::optional<TapPattern> find_taps(const network::Shape& shape, std::span<const Moved> elements,
                                    std::span<const std::int64_t> from_extents,
                                    const std::function<std::int64_t(std::int32_t)>& vector_size) {
  if (shape.size() < from_extents.size()) return std::nullopt;
  return TapFinder(shape, elements, from_extents, vector_size).find();
}

}  // namespace sluice::synth
