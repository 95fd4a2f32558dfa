#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/fixed/quantize.hpp"
#include "sluice/network/network.hpp"

namespace sluice::frontend {

/// A function of one real number whose results no fixed-point format holds; with the quantiser that
/// follows it becomes an exact table.
struct UnaryFunction {
  std::string name;  ///< in the user's words
  /// A value that the function surely has between: two doubles that enclose f(x), equal where
  /// f(x) is exact.
  struct Enclosure {
    double low = 0;
    double high = 0;
  };
  std::function<Enclosure(long double x)> enclose;
  bool is_monotonic = true;
};

/// sigmoid, tanh, hard_sigmoid, elu, selu, softplus, softsign, exponential, swish, silu, gelu;
/// `alpha` is that of elu. Nothing for other names.
std::optional<UnaryFunction> unary_function(std::string_view name, double alpha = 1.0);

/// x for x > threshold, else slope * (x - threshold), as Keras computes it.
UnaryFunction leaky_function(double slope, double threshold);

/// The same function in float64.
std::function<double(double)> real_function(UnaryFunction function);

/// 1 for x >= 0, else -1, or 0 for the step.
UnaryFunction sign_function();
UnaryFunction step_function();

/// The sign of x where |x| >= threshold, else 0.
UnaryFunction dead_zone_function(double threshold);

/// The powers of two of QKeras: the exponent is the nearest among the logarithms.
struct PowersOfTwo {
  int least = 0;  ///< exponents
  int most = 0;
  double max_value = 0;  ///< above 0: limits |x| first
  bool even = false;     ///< exponents are twice the nearest of log2(x) / 2, from `least` to `most`
  bool rectifies = false;  ///< below 0: the power of -x * negative_slope, negative; or of 0
  double negative_slope = 0;
};
/// The sign of x times a power of two. As in QKeras 0 counts as positive, and below 1e-7 the
/// exponent is `least`.
UnaryFunction power_of_two_function(const PowersOfTwo& powers);

/// x * min(max(x + shift, 0), bound) / bound
UnaryFunction hard_swish_function(double shift, double bound);

/// a / b, of numbers of one sign; infinite where b is 0.
UnaryFunction::Enclosure enclose_quotient(long double a, long double b);

/// x / divisor.
UnaryFunction quotient_function(double divisor);

/// The mantissa, in the quantiser's format, of f(mantissa * 2^-frac_bits): the rounding of the real
/// number, not of a double. Throws ModelError, without a subject, where the enclosure does not
/// decide it.
std::int64_t quantized_value(const UnaryFunction& function, std::int64_t mantissa, int frac_bits,
                             const fixed::Quantizer& to);

/// The part of `range` outside of which the function is constant; the whole where finding it would
/// take too long.
fixed::Interval varying_part(const fixed::Interval& range, bool is_monotonic,
                             const std::function<std::int64_t(std::int64_t)>& value);

/// Throws ModelError, without a subject, when a table over `range` has too many entries.
void check_table_entries(const fixed::Interval& range, std::string_view function,
                         const fixed::Format& operand);

/// The mantissa that both ends of an enclosure round to; throws ModelError where they differ.
std::int64_t decided(const UnaryFunction& function, std::int64_t low, std::int64_t high);

/// The function and the quantiser behind it over all that `x` can be: a clamp to where the table
/// is not constant, then the table.
struct UnaryLayers {
  network::Clamp clamp;
  network::Lookup lookup;
};

/// Throws ModelError, without a subject, when the table needs too many entries.
UnaryLayers tabulate(const UnaryFunction& function, const network::Quantize& quantize,
                     const network::TensorType& x);

}  // namespace sluice::frontend
