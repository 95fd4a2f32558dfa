#include "sluice/engine/engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "sluice/base/error.hpp"
#include "sluice/network/testing/random_network.hpp"
#include "sluice/network/testing/reference_evaluate.hpp"
#include "sluice/network/text.hpp"

namespace sluice::engine {
namespace {

using fixed::Overflow;
using fixed::Quantizer;
using fixed::Rounding;
using network::Affine;
using network::Clamp;
using network::Dense;
using network::Input;
using network::LayerId;
using network::Network;
using network::Quantize;
using Mantissas = std::vector<std::int64_t>;

/// Mantissas in their containers.
struct Packed {
  int container_bits;
  std::vector<std::byte> bytes;

  Packed(const EventLayout& layout, std::size_t events)
      : container_bits(layout.container_bits()), bytes(events * layout.event_bytes()) {}
  Packed(const EventLayout& layout, const Mantissas& mantissas)
      : Packed(layout, mantissas.size() / layout.elements()) {
    std::visit(
        [&](auto to) {
          using T = typename decltype(to)::value_type;
          for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<T>(mantissas[i]);
        },
        as_mantissas(std::span<std::byte>(bytes), container_bits));
  }
  ConstEvents in() const { return as_mantissas(std::span<const std::byte>(bytes), container_bits); }
  Events out() { return as_mantissas(std::span<std::byte>(bytes), container_bits); }
  Mantissas mantissas() const {
    return std::visit([](auto span) { return Mantissas(span.begin(), span.end()); }, in());
  }
};

Mantissas run(const Engine& engine, const Mantissas& events) {
  const Packed inputs(engine.input(), events);
  Packed outputs(engine.output(), events.size() / engine.input().elements());
  engine.run(inputs.in(), outputs.out());
  return outputs.mantissas();
}

Mantissas reference(const Network& network, const Mantissas& events) {
  std::size_t elements = 0;
  for (const LayerId id : network.inputs()) elements += network.layer(id).type.ranges.size();
  Mantissas outputs;
  for (std::size_t begin = 0; begin < events.size(); begin += elements) {
    const Mantissas event =
        network::testing::reference_evaluate(network, std::span(events).subspan(begin, elements));
    outputs.insert(outputs.end(), event.begin(), event.end());
  }
  return outputs;
}

std::string plan_text(const Engine& engine) {
  std::string text;
  for (const PlanRow& row : engine.plan()) {
    text += row.layers + ": " + std::string(to_string(row.type)) + ", " + row.reason + "\n";
  }
  return text;
}

void expect_exact(const Network& network, const Mantissas& events) {
  const Mantissas expected = reference(network, events);
  for (const std::string& target : supported_targets()) {
    const Engine engine(network, {.target = target});
    const Mantissas found = run(engine, events);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(found.at(i), expected[i]) << target << ", event " << i / engine.output().elements()
                                          << ", element " << i % engine.output().elements() << "\n"
                                          << print(network) << plan_text(engine);
    }
  }
}

Mantissas events_for(const Network& network, int random_events) {
  return network::testing::corner_and_random_events(network, 7, random_events);
}

TEST(Engine, EqualsTheReferenceOnRandomNetworks) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    const Network network = network::testing::random_network(seed, {.widest_bits = 16});
    ASSERT_NO_FATAL_FAILURE(expect_exact(network, events_for(network, 40)));
  }
}

TEST(Engine, EqualsTheReferenceOnWideRandomNetworks) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    const Network network =
        network::testing::random_network(seed, {.layers = 12, .widest_bits = 44});
    ASSERT_NO_FATAL_FAILURE(expect_exact(network, events_for(network, 40)));
  }
}

TEST(Engine, EqualsTheReferenceOnPerceptrons) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    SCOPED_TRACE(seed);
    const Network network = network::testing::random_mlp(seed, {.weight_sigma = 1 << 9});
    ASSERT_NO_FATAL_FAILURE(expect_exact(network, events_for(network, 300)));
  }
}

TEST(Engine, EveryBatchSizeGivesTheSame) {
  const Network network = network::testing::random_mlp(3, {.units = {5, 7, 3}});
  const Mantissas events = events_for(network, 300);
  const Mantissas expected = reference(network, events);
  for (const std::string& target : supported_targets()) {
    const Engine engine(network, {.target = target});
    for (const std::size_t count : {0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 127, 128, 129, 257, 300}) {
      const Mantissas batch(events.begin(), events.begin() + static_cast<long>(count) * 5);
      EXPECT_EQ(run(engine, batch),
                Mantissas(expected.begin(), expected.begin() + static_cast<long>(count) * 3))
          << target << ", " << count << " events";
    }
  }
}

TEST(Engine, ThreadsGiveTheSame) {
  const Network network = network::testing::random_mlp(4, {.units = {4, 9, 2}});
  const Mantissas events = events_for(network, 200'000);
  const Mantissas expected = run(Engine(network), events);
  for (const int threads : {0, 2, 3}) {
    EXPECT_EQ(run(Engine(network, {.threads = threads}), events), expected) << threads;
  }
}

constexpr Quantizer kInput16{{16, 10, true}, Rounding::rnd_conv, Overflow::sat};

/// input -> dense -> clamp at 0 -> quantize.
Network one_layer(const Quantizer& input, const Dense& dense, const Quantizer& to) {
  Network network;
  LayerId x = network.append("x", Input{{dense.inputs}, input}, {});
  x = network.append("dense", dense, {x});
  x = network.append("relu", Clamp{.lower = 0}, {x});
  network.add_output(network.append("quantize", Quantize{{to}}, {x}));
  return network;
}

void expect_type(const Network& network, MachineType type) {
  const Engine engine(network);
  ASSERT_EQ(engine.plan().size(), 1u) << plan_text(engine);
  EXPECT_EQ(engine.plan().front().type, type) << plan_text(engine);
  EXPECT_FALSE(engine.plan().front().reason.empty());
  expect_exact(network, events_for(network, 200));
}

constexpr Quantizer kOutput{{15, 10, false}, Rounding::rnd_conv, Overflow::sat};

TEST(EngineTypes, SixteenBitPairsUpToTheLastBitOfTheSum) {
  // The largest sum is 32768 * 65535 + 32767 = 2^31 - 1: it fits, the bias 1 more does not.
  Dense dense{2, 1, {-32768, -32767}, 10, {32767}, 20};
  expect_type(one_layer(kInput16, dense, kOutput), MachineType::int16_pairs);
  dense.bias = {32768};
  expect_type(one_layer(kInput16, dense, kOutput), MachineType::float64);
}

TEST(EngineTypes, PartialSumsMayWrap) {
  // Two products of -32768 * -32768 in one pair exceed 32 bits; the bias brings the sum back.
  const Quantizer unsigned_input{{15, 0, false}, Rounding::trn, Overflow::sat};
  Network network;
  const LayerId x = network.append("x", Input{{4}, unsigned_input}, {});
  const LayerId shifted =
      network.append("shift", Affine{{1, 1, 1, 1}, 0, {-32768, -32768, -32768, -32768}, 0}, {x});
  const LayerId dense = network.append(
      "dense", Dense{4, 1, {-32768, -32768, 0, 0}, 0, {-1'000'000'000}, 0}, {shifted});
  network.add_output(dense);
  const Engine engine(network);
  EXPECT_EQ(engine.plan().back().type, MachineType::int16_pairs) << plan_text(engine);
  expect_exact(network, events_for(network, 100));
}

TEST(EngineTypes, UnsignedSixteenBitsFitPairs) {
  const Quantizer unsigned16{{16, 6, false}, Rounding::rnd, Overflow::sat};
  expect_type(one_layer(unsigned16, {3, 2, {1, -2, 300, 4, -5, 600}, 3, {7, -8}, 5}, kOutput),
              MachineType::int16_pairs);
}

TEST(EngineTypes, Int32ForWideWeightsOrOperands) {
  expect_type(one_layer(kInput16, {2, 1, {40000, -7}, 10, {3}, 4}, kOutput), MachineType::int32);
  const Quantizer wide{{20, 3, true}, Rounding::trn, Overflow::wrap};
  expect_type(one_layer(wide, {2, 2, {5, -7, 0, 1000}, 2, {3, 4}, 4}, kOutput), MachineType::int32);
}

TEST(EngineTypes, DoubleUpTo53Bits) {
  // 2^15 * 2^38 = 2^53 is the largest magnitude; one more needs 64-bit integers.
  Dense dense{1, 1, {std::int64_t{1} << 38}, 10, {0}, 0};
  expect_type(one_layer(kInput16, dense, kOutput), MachineType::float64);
  dense.weights = {(std::int64_t{1} << 38) + 1};
  expect_type(one_layer(kInput16, dense, kOutput), MachineType::int64);
}

TEST(EngineTypes, Int64UpToTheLastBit) {
  const Quantizer full{{64, 20, true}, Rounding::trn, Overflow::sat};
  const Quantizer wide{{60, 7, true}, Rounding::rnd_conv, Overflow::wrap};
  expect_type(one_layer(full, {1, 1, {1}, 0, {0}, 0}, wide), MachineType::int64);
  expect_type(one_layer({{40, 0, true}, Rounding::trn, Overflow::sat},
                        {2, 1, {1 << 21, -(1 << 20)}, 0, {5}, 0}, wide),
              MachineType::int64);
}

TEST(EngineTypes, EveryRoundingAndOverflowOnEveryPath) {
  struct Path {
    MachineType type;
    std::int64_t weight;
  };
  for (const Path path : {Path{MachineType::int16_pairs, 3}, Path{MachineType::int32, 49155},
                          Path{MachineType::float64, std::int64_t{3} << 30},
                          Path{MachineType::int64, std::int64_t{3} << 50}}) {
    for (const Rounding rounding : fixed::kAllRoundings) {
      for (const Overflow overflow : fixed::kAllOverflows) {
        for (const bool is_signed : {false, true}) {
          for (const int frac_bits : {1, 3, 5, 7}) {
            const Quantizer to{{5, frac_bits, is_signed}, rounding, overflow};
            // Scaled so that the same bits are dropped on every path, ties included.
            int weight_frac_bits = 0;
            for (std::int64_t w = path.weight; w >= 6; w /= 2) ++weight_frac_bits;
            Network network;
            const LayerId x =
                network.append("x", Input{{1}, {{9, 4, true}, rounding, overflow}}, {});
            const LayerId y =
                network.append("y", Dense{1, 1, {path.weight}, weight_frac_bits, {0}, 0}, {x});
            network.add_output(network.append("q", Quantize{{to}}, {y}));
            Mantissas all;
            const fixed::Interval range = network.layer(x).type.ranges.front();
            for (std::int64_t m = range.min; m <= range.max; ++m) all.push_back(m);
            ASSERT_EQ(Engine(network).plan().front().type, path.type) << plan_text(Engine(network));
            ASSERT_NO_FATAL_FAILURE(expect_exact(network, all));
          }
        }
      }
    }
  }
}

TEST(EngineTypes, ElementsMayMixOverflowModes) {
  std::vector<Quantizer> mixed;
  for (const Overflow overflow : fixed::kAllOverflows) {
    mixed.push_back({{6, 4, true}, Rounding::rnd, overflow});
    mixed.push_back({{5, 6, false}, Rounding::trn_zero, overflow});
  }
  Network network;
  const LayerId x = network.append("x", Input{{8}, kInput16}, {});
  network.add_output(network.append("q", Quantize{mixed}, {x}));
  expect_exact(network, events_for(network, 500));
}

TEST(EngineTypes, ShiftsBeyondTheWordAreExact) {
  for (const int frac_bits : {-70, -40, 60, 70}) {
    for (const Rounding rounding : fixed::kAllRoundings) {
      Network network;
      const LayerId x = network.append("x", Input{{1}, {{9, 4, true}}}, {});
      const Quantizer to{{4, frac_bits, true}, rounding, Overflow::sat};
      network.add_output(network.append("q", Quantize{{to}}, {x}));
      expect_exact(network, events_for(network, 50));
    }
  }
}

TEST(Engine, FusesDenseAffineClampAndQuantize) {
  Network network;
  LayerId x = network.append("x", Input{{2}, kInput16}, {});
  x = network.append("dense", Dense{2, 2, {1, 2, 3, 0}, 2, {0, 1}, 3}, {x});
  x = network.append("norm", Affine{{3, -2}, 1, {5, 6}, 4}, {x});
  x = network.append("relu", Clamp{.lower = 0}, {x});
  x = network.append("q", Quantize{{kOutput}}, {x});
  network.add_output(x);
  const Engine engine(network);
  ASSERT_EQ(engine.plan().size(), 1u);
  EXPECT_EQ(engine.plan()[0].layers, "dense + norm + relu + q");
  EXPECT_EQ(engine.plan()[0].units, 2u);
  EXPECT_EQ(engine.plan()[0].products, 3u);
  expect_exact(network, events_for(network, 50));
}

TEST(Engine, ALayerWithTwoUsersIsKept) {
  Network network;
  const LayerId x = network.append("x", Input{{2}, kInput16}, {});
  const LayerId dense = network.append("dense", Dense{2, 1, {1, 2}, 2, {1}, 3}, {x});
  network.add_output(network.append("relu", Clamp{.lower = 0}, {dense}));
  network.add_output(dense);
  network.add_output(x);
  EXPECT_EQ(Engine(network).plan().size(), 2u);
  expect_exact(network, events_for(network, 50));
}

TEST(Engine, RealsEqualMantissas) {
  const Network network = network::testing::random_mlp(5, {.units = {6, 8, 2}});
  const Mantissas events = events_for(network, 200);
  for (const std::string& target : supported_targets()) {
    const Engine engine(network, {.target = target});
    const Mantissas expected = run(engine, events);
    std::vector<double> reals;
    for (const std::int64_t mantissa : events) reals.push_back(fixed::to_double(mantissa, 10));
    std::vector<double> doubles(expected.size());
    engine.run(reals, doubles);
    const std::vector<float> floats(reals.begin(), reals.end());
    std::vector<float> float_outputs(expected.size());
    engine.run(floats, float_outputs);
    Packed mantissas(engine.output(), expected.size() / 2);
    engine.run(floats, mantissas.out());
    EXPECT_EQ(mantissas.mantissas(), expected);
    const int frac_bits = engine.output().segments.front().quantizer.format.frac_bits;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(doubles[i], fixed::to_double(expected[i], frac_bits)) << target << " " << i;
      ASSERT_EQ(float_outputs[i], static_cast<float>(doubles[i])) << target << " " << i;
    }
  }
}

template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const UsageError& error) {
    return error.code() + " " + error.subject() + ": " + error.message();
  }
  return "no error";
}

TEST(Engine, NamesTheFirstBadInput) {
  const Network network = network::testing::random_mlp(5, {.units = {6, 3, 2}});
  for (const int threads : {1, 2}) {
    const Engine engine(network, {.threads = threads});
    std::vector<float> reals(6 * 40'000, 0.5F);
    std::vector<float> outputs(2 * 40'000);
    reals[6 * 31'234 + 1] = std::numeric_limits<float>::quiet_NaN();
    reals[6 * 20'001 + 4] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(error_of([&] { engine.run(reals, outputs); }),
              "E-ENGINE-003 input: event 20001, element 4 is NaN");
    reals[6 * 20'001 + 4] = std::numeric_limits<float>::infinity();
    reals[6 * 31'234 + 1] = -std::numeric_limits<float>::infinity();
    EXPECT_NO_THROW(engine.run(reals, outputs));
  }
}

TEST(Engine, RefusesMantissasOutsideOfTheFormat) {
  const Engine engine(one_layer({{12, 4, true}, Rounding::trn, Overflow::sat_sym},
                                {2, 1, {1, 2}, 0, {0}, 0}, kOutput));
  const std::vector<std::int16_t> events{0, 2047, -2047, 1, 5, 2048};
  std::vector<std::int16_t> outputs(3);
  EXPECT_EQ(error_of([&] { engine.run(events, outputs); }),
            "E-ENGINE-007 x: event 2, element 1 is 2048, which the input's format s12.4 never "
            "yields");
  const std::vector<std::int16_t> lowest{0, -2048};
  EXPECT_THROW(engine.run(lowest, std::span(outputs).first(1)), UsageError);
}

TEST(Engine, RefusesWrongTypesAndSizes) {
  const Engine engine(one_layer(kInput16, {2, 1, {1, 2}, 0, {0}, 0}, kOutput));
  std::vector<std::int16_t> outputs(2);
  const std::vector<std::int16_t> inputs(4);
  EXPECT_NO_THROW(engine.run(inputs, outputs));
  const auto code = [&](const ConstEvents& in, const Events& out) {
    return error_of([&] { engine.run(in, out); }).substr(0, 12);
  };
  const std::vector<std::int32_t> wide(4);
  std::vector<std::int8_t> narrow(2);
  EXPECT_EQ(code(wide, outputs), "E-ENGINE-004");
  EXPECT_EQ(code(inputs, narrow), "E-ENGINE-004");
  EXPECT_EQ(code(std::span(inputs).first(3), outputs), "E-ENGINE-005");
  EXPECT_EQ(code(inputs, std::span(outputs).first(1)), "E-ENGINE-006");
  const Network network = one_layer(kInput16, {1, 1, {1}, 0, {0}, 0}, kOutput);
  EXPECT_EQ(error_of([&] { Engine(network, {.target = "MMX"}); }).substr(0, 12), "E-ENGINE-001");
  EXPECT_EQ(error_of([&] { Engine(network, {.threads = -1}); }).substr(0, 12), "E-ENGINE-008");
}

struct Stop {};

class StopAfter : public ProgressSink {
 public:
  explicit StopAfter(int updates) : left_(updates) {}
  void update(std::string_view /*stage*/, std::uint64_t done, std::uint64_t total) override {
    EXPECT_LE(done, total);
    done_ = done;
    if (--left_ == 0) throw Stop();
  }
  std::uint64_t done() const { return done_; }

 private:
  int left_;
  std::uint64_t done_ = 0;
};

TEST(Engine, ReportsProgressAndStops) {
  const Network network = one_layer(kInput16, {1, 1, {1}, 0, {0}, 0}, kOutput);
  const std::vector<std::int16_t> inputs(400'000);
  std::vector<std::int16_t> outputs(inputs.size());
  for (const int threads : {1, 2}) {
    const Engine engine(network, {.threads = threads});
    StopAfter never(-1);
    engine.run(inputs, outputs, never);
    EXPECT_EQ(never.done(), inputs.size());
    StopAfter second(2);
    EXPECT_THROW(engine.run(inputs, outputs, second), Stop);
    EXPECT_LT(second.done(), inputs.size());
  }
}

TEST(Engine, TargetsOfThisMachine) {
  const std::vector<std::string> targets = supported_targets();
  ASSERT_GE(targets.size(), 2u) << "scalar code and at least one vector target";
  EXPECT_EQ(Engine(one_layer(kInput16, {1, 1, {1}, 0, {0}, 0}, kOutput)).target(), targets.front());
  EXPECT_THAT(targets.back(), testing::AnyOf("SCALAR", "EMU128"));
}

}  // namespace
}  // namespace sluice::engine
