#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "sluice/base/error.hpp"
#include "sluice/cli/commands.hpp"

namespace sluice::cli {

void print_result(const Context& context, const Json& json, const std::string& text) {
  fmt::print("{}\n", context.json ? json.dump(2) : text);
}

void remark(const Context& context, const std::string& text) {
  if (!context.quiet) fmt::print(stderr, "{}\n", text);
}

namespace {

constexpr int kUsage = 2;
constexpr int kOurBug = 70;
constexpr int kInterrupted = 130;

void exit_at_interrupt(int) { ::_exit(kInterrupted); }

int report(const Context& context, const Error& error) {
  if (context.json) {
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
  add_estimate(app, context);
  add_bench(app, context);
  add_card(app, context);
  add_doctor(app, context);
  try {
    app.parse(argc, argv);
    return context.run();
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  } catch (const Error& error) {
    return report(context, error);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "sluice: out of memory\n");
    return exit_code(ErrorKind::tool);
  } catch (const std::exception& error) {
    fmt::print(stderr, "sluice: E-INTERNAL-002: {}\n  this is a bug in Sluice; please report it\n",
               error.what());
    return kOurBug;
  }
}

}  // namespace
}  // namespace sluice::cli

int main(int argc, char** argv) {
  std::signal(SIGINT, sluice::cli::exit_at_interrupt);
  return sluice::cli::run(argc, argv);
}
