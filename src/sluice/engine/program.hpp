#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "sluice/engine/engine.hpp"

/// What the planner hands to the kernels. Internal to the engine.
///
/// A tile is a block of events that stays in cache. Every tensor of a tile is a set of planes, one
/// value per event each, so that a vector holds the same element of consecutive events.
namespace sluice::engine {

/// Events of a full tile; also the distance between planes, in values.
inline constexpr std::size_t kTileEvents = 128;
/// Alignment of every buffer, at least the widest vector of any target.
inline constexpr std::size_t kVectorBytes = 64;

enum class Storage : std::uint8_t {
  int16_pairs,  ///< plane p holds elements 2p (low half) and 2p + 1 (high half) of a 32-bit lane
  int32,        ///< one 32-bit plane per element
  int64,        ///< one 64-bit plane per element
};

/// Where a tensor lies in a tile's scratch memory.
struct Buffer {
  Storage storage = Storage::int64;
  std::size_t elements = 0;
  /// Stored is mantissa - offset, so that unsigned 16-bit values fit into int16_pairs.
  std::int32_t offset = 0;
  std::size_t begin_byte = 0;

  std::size_t planes() const noexcept {
    return storage == Storage::int16_pairs ? (elements + 1) / 2 : elements;
  }
  std::size_t bytes() const noexcept {
    return planes() * kTileEvents *
           (storage == Storage::int64 ? sizeof(std::int64_t) : sizeof(std::int32_t));
  }
};

/// A non-zero weight, or for int16_pairs two of which at least one is not zero.
template <class T>
struct Term {
  std::uint32_t plane;  ///< element, or pair of elements, of the step's operand
  T weight;             ///< low and high half are the weights of a pair
};

/// Which terms of a step an element sums.
struct TermRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

/// sum -> ((clamp(sum) + add + ((clamped >> sign_shift) & mask)) >> right_shift) << left_shift,
/// then the overflow rules that the step's flags name. All of it fits into 32 bits.
struct Int32Unit {
  TermRange terms;
  std::int32_t bias = 0;
  std::int32_t lower = std::numeric_limits<std::int32_t>::min();
  std::int32_t upper = std::numeric_limits<std::int32_t>::max();
  std::int32_t round_add = 0;
  std::int32_t round_mask = 0;
  int round_shift = 0;
  int right_shift = 0;
  int grow_shift = 0;  ///< to the quantiser's binary point, when it is finer
  std::int32_t min = std::numeric_limits<std::int32_t>::min();
  std::int32_t max = std::numeric_limits<std::int32_t>::max();
  std::int32_t wrap_mask = -1;
  std::int32_t wrap_sign = 0;
  int align_shift = 0;  ///< to the tensor's binary point
};

/// How a step treats values outside of the range, as far as its ranges say that there are any.
struct Int32Rules {
  bool adjusts = false;    ///< some unit has a round_mask
  bool grows = false;      ///< some unit has a grow_shift
  bool saturates = false;  ///< clamp to [min, max]
  bool zeroes = false;     ///< 0 outside of [min, max]
  bool wraps = false;      ///< keep the bits of wrap_mask
  bool aligns = false;     ///< some unit has an align_shift
};

/// Rounds an exactly scaled real number to a mantissa. T is float or double.
template <class T>
struct RealQuantizer {
  T scale = 1;  ///< 2^frac_bits, a normal number
  T tiny = 0;   ///< magnitudes below it are raised to it, so that scaling loses no sign
  bool to_even = false;
  T up = 2;     ///< otherwise fractions above `up` round up,
  T down = -2;  ///< and those below `down` round down
  fixed::Overflow overflow = fixed::Overflow::sat;
  T min = 0;  ///< range of mantissas
  T max = 0;
  T modulus = 1;  ///< 2^width, for wrap
  T inverse_modulus = 1;
};

struct Float64Unit {
  TermRange terms;
  double bias = 0;
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  RealQuantizer<double> quantizer;
  double align = 1;  ///< power of two to the tensor's binary point
};

/// The general case; follows the layers literally.
struct Int64Unit {
  TermRange terms;
  std::int64_t bias = 0;
  std::int64_t lower = std::numeric_limits<std::int64_t>::min();
  std::int64_t upper = std::numeric_limits<std::int64_t>::max();
  fixed::Quantizer quantizer;
  int align_shift = 0;
};

/// Computes every element of `out` from `in`; the vectors of one machine type are filled.
struct Step {
  MachineType type = MachineType::int64;
  bool quantizes = false;  ///< float64, int64: the units' quantisers count
  int sum_frac_bits = 0;
  std::size_t in = 0;  ///< buffers of the program
  std::size_t out = 0;
  Int32Rules rules;
  std::vector<Int32Unit> int32_units;  ///< int16_pairs and int32
  std::vector<Float64Unit> float64_units;
  std::vector<Int64Unit> int64_units;
  std::vector<Term<std::int32_t>> int32_terms;
  std::vector<Term<double>> float64_terms;
  std::vector<Term<std::int64_t>> int64_terms;
};

/// Element `element` of a buffer, times 2^left_shift; 0 where `buffer` is kNoBuffer.
struct Source {
  static constexpr std::uint32_t kNoBuffer = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t buffer = kNoBuffer;
  std::uint32_t element = 0;
  int left_shift = 0;
};

/// Computes every element of `out` from a few elements of other buffers, without weights: the
/// first source of an element, combined with each further one.
struct ElementStep {
  enum class Kind : std::uint8_t { copy, add, subtract, multiply, maximum, minimum, lookup };
  Kind kind = Kind::copy;
  MachineType type = MachineType::int64;  ///< int32 or int64
  std::size_t out = 0;
  std::size_t sources_per_element = 1;
  std::vector<Source> sources;                 ///< [elements][sources_per_element]
  std::vector<network::Lookup::Table> tables;  ///< lookup: element i uses tables[i % size]
};

struct Program {
  EventLayout input, output;
  std::vector<std::size_t> input_buffers, output_buffers;  ///< one per segment
  std::vector<fixed::Interval> input_ranges;  ///< mantissas that inputs may have, per segment
  std::vector<Buffer> buffers;
  std::vector<std::variant<Step, ElementStep>> steps;
  std::vector<PlanRow> plan;
  std::size_t scratch_bytes = 0;
};

/// Plans `network`. Throws InternalError for a malformed one.
Program plan_network(const network::Network& network);

/// How real numbers are brought to `to`; false when T cannot do it exactly with vectors.
template <class T>
bool plan_real_quantizer(const fixed::Quantizer& to, int frac_bits_of_operand,
                         RealQuantizer<T>& planned);

}  // namespace sluice::engine
