#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "sluice/base/error.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/interrupt.hpp"

namespace sluice::cli {

void print_result(const Context& context, const Json& json, const std::string& text) {
  fmt::print("{}\n", context.json ? json.dump(2) : text);
}

void remark(const Context& context, const std::string& text) {
  if (!context.quiet) fmt::print(stderr, "{}\n", text);
}

namespace {

void exit_at_interrupt(int signal) { ::_exit(exit_code_of_signal(signal)); }

int report(bool json_wanted, const Error& error) {
  // The terminal's signal also ends the tools that a command runs: that is no error of its own.
  if (stop_signal() != 0) return exit_code_of_signal(stop_signal());
  if (json_wanted) {
    const Json json{{"error",
                     {{"code", error.code()},
                      {"subject", error.subject()},
                      {"message", error.message()},
                      {"hint", error.hint()}}}};
    fmt::print("{}\n", json.dump(2));
  }
  fmt::print(stderr, "sluice: {}\n", error.what());
  return exit_code(error.kind());
}

/// What CLI11 refused, in our words: which command, what is wrong with it, where help is.
UsageError usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  const std::vector<std::string> unknown = app.remaining();
  if (chosen.empty() && !unknown.empty()) {
    return UsageError("E-CLI-002", unknown.front(), "is not a command",
                      "see the commands in `sluice --help`");
  }
  const std::string command = chosen.empty() ? "sluice" : "sluice " + chosen.front()->get_name();
  return UsageError("E-CLI-002", command, error.what(), fmt::format("see `{} --help`", command));
}

int run(int argc, char** argv) {
  Context context;
  CLI::App app("Sluice: a trained, quantised network to FPGA inference, exactly and fast.");
  app.name("sluice");
  app.set_version_flag("--version", SLUICE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_flag("--json", context.json, "One JSON object on stdout");
  app.add_flag("-q,--quiet", context.quiet, "No progress and no remarks");
  add_compile(app, context);
  add_run(app, context);
  add_verify(app, context);
  add_inspect(app, context);
  add_compare(app, context);
  add_estimate(app, context);
  add_bench(app, context);
  add_card(app, context);
  add_doctor(app, context);
  app.footer("Example: sluice compile model.h5 -o muon --name muon_pt && sluice verify muon");
  try {
    app.parse(argc, argv);
    return context.run();
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    // A refused line has not set context.json.
    return report(app.get_option("--json")->count() > 0, usage_error(app, error));
  } catch (const Interrupted&) {
    return exit_code_of_signal(stop_signal());
  } catch (const Error& error) {
    return report(context.json, error);
  } catch (const std::bad_alloc&) {
    return report(context.json, ToolError("E-CLI-003", "sluice", "out of memory"));
  } catch (const std::exception& error) {
    return report(context.json, InternalError("E-INTERNAL-002", "sluice", error.what(),
                                              "report this; it is a bug in Sluice"));
  }
}

}  // namespace
}  // namespace sluice::cli

int main(int argc, char** argv) {
  std::signal(SIGINT, sluice::cli::exit_at_interrupt);
  return sluice::cli::run(argc, argv);
}
