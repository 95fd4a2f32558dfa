#include <memory>

#include "card/launcher/launcher.hpp"
#include "sluice/base/error.hpp"
#include "sluice/cli/commands.hpp"

namespace sluice::cli {

namespace {

struct Arguments {
  std::string mode = "hw_emu";
  card::CardOptions options;
  std::vector<std::string> command;
};

int run_card(const Arguments& arguments) {
  card::CardOptions options = arguments.options;
  options.mode = arguments.mode == "sw_emu" ? card::CardMode::sw_emu : card::CardMode::hw_emu;
  return card::run_under_card(arguments.command, options);
}

}  // namespace

void add_card(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("card", "Run any OpenCL, XRT or PYNQ program against the emulated card");
  command->add_option("--mode", arguments->mode, "hw_emu: Verilated kernel; sw_emu: SIMD engine")
      ->check(CLI::IsMember({"hw_emu", "sw_emu"}))
      ->capture_default_str();
  command->add_option("--cards", arguments->options.cards, "Number of cards")
      ->capture_default_str();
  command->add_option("command", arguments->command, "Program and its arguments, after --")
      ->required();
  command->footer("Example: sluice card -- ./host muon/muon_pt.xclbin x.npy y.npy");
  command->callback(
      [&context, arguments] { context.run = [arguments] { return run_card(*arguments); }; });
}

}  // namespace sluice::cli
