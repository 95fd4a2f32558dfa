#include <map>
#include <memory>
#include <string>

#include "card/launcher/launcher.hpp"
#include "sluice/base/error.hpp"
#include "sluice/cli/commands.hpp"

namespace sluice::cli {

namespace {

using card::CardMode;

const std::map<std::string, CardMode> kModes{
    {"hw_emu", CardMode::hw_emu}, {"sw_emu", CardMode::sw_emu}, {"noop", CardMode::noop}};

struct Arguments {
  std::string mode = "hw_emu";
  card::CardOptions options;
  std::vector<std::string> command;
};

}  // namespace

void add_card(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("card", "Run any OpenCL, XRT or PYNQ program against the emulated card");
  command
      ->add_option("--mode", arguments->mode,
                   "hw_emu: Verilated kernel; sw_emu: SIMD engine; noop: XRT's shim that does "
                   "nothing")
      ->check(CLI::IsMember(kModes))
      ->capture_default_str();
  command->add_option("--cards", arguments->options.cards, "Number of cards")
      ->capture_default_str();
  command->add_option("command", arguments->command, "Program and its arguments, after --")
      ->required();
  command->footer("Example: sluice card -- ./host muon/muon_pt.xclbin x.npy y.npy");
  command->callback([&context, arguments] {
    context.run = [arguments] {
      arguments->options.mode = kModes.at(arguments->mode);
      return card::run_under_card(arguments->command, arguments->options);
    };
  });
}

}  // namespace sluice::cli
