#include "sluice/rtl/names.hpp"

#include <algorithm>
#include <array>

#include "sluice/base/error.hpp"

namespace sluice::rtl {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// IEEE 1364-2005, annex B; words of IEEE 1800; and the names inside of a kernel's top module.
constexpr auto kTakenNames = std::to_array<std::string_view>(
    {"always",      "and",       "assert",       "assign",     "assume",
     "automatic",   "begin",     "bind",         "bit",        "break",
     "buf",         "bufif0",    "bufif1",       "byte",       "case",
     "casex",       "casez",     "cell",         "checker",    "class",
     "cmos",        "config",    "const",        "constraint", "context",
     "continue",    "cover",     "deassign",     "default",    "defparam",
     "design",      "disable",   "dist",         "do",         "edge",
     "else",        "end",       "endcase",      "endconfig",  "endfunction",
     "endgenerate", "endmodule", "endprimitive", "endspecify", "endtable",
     "endtask",     "enum",      "event",        "expect",     "export",
     "extends",     "extern",    "final",        "for",        "force",
     "foreach",     "forever",   "fork",         "function",   "generate",
     "genvar",      "global",    "highz0",       "highz1",     "if",
     "iff",         "ifnone",    "import",       "incdir",     "include",
     "initial",     "inout",     "input",        "inside",     "instance",
     "int",         "integer",   "interface",    "join",       "large",
     "let",         "liblist",   "library",      "local",      "localparam",
     "logic",       "longint",   "macromodule",  "matches",    "medium",
     "modport",     "module",    "nand",         "negedge",    "new",
     "nmos",        "nor",       "not",          "null",       "or",
     "output",      "package",   "packed",       "parameter",  "pmos",
     "posedge",     "primitive", "priority",     "program",    "property",
     "protected",   "pull0",     "pull1",        "pulldown",   "pullup",
     "pure",        "rand",      "randc",        "real",       "realtime",
     "ref",         "reg",       "release",      "repeat",     "return",
     "rnmos",       "rpmos",     "rtran",        "rtranif0",   "rtranif1",
     "scalared",    "sequence",  "shortint",     "signed",     "small",
     "specify",     "specparam", "static",       "string",     "strong0",
     "strong1",     "struct",    "super",        "supply0",    "supply1",
     "table",       "task",      "this",         "time",       "tran",
     "tri",         "tri0",      "tri1",         "triand",     "trior",
     "trireg",      "type",      "typedef",      "union",      "unique",
     "unsigned",    "use",       "uwire",        "var",        "vectored",
     "virtual",     "void",      "wait",         "wand",       "weak0",
     "weak1",       "while",     "wire",         "with",       "wor",
     "xnor",        "xor",       "ap_clk",       "clk",        "x",
     "y",           "core",      "shell",        "interrupt",  "valid"});

}  // namespace

std::string legal_stem(std::string_view name) {
  constexpr std::size_t kLongest = 48;
  std::string stem;
  for (const char c : name.substr(0, kLongest)) {
    if (stem.empty() && !is_letter(c)) stem += 'v';
    if (is_letter(c) || is_digit(c)) {
      stem += c;
    } else if (stem.back() != '_') {
      stem += '_';
    }
  }
  while (stem.ends_with('_')) stem.pop_back();
  if (stem.empty()) stem += 'v';
  return stem;
}

void check_kernel_name(std::string_view name) {
  const bool is_identifier =
      !name.empty() && is_letter(name.front()) && name.size() <= 64 &&
      std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
  const bool is_taken =
      std::ranges::find(kTakenNames, name) != kTakenNames.end() || name.starts_with("sluice_");
  if (is_identifier && !is_taken) return;
  throw UsageError("E-RTL-001", std::string(name),
                   is_taken ? "the name is a word of Verilog or of the kernel shell"
                            : "the name of a kernel has letters, digits and underscores, at most "
                              "64, and begins with a letter",
                   "choose another name, for example my_kernel");
}

}  // namespace sluice::rtl
