#include "card/tests/make_test_xclbin.hpp"

#include "sluice/network/network.hpp"
#include "sluice/network/text.hpp"

namespace sluice::card {

package::XclbinContent test_xclbin(const std::string& kernel_name) {
  package::XclbinKernel kernel;
  kernel.name = kernel_name;
  kernel.instances = {{kernel_name + "_1", package::kFirstInstanceAddress}};
  kernel.arguments = {{"input", true, "const char*", 8, 0x10, "M_AXI_GMEM0", 0},
                      {"output", true, "char*", 8, 0x1c, "M_AXI_GMEM1", 0},
                      {"n", false, "unsigned int", 4, 0x28, "", 0}};
  kernel.ports = {{"M_AXI_GMEM0", 64}, {"M_AXI_GMEM1", 64}};
  package::XclbinContent content;
  content.platform = "sluice:emulated:card:1.0";
  content.clock_mhz = 200;
  content.banks = {{"bank0", 0x4'0000'0000, std::uint64_t{16} << 30}};
  content.kernels = {kernel};
  return content;
}

std::string test_network() {
  using namespace network;
  const fixed::Quantizer byte{{8, 0, true}, fixed::Rounding::trn, fixed::Overflow::wrap};
  Network net("add_one");
  const LayerId x = net.append("x", Input{{1}, byte}, {});
  const LayerId sum = net.append("sum", Dense{1, 1, {1}, 0, {1}, 0}, {x});
  net.add_output(net.append("y", Quantize{{byte}}, {sum}));
  return print(net);
}

std::string write_test_xclbin(const package::XclbinContent& description, const CardImage& image) {
  package::XclbinContent content = description;
  content.bitstream = make_card_bitstream(image, description);
  return package::write_xclbin(content);
}

}  // namespace sluice::card
