#include "sluice/calibrate/reference.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/calibrate/format_config.hpp"
#include "sluice/engine/engine.hpp"
#include "sluice/fixed/convert.hpp"

namespace sluice::calibrate {

namespace {

// Of results while the reference is imported: they are left out, and leave room for wide weights.
constexpr const char* kResults = "ap_fixed<4,2,RND,SAT>";

class ErrorSum {
 public:
  void add(std::span<const double> found, std::span<const double> expected) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      const double difference = std::abs(found[i] - expected[i]);
      error_.max = std::max(error_.max, difference);
      squares_ += difference * difference;
    }
    count_ += found.size();
  }
  OutputError total() const {
    return {error_.max, count_ == 0 ? 0.0 : std::sqrt(squares_ / static_cast<double>(count_))};
  }

 private:
  OutputError error_;
  double squares_ = 0;
  std::size_t count_ = 0;
};

// The numbers of a float32 file, as near as a network of 64 bits carries them.
Json wide_config(const frontend::ModelBytes& model, const frontend::ImportOptions& options) {
  Json config = options.config.value_or(Json::object());
  set_model_format(config, kResults);
  frontend::ImportOptions discovery = options;
  discovery.config = config;
  const RealNetwork net(frontend::import_model(model, discovery));
  const std::vector<FormatSlot> slots = find_slots(net);
  constexpr std::array kWidths{46, 40, 34, 28, 24};
  for (const int width : kWidths) {
    for (const FormatSlot& slot : slots) {
      if (slot.is_result()) continue;
      const int integer_bits = magnitude_bits(slot) + 1;
      set_layer_format(config, slot.layer, slot.variable,
                       fixed::ap_fixed_text({fixed::from_ap_fixed(width, integer_bits, true),
                                             fixed::Rounding::rnd_conv, fixed::Overflow::sat}));
    }
    if (width == kWidths.back()) break;
    discovery.config = config;
    try {
      frontend::import_model(model, discovery);
      break;
    } catch (const ModelError&) {
      continue;  // products of two such layers need more than 64 bits
    }
  }
  return config;
}

}  // namespace

Reference::Reference(const frontend::ModelBytes& model, const frontend::ImportOptions& options,
                     const NpyArray& data)
    : model_(model),
      options_(options),
      wide_config_(wide_config(model, options)),
      net_(import(wide_config_)),
      data_(read_events(data, net_.input_elements())),
      slots_(find_slots(net_)) {
  run_events();
}

frontend::Imported Reference::import(const Json& config) const {
  frontend::ImportOptions options = options_;
  options.config = config;
  return frontend::import_model(model_, options);
}

std::span<const double> Reference::outputs(std::int64_t event) const {
  const std::size_t width = net_.output_elements();
  return std::span(outputs_).subspan(static_cast<std::size_t>(event) * width, width);
}

void Reference::run_events() {
  for (std::int64_t event = 0; event < data_.events; ++event) {
    net_.run(data_.event(event));
    const std::vector<double> outputs = net_.outputs();
    outputs_.insert(outputs_.end(), outputs.begin(), outputs.end());
    for (FormatSlot& slot : slots_) {
      for (const network::LayerId id : slot.at) {
        const auto [min, max] = std::ranges::minmax(net_.values(id));
        const bool is_first = event == 0 && id == slot.at.front();
        slot.min = is_first ? min : std::min(slot.min, min);
        slot.max = is_first ? max : std::max(slot.max, max);
      }
    }
  }
  for (FormatSlot& slot : slots_) {
    if (slot.is_input) slot.is_signed = slot.min < 0;
  }
}

OutputError Reference::error_of(const network::Network& network,
                                std::span<const std::int64_t> events,
                                std::int64_t* same_class) const {
  std::vector<double> inputs;
  inputs.reserve(events.size() * data_.width);
  for (const std::int64_t event : events) {
    const std::span<const double> values = data_.event(event);
    inputs.insert(inputs.end(), values.begin(), values.end());
  }
  const std::size_t width = net_.output_elements();
  std::vector<double> found(events.size() * width);
  engine::Engine(network).run(std::span<const double>(inputs), std::span(found));
  ErrorSum sum;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto own = std::span<const double>(found).subspan(i * width, width);
    const std::span<const double> expected = outputs(events[i]);
    sum.add(own, expected);
    if (same_class == nullptr) continue;
    const auto largest = [](std::span<const double> y) {
      return std::ranges::max_element(y) - y.begin();
    };
    *same_class += largest(own) == largest(expected) ? 1 : 0;
  }
  return sum.total();
}

Reference::Alone Reference::alone(const FormatSlot& slot, const std::string& format,
                                  std::span<const std::int64_t> events) {
  Alone result;
  ErrorSum sum;
  const fixed::Quantizer to = fixed::parse_ap_fixed(format);
  if (slot.is_result()) {
    Rounding rounding{slot.at, to, 0};
    for (const std::int64_t event : events) {
      net_.run(data_.event(event), &rounding);
      sum.add(net_.outputs(), outputs(event));
    }
    result.saturated = rounding.saturated;
  } else {
    Json config = wide_config_;
    set_layer_format(config, slot.layer, slot.variable, format);
    RealNetwork net(import(config));
    for (const std::int64_t event : events) {
      net.run(data_.event(event));
      sum.add(net.outputs(), outputs(event));
    }
  }
  result.error = sum.total();
  return result;
}

}  // namespace sluice::calibrate
