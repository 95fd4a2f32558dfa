#pragma once

#include <string>
#include <string_view>

#include "sluice/network/network.hpp"

namespace sluice::network {

/// Deterministic text, one layer per line. Types follow from the operations and are not written
/// except as a comment.
std::string print(const Network& network);

/// Inverse of print. Throws ModelError with the line number for malformed text; safe for untrusted
/// input.
Network parse(std::string_view text, std::string_view origin = "network");

}  // namespace sluice::network
