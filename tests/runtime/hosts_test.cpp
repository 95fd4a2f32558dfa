// The example hosts, which know nothing of Sluice, on the emulated card.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <ostream>
#include <string>

#include "sluice/base/files.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/npy.hpp"
#include "sluice/base/subprocess.hpp"
#include "sluice/runtime/test_package.hpp"

namespace sluice::runtime {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

struct Case {
  const char* host;
  const char* mode;  ///< option of run_command; empty: hw_emu

  friend std::ostream& operator<<(std::ostream& out, const Case& value) {
    return out << value.host << ' ' << value.mode;
  }
};

class Host : public ::testing::TestWithParam<Case> {
 protected:
  Finished run(const fs::path& input, const std::vector<std::string>& more = {}) const {
    Command command{.arguments = {SLUICE_CARD_RUN_COMMAND, "--card-folder", SLUICE_CARD_FOLDER}};
    if (GetParam().mode[0] != '\0') command.arguments.emplace_back(GetParam().mode);
    for (const std::string& word :
         {std::string("--"), std::string(GetParam().host), xclbin_, input.string(), output_}) {
      command.arguments.push_back(word);
    }
    command.arguments.insert(command.arguments.end(), more.begin(), more.end());
    return run_process(command);
  }

  fs::path save_inputs(const std::vector<std::int16_t>& inputs) const {
    fs::path file = folder_.path() / "x.npy";
    save_npy(file,
             NpyArray::from(std::span(inputs), {static_cast<std::int64_t>(inputs.size() / 3), 3}));
    return file;
  }

  TemporaryFolder folder_;
  std::string output_ = folder_.path() / "y.npy";
  std::string xclbin_ = SLUICE_TEST_PACKAGE "/three_to_two.xclbin";
};

TEST_P(Host, IsExactAndMeasures) {
  const auto inputs = testing::example_inputs(200, 1);
  const std::string samples = folder_.path() / "samples.json";
  const Finished finished = run(save_inputs(inputs), {"30", samples});
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("emulation, not a card's latency"));

  // The hosts' one int16 per event is the two int8 of this kernel.
  const NpyArray array = load_npy(output_);
  EXPECT_EQ(array.shape, (std::vector<std::int64_t>{200, 1}));
  ASSERT_EQ(array.type, NpyType::i2);
  std::vector<std::int8_t> outputs(array.bytes.size());
  std::memcpy(outputs.data(), array.bytes.data(), outputs.size());
  EXPECT_EQ(outputs, testing::expected_outputs(inputs));

  const Json json = read_json(samples);
  EXPECT_EQ(json.at("emulated"), true);
  EXPECT_EQ(json.at("kernel"), "three_to_two");
  for (const char* span : {"injection_us", "inference_us", "extraction_us"}) {
    EXPECT_EQ(json.at("samples").at(span).size(), 30u);
    EXPECT_GT(json.at("samples").at(span).at(0), 0);
  }
}

TEST_P(Host, RefusesFloat64) {
  const std::vector<double> values(3);
  const fs::path file = folder_.path() / "x.npy";
  save_npy(file, NpyArray::from(std::span<const double>(values), {1, 3}));
  const Finished finished = run(file);
  EXPECT_EQ(finished.exit_status, 2);
  EXPECT_THAT(finished.output, HasSubstr("must hold int16 mantissas"));
  EXPECT_FALSE(fs::exists(output_));
}

TEST_P(Host, SaysWhichKernelOrFileIsMissing) {
  const fs::path inputs = save_inputs(testing::example_inputs(1, 1));
  const Finished kernel = run(inputs, {"--kernel", "other"});
  EXPECT_EQ(kernel.exit_status, 5);
  EXPECT_THAT(kernel.output, HasSubstr("error: "));
  xclbin_ = folder_.path() / "absent.xclbin";
  const Finished file = run(inputs);
  EXPECT_EQ(file.exit_status, 5);
  EXPECT_THAT(file.output, HasSubstr("absent.xclbin"));
  EXPECT_FALSE(fs::exists(output_));
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  return fs::path(info.param.host).filename().string() +
         (info.param.mode[0] == '\0' ? "_hw_emu" : "_sw_emu");
}

INSTANTIATE_TEST_SUITE_P(Examples, Host,
                         ::testing::Values(Case{SLUICE_HOST_XRT, ""},
                                           Case{SLUICE_HOST_XRT, "--sw-emu"},
                                           Case{SLUICE_HOST_OPENCL, ""},
                                           Case{SLUICE_HOST_OPENCL, "--sw-emu"}),
                         name_of);

}  // namespace
}  // namespace sluice::runtime
