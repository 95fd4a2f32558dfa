#pragma once

#include <string>

#include "card/image/card_image.hpp"
#include "sluice/package/xclbin.hpp"

namespace sluice::card {

/// A kernel `kernel_name` with the arguments of every Sluice kernel, and one instance.
package::XclbinContent test_xclbin(const std::string& kernel_name);

/// Adds 1 to a byte, as card_test_core.v does: one 8-bit element in, one out.
std::string test_network();

std::string write_test_xclbin(const package::XclbinContent& description, const CardImage& image);

}  // namespace sluice::card
