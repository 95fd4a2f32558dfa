#include "sluice/calibrate/format_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/calibrate/format_config.hpp"
#include "sluice/fixed/convert.hpp"
#include "sluice/frontend/precision_config.hpp"

namespace sluice::calibrate {

namespace {

constexpr int kWidest = 28;          // magnitude and fraction of any format
constexpr int kWidestOfTable = 14;   // of a table's operand
constexpr double kSearchWork = 4e7;  // multiplications of the events that one trial computes
constexpr std::int64_t kFewestEvents = 32;
// The search leaves room for the events that it does not see.
constexpr double kShareOfTarget = 2.0 / 3;

/// Fractional bits by slot.
using Bits = std::vector<int>;

/// How many roundings add up like independent noise: the error of the outputs is the root of the
/// sum of squares of what each format contributes alone. That gives a first choice; the networks
/// themselves decide.
class Search {
 public:
  Search(Reference& reference, const Json& base, double target, ErrorMeasure measure,
         ProgressSink& progress)
      : reference_(reference),
        base_(without_model_format(base)),
        target_(target),
        measure_(measure),
        progress_(progress) {
    choose_slots(base);
    choose_events();
  }

  FoundFormats run() && {
    measure_gains();
    Bits bits = first_choice();
    narrow(bits);
    confirm(bits);
    Json config = config_of(bits);
    drop_unused_bits(config);
    return {std::move(config), tried_};
  }

 private:
  void choose_slots(const Json& base) {
    Diagnostics diagnostics;
    const auto given = frontend::PrecisionConfig::parse(base, diagnostics);
    for (FormatSlot& slot : reference_.slots()) {
      if (slot.is_redundant || given.of_layer(slot.layer, slot.class_name, slot.variable)) continue;
      slots_.push_back(&slot);
    }
    if (slots_.empty()) {
      throw UsageError("E-CALIBRATE-002", "calibration",
                       "there is no format to choose: the model, or the configuration, gives all",
                       "leave out --calibrate, or the entries of the configuration");
    }
  }

  // Evenly over the data, as many as a trial can afford.
  void choose_events() {
    const std::int64_t all = reference_.data().events;
    const auto affordable = static_cast<std::int64_t>(kSearchWork / reference_.work());
    const std::int64_t count = std::min(all, std::max(affordable, kFewestEvents));
    for (std::int64_t i = 0; i < count; ++i) events_.push_back(i * all / count);
    all_events_.resize(static_cast<std::size_t>(all));
    std::iota(all_events_.begin(), all_events_.end(), std::int64_t{0});
  }

  void measure_gains() {
    constexpr int kTrialBits = 8;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      progress_.update("calibrate", i, slots_.size());
      FormatSlot& slot = *slots_[i];
      const int frac_bits = kTrialBits - magnitude_bits(slot);
      const auto alone = reference_.alone(slot, text_of(slot, frac_bits), events_);
      slot.gain = std::ldexp(alone.error.rms, frac_bits);
    }
  }

  static std::string text_of(const FormatSlot& slot, int frac_bits) {
    return fixed::ap_fixed_text(quantizer_of(slot, frac_bits));
  }

  static int fewest(const FormatSlot& slot) { return 1 - magnitude_bits(slot); }
  static int most(const FormatSlot& slot) {
    return (slot.is_operand_of_table ? kWidestOfTable : kWidest) - magnitude_bits(slot);
  }

  // Each contribution s * sqrt(cost): the cheapest way to a given sum of squares.
  Bits balanced(double s) const {
    Bits bits;
    for (const FormatSlot* const slot : slots_) {
      const double wanted = slot->gain > 0 ? std::log2(slot->gain / (s * std::sqrt(slot->cost)))
                                           : -std::numeric_limits<double>::infinity();
      const double low = fewest(*slot);
      bits.push_back(static_cast<int>(
          std::lround(std::clamp(wanted, low, std::max(low, static_cast<double>(most(*slot)))))));
    }
    return bits;
  }

  Bits first_choice() {
    constexpr double kMaxOverRms = 4;
    constexpr int kMostSteps = 80;
    const double rms = measure_ == ErrorMeasure::max ? target_ / kMaxOverRms : target_;
    double cost = 0;
    for (const FormatSlot* const slot : slots_) cost += slot->cost;
    const double start = rms / std::sqrt(cost);
    const auto at = [&](int step) { return balanced(start * std::exp2(0.5 * step)); };
    int step = 0;
    if (meets(at(0))) {
      while (step < kMostSteps && meets(at(step + 1))) ++step;
      return at(step);
    }
    Bits before = at(0);
    while (step > -kMostSteps) {
      Bits bits = at(--step);
      if (bits == before) continue;
      if (meets(bits)) return bits;
      before = std::move(bits);
    }
    throw ModelError(
        "E-CALIBRATE-003", "calibration",
        fmt::format("formats of {} bits leave an error of {:.3g}, the target is {:.3g}", kWidest,
                    last_error_, target_),
        "give a larger error target");
  }

  double expected_rms(const Bits& bits) const {
    double squares = 0;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const double alone = std::ldexp(slots_[i]->gain, -bits[i]);
      squares += alone * alone;
    }
    return std::max(std::sqrt(squares), std::numeric_limits<double>::min());
  }

  // Bit by bit, the costly ones first, as long as the target is met.
  void narrow(Bits& bits) {
    double error = error_of(bits, events_);
    std::vector<std::size_t> order(slots_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(
        order, [&](std::size_t a, std::size_t b) { return slots_[a]->cost > slots_[b]->cost; });
    std::vector<bool> is_done(slots_.size());
    bool is_progress = true;
    while (is_progress) {
      is_progress = false;
      for (const std::size_t i : order) {
        if (is_done[i] || bits[i] <= fewest(*slots_[i])) continue;
        Bits fewer = bits;
        --fewer[i];
        // Networks are made for those trials alone that may succeed.
        constexpr double kDoubt = 1.5;
        const double expected = error * expected_rms(fewer) / expected_rms(bits);
        if (expected < kDoubt * kShareOfTarget * target_ && meets(fewer)) {
          bits = std::move(fewer);
          error = last_error_;
          is_progress = true;
        } else {
          is_done[i] = true;
        }
      }
    }
  }

  // The whole data have the last word.
  void confirm(Bits& bits) {
    constexpr int kMostBits = 6;
    for (int more = 0;; ++more) {
      if (error_of(bits, all_events_) <= target_) return;
      if (more == kMostBits) break;
      for (std::size_t i = 0; i < slots_.size(); ++i) {
        bits[i] = std::min(bits[i] + 1, most(*slots_[i]));
      }
    }
    throw ModelError("E-CALIBRATE-003", "calibration",
                     fmt::format("the events' error stays at {:.3g}, the target is {:.3g}",
                                 last_error_, target_),
                     "give a larger error target");
  }

  bool meets(const Bits& bits) { return error_of(bits, events_) <= kShareOfTarget * target_; }

  double error_of(const Bits& bits, std::span<const std::int64_t> events) {
    progress_.update("calibrate", static_cast<std::uint64_t>(++tried_), 0);
    try {
      const frontend::Imported model = reference_.import(config_of(bits));
      last_error_ = measured(reference_.error_of(model.network, events), measure_);
    } catch (const ModelError&) {
      last_error_ = std::numeric_limits<double>::infinity();  // too wide for a network
    }
    return last_error_;
  }

  Json config_of(const Bits& bits) const {
    Json config = base_;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      set_layer_format(config, slots_[i]->layer, slots_[i]->variable, text_of(*slots_[i], bits[i]));
    }
    return config;
  }

  // Intervals prove that some results never reach their upper bits.
  void drop_unused_bits(Json& config) const {
    const frontend::Imported model = reference_.import(config);
    for (const FormatSlot* const slot : slots_) {
      if (!slot->is_result() || slot->is_input) continue;
      std::optional<fixed::Quantizer> narrower;
      for (const frontend::FormatUse& use : model.formats) {
        if (use.layer != slot->layer || use.variable != slot->variable) continue;
        const network::Layer& layer =
            model.network.layer(model.network.find(use.network_layer).value());
        const fixed::Quantizer to = fixed::parse_ap_fixed(use.text);
        fixed::Interval range = layer.type.ranges.front();
        for (const fixed::Interval& element : layer.type.ranges) range = hull(range, element);
        fixed::Format format = fixed::format_of(range, layer.type.format.frac_bits);
        format.width = std::max(format.width, 1);
        if (narrower || format.frac_bits != to.format.frac_bits) {
          narrower.reset();  // several calls of one layer keep what was chosen
          break;
        }
        if (format.width < to.format.width) narrower = {format, to.rounding, to.overflow};
      }
      if (narrower) {
        set_layer_format(config, slot->layer, slot->variable, fixed::ap_fixed_text(*narrower));
      }
    }
  }

  Reference& reference_;
  Json base_;
  double target_;
  ErrorMeasure measure_;
  ProgressSink& progress_;
  std::vector<FormatSlot*> slots_;
  std::vector<std::int64_t> events_, all_events_;
  double last_error_ = 0;
  int tried_ = 0;
};

}  // namespace

double measured(const OutputError& error, ErrorMeasure measure) noexcept {
  return measure == ErrorMeasure::max ? error.max : error.rms;
}

FoundFormats search_formats(Reference& reference, const Json& base, double target,
                            ErrorMeasure measure, ProgressSink& progress) {
  return Search(reference, base, target, measure, progress).run();
}

}  // namespace sluice::calibrate
