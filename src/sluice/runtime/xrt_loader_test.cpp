// Opening XRT cards where there are none. No test here gets as far as XRT itself.

#include <gtest/gtest.h>

#include <cstdlib>

#include "sluice/base/files.hpp"
#include "sluice/runtime/device.hpp"
#include "sluice/runtime/expect_error.hpp"
#include "sluice/runtime/test_package.hpp"

namespace sluice::runtime {
namespace {

using testing::expect_error;

/// A package, and an environment without XRT; each test sets what it needs.
class WithoutCard : public ::testing::Test {
 protected:
  WithoutCard() {
    for (const char* variable :
         {"SLUICE_RUNTIME_XRT", "XCL_EMULATION_MODE", "XILINX_XRT", "EMCONFIG_PATH"}) {
      ::unsetenv(variable);
    }
  }
  static void set(const char* variable, const std::string& value) {
    ::setenv(variable, value.c_str(), 1);
  }
  void expect_refused(const char* uri, const char* code, const char* words) const {
    expect_error(ErrorKind::device, code, words, [&] { (void)Device::open(package_, uri); });
  }
  /// As `sluice card` prepares it, but for the shim itself, which is an empty file.
  void pretend_emulation(const std::string& emconfig) const {
    const std::filesystem::path folder = folder_.path() / "env";
    std::filesystem::create_directories(folder / "lib");
    write_file(folder / "lib/libxrt_hwemu.so.2", "");
    write_file(folder / "emconfig.json", emconfig);
    set("XILINX_XRT", folder);
    set("EMCONFIG_PATH", folder);
    set("XCL_EMULATION_MODE", "hw_emu");
  }

  TemporaryFolder folder_;
  package::Package package_ = testing::write_package(folder_.path());
};

TEST_F(WithoutCard, BackEndThatIsNotThere) {
  set("SLUICE_RUNTIME_XRT", folder_.path() / "none.so");
  expect_refused("xrt:0", "E-RUNTIME-008", "none.so: the XRT back end cannot be loaded");
}

TEST_F(WithoutCard, XrtLibraryThatIsNotThere) {
  set("SLUICE_RUNTIME_XRT", SLUICE_MODULE_WITH_ABSENT_LIBRARY);
  expect_refused("xrt:0", "E-RUNTIME-008", "libsluice_absent.so: cannot open shared object file");
}

TEST_F(WithoutCard, ModuleOfAnotherKind) {
  set("SLUICE_RUNTIME_XRT", SLUICE_OTHER_LIBRARY);
  expect_refused("xrt:0", "E-RUNTIME-008", "is not the XRT back end of Sluice");
}

#ifdef SLUICE_HAS_XRT

TEST_F(WithoutCard, NoEnvironment) {
  expect_refused("xrt:0", "E-RUNTIME-014", "XILINX_XRT is not set");
  expect_refused("xrt:7", "E-RUNTIME-014", "sluice card -- PROGRAM");
}

TEST_F(WithoutCard, EmulationThatXrtDoesNotKnow) {
  pretend_emulation("{}");
  set("XCL_EMULATION_MODE", "fast_emu");
  expect_refused("xrt:0", "E-RUNTIME-014", "`fast_emu`");
}

TEST_F(WithoutCard, EnvironmentWithoutTheShim) {
  pretend_emulation("{}");
  set("XCL_EMULATION_MODE", "sw_emu");
  expect_refused("xrt:0", "E-RUNTIME-014", "libxrt_swemu.so.2");
}

TEST_F(WithoutCard, CardsAreCounted) {
  pretend_emulation(
      R"({"Platform": {"Boards": [{"NumBoards": "2", "Devices": [{"NumDevices": 1}]},
                                  {"Devices": [{"Name": "x"}, {"NumDevices": "3"}]}]}})");
  expect_refused("xrt:6", "E-RUNTIME-007", "XRT has 6, counted from xrt:0");
  pretend_emulation(R"({"Platform": {"Boards": []}})");
  expect_refused("xrt:0", "E-RUNTIME-007", "XRT finds no card");
}

TEST_F(WithoutCard, ConfigurationThatIsDamaged) {
  for (const char* text : {"", "[]", "{\"Platform\": 1}", "{\"Platform\": {\"Boards\": [1]}}"}) {
    pretend_emulation(text);
    expect_refused("xrt:0", "E-RUNTIME-014", "emconfig.json");
  }
}

#endif

}  // namespace
}  // namespace sluice::runtime
