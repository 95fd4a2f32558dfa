// docs/reference/layers.md: every layer and quantiser of tests/data, in the framework's float64
// numbers and in every engine.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sluice/base/npy.hpp"
#include "sluice/circuit/interpreter.hpp"
#include "sluice/engine/engine.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/frontend/testing/document_table.hpp"
#include "sluice/frontend/testing/evaluate.hpp"
#include "sluice/synth/lower.hpp"

namespace sluice {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = SLUICE_SOURCE_DIR;

struct Source {
  const char* framework;
  const char* model;
  const char* vectors;
};
constexpr Source kSources[] = {
    {"Keras, QKeras", "layers_conv2d.h5", "layers_conv2d_vectors.npz"},
    {"Keras, QKeras", "layers_conv1d.h5", "layers_conv1d_vectors.npz"},
    {"Keras", "layers_transposed.h5", "layers_transposed_vectors.npz"},
    {"Keras", "layers_einsum.h5", "layers_einsum_vectors.npz"},
    {"Keras, QKeras", "layers_pooling.h5", "layers_pooling_vectors.npz"},
    {"Keras", "layers_movement.h5", "layers_movement_vectors.npz"},
    {"Keras", "layers_merge.h5", "layers_merge_vectors.npz"},
    {"Keras, QKeras", "layers_nested.h5", "layers_nested_vectors.npz"},
    {"Keras, QKeras", "layers_activation.h5", "layers_activation_vectors.npz"},
    {"QKeras", "layers_quantizer.h5", "layers_quantizer_vectors.npz"},
    {"QKeras", "layers_power_of_two.h5", "layers_power_of_two_vectors.npz"},
    {"QKeras", "layers_qkeras_more.h5", "layers_qkeras_more_vectors.npz"},
    {"HGQ2", "hgq2_convolution.keras", "hgq2_convolution.npz"},
    {"HGQ2", "hgq2_merge.keras", "hgq2_merge.npz"},
    {"HGQ2", "hgq2_activation.keras", "hgq2_activation.npz"},
};

/// What one output of a model says about the layers that lead to it.
struct Row {
  std::string layers;
  std::string quantizers;
  std::size_t elements = 0;  ///< compared
  std::size_t network = 0;   ///< of these that differ from the framework
  std::size_t engine = 0;    ///< and from the network, on any SIMD target
  std::size_t circuit = 0;
};

class Comparison {
 public:
  explicit Comparison(const Source& source)
      : model_(frontend::import_model(kSource / "tests/data" / source.model)),
        vectors_(load_npz(kSource / "tests/data" / source.vectors)) {
    const network::Network& net = model_.network;
    for (const frontend::LayerSummary& layer : model_.source.layers) {
      for (const std::string& name : layer.network_layers) owners_[name] = &layer;
    }
    for (const network::LayerId id : net.outputs()) {
      Row& row = rows_.emplace_back();
      describe(id, row);
    }
  }

  const std::vector<Row>& run() {
    const network::Network& net = model_.network;
    std::vector<std::vector<double>> inputs;
    for (std::size_t i = 0; i < net.inputs().size(); ++i) {
      inputs.push_back(vectors_.at(fmt::format("x_{}", i)).to_double());
    }
    const auto events = static_cast<std::size_t>(vectors_.at("x_0").shape[0]);
    std::vector<double> reals;
    for (std::size_t event = 0; event < events; ++event) {
      for (const std::vector<double>& input : inputs) {
        const auto width = static_cast<std::ptrdiff_t>(input.size() / events);
        const auto first = input.begin() + static_cast<std::ptrdiff_t>(event) * width;
        reals.insert(reals.end(), first, first + width);
      }
    }
    compare_network(reals, events);
    compare_others(events);
    return rows_;
  }

 private:
  const frontend::LayerSummary* owner(network::LayerId id) const {
    const auto found = owners_.find(model_.network.layer(id).name);
    return found == owners_.end() ? nullptr : found->second;
  }

  // The classes on the way from the input's own quantiser to the output.
  void describe(network::LayerId output, Row& row) const {
    std::vector<std::string> classes;
    std::vector<std::string> quantizers;
    std::set<network::LayerId> seen;
    std::vector<network::LayerId> front{output};
    std::set<const frontend::LayerSummary*> known;
    while (!front.empty()) {
      const network::LayerId id = front.back();
      front.pop_back();
      if (!seen.insert(id).second) continue;
      const frontend::LayerSummary* const layer = owner(id);
      if (layer != nullptr && layer->class_name != "InputLayer" && known.insert(layer).second) {
        classes.insert(classes.begin(), layer->class_name);
        for (const auto& [role, text] : layer->quantizers) {
          quantizers.insert(quantizers.begin(), fmt::format("{} {}", role, text));
        }
      }
      for (const network::LayerId operand : model_.network.layer(id).operands) {
        front.push_back(operand);
      }
    }
    row.layers = fmt::format("{}", fmt::join(classes, ", "));
    row.quantizers = fmt::format("{}", fmt::join(quantizers, "; "));
  }

  void compare_network(const std::vector<double>& reals, std::size_t events) {
    const network::Network& net = model_.network;
    const std::size_t width = reals.size() / events;
    for (std::size_t event = 0; event < events; ++event) {
      const std::span<const double> one = std::span(reals).subspan(event * width, width);
      std::size_t next = 0;
      for (const network::LayerId id : net.inputs()) {
        const auto& input = std::get<network::Input>(net.layer(id).op);
        for (std::int64_t i = 0; i < network::element_count(input.shape); ++i) {
          mantissas_.push_back(fixed::quantize_real(one[next++], input.quantizer));
        }
      }
      const std::vector<std::int64_t> got = frontend::testing::evaluate_reals(net, one);
      expected_.insert(expected_.end(), got.begin(), got.end());
      std::size_t element = 0;
      for (std::size_t k = 0; k < rows_.size(); ++k) {
        const network::Layer& layer = net.layer(net.outputs()[k]);
        const std::vector<double>& wanted = framework(k);
        const std::size_t count = layer.type.ranges.size();
        for (std::size_t i = 0; i < count; ++i) {
          const double value = fixed::to_double(got[element++], layer.type.format.frac_bits);
          rows_[k].network += value != wanted.at(event * count + i) ? 1 : 0;
        }
        rows_[k].elements += count;
      }
    }
  }

  const std::vector<double>& framework(std::size_t k) {
    const network::LayerId id = model_.network.outputs()[k];
    const frontend::LayerSummary* const layer = owner(id);
    const std::string name = layer != nullptr ? layer->name : model_.network.layer(id).name;
    auto [known, is_new] = framework_.try_emplace(k);
    if (is_new) known->second = vectors_.at("y_" + name).to_double();
    return known->second;
  }

  void compare_others(std::size_t events) {
    const circuit::Circuit circuit = synth::lower(model_.network);
    const circuit::Interpreter interpreter(circuit, circuit::Checking::ranges);
    std::vector<std::int64_t> found(expected_.size());
    interpreter.run(mantissas_, found);
    count_differences(found, events, &Row::circuit);
    for (const std::string& target : engine::supported_targets()) {
      const engine::Engine engine(model_.network, {.target = target});
      count_differences(run_engine(engine), events, &Row::engine);
    }
  }

  // Every mantissa fits a 64-bit integer, and the layout asks for the smallest that holds all.
  std::vector<std::int64_t> run_engine(const engine::Engine& engine) const {
    const auto run = [&]<class In, class Out>(In, Out) {
      const std::vector<In> in(mantissas_.begin(), mantissas_.end());
      std::vector<Out> out(expected_.size());
      engine.run(std::span<const In>(in), std::span<Out>(out));
      return std::vector<std::int64_t>(out.begin(), out.end());
    };
    const auto with_output = [&]<class In>(In in) {
      switch (engine.output().container_bits()) {
        case 8:
          return run(in, std::int8_t{});
        case 16:
          return run(in, std::int16_t{});
        case 32:
          return run(in, std::int32_t{});
        default:
          return run(in, std::int64_t{});
      }
    };
    switch (engine.input().container_bits()) {
      case 8:
        return with_output(std::int8_t{});
      case 16:
        return with_output(std::int16_t{});
      case 32:
        return with_output(std::int32_t{});
      default:
        return with_output(std::int64_t{});
    }
  }

  void count_differences(const std::vector<std::int64_t>& found, std::size_t events,
                         std::size_t Row::*counter) {
    std::size_t next = 0;
    for (std::size_t event = 0; event < events; ++event) {
      for (std::size_t k = 0; k < rows_.size(); ++k) {
        const network::LayerId id = model_.network.outputs()[k];
        for (std::size_t i = 0; i < model_.network.layer(id).type.ranges.size(); ++i, ++next) {
          rows_[k].*counter += found[next] != expected_[next] ? 1 : 0;
        }
      }
    }
  }

  frontend::Imported model_;
  std::map<std::string, NpyArray> vectors_;
  std::map<std::string, const frontend::LayerSummary*> owners_;
  std::map<std::size_t, std::vector<double>> framework_;
  std::vector<Row> rows_;
  std::vector<std::int64_t> mantissas_;
  std::vector<std::int64_t> expected_;
};

TEST(LayerTable, IsWhatTheDocumentSays) {
  std::string table =
      "| framework | layers | quantisers | elements | differ from the framework | SIMD engine | "
      "circuit |\n|---|---|---|---|---|---|---|\n";
  for (const Source& source : kSources) {
    Comparison comparison(source);
    for (const Row& row : comparison.run()) {
      EXPECT_EQ(row.network + row.engine + row.circuit, 0u) << source.model << ": " << row.layers;
      table += fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", source.framework, row.layers,
                           row.quantizers, row.elements, row.network, row.engine, row.circuit);
    }
  }
  frontend::testing::expect_table_at_end("docs/reference/layers.md", table);
}

}  // namespace
}  // namespace sluice
