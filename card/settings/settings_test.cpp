#include "card/settings/settings.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "sluice/base/error.hpp"

namespace sluice::card {
namespace {

CardSettings read(const std::map<std::string, std::string>& variables) {
  return read_card_settings([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

TEST(CardSettings, Defaults) {
  const CardSettings settings = read({{"SLUICE_CARD_FAULT", ""}});
  EXPECT_EQ(settings.seed, 1u);
  EXPECT_EQ(settings.stall_probability, 0);
  EXPECT_EQ(settings.fault, CardFault::none);
  EXPECT_TRUE(settings.log.empty());
}

TEST(CardSettings, Values) {
  const CardSettings settings = read({{"SLUICE_CARD_SEED", "18446744073709551615"},
                                      {"SLUICE_CARD_STALLS", "0.25"},
                                      {"SLUICE_CARD_LATENCY", "3:70"},
                                      {"SLUICE_CARD_FAULT", "write_error:12"},
                                      {"SLUICE_CARD_LOG", "/tmp/card.%p.log"}});
  EXPECT_EQ(settings.seed, ~std::uint64_t{0});
  EXPECT_EQ(settings.stall_probability, 0.25);
  EXPECT_EQ(settings.min_latency_cycles, 3);
  EXPECT_EQ(settings.max_latency_cycles, 70);
  EXPECT_EQ(settings.fault, CardFault::write_error);
  EXPECT_EQ(settings.fault_at, 12u);
  EXPECT_EQ(settings.log, "/tmp/card." + std::to_string(::getpid()) + ".log");
  EXPECT_EQ(read({{"SLUICE_CARD_LATENCY", "9"}}).max_latency_cycles, 9);
}

TEST(CardSettings, NonsenseIsRefusedWithTheVariablesName) {
  const std::multimap<std::string, std::string> nonsense = {
      {"SLUICE_CARD_SEED", "-1"},     {"SLUICE_CARD_SEED", "18446744073709551616"},
      {"SLUICE_CARD_SEED", "1x"},     {"SLUICE_CARD_STALLS", "0.99"},
      {"SLUICE_CARD_STALLS", "nan"},  {"SLUICE_CARD_LATENCY", "0"},
      {"SLUICE_CARD_LATENCY", "9:3"}, {"SLUICE_CARD_LATENCY", "1:"},
      {"SLUICE_CARD_FAULT", "die"},   {"SLUICE_CARD_FAULT", "die:0"},
      {"SLUICE_CARD_FAULT", "burn:1"}};
  for (const auto& [name, value] : nonsense) {
    try {
      read({{name, value}});
      ADD_FAILURE() << name << "=" << value;
    } catch (const UsageError& error) {
      EXPECT_EQ(error.subject(), name);
    }
  }
}

}  // namespace
}  // namespace sluice::card
