#include "sluice/compiler/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

#include "sluice/base/error.hpp"

namespace sluice::compiler {

namespace {

constexpr std::array kEfforts{synth::Effort::fast, synth::Effort::normal, synth::Effort::max};
constexpr std::array kAdders{std::optional<synth::Adders>{}, std::optional(synth::Adders::two),
                             std::optional(synth::Adders::three)};
constexpr double kMostReuse = 1 << 20;
constexpr std::array kForms{synth::Form::automatic, synth::Form::parallel, synth::Form::streaming};
constexpr std::array kPipelineGoals{synth::PipelineGoal::registers, synth::PipelineGoal::speed};

[[noreturn]] void refuse(const std::string& name, const Json& value, const std::string& hint) {
  throw UsageError("E-COMPILER-004", fmt::format("option {}", name),
                   fmt::format("cannot be {}", value.dump()), hint);
}

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  names.reserve(rtl::kFamilies.size());
  for (const rtl::Family& family : rtl::kFamilies) names.emplace_back(family.name);
  return names;
}

const OptionRow& row_of(const std::string& name) {
  const auto row = std::ranges::find(option_rows(), name, &OptionRow::name);
  if (row != option_rows().end()) return *row;
  std::vector<std::string> names;
  for (const OptionRow& known : option_rows()) names.push_back(known.name);
  throw UsageError("E-COMPILER-004", fmt::format("option {}", name), "is not known",
                   fmt::format("use {}, config, weights or simulator", fmt::join(names, ", ")));
}

/// The position of a word among the row's choices.
std::size_t choice_of(const std::string& name, const Json& value) {
  const std::vector<std::string>& choices = row_of(name).choices;
  const auto choice = std::ranges::find_if(
      choices, [&](const std::string& word) { return value.is_string() && value == word; });
  if (choice == choices.end()) {
    refuse(name, value, fmt::format("use one of {}", fmt::join(choices, ", ")));
  }
  return static_cast<std::size_t>(choice - choices.begin());
}

/// Nothing for `auto`.
std::optional<std::int64_t> parse_dsps(const std::string& text) {
  if (text == "auto") return std::nullopt;
  std::int64_t dsps = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), dsps);
  if (error != std::errc{} || end != text.data() + text.size() || dsps < 0) {
    refuse("dsp", text, "use a number, 0 or more, or auto");
  }
  return dsps;
}

void set_row(CompileOptions& options, const std::string& name, const Json& value) {
  const OptionRow& row = row_of(name);
  if (value.is_string() != row.usual.is_string() || value.is_number() != row.usual.is_number()) {
    refuse(name, value, fmt::format("for example {}", row.usual.dump()));
  }
  row.set(options, value);
}

}  // namespace

const std::vector<OptionRow>& option_rows() {
  static const std::vector<OptionRow> rows{
      {"name",
       "Name of the kernel",
       {},
       CompileOptions{}.name,
       [](CompileOptions& options, const Json& value) { options.name = value; }},
      {"clock_mhz",
       "Kernel clock",
       {},
       CompileOptions{}.clock_mhz,
       [](CompileOptions& options, const Json& value) { options.clock_mhz = value; }},
      {"board",
       "Board, recorded in the manifest",
       {},
       CompileOptions{}.board,
       [](CompileOptions& options, const Json& value) { options.board = value; }},
      {"effort",
       "How long to search for fewer adders",
       {"fast", "normal", "max"},
       "normal",
       [](CompileOptions& options, const Json& value) {
         options.effort = kEfforts.at(choice_of("effort", value));
       }},
      {"adders",
       "Most operands of an adder; auto: as many as the family adds in one LUT per bit",
       {"auto", "two", "three"},
       "auto",
       [](CompileOptions& options, const Json& value) {
         options.adders = kAdders.at(choice_of("adders", value));
       }},
      {"family", "FPGA family whose primitives the adders of three operands name", family_names(),
       std::string(CompileOptions{}.family.name),
       [](CompileOptions& options, const Json& value) {
         options.family = rtl::kFamilies.at(choice_of("family", value));
       }},
      {"pipeline",
       "What to make of the time that a clock period leaves: speed in reserve, or fewer registers",
       {"registers", "speed"},
       "speed",
       [](CompileOptions& options, const Json& value) {
         options.pipeline_goal = kPipelineGoals.at(choice_of("pipeline", value));
       }},
      {"convolutions",
       "All positions at once, or one after the other; auto: large ones stream",
       {"auto", "parallel", "streaming"},
       "auto",
       [](CompileOptions& options, const Json& value) {
         options.convolutions = kForms.at(choice_of("convolutions", value));
       }},
      {"reuse",
       "Cycles that share the multipliers of a dense layer or of a position",
       {},
       CompileOptions{}.reuse,
       [](CompileOptions& options, const Json& value) {
         const auto reuse = value.get<double>();
         if (reuse != std::floor(reuse) || !(reuse >= 1 && reuse <= kMostReuse)) {
           refuse("reuse", value, "use a whole number; 1 computes every product at once");
         }
         options.reuse = static_cast<std::int64_t>(reuse);
       }},
      {"dsp",
       "DSP48E2 that weights may take instead of adders: a number, or auto for as many as keep the "
       "shares of DSP48E2 and LUT of an XCVU9P equal",
       {},
       "0",
       [](CompileOptions& options, const Json& value) { options.dsps = parse_dsps(value); }},
  };
  return rows;
}

CompileOptions parse_options(const Json& values) {
  CompileOptions options;
  for (const auto& [name, value] : values.items()) {
    if (value.is_null()) continue;
    if (name == "config") {
      options.config = value;
    } else if (name == "weights") {
      if (!value.is_string()) refuse(name, value, "give the path of an .h5 file");
      options.weights = value.get<std::string>();
    } else if (name == "simulator") {
      if (!value.is_boolean()) refuse(name, value, "use true or false");
      options.simulator = value;
    } else {
      set_row(options, name, value);
    }
  }
  return options;
}

}  // namespace sluice::compiler
