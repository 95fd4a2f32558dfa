#include "card/settings/settings.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "sluice/base/error.hpp"

namespace sluice::card {

namespace {

[[noreturn]] void refuse(const std::string& name, std::string_view value,
                         std::string_view expected) {
  throw UsageError("E-CARD-004", name, fmt::format("found `{}`, expected {}", value, expected));
}

template <typename T>
T parse(const std::string& name, std::string_view text, T least, T most,
        std::string_view expected) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= least) ||
      !(value <= most)) {
    refuse(name, text, expected);
  }
  return value;
}

constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
constexpr int kMaxLatencyCycles = 100000;
constexpr double kMaxStalls = 0.95;

constexpr std::array kFaults = {std::pair{std::string_view("die"), CardFault::die},
                                std::pair{std::string_view("die_at_call"), CardFault::die_at_call},
                                std::pair{std::string_view("hang"), CardFault::hang},
                                std::pair{std::string_view("read_error"), CardFault::read_error},
                                std::pair{std::string_view("write_error"), CardFault::write_error}};

void read_latency(CardSettings& settings, const std::string& text) {
  constexpr std::string_view kExpected = "N or MIN:MAX clock cycles, 1 to 100000";
  const std::string name = "SLUICE_CARD_LATENCY";
  const std::size_t colon = text.find(':');
  const std::string_view all(text);
  settings.min_latency_cycles =
      parse<int>(name, all.substr(0, colon), 1, kMaxLatencyCycles, kExpected);
  settings.max_latency_cycles =
      colon == std::string::npos
          ? settings.min_latency_cycles
          : parse<int>(name, all.substr(colon + 1), settings.min_latency_cycles, kMaxLatencyCycles,
                       kExpected);
}

void read_fault(CardSettings& settings, const std::string& text) {
  constexpr std::string_view kExpected =
      "KIND:AT, where KIND is die, die_at_call, hang, read_error or write_error and AT counts from "
      "1";
  const std::string name = "SLUICE_CARD_FAULT";
  const std::size_t colon = text.find(':');
  const std::string_view all(text);
  for (const auto& [kind, fault] : kFaults) {
    if (kind == all.substr(0, colon)) settings.fault = fault;
  }
  if (settings.fault == CardFault::none || colon == std::string::npos)
    refuse(name, text, kExpected);
  settings.fault_at = parse<std::uint64_t>(name, all.substr(colon + 1), 1, kNoLimit, kExpected);
}

std::filesystem::path with_process_number(std::string text) {
  if (const std::size_t at = text.find("%p"); at != std::string::npos) {
    text.replace(at, 2, std::to_string(::getpid()));
  }
  return text;
}

}  // namespace

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

CardSettings read_card_settings(const VariableLookup& variable) {
  CardSettings settings;
  const auto given = [&](const char* name) {
    std::optional<std::string> value = variable(name);
    return value && !value->empty() ? value : std::nullopt;
  };
  if (const auto text = given("SLUICE_CARD_SEED")) {
    settings.seed =
        parse<std::uint64_t>("SLUICE_CARD_SEED", *text, 0, kNoLimit, "a number of 64 bits");
  }
  if (const auto text = given("SLUICE_CARD_STALLS")) {
    settings.stall_probability =
        parse<double>("SLUICE_CARD_STALLS", *text, 0, kMaxStalls, "a probability from 0 to 0.95");
  }
  if (const auto text = given("SLUICE_CARD_LATENCY")) read_latency(settings, *text);
  if (const auto text = given("SLUICE_CARD_FAULT")) read_fault(settings, *text);
  if (const auto text = given("SLUICE_CARD_LOG")) settings.log = with_process_number(*text);
  if (const auto text = given("SLUICE_CARD_WAVES")) settings.waves = with_process_number(*text);
  if (const auto text = given("SLUICE_CARD_STATS")) settings.stats = with_process_number(*text);
  return settings;
}

}  // namespace sluice::card
