#include "sluice/package/manifest.hpp"

#include <algorithm>
#include <bit>

#include "sluice/base/error.hpp"

namespace sluice::package {

namespace {

constexpr int kNarrowestBus = 64;
constexpr int kWidestBus = 512;

Json to_json(const TensorPort& port) {
  Json json{{"name", port.name},
            {"shape", port.shape},
            {"format", to_string(port.quantizer.format)},
            {"rounding", to_string(port.quantizer.rounding)},
            {"overflow", to_string(port.quantizer.overflow)},
            {"container_bits", port.container_bits()},
            {"event_bytes", port.event_bytes()},
            {"bus_bits", port.bus_bits()}};
  for (const TensorPart& part : port.parts) {
    json["parts"].push_back({{"name", part.name}, {"shape", part.shape}});
  }
  return json;
}

TensorPort port_from_json(const Json& json) {
  TensorPort port;
  port.name = json.at("name").get<std::string>();
  port.shape = json.at("shape").get<std::vector<std::int64_t>>();
  port.quantizer.format = fixed::parse_format(json.at("format").get<std::string>());
  port.quantizer.rounding = fixed::parse_rounding(json.at("rounding").get<std::string>());
  port.quantizer.overflow = fixed::parse_overflow(json.at("overflow").get<std::string>());
  if (json.contains("parts")) {
    for (const Json& part : json.at("parts")) {
      port.parts.push_back(
          {part.at("name").get<std::string>(), part.at("shape").get<std::vector<std::int64_t>>()});
    }
  }
  return port;
}

bool is_identifier(const std::string& name) {
  const auto letter = [](char c) { return c == '_' || ((c | 32) >= 'a' && (c | 32) <= 'z'); };
  return !name.empty() && letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void check(const Manifest& manifest, const std::string& origin) {
  const auto refuse = [&](const std::string& what) {
    throw ModelError("E-PACKAGE-002", origin, what, "compile the model again");
  };
  if (!is_identifier(manifest.name)) refuse("the kernel's name is not an identifier");
  if (!(manifest.clock_mhz > 0)) refuse("clock_mhz is not positive");
  if (manifest.latency_cycles < 1) refuse("latency_cycles is not positive");
  constexpr std::int64_t kMostElements = std::int64_t{1} << 24;
  for (const TensorPort* port : {&manifest.input, &manifest.output}) {
    std::int64_t count = 1;
    for (const std::int64_t extent : port->shape) {
      if (extent < 1 || extent > kMostElements || (count *= extent) > kMostElements) {
        refuse("a shape is not possible");
      }
    }
  }
  for (const auto& [path, hash] : manifest.files) {
    if (path.empty() || path.front() == '/' || path.find("..") != std::string::npos) {
      refuse("a file lies outside of the package: " + path);
    }
  }
}

}  // namespace

std::int64_t TensorPort::elements() const noexcept {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

int TensorPort::container_bits() const noexcept { return fixed::container_bits(quantizer.format); }

std::int64_t TensorPort::event_bytes() const noexcept { return elements() * container_bits() / 8; }

int TensorPort::bus_bits() const noexcept {
  const auto event_bits = static_cast<std::uint64_t>(event_bytes()) * 8;
  const std::uint64_t power = std::bit_ceil(event_bits);
  return static_cast<int>(std::clamp<std::uint64_t>(power, kNarrowestBus, kWidestBus));
}

double Manifest::cycles_per_event() const noexcept {
  const auto beats = [](const TensorPort& port) {
    return static_cast<double>(8 * port.event_bytes()) / port.bus_bits();
  };
  return std::max({static_cast<double>(initiation_interval_cycles), beats(input), beats(output)});
}

Json to_json(const Manifest& manifest) {
  Json files = Json::object();
  for (const auto& [path, hash] : manifest.files) files[path] = hash;
  return {{"schema_version", Manifest::kSchemaVersion},
          {"name", manifest.name},
          {"sluice_version", manifest.sluice_version},
          {"source", {{"file", manifest.source.file}, {"sha256", manifest.source.sha256}}},
          {"board", manifest.board},
          {"clock_mhz", manifest.clock_mhz},
          {"latency_cycles", manifest.latency_cycles},
          {"initiation_interval_cycles", manifest.initiation_interval_cycles},
          {"input", to_json(manifest.input)},
          {"output", to_json(manifest.output)},
          {"registers",
           {{"control", registers::kControl},
            {"input", registers::kInput},
            {"output", registers::kOutput},
            {"n", registers::kEvents},
            {"cycles", registers::kCycles}}},
          {"files", files}};
}

Manifest manifest_from_json(const Json& json, const std::string& origin) {
  try {
    const int version = json.at("schema_version").get<int>();
    if (version != Manifest::kSchemaVersion) {
      throw ModelError("E-PACKAGE-001", origin,
                       "has schema version " + std::to_string(version) + ", expected " +
                           std::to_string(Manifest::kSchemaVersion),
                       "compile the model again with this version of Sluice");
    }
    Manifest manifest;
    manifest.name = json.at("name").get<std::string>();
    manifest.sluice_version = json.at("sluice_version").get<std::string>();
    manifest.source.file = json.at("source").at("file").get<std::string>();
    manifest.source.sha256 = json.at("source").at("sha256").get<std::string>();
    manifest.board = json.at("board").get<std::string>();
    manifest.clock_mhz = json.at("clock_mhz").get<double>();
    manifest.latency_cycles = json.at("latency_cycles").get<int>();
    manifest.initiation_interval_cycles = json.at("initiation_interval_cycles").get<int>();
    manifest.input = port_from_json(json.at("input"));
    manifest.output = port_from_json(json.at("output"));
    manifest.files = json.at("files").get<std::map<std::string, std::string>>();
    check(manifest, origin);
    return manifest;
  } catch (const nlohmann::json::exception& error) {
    throw ModelError("E-PACKAGE-002", origin, std::string("malformed manifest: ") + error.what(),
                     "compile the model again");
  }
}

}  // namespace sluice::package
