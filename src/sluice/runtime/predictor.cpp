#include "sluice/runtime/predictor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/engine/convert.hpp"

namespace sluice::runtime {

namespace {

using Clock = std::chrono::steady_clock;

engine::EventLayout layout_of(const package::TensorPort& port) {
  return {{{port.name, static_cast<std::size_t>(port.elements()), port.quantizer}}};
}

template <class T>
constexpr bool is_mantissa = std::is_integral_v<T>;

/// Throws unless `events` is a whole number of events of `port`, and returns how many. `events` is
/// one of the variants of engine/events.hpp.
template <class Variant>
std::size_t count_events(const Variant& events, const package::TensorPort& port) {
  return std::visit(
      [&]<class T>(std::span<T> elements) {
        if (is_mantissa<T> && 8 * static_cast<int>(sizeof(T)) != port.container_bits()) {
          throw UsageError(
              "E-RUNTIME-002", "`" + port.name + "`",
              fmt::format("its mantissas ({}) are int{}, these are int{}",
                          to_string(port.quantizer.format), port.container_bits(), 8 * sizeof(T)),
              "give real values as float32 or float64, or mantissas of that type");
        }
        const auto per_event = static_cast<std::size_t>(port.elements());
        if (elements.size() % per_event != 0) {
          throw UsageError("E-RUNTIME-003", "`" + port.name + "`",
                           fmt::format("{} elements are not a whole number of events of {}",
                                       elements.size(), per_event));
        }
        return elements.size() / per_event;
      },
      events);
}

template <class Variant>
Variant slice(const Variant& events, std::size_t first_element, std::size_t elements) {
  return std::visit([&](auto span) -> Variant { return span.subspan(first_element, elements); },
                    events);
}

/// A kernel takes the low bits of a mantissa; more than its format holds would be another number.
template <class T>
void require_mantissas(std::span<const T> mantissas, const package::TensorPort& port,
                       std::size_t first_event) {
  const fixed::Format& format = port.quantizer.format;
  const auto lowest = static_cast<T>(format.min_mantissa());
  const auto highest = static_cast<T>(format.max_mantissa());
  T least = highest;
  T most = lowest;
  for (const T mantissa : mantissas) {
    least = std::min(least, mantissa);
    most = std::max(most, mantissa);
  }
  if (least >= lowest && most <= highest) return;
  const auto bad = std::ranges::find_if(
      mantissas, [&](T mantissa) { return mantissa < lowest || mantissa > highest; });
  const auto position = static_cast<std::size_t>(bad - mantissas.begin());
  const auto per_event = static_cast<std::size_t>(port.elements());
  throw UsageError(
      "E-RUNTIME-016", "`" + port.name + "`",
      fmt::format("mantissa {} of event {}, element {} is outside of {}", *bad,
                  first_event + position / per_event, position % per_event, to_string(format)));
}

std::vector<std::int64_t> batched(std::int64_t events, const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> result{events};
  result.insert(result.end(), shape.begin(), shape.end());
  return result;
}

}  // namespace

class Predictor::Impl {
 public:
  Impl(const Kernel& kernel, std::int64_t batch_events)
      : kernel_(kernel),
        input_layout_(layout_of(kernel.manifest().input)),
        output_layout_(layout_of(kernel.manifest().output)),
        input_(kernel.allocate_input(batch_events)),
        output_(kernel.allocate_output(batch_events)),
        run_(kernel.make_run()) {}

  const Kernel& kernel() const noexcept { return kernel_; }
  std::optional<std::uint64_t> kernel_cycles() const noexcept { return run_.kernel_cycles(); }
  std::int64_t batch_events() const noexcept { return input_.events(); }

  void predict(const engine::ConstEvents& inputs, const engine::Events& outputs, Spans& spans) {
    const std::size_t events = count_events(inputs, kernel_.manifest().input);
    const std::size_t output_events = count_events(outputs, kernel_.manifest().output);
    if (events != output_events) {
      throw UsageError(
          "E-RUNTIME-003", "outputs",
          fmt::format("there is room for {} events, {} are given", output_events, events));
    }
    const auto batch = static_cast<std::size_t>(batch_events());
    for (std::size_t first = 0; first < events; first += batch) {
      predict_batch(inputs, outputs, first, std::min(batch, events - first), spans);
    }
  }

 private:
  void predict_batch(const engine::ConstEvents& inputs, const engine::Events& outputs,
                     std::size_t first, std::size_t events, Spans& spans) {
    const auto count = static_cast<std::int64_t>(events);
    const Clock::time_point begin = Clock::now();
    inject(inputs, first, events);
    input_.sync_to_device(0, count);
    const Clock::time_point injected = Clock::now();
    run_.start(input_, output_, count);
    run_.wait();
    const Clock::time_point inferred = Clock::now();
    output_.sync_from_device(0, count);
    extract(outputs, first, events);
    const Clock::time_point extracted = Clock::now();
    spans.injection += injected - begin;
    spans.inference += inferred - injected;
    spans.extraction += extracted - inferred;
  }

  void inject(const engine::ConstEvents& inputs, std::size_t first, std::size_t events) {
    const std::size_t per_event = input_layout_.elements();
    const std::span<std::byte> to = input_.bytes().first(events * input_layout_.event_bytes());
    const engine::ConstEvents from = slice(inputs, first * per_event, events * per_event);
    std::visit(
        [&]<class T>(std::span<const T> elements) {
          if constexpr (is_mantissa<T>) {
            require_mantissas(elements, kernel_.manifest().input, first);
            std::memcpy(to.data(), elements.data(), to.size());
          } else {
            engine::quantize_events(from, input_layout_,
                                    engine::as_mantissas(to, input_layout_.container_bits()));
          }
        },
        from);
  }

  void extract(const engine::Events& outputs, std::size_t first, std::size_t events) {
    const std::size_t per_event = output_layout_.elements();
    const std::span<const std::byte> from =
        std::as_const(output_).bytes().first(events * output_layout_.event_bytes());
    const engine::Events to = slice(outputs, first * per_event, events * per_event);
    std::visit(
        [&]<class T>(std::span<T> elements) {
          if constexpr (is_mantissa<T>) {
            std::memcpy(elements.data(), from.data(), from.size());
          } else {
            engine::dequantize_events(engine::as_mantissas(from, output_layout_.container_bits()),
                                      output_layout_, to);
          }
        },
        to);
  }

  Kernel kernel_;
  engine::EventLayout input_layout_;
  engine::EventLayout output_layout_;
  AnyBuffer input_;
  AnyBuffer output_;
  Run run_;
};

Predictor::Predictor(const Kernel& kernel, std::int64_t batch_events)
    : impl_(std::make_unique<Impl>(kernel, batch_events)) {}
Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;
Predictor::~Predictor() = default;

std::optional<std::uint64_t> Predictor::kernel_cycles() const noexcept {
  return impl_->kernel_cycles();
}
const Kernel& Predictor::kernel() const noexcept { return impl_->kernel(); }
std::int64_t Predictor::batch_events() const noexcept { return impl_->batch_events(); }

void Predictor::predict(const engine::ConstEvents& inputs, const engine::Events& outputs,
                        Spans* spans) {
  Spans measured;
  impl_->predict(inputs, outputs, measured);
  if (spans != nullptr) *spans = measured;
}

namespace {

/// Throws unless `array` holds events of `port`, and returns how many.
std::int64_t require_shape(const NpyArray& array, const package::TensorPort& port) {
  const std::vector<std::int64_t>& shape = array.shape;
  const std::int64_t events = shape.empty() ? 0 : shape.front();
  if (shape == batched(events, port.shape) ||
      shape == std::vector<std::int64_t>{events, port.elements()}) {
    return events;
  }
  throw UsageError("E-RUNTIME-003", "`" + port.name + "`",
                   fmt::format("an array of shape [{}] is given, [events, {}] is due",
                               fmt::join(shape, ", "), fmt::join(port.shape, ", ")));
}

engine::ConstEvents const_events(const NpyArray& array, const package::TensorPort& port) {
  switch (array.type) {
    case NpyType::i1:
      return array.as<std::int8_t>();
    case NpyType::i2:
      return array.as<std::int16_t>();
    case NpyType::i4:
      return array.as<std::int32_t>();
    case NpyType::i8:
      return array.as<std::int64_t>();
    case NpyType::f4:
      return array.as<float>();
    case NpyType::f8:
      return array.as<double>();
    default:
      throw UsageError(
          "E-RUNTIME-002", "`" + port.name + "`",
          fmt::format("elements of type {} are neither real values nor mantissas",
                      npy_type_name(array.type)),
          fmt::format("give float32, float64, or int{} mantissas", port.container_bits()));
  }
}

NpyType mantissa_type(int bits) noexcept {
  switch (bits) {
    case 8:
      return NpyType::i1;
    case 16:
      return NpyType::i2;
    case 32:
      return NpyType::i4;
    default:
      return NpyType::i8;
  }
}

engine::Events mutable_events(NpyArray& array) {
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(array.bytes));
  if (array.type == NpyType::f8) {
    return std::span(reinterpret_cast<double*>(bytes.data()), bytes.size() / sizeof(double));
  }
  return engine::as_mantissas(bytes, 8 * static_cast<int>(npy_item_bytes(array.type)));
}

}  // namespace

NpyArray Predictor::predict(const NpyArray& inputs, Outputs outputs) {
  const package::Manifest& manifest = kernel().manifest();
  const std::int64_t events = require_shape(inputs, manifest.input);
  NpyArray result;
  result.type =
      outputs == Outputs::values ? NpyType::f8 : mantissa_type(manifest.output.container_bits());
  result.shape = batched(events, manifest.output.shape);
  result.bytes.resize(static_cast<std::size_t>(result.elements()) * npy_item_bytes(result.type));
  predict(const_events(inputs, manifest.input), mutable_events(result));
  return result;
}

}  // namespace sluice::runtime
