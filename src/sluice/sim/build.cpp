#include "sluice/sim/build.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/subprocess.hpp"
#include "sluice/hw/sources.hpp"

namespace sluice::sim {
namespace {

namespace fs = std::filesystem;

constexpr std::pair<std::string_view, std::string_view> kBridge[] = {
#include "bridge.inc"
};

// Generated files are compiled in groups of about this size: small enough for parallel work and for
// g++'s memory, large enough that Verilator's headers do not dominate.
constexpr std::uintmax_t kGroupBytes = 400'000;

struct Tools {
  fs::path verilator, compiler;
  std::vector<std::string> compiler_prefix;  ///< "ccache" when it is there
  fs::path runtime;                          ///< Verilator's include folder
};

fs::path require_program(const char* name, const char* package) {
  if (const auto path = find_program(name)) return *path;
  throw ToolError("E-SIM-001", name,
                  "this program is needed to simulate a kernel, and is not on PATH",
                  fmt::format("apt-get install {}", package));
}

Tools find_tools() {
  Tools tools{require_program("verilator", "verilator"), require_program("g++", "g++"), {}, {}};
  if (const auto ccache = find_program("ccache")) tools.compiler_prefix = {ccache->string()};
  const Finished root =
      run_process({{tools.verilator.string(), "--getenv", "VERILATOR_ROOT"}, {}, {}});
  tools.runtime = fs::path(root.output.substr(0, root.output.find('\n'))) / "include";
  if (!fs::exists(tools.runtime / "verilated.cpp")) {
    throw ToolError("E-SIM-001", "verilator",
                    fmt::format("its runtime is not in {}", tools.runtime.string()),
                    "apt-get install --reinstall verilator");
  }
  return tools;
}

// The first lines that report an error, else the first lines.
std::string first_errors(const std::string& output) {
  constexpr std::size_t kLines = 6;
  std::vector<std::string> errors, all;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (errors.size() < kLines && line.find("rror") != std::string::npos) errors.push_back(line);
    if (all.size() < kLines) all.push_back(line);
  }
  return fmt::format("{}", fmt::join(errors.empty() ? all : errors, "\n"));
}

std::vector<fs::path> files_of(const fs::path& folder, const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void verilate(const Tools& tools, const fs::path& rtl_folder, const std::string& top,
              const fs::path& work, const BuildOptions& options) {
  fs::create_directory(work / "hw");
  hw::write_sources(work / "hw");
  // x-assign and x-initial unique: what Verilog leaves unknown is drawn at random.
  Command command{{tools.verilator.string(),
                   "--cc",
                   "--prefix",
                   "Vkernel",
                   "--top-module",
                   top,
                   "--Mdir",
                   "obj",
                   "-O3",
                   "--output-split",
                   "20000",
                   "--output-split-cfuncs",
                   "2000",
                   "--assert",
                   "--x-assign",
                   "unique",
                   "--x-initial",
                   "unique",
                   "--no-timing",
                   "-Wno-fatal",
                   "-Wno-lint",
                   "-Wno-style",
                   "-y",
                   "hw"},
                  work,
                  {}};
  if (options.trace) command.arguments.emplace_back("--trace");
  const std::vector<fs::path> sources = files_of(rtl_folder, ".v");
  if (sources.empty()) {
    throw ToolError("E-SIM-002", rtl_folder.string(), "no Verilog file (*.v) is in this folder");
  }
  // Verilator writes the names of its sources into the kernel. Relative ones make the same design
  // the same library in every folder.
  fs::create_directory_symlink(fs::absolute(rtl_folder), work / "rtl");
  for (const fs::path& source : sources) {
    command.arguments.push_back((fs::path("rtl") / source.filename()).string());
  }
  const Finished finished = run_process(command);
  if (finished.exit_status != 0) {
    throw ToolError(
        "E-SIM-002", rtl_folder.string(),
        fmt::format("Verilator refuses the kernel {}:\n{}", top, first_errors(finished.output)));
  }
}

// One compiler run: relative paths, so that ccache knows a file again in another temporary folder.
struct Unit {
  std::string source, object;
  bool runs_once = false;  ///< reset and set-up code, not worth optimising
};

// Joins generated files into units of about kGroupBytes by a file of #include lines each.
void add_groups(const std::vector<fs::path>& files, const std::string& name, bool runs_once,
                const fs::path& work, std::vector<Unit>& units) {
  std::string includes;
  std::uintmax_t bytes = 0;
  int index = 0;
  const auto flush = [&] {
    if (includes.empty()) return;
    const std::string stem = fmt::format("{}{}", name, index++);
    write_file(work / (stem + ".cpp"), includes);
    units.push_back({stem + ".cpp", stem + ".o", runs_once});
    includes.clear();
    bytes = 0;
  };
  for (const fs::path& file : files) {
    const std::uintmax_t size = fs::file_size(file);
    if (bytes + size > kGroupBytes) flush();
    includes += fmt::format("#include \"obj/{}\"\n", file.filename().string());
    bytes += size;
  }
  flush();
}

std::vector<Unit> plan_units(const Tools& tools, const fs::path& work,
                             const BuildOptions& options) {
  std::vector<fs::path> fast, slow;
  for (const fs::path& file : files_of(work / "obj", ".cpp")) {
    const std::string name = file.stem().string();
    const bool runs_once = name.ends_with("__Slow") || name.ends_with("__Syms");
    (runs_once ? slow : fast).push_back(file);
  }
  std::vector<Unit> units;
  add_groups(fast, "fast", false, work, units);
  add_groups(slow, "slow", true, work, units);
  for (const auto& [name, text] : kBridge) write_file(work / name, text);
  units.push_back({"bridge.cpp", "bridge.o"});
  std::vector<std::string> runtime = {"verilated", "verilated_threads"};
  if (options.trace) runtime.emplace_back("verilated_vcd_c");
  units.reserve(units.size() + runtime.size());
  for (const std::string& name : runtime) {
    units.push_back({(tools.runtime / (name + ".cpp")).string(), name + ".o"});
  }
  return units;
}

std::vector<std::string> compile_arguments(const Tools& tools, const Unit& unit,
                                           const BuildOptions& options) {
  std::vector<std::string> arguments = tools.compiler_prefix;
  arguments.insert(arguments.end(), {tools.compiler.string(),
                                     "-std=c++17",
                                     unit.runs_once ? "-O0" : "-O1",
                                     "-fPIC",
                                     "-fvisibility=hidden",
                                     "-fvisibility-inlines-hidden",
                                     "-fno-gnu-unique",
                                     "-fno-strict-aliasing",
                                     "-fstrict-overflow",
                                     "-w",
                                     "-I.",
                                     "-Iobj",
                                     "-isystem",
                                     tools.runtime.string(),
                                     "-isystem",
                                     (tools.runtime / "vltstd").string(),
                                     "-DVERILATOR=1",
                                     "-DVM_COVERAGE=0",
                                     "-DVM_SC=0",
                                     "-DVM_TRACE_FST=0",
                                     options.trace ? "-DVM_TRACE=1" : "-DVM_TRACE=0",
                                     options.trace ? "-DVM_TRACE_VCD=1" : "-DVM_TRACE_VCD=0",
                                     "-include",
                                     "bridge_hooks.hpp"});
  if (options.trace) arguments.emplace_back("-DSLUICE_BRIDGE_TRACE");
  arguments.insert(arguments.end(), {"-c", unit.source, "-o", unit.object});
  return arguments;
}

void require_success(const Finished& finished, const std::string& top) {
  if (finished.exit_status == 0) return;
  throw ToolError(
      "E-SIM-003", top,
      fmt::format("the simulated kernel does not compile:\n{}", first_errors(finished.output)));
}

// Runs all commands, `jobs` at a time, and reports each that ends. The first failure, in the order
// of `commands`, is thrown after those already running have ended; no further ones are started.
class CompilerPool {
 public:
  CompilerPool(const std::vector<Command>& commands, std::string top)
      : commands_(commands), top_(std::move(top)), failures_(commands.size()) {}

  void run(int jobs, ProgressSink& progress) {
    std::vector<std::jthread> workers;
    workers.reserve(static_cast<std::size_t>(jobs));
    for (int k = 0; k < jobs; ++k) workers.emplace_back([this] { work(); });
    for (std::size_t reported = 0; reported < commands_.size();) {
      std::unique_lock lock(mutex_);
      ended_changed_.wait(lock, [&] { return ended_ > reported; });
      reported = ended_;
      lock.unlock();
      report(progress, reported);
    }
    workers.clear();
    for (const std::exception_ptr& failure : failures_) {
      if (failure) std::rethrow_exception(failure);
    }
  }

 private:
  // An exception from `progress` waits for what already runs, and starts no more.
  void report(ProgressSink& progress, std::size_t ended) {
    try {
      progress.update("compile", ended, commands_.size());
    } catch (...) {
      failed_ = true;
      throw;
    }
  }

  void work() {
    for (std::size_t k = next_++; k < commands_.size(); k = next_++) {
      try {
        if (!failed_) require_success(run_process(commands_[k]), top_);
      } catch (...) {
        failures_[k] = std::current_exception();
        failed_ = true;
      }
      const std::scoped_lock lock(mutex_);
      ++ended_;
      ended_changed_.notify_one();
    }
  }

  const std::vector<Command>& commands_;
  std::string top_;
  std::vector<std::exception_ptr> failures_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::condition_variable ended_changed_;
  std::size_t ended_ = 0;
};

}  // namespace

void build_kernel_library(const fs::path& rtl_folder, const std::string& top,
                          const fs::path& output_library, const BuildOptions& options,
                          ProgressSink& progress) {
  const Tools tools = find_tools();
  const TemporaryFolder temporary("sluice-sim");
  const fs::path& work = temporary.path();
  progress.update("verilate", 0, 1);
  verilate(tools, rtl_folder, top, work, options);
  progress.update("verilate", 1, 1);

  const std::vector<Unit> units = plan_units(tools, work, options);
  std::vector<Command> commands;
  std::vector<std::string> link = {tools.compiler.string(), "-shared", "-o", "kernel.so"};
  for (const Unit& unit : units) {
    commands.push_back({compile_arguments(tools, unit, options), work, {}});
    link.push_back(unit.object);
  }
  link.emplace_back("-pthread");
  progress.update("compile", 0, commands.size());
  CompilerPool(commands, top).run(std::max(1, options.jobs), progress);
  require_success(run_process({link, work, {}}), top);
  write_file(output_library, read_file(work / "kernel.so"));
}

}  // namespace sluice::sim
