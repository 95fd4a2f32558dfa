#include "sluice/runtime/predictor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sluice/base/error.hpp"
#include "sluice/runtime/lane.hpp"

namespace sluice::runtime {

Predictor::Predictor(const Kernel& kernel, std::int64_t batch_events)
    : lane_(std::make_unique<detail::Lane>(kernel, batch_events)) {}
Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;
Predictor::~Predictor() = default;

std::optional<std::uint64_t> Predictor::kernel_cycles() const noexcept {
  return lane_->kernel_cycles();
}
const Kernel& Predictor::kernel() const noexcept { return lane_->kernel(); }
std::int64_t Predictor::batch_events() const noexcept { return lane_->batch_events(); }

void Predictor::predict(const engine::ConstEvents& inputs, const engine::Events& outputs,
                        Spans* spans) {
  const detail::CheckedEvents call = detail::check_events(kernel().manifest(), inputs, outputs);
  const auto batch = static_cast<std::size_t>(batch_events());
  Spans measured;
  for (std::size_t first = 0; first < call.events; first += batch) {
    lane_->begin(call, first, std::min(batch, call.events - first));
    lane_->finish(measured);
  }
  if (spans != nullptr) *spans = measured;
}

namespace {

std::vector<std::int64_t> batched(std::int64_t events, const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> result{events};
  result.insert(result.end(), shape.begin(), shape.end());
  return result;
}

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
