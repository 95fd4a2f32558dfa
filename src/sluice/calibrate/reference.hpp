#pragma once

#include <span>
#include <string>
#include <vector>

#include "sluice/base/json.hpp"
#include "sluice/calibrate/calibrate.hpp"
#include "sluice/calibrate/event_data.hpp"
#include "sluice/calibrate/format_slots.hpp"
#include "sluice/calibrate/real_network.hpp"

namespace sluice::calibrate {

/// A model in float64 over the events of the data, to compare formats with.
class Reference {
 public:
  /// Throws UsageError for data that do not fit; as import_model().
  Reference(const frontend::ModelBytes& model, const frontend::ImportOptions& options,
            const NpyArray& data);

  const EventData& data() const noexcept { return data_; }
  /// With the ranges that the events show.
  std::vector<FormatSlot>& slots() noexcept { return slots_; }
  std::span<const double> outputs(std::int64_t event) const;
  double work() const noexcept { return net_.work(); }
  bool has_one_output() const noexcept { return net_.network().outputs().size() == 1; }

  /// The model as this configuration says.
  frontend::Imported import(const Json& config) const;

  /// The exact outputs of `network` for `events`, against the reference.
  OutputError error_of(const network::Network& network, std::span<const std::int64_t> events,
                       std::int64_t* same_class = nullptr) const;

  /// What `format` alone does, in the place of `slot`, for `events`.
  struct Alone {
    OutputError error;
    std::int64_t saturated = 0;
  };
  Alone alone(const FormatSlot& slot, const std::string& format,
              std::span<const std::int64_t> events);

 private:
  void run_events();

  const frontend::ModelBytes& model_;
  frontend::ImportOptions options_;
  Json wide_config_;
  RealNetwork net_;
  EventData data_;
  std::vector<FormatSlot> slots_;
  std::vector<double> outputs_;
};

}  // namespace sluice::calibrate
