#include "sluice/network/pack.hpp"

#include <fmt/format.h>

#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "sluice/base/error.hpp"

namespace sluice::network {

namespace {

std::vector<std::int64_t> consecutive(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  return indices;
}

std::string free_name(const Network& network, std::string name) {
  while (network.find(name)) name += '_';
  return name;
}

class Packer {
 public:
  explicit Packer(const Network& network) : network_(network), packed_(network.name()) {}

  Network run() {
    if (network_.inputs().size() > 1) add_input();
    for (std::size_t i = 0; i < network_.layers().size(); ++i) {
      if (moved_.contains(static_cast<LayerId>(i))) continue;
      const Layer& layer = network_.layers()[i];
      std::vector<LayerId> operands;
      for (const LayerId operand : layer.operands) operands.push_back(moved_.at(operand));
      moved_[static_cast<LayerId>(i)] = packed_.append(layer.name, layer.op, std::move(operands));
    }
    if (network_.outputs().size() > 1) {
      add_output();
    } else {
      packed_.add_output(moved_.at(network_.outputs().front()));
    }
    return std::move(packed_);
  }

 private:
  void add_input() {
    const Layer& first = network_.layer(network_.inputs().front());
    const auto& quantizer = std::get<Input>(first.op).quantizer;
    std::int64_t count = 0;
    for (const LayerId id : network_.inputs()) {
      const Layer& layer = network_.layer(id);
      const auto& input = std::get<Input>(layer.op);
      if (input.quantizer != quantizer) {
        throw ModelError(
            "E-NETWORK-002", layer.name,
            fmt::format("is rounded to {}, but `{}` to {}; a kernel has one input format",
                        to_string(input.quantizer.format), first.name, to_string(quantizer.format)),
            R"(give one that both fit in: {"LayerType": {"InputLayer": {"Precision": )"
            R"("ap_fixed<16,6,RND_CONV,SAT>"}}})");
      }
      count += element_count(input.shape);
    }
    const LayerId all =
        packed_.append(free_name(network_, "inputs"), Input{{count}, quantizer}, {});
    std::int64_t next = 0;
    for (const LayerId id : network_.inputs()) {
      const Layer& layer = network_.layer(id);
      const Shape& shape = std::get<Input>(layer.op).shape;
      const std::int64_t elements = element_count(shape);
      moved_[id] = packed_.append(layer.name, Gather{shape, consecutive(next, elements)}, {all});
      next += elements;
    }
  }

  void add_output() {
    std::vector<LayerId> parts;
    std::int64_t count = 0;
    for (const LayerId id : network_.outputs()) {
      parts.push_back(moved_.at(id));
      count += element_count(network_.layer(id).type.shape);
    }
    packed_.add_output(packed_.append(free_name(network_, "outputs"),
                                      Gather{{count}, consecutive(0, count)}, std::move(parts)));
  }

  const Network& network_;
  Network packed_;
  std::map<LayerId, LayerId> moved_;
};

}  // namespace

Network packed(const Network& network) {
  if (network.inputs().size() == 1 && network.outputs().size() == 1) return network;
  return Packer(network).run();
}

}  // namespace sluice::network
