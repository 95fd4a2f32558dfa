#include "sluice/calibrate/real_network.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sluice/network/testing/random_network.hpp"
#include "sluice/network/testing/reference_evaluate.hpp"

namespace sluice::calibrate {
namespace {

std::vector<double> reals_of(const network::Network& net, std::span<const std::int64_t> event) {
  std::vector<double> reals;
  for (const network::LayerId id : net.inputs()) {
    const network::Layer& layer = net.layer(id);
    for (std::size_t i = 0; i < layer.type.ranges.size(); ++i) {
      reals.push_back(fixed::to_double(event[reals.size()], layer.type.format.frac_bits));
    }
  }
  return reals;
}

// Without formats to leave out it is the network itself, as long as doubles hold its sums.
TEST(RealNetwork, EqualsTheExactNetworkWhereNothingIsLeftOut) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const network::Network net = network::testing::random_network(seed);
    RealNetwork real({net, {}, {}, {}, {}});
    const auto events = network::testing::corner_and_random_events(net, seed, 5);
    const std::size_t width = real.input_elements();
    for (std::size_t first = 0; first < events.size(); first += width) {
      const auto event = std::span(events).subspan(first, width);
      const auto exact = network::testing::evaluate_layers(net, event);
      real.run(reals_of(net, event));
      for (std::size_t layer = 0; layer < exact.size(); ++layer) {
        const auto id = static_cast<network::LayerId>(layer);
        const int frac_bits = net.layer(id).type.format.frac_bits;
        for (std::size_t i = 0; i < exact[layer].size(); ++i) {
          if (std::abs(exact[layer][i]) > (std::int64_t{1} << 53)) continue;
          ASSERT_EQ(real.values(id)[i], fixed::to_double(exact[layer][i], frac_bits))
              << "seed " << seed << ", layer " << net.layer(id).name << ", element " << i;
        }
      }
    }
  }
}

TEST(RealNetwork, LeavesOutTheConfigurationsRoundingAndTriesOne) {
  const fixed::Quantizer coarse{{4, 1, true}, fixed::Rounding::rnd, fixed::Overflow::sat};
  network::Network net;
  const auto x = net.append("x", network::Input{{2}, coarse}, {});
  const auto y = net.append("y", network::Affine{{3, 3}, 0, {0, 0}, 0}, {x});
  const auto q = net.append("q", network::Quantize{{coarse}}, {y});
  net.add_output(q);
  frontend::Imported imported{net, {}, {}, {}, {}};
  for (const char* const name : {"x", "q"}) {
    imported.formats.push_back({});
    imported.formats.back().variable = "result";
    imported.formats.back().network_layer = name;
  }
  RealNetwork real(imported);
  real.run(std::vector{0.3, 100.0});
  EXPECT_EQ(real.outputs(), (std::vector{0.3 * 3, 300.0}));
  Rounding rounding{{q}, coarse, 0};
  real.run(std::vector{0.3, 100.0}, &rounding);
  EXPECT_EQ(real.outputs(), (std::vector{1.0, 3.5}));
  EXPECT_EQ(rounding.saturated, 1);
}

}  // namespace
}  // namespace sluice::calibrate
