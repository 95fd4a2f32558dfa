#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/json.hpp"

namespace sluice::frontend {

/// A call as written in QKeras strings, `quantized_bits(6, 0, alpha=1)`; a bare name is a call
/// without arguments.
struct CallExpression {
  std::string function;
  std::vector<Json> positional;
  std::vector<std::pair<std::string, Json>> keywords;
};

/// Reads numbers, True, False, None and quoted text as arguments, and nothing else: no code is
/// evaluated. Throws ModelError with the text as its subject.
CallExpression parse_call_expression(std::string_view text);

}  // namespace sluice::frontend
