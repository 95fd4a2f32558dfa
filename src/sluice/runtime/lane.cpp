#include "sluice/runtime/lane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "sluice/base/error.hpp"

namespace sluice::runtime::detail {

namespace {

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

}  // namespace

CheckedEvents check_events(const package::Manifest& manifest, const engine::ConstEvents& inputs,
                           const engine::Events& outputs) {
  const std::size_t events = count_events(inputs, manifest.input);
  const std::size_t output_events = count_events(outputs, manifest.output);
  if (events != output_events) {
    throw UsageError(
        "E-RUNTIME-003", "outputs",
        fmt::format("there is room for {} events, {} are given", output_events, events));
  }
  return {inputs, outputs, events};
}

Lane::Lane(const Kernel& kernel, std::int64_t batch_events)
    : kernel_(kernel),
      input_converter_(layout_of(kernel.manifest().input)),
      output_converter_(layout_of(kernel.manifest().output)),
      input_(kernel.allocate_input(batch_events)),
      output_(kernel.allocate_output(batch_events)),
      run_(kernel.make_run()) {}

void Lane::begin(const CheckedEvents& call, std::size_t first, std::size_t events) {
  began_ = Clock::now();
  const std::size_t per_input = input_converter_.layout().elements();
  const std::size_t per_output = output_converter_.layout().elements();
  events_ = events;
  outputs_ = slice(call.outputs, first * per_output, events * per_output);
  inject(slice(call.inputs, first * per_input, events * per_input), first);
  input_.sync_to_device(0, static_cast<std::int64_t>(events));
  injected_ = Clock::now();
  run_.start(input_, output_, static_cast<std::int64_t>(events));
}

void Lane::finish(Spans& spans) {
  run_.wait();
  const Clock::time_point inferred = Clock::now();
  output_.sync_from_device(0, static_cast<std::int64_t>(events_));
  extract();
  spans.injection += injected_ - began_;
  spans.inference += inferred - injected_;
  spans.extraction += Clock::now() - inferred;
}

void Lane::inject(const engine::ConstEvents& inputs, std::size_t first_event) {
  const engine::EventLayout& layout = input_converter_.layout();
  const std::span<std::byte> to = input_.bytes().first(events_ * layout.event_bytes());
  std::visit(
      [&]<class T>(std::span<const T> elements) {
        if constexpr (is_mantissa<T>) {
          require_mantissas(elements, kernel_.manifest().input, first_event);
          std::memcpy(to.data(), elements.data(), to.size());
        } else {
          input_converter_.quantize(elements, engine::as_mantissas(to, layout.container_bits()),
                                    first_event);
        }
      },
      inputs);
}

void Lane::extract() {
  const engine::EventLayout& layout = output_converter_.layout();
  const std::span<const std::byte> from =
      std::as_const(output_).bytes().first(events_ * layout.event_bytes());
  std::visit(
      [&]<class T>(std::span<T> elements) {
        if constexpr (is_mantissa<T>) {
          std::memcpy(elements.data(), from.data(), from.size());
        } else {
          output_converter_.dequantize(engine::as_mantissas(from, layout.container_bits()),
                                       elements);
        }
      },
      outputs_);
}

}  // namespace sluice::runtime::detail
