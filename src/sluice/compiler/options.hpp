#pragma once

#include <string>
#include <vector>

#include "sluice/base/json.hpp"
#include "sluice/compiler/compile.hpp"

namespace sluice::compiler {

/// One option of compile in the words of its users: `--clock-mhz` on the command line, `clock_mhz=`
/// in Python.
struct OptionRow {
  std::string name;
  std::string help;
  std::vector<std::string> choices;  ///< empty: any value of the kind of `usual`
  Json usual;                        ///< what holds when nothing is said: a number or text
  void (*set)(CompileOptions& options, const Json& value);
};

/// The options that are numbers or words, in the order of the help. A new one is a row here, and a
/// keyword of `sluice.compile` in Python, which a test compares.
const std::vector<OptionRow>& option_rows();

/// Options from an object of names and values, those of option_rows() and besides `config`
/// (hls4ml's dictionary), `weights` (a path) and `simulator`; null is as good as absent.
///
/// Throws UsageError E-COMPILER-004 for an unknown name or a value of another kind.
CompileOptions parse_options(const Json& values);

}  // namespace sluice::compiler
