#include "sluice/network/testing/random_cnn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sluice/network/movement.hpp"
#include "sluice/network/testing/random_network.hpp"
#include "sluice/network/verify.hpp"

namespace sluice::network::testing {

namespace {

class RandomCnn {
 public:
  explicit RandomCnn(std::uint64_t seed)
      : generator_(seed), network_(fmt::format("cnn_{}", seed)), axes_(pick(0, 2) == 0 ? 1U : 2U) {}

  Network make() && {
    Shape shape;
    for (std::size_t i = 0; i < axes_; ++i) shape.push_back(pick(3, 7));
    shape.push_back(pick(1, 3));
    append("input", Input{shape, {{static_cast<int>(pick(2, 6)), 1, pick(0, 1) == 0}}}, {});
    const std::int64_t blocks = pick(1, 3);
    for (std::int64_t i = 0; i < blocks; ++i) add_block();
    add_head();
    network_.add_output(last_);
    verify(network_);
    return std::move(network_);
  }

 private:
  std::int64_t pick(std::int64_t min, std::int64_t max) { return draw(generator_, min, max); }
  const TensorType& type() const { return network_.layer(last_).type; }

  void append(std::string_view stem, LayerOp op, std::vector<LayerId> operands) {
    last_ = network_.append(fmt::format("{}_{}", stem, network_.layers().size()), std::move(op),
                            std::move(operands));
  }
  void follow(std::string_view stem, LayerOp op) { append(stem, std::move(op), {last_}); }

  void add_block() {
    switch (pick(0, 5)) {
      case 0:
        return add_pooling();
      case 1:
        return add_residual();
      case 2:
        add_padding();
        return add_convolution(pick(1, 3));
      default:
        return add_convolution(pick(1, 3));
    }
  }

  /// Windows that fit; nothing where the tensor is too small.
  std::vector<WindowAxis> window(bool pads) {
    std::vector<WindowAxis> axes;
    for (std::size_t i = 0; i < axes_; ++i) {
      WindowAxis axis{
          .size = pick(1, 3), .stride = pick(1, 2), .dilation = pick(1, 4) == 1 ? 2 : 1};
      if (pads && pick(0, 1) == 0) {
        axis.pad_before = pick(0, axis.size - 1);
        axis.pad_after = pick(0, axis.size - 1);
      }
      if (axis.positions(type().shape[i]) < 1) axis = {};
      axes.push_back(axis);
    }
    return axes;
  }

  Dense dense(std::int64_t inputs, std::int64_t units) {
    Dense op{.inputs = inputs, .units = units, .weight_frac_bits = static_cast<int>(pick(0, 3))};
    for (std::int64_t i = 0; i < inputs * units; ++i) {
      op.weights.push_back(pick(0, 2) == 0 ? 0 : pick(-7, 7));
    }
    for (std::int64_t i = 0; i < units; ++i) op.bias.push_back(pick(-20, 20));
    op.bias_frac_bits = static_cast<int>(pick(0, 4));
    return op;
  }

  void add_convolution(std::int64_t units) {
    const std::vector<WindowAxis> axes = window(true);
    follow("windows", sliding_windows(type().shape, axes, WindowOrder::taps_channels));
    follow("conv", dense(type().shape.back(), units));
    if (pick(0, 1) == 0) follow("relu", Clamp{.lower = 0});
    add_quantize();
  }

  void add_quantize() {
    const fixed::Format format{static_cast<int>(pick(2, 6)), static_cast<int>(pick(0, 2)),
                               pick(0, 1) == 0};
    follow("quantize", Quantize{{{format, fixed::Rounding::rnd_conv, fixed::Overflow::sat}}});
    if (pick(0, 3) == 0) {
      Lookup op;
      op.frac_bits = 1;
      Lookup::Table& table = op.tables.emplace_back();
      table.first = fixed::range_of(type().format).min;
      for (std::int64_t m = table.first; m <= fixed::range_of(type().format).max; ++m) {
        table.mantissas.push_back(pick(-9, 9));
      }
      follow("table", std::move(op));
    }
  }

  void add_pooling() {
    const auto kind = static_cast<Reduce::Kind>(pick(0, 2));
    const bool pads = pick(0, 1) == 0;
    std::vector<WindowAxis> axes;
    for (std::size_t i = 0; i < axes_; ++i) {
      WindowAxis axis{.size = pads ? 3 : 2, .stride = pick(1, 2)};
      if (pads) axis.pad_before = axis.pad_after = 1;
      axes.push_back(axis.positions(type().shape[i]) < 1 ? WindowAxis{} : axis);
    }
    const WindowPadding padding =
        kind == Reduce::Kind::sum ? WindowPadding::zero : WindowPadding::repeat;
    follow("pool_windows",
           sliding_windows(type().shape, axes, WindowOrder::channels_taps, padding));
    follow("pool", Reduce{kind});
    add_quantize();
  }

  void add_padding() {
    std::vector<std::int64_t> before(axes_ + 1, 0);
    std::vector<std::int64_t> after(axes_ + 1, 0);
    for (std::size_t i = 0; i < axes_; ++i) {
      before[i] = pick(0, 2);
      after[i] = pick(type().shape[i] > 3 ? -1 : 0, 2);
    }
    follow("pad", pad(type().shape, before, after));
  }

  /// A convolution that keeps the positions, added to its operand.
  void add_residual() {
    const LayerId x = last_;
    const Shape shape = type().shape;
    const std::vector<WindowAxis> axes(axes_, {.size = 3, .pad_before = 1, .pad_after = 1});
    follow("windows", sliding_windows(shape, axes, WindowOrder::taps_channels));
    follow("conv", dense(type().shape.back(), shape.back()));
    append("residual", Merge{Merge::Kind::add}, {x, last_});
    add_quantize();
  }

  void add_head() {
    const Shape shape = type().shape;
    const std::int64_t elements = element_count(shape);
    switch (pick(0, 3)) {
      case 0:
        return;
      case 1: {
        std::vector<std::int64_t> axes(shape.size());
        std::iota(axes.begin(), axes.end(), 0);
        std::ranges::rotate(axes, axes.end() - 1);
        follow("channels_first", permute(shape, axes));
        follow("flat", Reshape{{shape.back(), elements / shape.back()}});
        follow("global", Reduce{static_cast<Reduce::Kind>(pick(0, 2))});
        return;
      }
      default:
        follow("flatten", Reshape{{elements}});
        follow("dense", dense(elements, pick(1, 3)));
        return;
    }
  }

  Generator generator_;
  Network network_;
  std::size_t axes_;
  LayerId last_{};
};

}  // namespace

Network random_cnn(std::uint64_t seed) { return RandomCnn(seed).make(); }

}  // namespace sluice::network::testing
