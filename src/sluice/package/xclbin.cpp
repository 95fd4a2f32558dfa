#include "sluice/package/xclbin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <pugixml.hpp>
#include <set>
#include <sstream>
#include <type_traits>

#include "sluice/base/error.hpp"
#include "sluice/base/sha256.hpp"

namespace sluice::package {

namespace {

// The container as XRT's public header <xclbin.h> lays it out: little endian, natural alignment.

enum SectionKind : std::uint32_t {
  kBitstream = 0,
  kEmbeddedMetadata = 2,
  kMemTopology = 6,
  kConnectivity = 7,
  kIpLayout = 8,
  kClockFreqTopology = 11,
  kAskGroupTopology = 26,
  kAskGroupConnectivity = 27,
};

struct SectionHeader {
  std::uint32_t kind;
  char name[16];
  std::uint32_t padding;
  std::uint64_t offset_bytes;
  std::uint64_t size_bytes;
};
static_assert(sizeof(SectionHeader) == 40);

struct FileHeader {
  char magic[8];
  std::int32_t signature_length;
  std::uint8_t reserved[28];
  std::uint8_t key_block[256];
  std::uint64_t unique_id;
  std::uint64_t length_bytes;
  std::uint64_t time_stamp;
  std::uint64_t feature_rom_time_stamp;
  std::uint16_t version_patch;
  std::uint8_t version_major;
  std::uint8_t version_minor;
  std::uint16_t mode;
  std::uint16_t action_mask;
  std::uint8_t feature_rom_uuid[16];
  char platform_vbnv[64];
  std::uint8_t uuid[16];
  char debug_bin[16];
  std::uint32_t section_count;
  std::uint32_t padding;
};
static_assert(sizeof(FileHeader) == 456);
static_assert(offsetof(FileHeader, uuid) == 0x1a0);

struct MemEntry {
  std::uint8_t type;
  std::uint8_t used;
  std::uint8_t padding[6];
  std::uint64_t size_kib;
  std::uint64_t base_address;
  char tag[16];
};
static_assert(sizeof(MemEntry) == 40);

struct IpEntry {
  std::uint32_t type;
  std::uint32_t properties;
  std::uint64_t base_address;
  char name[64];
};
static_assert(sizeof(IpEntry) == 80);

struct ConnectionEntry {
  std::int32_t argument_index;
  std::int32_t ip_index;
  std::int32_t mem_index;
};
static_assert(sizeof(ConnectionEntry) == 12);

struct ClockEntry {
  std::uint16_t mhz;
  std::uint8_t type;
  std::uint8_t padding[5];
  char name[128];
};
static_assert(sizeof(ClockEntry) == 136);

constexpr std::string_view kMagic{"xclbin2\0", 8};
constexpr const char* kNetworkAttribute = "sluiceNetwork";  // of `project`; XRT passes over it
constexpr std::uint16_t kModeHwEmu = 4;
constexpr std::uint32_t kIpKernel = 1;
constexpr std::uint32_t kIpControlShift = 8;
constexpr std::uint32_t kIpControlMask = 0xff00;
constexpr std::uint8_t kClockData = 1;
constexpr std::uint8_t kClockKernel = 2;
constexpr std::uint32_t kMaxSections = 1024;
constexpr std::size_t kMaxMetadataBytes = std::size_t{16} << 20;
// Where the entries of a table start: the count is 32 bits, or 16 in the clock table, and the
// entries follow at their own alignment.
constexpr std::size_t kEntriesAt8 = 8;
constexpr std::size_t kConnectionsAt = 4;
constexpr std::size_t kClocksAt = 2;

// --- writing -------------------------------------------------------------------------------------

[[noreturn]] void refuse(std::string_view subject, std::string message, std::string hint = {}) {
  throw UsageError("E-XCLBIN-001", std::string(subject), std::move(message), std::move(hint));
}

template <typename T>
void append(std::string& out, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

template <std::size_t N>
void set_text(char (&field)[N], std::string_view text, std::string_view what) {
  if (text.size() >= N) {
    refuse(what,
           fmt::format("`{}` has {} characters, the format holds {}", text, text.size(), N - 1));
  }
  std::memcpy(field, text.data(), text.size());
}

bool is_identifier(std::string_view text) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') &&
         std::all_of(text.begin(), text.end(), is_word);
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void check_name(std::string_view what, std::string_view name) {
  if (!is_identifier(name)) {
    refuse(what, fmt::format("`{}` is not a name of letters, digits and underscores", name));
  }
}

void check_banks(const XclbinContent& content) {
  if (content.banks.empty()) refuse("memory", "at least one bank is needed");
  for (const XclbinBank& bank : content.banks) {
    if (bank.base_address == 0 || bank.base_address % 4096 != 0) {
      refuse(bank.tag, fmt::format("base address {:#x} is not a non-zero multiple of 4096",
                                   bank.base_address));
    }
    if (bank.size_bytes == 0 || bank.size_bytes % 1024 != 0) {
      refuse(bank.tag, fmt::format("size {} is not a non-zero multiple of 1024", bank.size_bytes));
    }
    if (bank.tag.empty() || !is_printable(bank.tag)) refuse("memory", "a bank has no readable tag");
  }
}

void check_kernel(const XclbinKernel& kernel, std::size_t bank_count) {
  check_name("kernel", kernel.name);
  if (kernel.instances.empty()) refuse(kernel.name, "the kernel has no instance");
  for (const XclbinInstance& instance : kernel.instances) check_name(kernel.name, instance.name);
  std::set<std::string_view> ports;
  for (const XclbinPort& port : kernel.ports) {
    check_name(kernel.name, port.name);
    ports.insert(port.name);
  }
  for (const XclbinArgument& argument : kernel.arguments) {
    check_name(kernel.name, argument.name);
    if (!is_printable(argument.c_type)) refuse(argument.name, "the C type is not printable text");
    if (argument.is_pointer && !ports.contains(argument.port)) {
      refuse(argument.name,
             fmt::format("port `{}` is not one of the kernel's ports", argument.port));
    }
    if (argument.is_pointer && argument.bank >= bank_count) {
      refuse(argument.name,
             fmt::format("bank {} does not exist ({} banks)", argument.bank, bank_count));
    }
  }
}

struct PlacedInstance {
  const XclbinKernel* kernel;
  const XclbinInstance* instance;
};

/// In order of address, as the IP_LAYOUT section wants them.
std::vector<PlacedInstance> placed_instances(const XclbinContent& content) {
  std::vector<PlacedInstance> placed;
  for (const XclbinKernel& kernel : content.kernels) {
    for (const XclbinInstance& instance : kernel.instances) placed.push_back({&kernel, &instance});
  }
  std::sort(placed.begin(), placed.end(), [](const PlacedInstance& a, const PlacedInstance& b) {
    return a.instance->base_address < b.instance->base_address;
  });
  for (std::size_t i = 1; i < placed.size(); ++i) {
    const PlacedInstance& before = placed[i - 1];
    const std::uint64_t gap = placed[i].instance->base_address - before.instance->base_address;
    if (gap < before.kernel->control_range_bytes) {
      refuse(placed[i].instance->name,
             fmt::format("its control map overlaps that of `{}`", before.instance->name));
    }
  }
  return placed;
}

std::string mem_topology(const XclbinContent& content) {
  std::string section;
  append(section, static_cast<std::int32_t>(content.banks.size()));
  section.resize(kEntriesAt8);
  for (const XclbinBank& bank : content.banks) {
    MemEntry entry{};
    entry.type = bank.type;
    entry.used = bank.used ? 1 : 0;
    entry.size_kib = bank.size_bytes / 1024;
    entry.base_address = bank.base_address;
    set_text(entry.tag, bank.tag, "memory");
    append(section, entry);
  }
  return section;
}

std::string ip_layout(const std::vector<PlacedInstance>& placed) {
  std::string section;
  append(section, static_cast<std::int32_t>(placed.size()));
  section.resize(kEntriesAt8);
  for (const auto& [kernel, instance] : placed) {
    IpEntry entry{};
    entry.type = kIpKernel;
    entry.properties = static_cast<std::uint32_t>(kernel->control) << kIpControlShift;
    entry.base_address = instance->base_address;
    set_text(entry.name, kernel->name + ":" + instance->name, kernel->name);
    append(section, entry);
  }
  return section;
}

std::string connectivity(const std::vector<PlacedInstance>& placed) {
  std::string entries;
  for (std::size_t ip = 0; ip < placed.size(); ++ip) {
    const auto& arguments = placed[ip].kernel->arguments;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      if (!arguments[i].is_pointer) continue;
      append(entries, ConnectionEntry{static_cast<std::int32_t>(i), static_cast<std::int32_t>(ip),
                                      static_cast<std::int32_t>(arguments[i].bank)});
    }
  }
  std::string section;
  append(section, static_cast<std::int32_t>(entries.size() / sizeof(ConnectionEntry)));
  return section + entries;
}

std::string clock_freq_topology(const XclbinContent& content) {
  if (content.clock_mhz == 0 || content.clock_mhz > 0xffff) {
    refuse("clock", fmt::format("{} MHz is not between 1 and 65535", content.clock_mhz));
  }
  std::string section;
  append(section, std::int16_t{2});
  for (const auto& [type, name] :
       {std::pair{kClockData, "DATA_CLK"}, {kClockKernel, "KERNEL_CLK"}}) {
    ClockEntry entry{};
    entry.mhz = static_cast<std::uint16_t>(content.clock_mhz);
    entry.type = type;
    set_text(entry.name, name, "clock");
    append(section, entry);
  }
  return section;
}

using Attributes = std::initializer_list<std::pair<const char*, std::string>>;

pugi::xml_node add_node(pugi::xml_node parent, const char* name, const Attributes& attributes) {
  pugi::xml_node node = parent.append_child(name);
  for (const auto& [key, value] : attributes) node.append_attribute(key).set_value(value.c_str());
  return node;
}

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }

const char* protocol_name(ControlProtocol protocol) {
  return protocol == ControlProtocol::ap_ctrl_chain ? "ap_ctrl_chain" : "ap_ctrl_hs";
}

constexpr const char* kControlPort = "S_AXI_CONTROL";

std::string vlnv_of(const XclbinKernel& kernel) {
  return kernel.vlnv.empty() ? fmt::format("sluice:kernel:{}:1.0", kernel.name) : kernel.vlnv;
}

void add_kernel(pugi::xml_node core, const XclbinKernel& kernel) {
  pugi::xml_node node = add_node(core, "kernel",
                                 {{"name", kernel.name},
                                  {"language", "ip_c"},
                                  {"vlnv", vlnv_of(kernel)},
                                  {"attributes", ""},
                                  {"preferredWorkGroupSizeMultiple", "0"},
                                  {"workGroupSize", "1"},
                                  {"interrupt", "false"},
                                  {"hwControlProtocol", protocol_name(kernel.control)}});
  add_node(node, "port",
           {{"name", kControlPort},
            {"mode", "slave"},
            {"range", hex(kernel.control_range_bytes)},
            {"dataWidth", "32"},
            {"portType", "addressable"},
            {"base", "0x0"}});
  for (const XclbinPort& port : kernel.ports) {
    add_node(node, "port",
             {{"name", port.name},
              {"mode", "master"},
              {"range", "0xFFFFFFFFFFFFFFFF"},
              {"dataWidth", std::to_string(port.bus_bits)},
              {"portType", "addressable"},
              {"base", "0x0"}});
  }
  for (std::size_t i = 0; i < kernel.arguments.size(); ++i) {
    const XclbinArgument& argument = kernel.arguments[i];
    add_node(node, "arg",
             {{"name", argument.name},
              {"addressQualifier", argument.is_pointer ? "1" : "0"},
              {"id", std::to_string(i)},
              {"port", argument.is_pointer ? argument.port : std::string(kControlPort)},
              {"size", hex(argument.size_bytes)},
              {"offset", hex(argument.offset_bytes)},
              {"hostOffset", "0x0"},
              {"hostSize", hex(argument.size_bytes)},
              {"type", argument.c_type}});
  }
  add_node(node, "compileWorkGroupSize", {{"x", "1"}, {"y", "1"}, {"z", "1"}});
  add_node(node, "maxWorkGroupSize", {{"x", "1"}, {"y", "1"}, {"z", "1"}});
  for (const XclbinInstance& instance : kernel.instances) {
    pugi::xml_node unit = add_node(node, "instance", {{"name", instance.name}});
    add_node(unit, "addrRemap", {{"base", hex(instance.base_address)}, {"port", kControlPort}});
  }
}

std::string metadata(const XclbinContent& content) {
  std::size_t unit_count = 0;
  for (const XclbinKernel& kernel : content.kernels) unit_count += kernel.instances.size();
  const std::string clock = fmt::format("{}MHz", content.clock_mhz);

  pugi::xml_document document;
  pugi::xml_node declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version").set_value("1.0");
  declaration.append_attribute("encoding").set_value("UTF-8");
  pugi::xml_node project = add_node(document, "project", {{"name", content.kernels.front().name}});
  if (!content.network_sha256.empty()) {
    project.append_attribute(kNetworkAttribute).set_value(content.network_sha256.c_str());
  }
  pugi::xml_node platform = add_node(project, "platform",
                                     {{"vendor", "sluice"},
                                      {"boardid", "emulated"},
                                      {"name", content.platform},
                                      {"featureRomTime", "0"}});
  add_node(platform, "version", {{"major", "1"}, {"minor", "0"}});
  add_node(platform, "board", {{"name", "emulated"}, {"vendor", "sluice"}, {"fpga", "emulated"}});
  pugi::xml_node device =
      add_node(platform, "device",
               {{"name", "fpga0"}, {"fpgaDevice", "virtexuplus:emulated"}, {"addrWidth", "64"}});
  pugi::xml_node core = add_node(device, "core",
                                 {{"name", "OCL_REGION_0"},
                                  {"target", "hw_em"},
                                  {"type", "clc_region"},
                                  {"clockFreq", clock},
                                  {"numComputeUnits", std::to_string(unit_count)}});
  pugi::xml_node clocks = core.append_child("kernelClocks");
  for (const char* port : {"KERNEL_CLK", "DATA_CLK"}) {
    add_node(clocks, "clock", {{"port", port}, {"frequency", clock}});
  }
  for (const XclbinKernel& kernel : content.kernels) add_kernel(core, kernel);

  std::ostringstream text;
  document.save(text, " ", pugi::format_indent, pugi::encoding_utf8);
  return text.str();
}

struct Section {
  SectionKind kind;
  const char* name;
  std::string bytes;
};

std::string hash_of(const std::vector<Section>& sections) {
  std::string text;
  for (const Section& section : sections) {
    text +=
        fmt::format("{}:{};", static_cast<std::uint32_t>(section.kind), sha256_hex(section.bytes));
  }
  return sha256_hex(text);
}

std::uint8_t hex_byte(std::string_view digits) {
  std::uint8_t value = 0;
  std::from_chars(digits.data(), digits.data() + 2, value, 16);
  return value;
}

void align(std::string& bytes) { bytes.resize((bytes.size() + 7) / 8 * 8); }

// --- reading -------------------------------------------------------------------------------------

/// A view of untrusted bytes that knows their origin for its messages.
class Reader {
 public:
  Reader(std::string_view bytes, std::string_view origin) : bytes_(bytes), origin_(origin) {}

  [[noreturn]] void fail(const std::string& message) const {
    throw ModelError("E-XCLBIN-002", std::string(origin_), message,
                     "make the package again with `sluice compile`");
  }

  /// A copy, since the bytes need not be aligned.
  template <typename T>
  T at(std::uint64_t offset, std::string_view what) const {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::string_view part = range(offset, sizeof(T), what);
    T value;
    std::memcpy(&value, part.data(), sizeof(T));
    return value;
  }

  std::string_view range(std::uint64_t offset, std::uint64_t size, std::string_view what) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) {
      fail(fmt::format("{} lies outside of the file: {} bytes at {}, the file has {}", what, size,
                       offset, bytes_.size()));
    }
    return bytes_.substr(offset, size);
  }

  std::string_view bytes() const { return bytes_; }
  std::string_view origin() const { return origin_; }

 private:
  std::string_view bytes_;
  std::string_view origin_;
};

/// The entries of a table: `Count` at 0, then the entries from `first` on.
template <typename Entry, typename Count>
std::vector<Entry> table(const Reader& section, std::size_t first, std::string_view what) {
  const auto count = section.at<Count>(0, what);
  if (count < 0) section.fail(fmt::format("{} says that it has {} entries", what, count));
  const std::uint64_t entry_count = static_cast<std::uint64_t>(count);
  section.range(first, entry_count * sizeof(Entry), what);
  std::vector<Entry> entries;
  entries.reserve(entry_count);
  for (std::uint64_t i = 0; i < entry_count; ++i) {
    entries.push_back(section.at<Entry>(first + i * sizeof(Entry), what));
  }
  return entries;
}

template <std::size_t N>
std::string text_of(const char (&field)[N]) {
  return {field, ::strnlen(field, N)};
}

std::uint64_t number(const Reader& reader, const pugi::xml_node& node, const char* attribute) {
  const std::string_view text = node.attribute(attribute).as_string();
  const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
  const std::string_view digits = is_hex ? text.substr(2) : text;
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    reader.fail(fmt::format("EMBEDDED_METADATA: `{}` of <{}> is `{}`, not a number", attribute,
                            node.name(), text));
  }
  return value;
}

std::uint32_t number32(const Reader& reader, const pugi::xml_node& node, const char* attribute) {
  const std::uint64_t value = number(reader, node, attribute);
  if (value > 0xffff'ffffu) {
    reader.fail(fmt::format("EMBEDDED_METADATA: `{}` of <{}> is {}, which is out of range",
                            attribute, node.name(), value));
  }
  return static_cast<std::uint32_t>(value);
}

XclbinKernel read_kernel(const Reader& reader, const pugi::xml_node& node) {
  XclbinKernel kernel;
  kernel.name = node.attribute("name").as_string();
  kernel.vlnv = node.attribute("vlnv").as_string();
  kernel.control = std::string_view(node.attribute("hwControlProtocol").as_string()) == "ap_ctrl_hs"
                       ? ControlProtocol::ap_ctrl_hs
                       : ControlProtocol::ap_ctrl_chain;
  for (const pugi::xml_node& port : node.children("port")) {
    if (std::string_view(port.attribute("mode").as_string()) == "slave") {
      kernel.control_range_bytes = number32(reader, port, "range");
    } else {
      kernel.ports.push_back(
          {port.attribute("name").as_string(), number32(reader, port, "dataWidth")});
    }
  }
  for (const pugi::xml_node& arg : node.children("arg")) {
    XclbinArgument argument;
    argument.name = arg.attribute("name").as_string();
    argument.is_pointer = number(reader, arg, "addressQualifier") == 1;
    argument.c_type = arg.attribute("type").as_string();
    argument.size_bytes = number32(reader, arg, "size");
    argument.offset_bytes = number32(reader, arg, "offset");
    if (argument.is_pointer) argument.port = arg.attribute("port").as_string();
    kernel.arguments.push_back(std::move(argument));
  }
  return kernel;
}

void read_metadata(const Reader& section, XclbinContent& content) {
  if (section.bytes().size() > kMaxMetadataBytes) section.fail("EMBEDDED_METADATA is too large");
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(
      section.bytes().data(), section.bytes().size(), pugi::parse_default, pugi::encoding_utf8);
  if (!parsed) {
    section.fail(fmt::format("EMBEDDED_METADATA is not XML: {} at byte {}", parsed.description(),
                             parsed.offset));
  }
  const pugi::xml_node project = document.child("project");
  content.network_sha256 = project.attribute(kNetworkAttribute).as_string();
  const pugi::xml_node core = project.child("platform").child("device").child("core");
  for (const pugi::xml_node& node : core.children("kernel")) {
    content.kernels.push_back(read_kernel(section, node));
  }
  if (content.kernels.empty()) section.fail("EMBEDDED_METADATA describes no kernel");
}

/// Adds the compute units of IP_LAYOUT to their kernels. The answer: kernel index by table entry,
/// -1 for what is no compute unit of a described kernel.
std::vector<int> place_instances(const Reader& reader, const std::vector<IpEntry>& entries,
                                 std::vector<XclbinKernel>& kernels) {
  std::vector<int> kernel_of;
  for (const IpEntry& entry : entries) {
    int index = -1;
    if (entry.type == kIpKernel) {
      const std::string full = text_of(entry.name);
      const std::size_t colon = full.find(':');
      const auto kernel = std::find_if(kernels.begin(), kernels.end(), [&](const auto& candidate) {
        return candidate.name == full.substr(0, colon);
      });
      if (colon == std::string::npos || kernel == kernels.end()) {
        reader.fail(fmt::format("IP_LAYOUT: `{}` is not an instance of a described kernel", full));
      }
      index = static_cast<int>(kernel - kernels.begin());
      const std::uint32_t control = (entry.properties & kIpControlMask) >> kIpControlShift;
      if (control > static_cast<std::uint32_t>(ControlProtocol::ap_ctrl_chain)) {
        reader.fail(fmt::format("IP_LAYOUT: `{}` has control protocol {}", full, control));
      }
      kernel->control = static_cast<ControlProtocol>(control);
      kernel->instances.push_back({full.substr(colon + 1), entry.base_address});
    }
    kernel_of.push_back(index);
  }
  return kernel_of;
}

void connect_banks(const Reader& reader, const std::vector<ConnectionEntry>& entries,
                   const std::vector<int>& kernel_of, std::size_t bank_count,
                   std::vector<XclbinKernel>& kernels) {
  std::set<std::pair<int, std::int32_t>> seen;  // the first instance speaks for its kernel
  for (const ConnectionEntry& entry : entries) {
    if (entry.ip_index < 0 || static_cast<std::size_t>(entry.ip_index) >= kernel_of.size() ||
        entry.mem_index < 0 || static_cast<std::size_t>(entry.mem_index) >= bank_count) {
      reader.fail(fmt::format("CONNECTIVITY: unit {} or bank {} does not exist", entry.ip_index,
                              entry.mem_index));
    }
    const int kernel = kernel_of[static_cast<std::size_t>(entry.ip_index)];
    if (kernel < 0) continue;
    auto& arguments = kernels[static_cast<std::size_t>(kernel)].arguments;
    if (entry.argument_index < 0 ||
        static_cast<std::size_t>(entry.argument_index) >= arguments.size()) {
      reader.fail(fmt::format("CONNECTIVITY: argument {} does not exist", entry.argument_index));
    }
    if (!seen.insert({kernel, entry.argument_index}).second) continue;
    arguments[static_cast<std::size_t>(entry.argument_index)].bank =
        static_cast<std::uint32_t>(entry.mem_index);
  }
}

std::vector<XclbinBank> read_banks(const Reader& section) {
  std::vector<XclbinBank> banks;
  for (const MemEntry& entry :
       table<MemEntry, std::int32_t>(section, kEntriesAt8, "MEM_TOPOLOGY")) {
    if (entry.size_kib > (~std::uint64_t{0} >> 10))
      section.fail("MEM_TOPOLOGY: a bank is too large");
    banks.push_back({text_of(entry.tag), entry.base_address, entry.size_kib * 1024, entry.used != 0,
                     entry.type});
  }
  return banks;
}

std::uint32_t read_clock(const Reader& section) {
  std::uint32_t mhz = 0;
  for (const ClockEntry& entry :
       table<ClockEntry, std::int16_t>(section, kClocksAt, "CLOCK_FREQ_TOPOLOGY")) {
    if (mhz == 0 || entry.type == kClockData) mhz = entry.mhz;
  }
  return mhz;
}

/// The first section of each kind.
std::map<std::uint32_t, Reader> section_table(const Reader& file, const FileHeader& header) {
  if (header.section_count > kMaxSections) {
    file.fail(fmt::format("it says that it has {} sections", header.section_count));
  }
  std::map<std::uint32_t, Reader> sections;
  for (std::uint32_t i = 0; i < header.section_count; ++i) {
    const auto entry = file.at<SectionHeader>(
        sizeof(FileHeader) + std::uint64_t{i} * sizeof(SectionHeader), "the section table");
    const std::string what = fmt::format("section {} (kind {})", i, entry.kind);
    sections.emplace(entry.kind,
                     Reader(file.range(entry.offset_bytes, entry.size_bytes, what), file.origin()));
  }
  return sections;
}

}  // namespace

std::string write_xclbin(const XclbinContent& content) {
  if (content.kernels.empty()) refuse("xclbin", "at least one kernel is needed");
  if (content.platform.empty() || !is_printable(content.platform)) {
    refuse("platform", "the platform has no readable name");
  }
  check_banks(content);
  for (const XclbinKernel& kernel : content.kernels) check_kernel(kernel, content.banks.size());
  const std::vector<PlacedInstance> placed = placed_instances(content);

  std::vector<Section> sections;
  sections.push_back({kEmbeddedMetadata, "embedded_meta", metadata(content)});
  sections.push_back({kMemTopology, "mem_topology", mem_topology(content)});
  sections.push_back({kIpLayout, "ip_layout", ip_layout(placed)});
  sections.push_back({kConnectivity, "connectivity", connectivity(placed)});
  sections.push_back({kClockFreqTopology, "clock_freq", clock_freq_topology(content)});
  sections.push_back({kAskGroupTopology, "group_topology", sections[1].bytes});
  sections.push_back({kAskGroupConnectivity, "group_connect", sections[3].bytes});
  sections.push_back({kBitstream, "bitstream", content.bitstream});

  std::string table_bytes, body;
  const std::size_t body_start = sizeof(FileHeader) + sections.size() * sizeof(SectionHeader);
  static_assert(sizeof(FileHeader) % 8 == 0 && sizeof(SectionHeader) % 8 == 0);
  for (const Section& section : sections) {
    SectionHeader entry{};
    entry.kind = section.kind;
    set_text(entry.name, section.name, "section");
    entry.offset_bytes = body_start + body.size();
    entry.size_bytes = section.bytes.size();
    append(table_bytes, entry);
    body += section.bytes;
    align(body);
  }

  FileHeader header{};
  std::memcpy(header.magic, kMagic.data(), kMagic.size());
  header.signature_length = -1;
  std::memset(header.reserved, 0xff, sizeof(header.reserved));
  std::memset(header.key_block, 0xff, sizeof(header.key_block));
  header.length_bytes = body_start + body.size();
  header.version_major = 2;
  header.version_minor = 13;
  header.mode = kModeHwEmu;
  set_text(header.platform_vbnv, content.platform, "platform");
  const std::string digest = hash_of(sections);
  for (std::size_t i = 0; i < sizeof(header.uuid); ++i) {
    header.uuid[i] = hex_byte(std::string_view(digest).substr(2 * i, 2));
  }
  std::memcpy(&header.unique_id, header.uuid, sizeof(header.unique_id));
  header.section_count = static_cast<std::uint32_t>(sections.size());

  std::string file;
  file.reserve(header.length_bytes);
  append(file, header);
  return file + table_bytes + body;
}

XclbinContent read_xclbin(std::string_view bytes, std::string_view origin) {
  const Reader whole(bytes, origin);
  if (!bytes.starts_with(kMagic)) whole.fail("this is not an xclbin2 file");
  const auto header = whole.at<FileHeader>(0, "the header");
  const Reader file(whole.range(0, header.length_bytes, "the content that the header announces"),
                    origin);
  const auto sections = section_table(file, header);
  const auto find = [&](std::uint32_t kind) -> const Reader* {
    const auto found = sections.find(kind);
    return found == sections.end() ? nullptr : &found->second;
  };
  const auto need = [&](std::uint32_t kind, const char* name) -> const Reader& {
    const Reader* section = find(kind);
    if (section == nullptr) file.fail(fmt::format("section {} is missing", name));
    return *section;
  };

  XclbinContent content;
  content.platform = text_of(header.platform_vbnv);
  for (const std::uint8_t byte : header.uuid) content.uuid += fmt::format("{:02x}", byte);
  read_metadata(need(kEmbeddedMetadata, "EMBEDDED_METADATA"), content);
  const Reader* memory = find(kMemTopology);
  content.banks = read_banks(memory ? *memory : need(kAskGroupTopology, "MEM_TOPOLOGY"));
  const Reader& layout = need(kIpLayout, "IP_LAYOUT");
  const auto kernel_of = place_instances(
      file, table<IpEntry, std::int32_t>(layout, kEntriesAt8, "IP_LAYOUT"), content.kernels);
  if (const Reader* links = find(kConnectivity)) {
    connect_banks(file,
                  table<ConnectionEntry, std::int32_t>(*links, kConnectionsAt, "CONNECTIVITY"),
                  kernel_of, content.banks.size(), content.kernels);
  }
  if (const Reader* clocks = find(kClockFreqTopology)) content.clock_mhz = read_clock(*clocks);
  if (const Reader* image = find(kBitstream)) content.bitstream = image->bytes();
  return content;
}

}  // namespace sluice::package
