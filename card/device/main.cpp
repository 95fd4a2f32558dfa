// The process that XRT starts as the card. card/README.md says what it understands.

#include <fmt/format.h>

#include <memory>

#include "card/device/engine_unit.hpp"
#include "card/device/rtl_unit.hpp"
#include "card/device/run_card.hpp"
#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"

namespace {

using namespace sluice;

void place_rtl_units(card::Card& card, const card::CardDescription& description,
                     const std::filesystem::path& image) {
  const std::filesystem::path library = image / card::kKernelName;
  if (!std::filesystem::exists(library)) {
    throw DeviceError("E-CARD-013", "xclbin", "it holds no Verilated kernel for hw_emu",
                      "compile with Verilator installed, or run in sw_emu");
  }
  std::uint64_t index = 0;
  for (const card::CardUnit& unit : description.units) {
    card.add_unit(
        unit, std::make_unique<card::RtlUnit>(library, card.memory(), card.settings(), index++));
  }
}

void place_engine_units(card::Card& card, const card::CardDescription& description,
                        const std::filesystem::path& image) {
  const std::filesystem::path network = image / card::kNetworkName;
  if (!std::filesystem::exists(network)) {
    throw DeviceError("E-CARD-014", "xclbin", "it holds no network for sw_emu",
                      "compile the model again, or run in hw_emu");
  }
  const card::KernelFunction kernel =
      card::make_engine_kernel(read_file(network), card::kNetworkName);
  for (const card::CardUnit& unit : description.units) {
    card.add_unit(unit, std::make_unique<card::FunctionalUnit>(kernel, card.memory()));
  }
}

void place_units(card::Card& card, card::UnitKind kind, const card::CardDescription& description,
                 const std::filesystem::path& image) {
  if (kind == card::UnitKind::rtl) {
    place_rtl_units(card, description, image);
  } else {
    place_engine_units(card, description, image);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return sluice::card::run_card(std::vector<std::string>(argv, argv + argc), place_units);
}
