#include "sluice/frontend/import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/npy.hpp"
#include "sluice/frontend/exact_evaluate.hpp"
#include "sluice/network/text.hpp"
#include "sluice/network/verify.hpp"

namespace sluice::frontend {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kData = std::filesystem::path(SLUICE_SOURCE_DIR) / "tests/data";

[[maybe_unused]] ImportOptions with_config(std::string_view json) {
  ImportOptions options;
  options.config = parse_json(json, "test");
  return options;
}

// What import_model says when it refuses; empty when it accepts.
[[maybe_unused]] std::string refusal(const std::filesystem::path& path,
                                     const ImportOptions& options = {}) {
  try {
    import_model(path, options);
  } catch (const ModelError& error) {
    EXPECT_EQ(exit_code(error.kind()), 3);
    return error.what();
  }
  return {};
}

// The events of `x` whose outputs differ from `expected` in any mantissa.
std::int64_t differing_events(const network::Network& net, const NpyArray& x,
                              const NpyArray& expected) {
  const std::vector<double> inputs = x.to_double();
  const std::vector<double> outputs = expected.to_double();
  const auto events = static_cast<std::size_t>(x.shape[0]);
  const std::size_t width = inputs.size() / events;
  const network::TensorType& type = net.layer(net.outputs().front()).type;
  EXPECT_EQ(type.ranges.size() * events, outputs.size());
  std::int64_t differing = 0;
  for (std::size_t event = 0; event < events; ++event) {
    const auto got = testing::exact_evaluate(net, std::span(inputs).subspan(event * width, width));
    bool same = true;
    for (std::size_t i = 0; i < got.size(); ++i) {
      same = same &&
             fixed::to_double(got[i], type.format.frac_bits) == outputs[event * got.size() + i];
    }
    differing += same ? 0 : 1;
  }
  return differing;
}

TEST(Import, TinyModelEqualsQkerasBitForBit) {
  const Imported model = import_model(kData / "qkeras_tiny.h5");
  EXPECT_NO_THROW(network::verify(model.network));
  const auto vectors = load_npz(kData / "qkeras_tiny_vectors.npz");
  EXPECT_EQ(differing_events(model.network, vectors.at("x"), vectors.at("y")), 0)
      << network::print(model.network);
}

TEST(Import, FunctionalModelEqualsQkerasBitForBit) {
  const Imported model = import_model(kData / "qkeras_functional.h5");
  EXPECT_NO_THROW(network::verify(model.network));
  const auto vectors = load_npz(kData / "qkeras_functional_vectors.npz");
  EXPECT_EQ(differing_events(model.network, vectors.at("x"), vectors.at("y")), 0)
      << network::print(model.network);
}

}  // namespace
}  // namespace sluice::frontend
