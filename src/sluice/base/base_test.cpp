#include <gtest/gtest.h>
#include <unistd.h>

#include <vector>

#include "sluice/base/check.hpp"
#include "sluice/base/diagnostics.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/npy.hpp"
#include "sluice/base/sha256.hpp"
#include "sluice/base/subprocess.hpp"

namespace sluice {
namespace {

TEST(Error, ExitCodesAreTheDocumentedOnes) {
  EXPECT_EQ(exit_code(ErrorKind::usage), 2);
  EXPECT_EQ(exit_code(ErrorKind::model), 3);
  EXPECT_EQ(exit_code(ErrorKind::tool), 4);
  EXPECT_EQ(exit_code(ErrorKind::device), 5);
  EXPECT_EQ(exit_code(ErrorKind::internal), 70);
}

TEST(Error, SaysCodeSubjectMessageAndHint) {
  const ModelError error("E-X-001", "model.h5: dense_1", "unknown layer", "remove it");
  EXPECT_STREQ(error.what(), "E-X-001: model.h5: dense_1: unknown layer\n  try: remove it");
}

TEST(Check, ThrowsAndNeverAborts) {
  EXPECT_THROW(SLUICE_CHECK(1 == 2, "{} is not {}", 1, 2), InternalError);
}

TEST(Diagnostics, ReportsEveryErrorAtOnce) {
  Diagnostics found;
  EXPECT_NO_THROW(found.throw_if_errors("m"));
  found.error({"E-A-001", "layer a", "first", ""});
  found.error({"E-A-002", "layer b", "second", "do this"});
  try {
    found.throw_if_errors("model.h5");
    FAIL();
  } catch (const ModelError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("layer a: first"), std::string::npos);
    EXPECT_NE(text.find("layer b: second"), std::string::npos);
    EXPECT_NE(text.find("do this"), std::string::npos);
  }
}

TEST(Npy, RoundTripsEveryShape) {
  const std::vector<std::int16_t> values{1, -2, 3, -4, 5, 6};
  for (const std::vector<std::int64_t>& shape :
       std::vector<std::vector<std::int64_t>>{{6}, {2, 3}, {1, 3, 2}}) {
    const NpyArray array = NpyArray::from<std::int16_t>(values, shape);
    const NpyArray back = parse_npy(format_npy(array), "test");
    EXPECT_EQ(back.shape, shape);
    EXPECT_EQ(back.type, NpyType::i2);
    EXPECT_EQ(back.bytes, array.bytes);
    EXPECT_EQ((format_npy(array).size() - array.bytes.size()) % 64, 0u);
  }
}

TEST(Npy, RefusesTruncatedAndForeignFiles) {
  const std::vector<float> values{1, 2, 3};
  const std::string good = format_npy(NpyArray::from<float>(values, {3}));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_THROW(parse_npy(good.substr(0, size), "t"), UsageError) << size;
  }
  std::string fortran = good;
  fortran.replace(fortran.find("False"), 5, "True ");
  EXPECT_THROW(parse_npy(fortran, "t"), UsageError);
  std::string big_endian = good;
  big_endian.replace(big_endian.find("<f4"), 3, ">f4");
  EXPECT_THROW(parse_npy(big_endian, "t"), UsageError);
}

TEST(Npy, NpzRoundTripsAndIsReproducible) {
  const TemporaryFolder folder;
  const std::vector<double> x{0.5, -1.25};
  const std::vector<std::uint8_t> y{1, 2, 3, 4};
  const std::map<std::string, NpyArray> arrays{{"x", NpyArray::from<double>(x, {2})},
                                               {"y", NpyArray::from<std::uint8_t>(y, {2, 2})}};
  save_npz(folder.path() / "a.npz", arrays);
  save_npz(folder.path() / "b.npz", arrays);
  EXPECT_EQ(read_file(folder.path() / "a.npz"), read_file(folder.path() / "b.npz"));
  save_npz(folder.path() / "stored.npz", arrays, NpzStorage::stored);
  const auto stored = load_npz(folder.path() / "stored.npz");
  for (const auto& [name, array] : arrays) EXPECT_EQ(stored.at(name).bytes, array.bytes) << name;
  const auto back = load_npz(folder.path() / "a.npz");
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back.at("x").to_double(), x);
  EXPECT_EQ(back.at("y").to_int64(), (std::vector<std::int64_t>{1, 2, 3, 4}));
  EXPECT_THROW(back.at("x").to_int64(), UsageError);
  EXPECT_THROW(back.at("x").as<float>(), UsageError);
}

TEST(Files, StagedFolderAppearsWholeOrNotAtAll) {
  const TemporaryFolder folder;
  const auto target = folder.path() / "deep" / "out";
  {
    StagedFolder staged(target);
    write_file(staged.path() / "a", "1");
  }
  EXPECT_FALSE(std::filesystem::exists(target));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "deep"));
  for (const char* text : {"first", "second"}) {
    StagedFolder staged(target);
    write_file(staged.path() / "a", text);
    staged.commit();
    EXPECT_EQ(read_file(target / "a"), text);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path() / "deep"), {}), 1);
}

TEST(Files, UnreadableFilesNameThemselves) {
  try {
    read_file("/nonexistent/file.h5");
    FAIL();
  } catch (const ToolError& error) {
    EXPECT_EQ(error.subject(), "/nonexistent/file.h5");
  }
  EXPECT_THROW(read_file("/tmp"), ToolError);
}

TEST(Json, RefusesBadTextAndDeepNesting) {
  EXPECT_THROW(parse_json("{", "t"), ModelError);
  EXPECT_THROW(parse_json(std::string(100000, '['), "t"), ModelError);
  EXPECT_EQ(parse_json(R"({"b": 1, "a": 2})", "t").dump(), R"({"b":1,"a":2})");
}

TEST(Sha256, MatchesThePublishedVector) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Subprocess, ReportsOutputStatusAndSignals) {
  const Finished finished =
      run_process({{"sh", "-c", "echo $WORD; exit 3"}, "/", {{"WORD", "hi"}}});
  EXPECT_EQ(finished.exit_status, 3);
  EXPECT_EQ(finished.output, "hi\n");
  EXPECT_EQ(run_process({{"sh", "-c", "kill -9 $$"}, {}, {}}).exit_status, 137);
  EXPECT_THROW(run_process({{"no-such-program-here"}, {}, {}}), ToolError);
}

}  // namespace
}  // namespace sluice
