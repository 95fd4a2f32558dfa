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

/// The sign of x times the nearest power of two, with exponents from `least` to `most`; a
/// `max_value` above 0 limits |x| first. As in QKeras the nearest is found among the logarithms, 0
/// counts as positive, and below 1e-7 the exponent is `least`.
UnaryFunction power_of_two_function(int least, int most, double max_value);

/// x / divisor.
UnaryFunction quotient_function(double divisor);

/// The mantissa, in the quantiser's format, of f(mantissa * 2^-frac_bits): the rounding of the real
/// number, not of a double. Throws ModelError, without a subject, where the enclosure does not
/// decide it.
std::int64_t quantized_value(const UnaryFunction& function, std::int64_t mantissa, int frac_bits,
                             const fixed::Quantizer& to);

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
