#include "sluice/compiler/test_vectors.hpp"

#include <algorithm>
#include <array>

#include "sluice/circuit/interpreter.hpp"
#include "sluice/fixed/interval.hpp"

namespace sluice::compiler {

namespace {

// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere, unlike the distributions of
// the standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  std::int64_t in(const fixed::Interval& range) {
    const std::uint64_t span =
        static_cast<std::uint64_t>(range.max) - static_cast<std::uint64_t>(range.min);
    const std::uint64_t draw = span == ~std::uint64_t{0} ? next() : next() % (span + 1);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(range.min) + draw);
  }

 private:
  std::uint64_t state_;
};

constexpr int kCorners = 5;

std::int64_t corner(const fixed::Interval& range, int which) {
  const std::array<std::int64_t, kCorners> corners{range.min, range.max, 0, -1, 1};
  return std::clamp(corners.at(static_cast<std::size_t>(which)), range.min, range.max);
}

std::vector<fixed::Interval> element_ranges(const circuit::Circuit& circuit) {
  std::vector<fixed::Interval> ranges;
  for (const circuit::Port& port : circuit.inputs) {
    fixed::Interval range = fixed::range_of(port.quantizer.format);
    if (port.quantizer.overflow == fixed::Overflow::sat_sym) {
      range.min = std::max(range.min, -range.max);
    }
    ranges.insert(ranges.end(), static_cast<std::size_t>(port.elements), range);
  }
  return ranges;
}

}  // namespace

std::vector<std::int64_t> make_inputs(const circuit::Circuit& circuit, std::int64_t events,
                                      std::uint64_t seed) {
  const std::vector<fixed::Interval> ranges = element_ranges(circuit);
  std::vector<std::int64_t> inputs;
  inputs.reserve(static_cast<std::size_t>(events) * ranges.size());
  Random random(seed);
  for (std::int64_t event = 0; event < events; ++event) {
    for (const fixed::Interval& range : ranges) {
      // All elements at one corner; then every element at a corner of its own; then anything.
      if (event < kCorners) {
        inputs.push_back(corner(range, static_cast<int>(event)));
      } else if (event % 16 == 0) {
        inputs.push_back(corner(range, static_cast<int>(random.next() % kCorners)));
      } else {
        inputs.push_back(random.in(range));
      }
    }
  }
  return inputs;
}

std::int64_t operations_per_event(const circuit::Circuit& circuit) {
  std::int64_t operations = std::ssize(circuit.function.instrs()) + 1;
  for (const circuit::Process& process : circuit.processes) {
    operations +=
        tick_count(process) * (std::ssize(process.function.instrs()) + std::ssize(process.sources));
  }
  return operations;
}

std::vector<std::int64_t> interpret(const circuit::Circuit& circuit,
                                    const std::vector<std::int64_t>& inputs) {
  const circuit::Interpreter interpreter(circuit);
  const std::size_t events = inputs.size() / static_cast<std::size_t>(interpreter.input_elements());
  std::vector<std::int64_t> outputs(events *
                                    static_cast<std::size_t>(interpreter.output_elements()));
  interpreter.run(inputs, outputs);
  return outputs;
}

}  // namespace sluice::compiler
