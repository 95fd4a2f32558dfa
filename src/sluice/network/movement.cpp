#include "sluice/network/movement.hpp"

#include <algorithm>

#include "sluice/base/check.hpp"

namespace sluice::network {

namespace {

using Index = std::vector<std::int64_t>;

/// Distance between neighbours of each axis in row-major order.
Index strides_of(const Shape& shape) {
  Index strides(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis-- > 1;) {
    strides[axis - 1] = strides[axis] * shape[axis];
  }
  return strides;
}

/// Result element (i, j, ...) is the sum of tables[0][i], tables[1][j], ...: distances from the
/// operand's first element, or -1 for zero when any of them is.
Gather separable(Shape shape, const std::vector<Index>& tables) {
  SLUICE_CHECK(shape.size() == tables.size(), "{} axes", tables.size());
  Index indices{0};
  for (std::size_t axis = 0; axis < tables.size(); ++axis) {
    const auto extent = static_cast<std::size_t>(shape[axis]);
    SLUICE_CHECK(tables[axis].size() == extent, "axis {}", axis);
    Index finer;
    finer.reserve(indices.size() * extent);
    for (const std::int64_t from : indices) {
      for (const std::int64_t step : tables[axis]) {
        finer.push_back(from < 0 || step < 0 ? -1 : from + step);
      }
    }
    indices = std::move(finer);
  }
  return {std::move(shape), std::move(indices)};
}

/// As separable(), where `element(axis, i)` is the operand's index along `axis`, or -1 for zero.
template <class F>
Gather along_axes(const Shape& from, const Shape& to, F&& element) {
  const Index strides = strides_of(from);
  std::vector<Index> tables;
  for (std::size_t axis = 0; axis < to.size(); ++axis) {
    Index table;
    for (std::int64_t i = 0; i < to[axis]; ++i) {
      const std::int64_t at = element(axis, i);
      SLUICE_CHECK(at >= -1 && at < from[axis], "{} on axis {}", at, axis);
      table.push_back(at < 0 ? -1 : at * strides[axis]);
    }
    tables.push_back(std::move(table));
  }
  return separable(to, tables);
}

/// Per position and tap, the operand's index along the axis or -1.
std::vector<Index> taps_of(const WindowAxis& axis, std::int64_t extent, WindowPadding padding) {
  std::vector<Index> taps;
  for (std::int64_t position = 0; position < axis.positions(extent); ++position) {
    Index window;
    std::int64_t inside = -1;
    for (std::int64_t tap = 0; tap < axis.size; ++tap) {
      const std::int64_t at = position * axis.stride + tap * axis.dilation - axis.pad_before;
      const bool is_inside = at >= 0 && at < extent;
      if (is_inside) inside = at;
      window.push_back(is_inside ? at : -1);
    }
    if (padding == WindowPadding::repeat) std::ranges::replace(window, -1, inside);
    taps.push_back(std::move(window));
  }
  return taps;
}

}  // namespace

Gather sliding_windows(const Shape& shape, std::span<const WindowAxis> axes, WindowOrder order,
                       WindowPadding padding) {
  SLUICE_CHECK(shape.size() == axes.size() + 1, "{} axes of a window over {}", axes.size(),
               shape.size());
  const Index strides = strides_of(shape);
  Gather result;
  std::int64_t taps = 1;
  std::vector<Index> windows{{0}};  // per position, the first channel of each tap, or -1
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    const std::vector<Index> along = taps_of(axes[axis], shape[axis], padding);
    SLUICE_CHECK(!along.empty(), "the window does not fit axis {}", axis);
    result.shape.push_back(static_cast<std::int64_t>(along.size()));
    taps *= axes[axis].size;
    std::vector<Index> finer;
    finer.reserve(windows.size() * along.size());
    for (const Index& window : windows) {
      for (const Index& steps : along) {
        Index& longer = finer.emplace_back();
        for (const std::int64_t from : window) {
          for (const std::int64_t at : steps) {
            longer.push_back(from < 0 || at < 0 ? -1 : from + at * strides[axis]);
          }
        }
      }
    }
    windows = std::move(finer);
  }
  const std::int64_t channels = shape.back();
  result.indices.reserve(windows.size() * static_cast<std::size_t>(taps * channels));
  const auto add = [&](std::int64_t from, std::int64_t channel) {
    result.indices.push_back(from < 0 ? -1 : from + channel);
  };
  for (const Index& window : windows) {
    if (order == WindowOrder::taps_channels) {
      for (const std::int64_t from : window) {
        for (std::int64_t channel = 0; channel < channels; ++channel) add(from, channel);
      }
    } else {
      for (std::int64_t channel = 0; channel < channels; ++channel) {
        for (const std::int64_t from : window) add(from, channel);
      }
    }
  }
  if (order == WindowOrder::taps_channels) {
    result.shape.push_back(taps * channels);
  } else {
    result.shape.insert(result.shape.end(), {channels, taps});
  }
  return result;
}

Gather permute(const Shape& shape, std::span<const std::int64_t> axes) {
  SLUICE_CHECK(axes.size() == shape.size(), "{} axes of {}", axes.size(), shape.size());
  const Index strides = strides_of(shape);
  Shape to;
  std::vector<Index> tables;
  for (const std::int64_t axis : axes) {
    const auto from = static_cast<std::size_t>(axis);
    to.push_back(shape.at(from));
    Index& table = tables.emplace_back();
    for (std::int64_t i = 0; i < to.back(); ++i) table.push_back(i * strides[from]);
  }
  return separable(std::move(to), tables);
}

Gather concatenate(std::span<const Shape> shapes, std::size_t axis) {
  Gather result{shapes.front(), {}};
  std::int64_t rows = 1;
  for (std::size_t i = 0; i < axis; ++i) rows *= result.shape[i];
  result.shape[axis] = 0;
  for (const Shape& shape : shapes) result.shape[axis] += shape.at(axis);
  for (std::int64_t row = 0; row < rows; ++row) {
    std::int64_t first = 0;
    for (const Shape& shape : shapes) {
      const std::int64_t count = element_count(shape);
      const std::int64_t length = count / rows;
      for (std::int64_t i = 0; i < length; ++i) {
        result.indices.push_back(first + row * length + i);
      }
      first += count;
    }
  }
  return result;
}

Gather pad(const Shape& shape, std::span<const std::int64_t> before,
           std::span<const std::int64_t> after) {
  Shape to = shape;
  for (std::size_t axis = 0; axis < to.size(); ++axis) to[axis] += before[axis] + after[axis];
  return along_axes(shape, to, [&](std::size_t axis, std::int64_t i) {
    const std::int64_t at = i - before[axis];
    return at < shape[axis] ? std::max<std::int64_t>(at, -1) : -1;
  });
}

Gather repeat(const Shape& shape, std::span<const std::int64_t> factors) {
  Shape to = shape;
  for (std::size_t axis = 0; axis < to.size(); ++axis) to[axis] *= factors[axis];
  return along_axes(shape, to, [&](std::size_t axis, std::int64_t i) { return i / factors[axis]; });
}

Gather slice(const Shape& shape, std::span<const std::int64_t> begins,
             std::span<const std::int64_t> steps, std::span<const std::int64_t> counts) {
  const Shape to(counts.begin(), counts.end());
  return along_axes(shape, to, [&](std::size_t axis, std::int64_t i) {
    const std::int64_t at = begins[axis] + i * steps[axis];
    SLUICE_CHECK(at >= 0, "element {} of axis {}", at, axis);
    return at;
  });
}

Gather take(const Shape& shape, std::size_t axis, std::span<const std::int64_t> indices) {
  Shape to = shape;
  to.at(axis) = std::ssize(indices);
  return along_axes(shape, to, [&](std::size_t along, std::int64_t i) {
    return along == axis ? indices[static_cast<std::size_t>(i)] : i;
  });
}

Gather index_first_axis(const Shape& shape, std::int64_t index) {
  Gather result{{shape.begin() + 1, shape.end()}, {}};
  const std::int64_t count = element_count(result.shape);
  for (std::int64_t i = 0; i < count; ++i) result.indices.push_back(index * count + i);
  return result;
}

Gather stack(std::span<const Shape> shapes) {
  Gather result{shapes.front(), {}};
  result.shape.insert(result.shape.begin(), std::ssize(shapes));
  const std::int64_t count = element_count(result.shape);
  for (std::int64_t i = 0; i < count; ++i) result.indices.push_back(i);
  return result;
}

Gather insert_zeros(const Shape& shape, std::span<const std::int64_t> strides) {
  Shape to = shape;
  for (std::size_t axis = 0; axis < to.size(); ++axis) {
    to[axis] = (to[axis] - 1) * strides[axis] + 1;
  }
  return along_axes(shape, to, [&](std::size_t axis, std::int64_t i) {
    return i % strides[axis] == 0 ? i / strides[axis] : -1;
  });
}

Gather broadcast(const Shape& shape, const Shape& to) {
  SLUICE_CHECK(shape.size() <= to.size(), "{} axes to {}", shape.size(), to.size());
  Shape from(to.size() - shape.size(), 1);
  from.insert(from.end(), shape.begin(), shape.end());
  return along_axes(from, to, [&](std::size_t axis, std::int64_t i) {
    return from[axis] == 1 ? std::int64_t{0} : i;
  });
}

std::optional<Shape> broadcast_shape(const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (const Shape& shape : {a, b}) {
    const std::size_t missing = result.size() - shape.size();
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      std::int64_t& extent = result[missing + axis];
      if (extent != 1 && shape[axis] != 1 && extent != shape[axis]) return std::nullopt;
      if (extent == 1) extent = shape[axis];
    }
  }
  return result;
}

}  // namespace sluice::network
