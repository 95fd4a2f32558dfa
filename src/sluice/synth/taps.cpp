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
            const std::function<std::int64_t(std::int32_t)>& vector_size, Outside outside)
      : elements_(elements),
        from_(from_extents),
        vector_size_(vector_size),
        run_(outside == Outside::repeated ? shape.back() : 1) {
    pattern_.extents.assign(shape.begin(),
                            shape.begin() + static_cast<std::ptrdiff_t>(from_extents.size()));
    positions_ = network::element_count(pattern_.extents);
    size_ = std::ssize(elements) / std::max<std::int64_t>(positions_, 1);
  }

  std::optional<TapPattern> find() && {
    if (!find_strides()) return std::nullopt;
    bool aligned = std::ranges::equal(pattern_.extents, from_);
    for (const std::int64_t stride : pattern_.strides) aligned = aligned && stride == 1;
    for (std::int64_t e = 0; e < size_; ++e) pattern_.taps.push_back(first_guess(e));
    for (std::int64_t e = 0; e < size_; ++e) {
      if (!holds(e)) return std::nullopt;
      const TapShape& tap = tap_of(e);
      aligned = aligned && tap.layer >= 0 &&
                std::ranges::all_of(tap.offsets, [](std::int64_t o) { return o == 0; });
    }
    pattern_.is_aligned = aligned;
    return std::move(pattern_);
  }

 private:
  const Moved& at(std::int64_t position, std::int64_t e) const {
    return elements_[static_cast<std::size_t>(position * size_ + e)];
  }
  const TapShape& tap_of(std::int64_t e) const {
    return pattern_.taps[static_cast<std::size_t>(e)];
  }
  /// Whether an element of the run of `e` other than `e` holds.
  template <typename Condition>
  bool another_in_run(std::int64_t e, Condition holds) const {
    for (std::int64_t k = e / run_ * run_; k < (e / run_ + 1) * run_; ++k) {
      if (k != e && holds(k)) return true;
    }
    return false;
  }
  /// What stands twice in a run may be there in place of an element outside.
  bool is_sure(std::int64_t position, std::int64_t e) const {
    const Moved& moved = at(position, e);
    return moved.layer >= 0 &&
           !another_in_run(e, [&](std::int64_t k) { return at(position, k) == moved; });
  }
  Index source_index(const Moved& moved) const {
    return index_of(moved.element / vector_size_(moved.layer), from_);
  }

  /// From two neighbours along each level that both read something.
  bool find_strides() {
    pattern_.strides.assign(from_.size(), 1);
    std::int64_t step = 1;  // positions from one index of the level to the next
    for (std::size_t l = from_.size(); l-- > 0;) {
      std::optional<std::int64_t> stride = stride_along(l, step, true);
      if (!stride && run_ > 1) stride = stride_along(l, step, false);
      if (stride && *stride < 1) return false;
      if (stride) pattern_.strides[l] = *stride;
      step *= pattern_.extents[l];
    }
    return true;
  }

  std::optional<std::int64_t> stride_along(std::size_t l, std::int64_t step, bool only_sure) const {
    for (std::int64_t position = 0; position + step < positions_; ++position) {
      if (position / step % pattern_.extents[l] == pattern_.extents[l] - 1) continue;
      for (std::int64_t e = 0; e < size_; ++e) {
        const Moved& here = at(position, e);
        const Moved& next = at(position + step, e);
        if (here.layer < 0 || next.layer != here.layer) continue;
        const std::int64_t stride = source_index(next)[l] - source_index(here)[l];
        if (only_sure ? is_sure(position, e) && is_sure(position + step, e) : stride > 0) {
          return stride;
        }
      }
    }
    return std::nullopt;
  }

  TapShape first_guess(std::int64_t e) const {
    TapShape tap;
    for (std::int64_t position = 0; position < positions_; ++position) {
      const Moved& moved = at(position, e);
      if (!is_sure(position, e)) continue;
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

  bool holds(std::int64_t e) const {
    const TapShape& tap = tap_of(e);
    for (std::int64_t position = 0; position < positions_; ++position) {
      const Moved found = read(tap, position);
      if (run_ > 1 && found.layer < 0) {
        const Moved& moved = at(position, e);
        const bool is_repeated =
            moved.layer >= 0 && moved.layer == tap.layer && another_in_run(e, [&](std::int64_t k) {
              return at(position, k) == moved && read(tap_of(k), position) == moved;
            });
        if (!is_repeated) return false;
      } else if (at(position, e) != found) {
        return false;
      }
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
  std::int64_t run_;  // elements of a vector in which one outside may be repeated; 1: in none
  TapPattern pattern_;
  std::int64_t positions_ = 0;
  std::int64_t size_ = 0;  // of the vector at each position
};

}  // namespace

std::optional<TapPattern> find_taps(const network::Shape& shape, std::span<const Moved> elements,
                                    std::span<const std::int64_t> from_extents,
                                    const std::function<std::int64_t(std::int32_t)>& vector_size,
                                    Outside outside) {
  // The run is no axis of positions.
  const std::size_t axes = from_extents.size() + (outside == Outside::repeated ? 1 : 0);
  if (shape.size() < axes) return std::nullopt;
  return TapFinder(shape, elements, from_extents, vector_size, outside).find();
}

}  // namespace sluice::synth
