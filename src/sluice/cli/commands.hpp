#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "sluice/base/json.hpp"

namespace sluice::cli {

/// What every command shares.
struct Context {
  bool json = false;         ///< one JSON object on stdout and nothing else there
  bool quiet = false;        ///< no progress, no remarks
  std::function<int()> run;  ///< set by the chosen command; returns the exit code
};

/// Exit code of a question whose answer is no.
inline constexpr int kAnswerIsNo = 1;

void add_compile(CLI::App& app, Context& context);
void add_run(CLI::App& app, Context& context);
void add_verify(CLI::App& app, Context& context);
void add_inspect(CLI::App& app, Context& context);
void add_compare(CLI::App& app, Context& context);
void add_estimate(CLI::App& app, Context& context);
void add_bench(CLI::App& app, Context& context);
void add_card(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);

/// A result: as JSON when asked for, else the text.
void print_result(const Context& context, const Json& json, const std::string& text);
/// A remark on stderr, unless quiet.
void remark(const Context& context, const std::string& text);

}  // namespace sluice::cli
