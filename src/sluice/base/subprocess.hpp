#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// Where an executable named `name` lies on PATH, if anywhere.
std::optional<std::filesystem::path> find_program(const std::string& name);

struct Command {
  std::vector<std::string> arguments;  ///< arguments[0] is the program, looked up on PATH
  std::filesystem::path folder;        ///< working folder; empty: the caller's
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to the caller's
};

struct Finished {
  int exit_status;     ///< exit code, or 128 + signal
  std::string output;  ///< stdout and stderr, interleaved
};

/// Runs a program to its end without a shell. Throws ToolError when it cannot be started.
Finished run_process(const Command& command);

}  // namespace sluice
