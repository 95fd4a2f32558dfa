#include "sluice/package/package.hpp"

#include <gtest/gtest.h>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"

namespace sluice::package {
namespace {

Manifest example() {
  Manifest manifest;
  manifest.name = "muon_pt";
  manifest.sluice_version = "0.1.0";
  manifest.source = {"m.h5", std::string(64, 'a')};
  manifest.clock_mhz = 200;
  manifest.latency_cycles = 12;
  manifest.input = {"x", {27}, {{16, 10, true}, fixed::Rounding::rnd_conv, fixed::Overflow::sat}};
  manifest.output = {"y", {1}, {{16, 10, true}, fixed::Rounding::trn, fixed::Overflow::wrap}};
  return manifest;
}

TEST(Manifest, EventsOfTheMuonNetwork) {
  const Manifest manifest = example();
  EXPECT_EQ(manifest.input.event_bytes(), 54);
  EXPECT_EQ(manifest.input.bus_bits(), 512);
  EXPECT_EQ(manifest.output.event_bytes(), 2);
  EXPECT_EQ(manifest.output.bus_bits(), 64);
  EXPECT_EQ(manifest.clock_period_ns(), 5.0);
}

TEST(Manifest, JsonRoundTrips) {
  const Manifest manifest = example();
  EXPECT_EQ(manifest_from_json(to_json(manifest), "t"), manifest);
}

TEST(Manifest, EveryMissingKeyAndBadValueIsRefused) {
  const Json good = to_json(example());
  for (const auto& [key, value] : good.items()) {
    Json json = good;
    json.erase(key);
    if (key == "registers") continue;
    EXPECT_THROW(manifest_from_json(json, "t"), ModelError) << key;
  }
  const auto refused = [&](const char* pointer, const Json& value) {
    Json json = good;
    json[Json::json_pointer(pointer)] = value;
    EXPECT_THROW(manifest_from_json(json, "t"), ModelError) << pointer;
  };
  refused("/schema_version", 2);
  refused("/name", "no-identifier");
  refused("/clock_mhz", 0);
  refused("/latency_cycles", 0);
  refused("/input/shape", {-1});
  refused("/input/shape", {1 << 20, 1 << 20});
  refused("/input/format", "s99.0");
  refused("/files", {{"../x", "0"}});
}

TEST(Package, OpensWhatWasSealedAndNoticesChanges) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "rtl");
  write_file(folder.path() / "rtl" / "a.v", "module a; endmodule\n");
  EXPECT_THROW(Package::open(folder.path()), ToolError);
  seal(folder.path(), example());
  const Package package = Package::open(folder.path());
  EXPECT_EQ(package.manifest().files.size(), 1u);
  EXPECT_THROW(package.simulator_file(), ToolError);
  write_file(folder.path() / "rtl" / "a.v", "module b; endmodule\n");
  EXPECT_THROW(Package::open(folder.path()), ModelError);
  std::filesystem::remove(folder.path() / "rtl" / "a.v");
  EXPECT_THROW(Package::open(folder.path()), ToolError);
}

}  // namespace
}  // namespace sluice::package
