#pragma once

#include <string>

#include "sluice/package/manifest.hpp"
#include "sluice/package/xclbin.hpp"

namespace sluice::compiler {

/// What the package's xclbin says of the kernel: one compute unit `NAME_1`, the arguments `input`,
/// `output` and `n`, one memory bank per pointer's port. Its bitstream is left empty.
package::XclbinContent describe_xclbin(const package::Manifest& manifest);

}  // namespace sluice::compiler
