#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "sluice/base/files.hpp"
#include "sluice/package/package.hpp"

/// A small compiled package for the runtime's tests: 3 inputs, 2 outputs, int16 in and int8 out.
namespace sluice::runtime::testing {

/// y = quantize(x * [[1, -2], [3, 4], [-5, 6]] / 4 + [1, -1] / 16); without a kernel and an xclbin.
package::Package write_package(const std::filesystem::path& folder);

/// The same function, written out, on mantissas of `events` events.
std::vector<std::int8_t> expected_outputs(const std::vector<std::int16_t>& inputs);

/// Events that cover the corners of the input's format and pseudo-random values.
std::vector<std::int16_t> example_inputs(std::size_t events, std::uint64_t seed);

}  // namespace sluice::runtime::testing
