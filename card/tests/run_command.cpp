// run_command [--sw-emu] [--cards N] --card-folder FOLDER -- COMMAND...
// Runs a command under emulated cards, as `sluice card` does; a program of its own so that a test
// can capture output, and send signals.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "card/launcher/launcher.hpp"
#include "sluice/base/error.hpp"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  sluice::card::CardOptions options;
  std::size_t at = 0;
  for (; at < arguments.size() && arguments[at] != "--"; ++at) {
    if (arguments[at] == "--sw-emu") options.mode = sluice::card::CardMode::sw_emu;
    if (arguments[at] == "--cards") options.cards = std::stoul(arguments.at(++at));
    if (arguments[at] == "--card-folder") options.card_folder = arguments.at(++at);
  }
  if (at == arguments.size()) return 2;
  try {
    return sluice::card::run_under_card({arguments.begin() + at + 1, arguments.end()}, options);
  } catch (const sluice::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return sluice::exit_code(error.kind());
  }
}
