#include "sluice/synth/at_once.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

namespace sluice::synth {

namespace {

using network::Dense;
using network::Layer;
using network::Network;

/// Products with weights other than 0, or elements that are taken: about as many operations.
std::int64_t operations_of(const Network& network, const Layer& layer) {
  const auto elements = std::ssize(network.layer(layer.operands.front()).type.ranges);
  const auto* dense = std::get_if<Dense>(&layer.op);
  if (dense == nullptr) return elements;
  return elements / dense->inputs *
         (std::ssize(dense->weights) - std::ranges::count(dense->weights, 0));
}

struct Words {
  std::string reason;
  std::string help;
};

Words words_of(Obstacle obstacle, const Layer& layer) {
  switch (obstacle) {
    case Obstacle::movement:
      return {"it moves elements as no window, stride, crop or zero padding does",
              "put it where no positions are left, or leave upsampling and transpositions out"};
    case Obstacle::positions:
      return {"it joins tensors that do not have the same positions",
              "give its operands the same positions"};
    case Obstacle::joined:
      return {"it reads the positions of several layers", "flatten after a layer that joins them"};
    case Obstacle::whole:
      return {"what it reads comes all at once, not position after position",
              "let it read a stream: one input [rows, columns, channels], or channels first, that "
              "goes straight into it"};
    case Obstacle::differs:
      break;
  }
  if (std::holds_alternative<network::Quantize>(layer.op)) {
    return {"its quantisers are not the same at all positions",
            "quantise per tensor or per channel"};
  }
  return {"it is not the same at all positions",
          "let it act on the channels of each position in the same way"};
}

}  // namespace

void AtOnce::count(const Network& network, std::size_t layer, std::size_t cause) {
  cause_of_[layer] = cause;
  ++causes_[cause].layers;
  causes_[cause].operations += operations_of(network, network.layers()[layer]);
}

void AtOnce::add(const Network& network, std::size_t layer, Obstacle obstacle,
                 std::size_t subject) {
  const auto known = std::ranges::find_if(causes_, [&](const Cause& cause) {
    return cause.obstacle == obstacle && cause.subject == subject;
  });
  const auto at = static_cast<std::size_t>(known - causes_.begin());
  if (known == causes_.end()) causes_.push_back({obstacle, subject, layer});
  count(network, layer, at);
}

bool AtOnce::follow(const Network& network, std::size_t layer,
                    std::span<const std::int32_t> taken) {
  for (const std::int32_t before : taken) {
    const auto cause = cause_of_.find(static_cast<std::size_t>(before));
    if (cause == cause_of_.end()) continue;
    count(network, layer, cause->second);
    return true;
  }
  return false;
}

std::vector<Diagnostic> AtOnce::warnings(const Network& network) const {
  std::vector<Diagnostic> warnings;
  for (const Cause& cause : causes_) {
    const Layer& subject = network.layers()[cause.subject];
    Words words = words_of(cause.obstacle, subject);
    // A layer that only moves data is not computed itself.
    const std::int64_t others = cause.layers - (cause.subject == cause.first ? 1 : 0);
    std::string what = cause.subject != cause.first
                           ? fmt::format("makes `{}`{} compute all positions at once",
                                         network.layers()[cause.first].name,
                                         others > 1 ? fmt::format(" and {} more", others - 1) : "")
                           : fmt::format("computes all positions at once{}",
                                         others > 0 ? fmt::format(", as {} after it", others) : "");
    warnings.push_back(
        {"W-SYNTH-001", subject.name,
         fmt::format("{}, in about {} operations: {}", what, cause.operations, words.reason),
         std::move(words.help)});
  }
  for (const std::size_t layer : declined_) {
    warnings.push_back({"W-SYNTH-002", network.layers()[layer].name,
                        "reuse has no effect: all its positions are computed at once",
                        "see what keeps its positions from coming one after the other"});
  }
  return warnings;
}

}  // namespace sluice::synth
