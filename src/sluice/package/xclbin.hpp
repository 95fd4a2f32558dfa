#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::package {

/// How a kernel is started and how it says that it is done (IP_LAYOUT property bits 15:8).
enum class ControlProtocol : std::uint8_t { ap_ctrl_hs = 0, ap_ctrl_chain = 1 };

/// One kernel argument, in the order of the host's `set_arg` indices.
struct XclbinArgument {
  std::string name;
  bool is_pointer = false;         ///< a buffer's device address, else a value
  std::string c_type;              ///< as in the kernel's C signature, for example `const short*`
  std::uint32_t size_bytes = 0;    ///< of the argument itself: 8 for a pointer
  std::uint32_t offset_bytes = 0;  ///< of its first register in the control map
  std::string port;                ///< the master it goes through; empty for a scalar
  std::uint32_t bank = 0;          ///< index into XclbinContent::banks; pointers only

  bool operator==(const XclbinArgument&) const = default;
};

/// One AXI4 master port.
struct XclbinPort {
  std::string name;            ///< for example `M_AXI_GMEM0`
  std::uint32_t bus_bits = 0;  ///< data width

  bool operator==(const XclbinPort&) const = default;
};

/// One compute unit: a copy of the kernel with a control map of its own.
struct XclbinInstance {
  std::string name;                ///< for example `myproject_1`
  std::uint64_t base_address = 0;  ///< of its control map, as the host's register access sees it

  bool operator==(const XclbinInstance&) const = default;
};

struct XclbinKernel {
  std::string name;
  std::string vlnv;  ///< `vendor:library:name:version`; empty: `sluice:kernel:<name>:1.0`
  ControlProtocol control = ControlProtocol::ap_ctrl_chain;
  std::uint32_t control_range_bytes = 0x1000;
  std::vector<XclbinInstance> instances;
  std::vector<XclbinArgument> arguments;
  std::vector<XclbinPort> ports;

  bool operator==(const XclbinKernel&) const = default;
};

/// One bank of device memory. A base of zero is refused: it would give the first buffer address 0.
struct XclbinBank {
  std::string tag;                 ///< at most 15 characters, for example `bank0`
  std::uint64_t base_address = 0;  ///< a multiple of 4 KiB
  std::uint64_t size_bytes = 0;    ///< a multiple of 1 KiB
  bool used = true;                ///< wired to a kernel: false of a platform's spare banks
  std::uint8_t type = 1;           ///< MEM_TYPE of XRT's xclbin.h; 1 is DDR4

  bool operator==(const XclbinBank&) const = default;
};

/// Where the control map of the first compute unit lies, and the distance to the next one.
inline constexpr std::uint64_t kFirstInstanceAddress = 0x180'0000;
inline constexpr std::uint64_t kInstanceStrideBytes = 0x1'0000;

/// What an xclbin says about itself, and the image that programs the card.
struct XclbinContent {
  std::string platform;         ///< `vendor:board:name:major.minor`; at most 63 characters
  std::uint32_t clock_mhz = 0;  ///< kernel clock
  std::vector<XclbinBank> banks;
  std::vector<XclbinKernel> kernels;
  std::string bitstream;  ///< BITSTREAM section; for the emulated card see make_card_bitstream
  /// SHA-256 of the network's text that the kernel computes; empty: the file does not say.
  std::string network_sha256;
  std::string uuid;  ///< 32 hexadecimal digits; set by the reader, ignored by the writer

  bool operator==(const XclbinContent&) const = default;
};

/// The bytes of an xclbin2 (axlf) file that XRT 2.13 and PYNQ load.
///
/// The same content gives the same bytes: the uuid is taken from the SHA-256 of all sections, and
/// every time stamp is zero. Throws UsageError E-XCLBIN-001 for content that the format cannot
/// hold.
std::string write_xclbin(const XclbinContent& content);

/// Reads what write_xclbin writes, and the same sections of any other xclbin2 file.
///
/// The bytes are untrusted: every offset, count and cross reference is checked. Throws ModelError
/// E-XCLBIN-002 (not an xclbin, or damaged), with `origin` as its subject.
XclbinContent read_xclbin(std::string_view bytes, std::string_view origin);

}  // namespace sluice::package
