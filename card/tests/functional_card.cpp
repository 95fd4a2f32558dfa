// A card process for the tests of the transport: every kernel copies its input to its output and
// adds 1 to each byte, without simulation.

#include <algorithm>
#include <array>
#include <memory>

#include "card/device/functional_unit.hpp"
#include "card/device/run_card.hpp"

namespace {

using namespace sluice;

void add_one(const sim::RunArguments& arguments, sim::Memory& memory) {
  std::array<std::byte, 4096> chunk{};
  for (std::uint64_t done = 0; done < arguments.events; done += chunk.size()) {
    const auto part =
        std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), arguments.events - done));
    memory.read(arguments.input_address + done, part);
    for (std::byte& byte : part) byte = static_cast<std::byte>(std::to_integer<unsigned>(byte) + 1);
    memory.write(arguments.output_address + done, part);
  }
}

void place_units(card::Card& card, card::UnitKind /*kind*/,
                 const card::CardDescription& description, const std::filesystem::path& /*image*/) {
  for (const card::CardUnit& unit : description.units) {
    card.add_unit(unit, std::make_unique<card::FunctionalUnit>(add_one, card.memory()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  return sluice::card::run_card(std::vector<std::string>(argv, argv + argc), place_units);
}
