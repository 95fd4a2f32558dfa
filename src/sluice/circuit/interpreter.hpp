#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sluice/circuit/circuit.hpp"

namespace sluice::circuit {

/// What the interpreter does beyond computing.
enum class Checking : std::uint8_t {
  none,
  ranges,  ///< every value is compared with its proven range; a miss throws InternalError
};

/// The reference: evaluates a circuit instruction by instruction on mantissas. Every other engine
/// returns the same integers.
class Interpreter {
 public:
  /// `circuit` must outlive the interpreter and satisfy verify().
  explicit Interpreter(const Circuit& circuit, Checking checking = Checking::none);

  std::int64_t input_elements() const noexcept { return input_elements_; }
  std::int64_t output_elements() const noexcept {
    return static_cast<std::int64_t>(circuit_.function.outputs().size());
  }

  /// Evaluates a batch. Mantissas in the ports' formats, event after event: `inputs` has
  /// events * input_elements(), `outputs` events * output_elements(). Throws UsageError for other
  /// sizes (E-CIRCUIT-002) and for an input outside of its declared range (E-CIRCUIT-003).
  void run(std::span<const std::int64_t> inputs, std::span<std::int64_t> outputs) const;

  /// The mantissas of all values of the function for one event, by ValueId. Throws as run() does.
  std::vector<std::int64_t> evaluate(std::span<const std::int64_t> event) const;

 private:
  void check_inputs(std::span<const std::int64_t> event) const;
  void evaluate(std::span<const std::int64_t> event, std::span<std::int64_t> values) const;
  void evaluate(const Function& function, std::span<const std::int64_t> inputs,
                std::span<std::int64_t> values) const;
  std::vector<std::int64_t> run_processes(std::span<const std::int64_t> event) const;

  const Circuit& circuit_;
  Checking checking_;
  std::int64_t input_elements_ = 0;
  std::vector<fixed::Interval> input_ranges_;
  /// By process, then tick, then source: the element of the event or of the read process's outputs
  /// over all its ticks; -1 where a tap has none. The function comes last.
  std::vector<std::vector<std::int64_t>> places_;
};

}  // namespace sluice::circuit
