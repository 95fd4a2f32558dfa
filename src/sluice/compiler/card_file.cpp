#include "sluice/compiler/card_file.hpp"

#include <cmath>

namespace sluice::compiler {

namespace {

constexpr std::uint64_t kBankBase = std::uint64_t{4} << 30;
constexpr std::uint64_t kBankBytes = std::uint64_t{16} << 30;
constexpr const char* kPlatform = "sluice:emulated:card:1.0";
constexpr const char* kInputPort = "M_AXI_GMEM0";
constexpr const char* kOutputPort = "M_AXI_GMEM1";

std::string c_type(const package::TensorPort& port) {
  switch (port.container_bits()) {
    case 8:
      return "char*";
    case 16:
      return "short*";
    case 32:
      return "int*";
    default:
      return "long*";
  }
}

package::XclbinArgument pointer(const std::string& name, const package::TensorPort& port,
                                std::uint32_t offset_bytes, const std::string& master) {
  return {name, true, c_type(port), 8, offset_bytes, master, 0};
}

}  // namespace

package::XclbinContent describe_xclbin(const package::Manifest& manifest) {
  namespace registers = package::registers;
  package::XclbinKernel kernel;
  kernel.name = manifest.name;
  kernel.instances = {{manifest.name + "_1", package::kFirstInstanceAddress}};
  kernel.arguments = {
      pointer("input", manifest.input, registers::kInput, kInputPort),
      pointer("output", manifest.output, registers::kOutput, kOutputPort),
      {"n", false, "unsigned int", 4, registers::kEvents, "", 0},
  };
  kernel.ports = {{kInputPort, static_cast<std::uint32_t>(manifest.input.bus_bits())},
                  {kOutputPort, static_cast<std::uint32_t>(manifest.output.bus_bits())}};
  package::XclbinContent content;
  content.platform = kPlatform;
  content.clock_mhz = static_cast<std::uint32_t>(std::lround(manifest.clock_mhz));
  content.banks = {{"bank0", kBankBase, kBankBytes}};
  content.kernels = {std::move(kernel)};
  return content;
}

}  // namespace sluice::compiler
