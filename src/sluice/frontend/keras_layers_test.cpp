#include <gtest/gtest.h>

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <string>

#include "sluice/base/npy.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/frontend/testing/evaluate.hpp"
#include "sluice/network/verify.hpp"

namespace sluice::frontend {
namespace {

const std::filesystem::path kData = std::filesystem::path(SLUICE_SOURCE_DIR) / "tests/data";

/// Every output of a model against Keras or QKeras in float64.
class LayersAgainstKeras : public ::testing::TestWithParam<const char*> {};

/// The Keras layer whose last layer `name` of the network is.
std::string keras_layer(const ModelSource& source, const std::string& name) {
  for (const LayerSummary& layer : source.layers) {
    if (!layer.network_layers.empty() && layer.network_layers.back() == name) return layer.name;
  }
  return name;
}

TEST_P(LayersAgainstKeras, EveryOutputIsExact) {
  const std::string stem = fmt::format("layers_{}", GetParam());
  const Imported model = import_model(kData / (stem + ".h5"));
  const network::Network& net = model.network;
  EXPECT_NO_THROW(network::verify(net));
  const auto vectors = load_npz(kData / (stem + "_vectors.npz"));
  std::vector<std::vector<double>> inputs;
  for (std::size_t i = 0; i < net.inputs().size(); ++i) {
    inputs.push_back(vectors.at(fmt::format("x_{}", i)).to_double());
  }
  std::vector<std::vector<double>> expected;
  for (const network::LayerId id : net.outputs()) {
    const std::string name = keras_layer(model.source, net.layer(id).name);
    ASSERT_TRUE(vectors.contains("y_" + name)) << name;
    expected.push_back(vectors.at("y_" + name).to_double());
  }
  const auto events = static_cast<std::size_t>(vectors.at("x_0").shape[0]);
  std::map<std::string, int> differing;
  for (std::size_t event = 0; event < events; ++event) {
    std::vector<double> reals;
    for (const std::vector<double>& input : inputs) {
      const auto width = static_cast<std::ptrdiff_t>(input.size() / events);
      const auto first = input.begin() + static_cast<std::ptrdiff_t>(event) * width;
      reals.insert(reals.end(), first, first + width);
    }
    const std::vector<std::int64_t> got = testing::evaluate_reals(net, reals);
    std::size_t next = 0;
    for (std::size_t k = 0; k < expected.size(); ++k) {
      const network::Layer& layer = net.layer(net.outputs()[k]);
      const std::size_t width = expected[k].size() / events;
      ASSERT_EQ(width, layer.type.ranges.size()) << layer.name;
      for (std::size_t i = 0; i < width; ++i) {
        const double value = fixed::to_double(got[next++], layer.type.format.frac_bits);
        if (value != expected[k][event * width + i]) ++differing[layer.name];
      }
    }
  }
  for (const auto& [layer, count] : differing) {
    ADD_FAILURE() << layer << ": " << count << " elements differ";
  }
}

INSTANTIATE_TEST_SUITE_P(Models, LayersAgainstKeras,
                         ::testing::Values("conv2d", "conv1d", "pooling", "movement", "merge",
                                           "activation", "tables", "quantizer", "power_of_two",
                                           "small_cnn"),
                         [](const auto& model) { return std::string(model.param); });

}  // namespace
}  // namespace sluice::frontend
