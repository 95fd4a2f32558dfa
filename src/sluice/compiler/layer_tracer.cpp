#include "sluice/compiler/layer_tracer.hpp"

#include <algorithm>

#include "sluice/compiler/trace.hpp"

namespace sluice::compiler {

LayerTracer::LayerTracer(const network::Network& network)
    : engine_(with_every_layer_out(network)), offsets_{0} {
  for (const network::Layer& layer : network.layers()) {
    offsets_.push_back(offsets_.back() + layer.type.ranges.size());
    if (std::holds_alternative<network::Input>(layer.op)) {
      input_elements_ += layer.type.ranges.size();
    }
  }
}

void LayerTracer::run(std::span<const double> events,
                      const std::function<void(std::int64_t, const Event&)>& see) const {
  constexpr std::size_t kMostNumbers = std::size_t{1} << 22;
  const std::size_t width = offsets_.back();
  const std::size_t count = events.size() / input_elements_;
  const std::size_t chunk = std::clamp(kMostNumbers / width, std::size_t{1}, std::size_t{1024});
  std::vector<double> values(std::min(chunk, count) * width);
  for (std::size_t first = 0; first < count; first += chunk) {
    const std::size_t now = std::min(chunk, count - first);
    engine_.run(events.subspan(first * input_elements_, now * input_elements_),
                std::span(values).first(now * width));
    for (std::size_t i = 0; i < now; ++i) {
      see(static_cast<std::int64_t>(first + i),
          {std::span<const double>(values).subspan(i * width, width), offsets_});
    }
  }
}

}  // namespace sluice::compiler
