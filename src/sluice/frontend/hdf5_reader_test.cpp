#include "sluice/frontend/hdf5_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "sluice/base/error.hpp"
#include "sluice/frontend/testing/hdf5_writer.hpp"

namespace sluice::frontend {
namespace {

using ::testing::HasSubstr;
using testing::Hdf5Writer;

std::string refusal_of_tensor(const Hdf5Writer& writer, const char* path) {
  try {
    Hdf5Reader(writer.bytes(), "test.h5").tensor(path);
  } catch (const ModelError& error) {
    EXPECT_EQ(error.subject(), "test.h5");
    return error.what();
  }
  return {};
}

TEST(Hdf5Reader, ReadsEveryNumberTypeExactly) {
  Hdf5Writer writer;
  const std::vector<double> values{-3, 0, 127, 5};
  writer.tensor("i1", {2, 2}, values, H5T_STD_I8LE);
  writer.tensor("i2", {2, 2}, values, H5T_STD_I16BE);
  writer.tensor("i4", {2, 2}, values, H5T_STD_I32LE);
  writer.tensor("i8", {2, 2}, values, H5T_STD_I64LE);
  writer.tensor("f8", {2, 2}, {0.1, -1e300, 5e-324, -0.0}, H5T_IEEE_F64LE);
  writer.tensor("f4", {2, 2}, {0.1, 1e38, 1e-45, -0.0}, H5T_IEEE_F32BE);
  writer.tensor("u8", {1}, {4503599627370496.0}, H5T_STD_U64LE);
  const std::string bytes = writer.bytes();
  const Hdf5Reader reader(bytes, "test.h5");
  for (const char* const name : {"i1", "i2", "i4", "i8"}) {
    EXPECT_EQ(reader.tensor(name).values, values) << name;
    EXPECT_EQ(reader.tensor(name).shape, (std::vector<std::int64_t>{2, 2}));
  }
  EXPECT_EQ(reader.tensor("f8").values, (std::vector<double>{0.1, -1e300, 5e-324, -0.0}));
  EXPECT_EQ(reader.tensor("f4").values,
            (std::vector<double>{0.1F, 1e38F, std::numeric_limits<float>::denorm_min(), -0.0}));
  EXPECT_EQ(reader.tensor("u8").values, std::vector<double>{4503599627370496.0});
}

TEST(Hdf5Reader, ReadsTextOfBothKinds) {
  Hdf5Writer writer;
  writer.strings("/", "variable", {"a", "", "long text"});
  writer.strings("/", "fixed", {"a", "", "long text"}, false, true);
  writer.strings("/", "scalar", {"{}"}, true);
  writer.strings("/", "none", {});
  const std::string bytes = writer.bytes();
  const Hdf5Reader reader(bytes, "test.h5");
  EXPECT_EQ(reader.strings("", "variable"), (std::vector<std::string>{"a", "", "long text"}));
  EXPECT_EQ(reader.strings("", "fixed"), (std::vector<std::string>{"a", "", "long text"}));
  EXPECT_EQ(reader.strings("", "scalar"), std::vector<std::string>{"{}"});
  EXPECT_TRUE(reader.strings("", "none").empty());
  EXPECT_FALSE(reader.has_attribute("", "other"));
  EXPECT_THROW(reader.strings("", "other"), ModelError);
}

TEST(Hdf5Reader, ReadsChunkedAndCompressedData) {
  Hdf5Writer writer;
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t chunk = 3;
  H5Pset_chunk(creation, 1, &chunk);
  H5Pset_shuffle(creation);
  H5Pset_deflate(creation, 5);
  writer.tensor("x", {7}, {1, 2, 3, 4, 5, 6, 7}, H5T_IEEE_F32LE, creation);
  H5Pclose(creation);
  const std::string bytes = writer.bytes();
  EXPECT_EQ(Hdf5Reader(bytes, "test.h5").tensor("x").values,
            (std::vector<double>{1, 2, 3, 4, 5, 6, 7}));
}

TEST(Hdf5Reader, RefusesWhatADoubleCannotHold) {
  Hdf5Writer writer;
  const hsize_t one = 1;
  const hid_t space = H5Screate_simple(1, &one, nullptr);
  const hid_t dataset =
      H5Dcreate2(writer.file(), "x", H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const std::int64_t value = (std::int64_t{1} << 53) + 1;
  H5Dwrite(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value);
  H5Dclose(dataset);
  H5Sclose(space);
  EXPECT_THAT(refusal_of_tensor(writer, "x"), HasSubstr("not exact as a double"));
}

TEST(Hdf5Reader, RefusesSizesBeforeItTakesMemory) {
  Hdf5Writer writer;
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t small = 16;
  H5Pset_chunk(creation, 1, &small);
  writer.tensor("many", {hsize_t{1} << 40}, {}, H5T_IEEE_F32LE, creation);
  const hsize_t large = hsize_t{1} << 27;
  H5Pset_chunk(creation, 1, &large);
  const hsize_t extent = 4;
  const hsize_t growing = H5S_UNLIMITED;
  const hid_t space = H5Screate_simple(1, &extent, &growing);
  H5Dclose(H5Dcreate2(writer.file(), "one_chunk", H5T_IEEE_F32LE, space, H5P_DEFAULT, creation,
                      H5P_DEFAULT));
  H5Sclose(space);
  H5Pclose(creation);
  EXPECT_THAT(refusal_of_tensor(writer, "many"), HasSubstr("E-FRONTEND-011"));
  EXPECT_THAT(refusal_of_tensor(writer, "one_chunk"), HasSubstr("chunks that are too large"));
}

TEST(Hdf5Reader, CountsAllReadsTogether) {
  Hdf5Writer writer;
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t chunk = 1 << 20;
  H5Pset_chunk(creation, 1, &chunk);
  writer.tensor("x", {hsize_t{1} << 24}, {}, H5T_STD_I8LE, creation);
  H5Pclose(creation);
  const std::string bytes = writer.bytes();
  const Hdf5Reader reader(bytes, "test.h5");
  reader.tensor("x");
  reader.tensor("x");
  EXPECT_THROW(reader.tensor("x"), ModelError);
}

TEST(Hdf5Reader, NeverOpensAnotherFile) {
  Hdf5Writer writer;
  H5Lcreate_external("/etc/hostname", "/x", writer.file(), "external", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("/y", writer.file(), "soft", H5P_DEFAULT, H5P_DEFAULT);
  writer.tensor("y", {1}, {1});
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(creation, "/etc/hostname", 0, 4);
  writer.tensor("raw", {1}, {}, H5T_IEEE_F32LE, creation);
  H5Pclose(creation);
  EXPECT_THAT(refusal_of_tensor(writer, "external"), HasSubstr("missing or cannot be read"));
  EXPECT_THAT(refusal_of_tensor(writer, "soft"), HasSubstr("missing or cannot be read"));
  EXPECT_THAT(refusal_of_tensor(writer, "raw"), HasSubstr("stored in another file"));
}

TEST(Hdf5Reader, RefusesOtherKinds) {
  Hdf5Writer writer;
  writer.group("group");
  const hid_t compound = H5Tcreate(H5T_COMPOUND, 8);
  H5Tinsert(compound, "a", 0, H5T_NATIVE_DOUBLE);
  writer.tensor("compound", {1}, {}, compound);
  H5Tclose(compound);
  const hid_t odd = H5Tcopy(H5T_IEEE_F64LE);
  H5Tset_ebias(odd, 5);
  writer.tensor("odd", {1}, {1}, odd);
  H5Tclose(odd);
  EXPECT_THAT(refusal_of_tensor(writer, "group"), HasSubstr("is not a dataset"));
  EXPECT_THAT(refusal_of_tensor(writer, "compound"), HasSubstr("neither"));
  EXPECT_THAT(refusal_of_tensor(writer, "odd"), HasSubstr("neither"));
  EXPECT_THAT(refusal_of_tensor(writer, "absent/x"), HasSubstr("`absent/x` is missing"));
  EXPECT_THROW(Hdf5Reader("", "test.h5"), ModelError);
  EXPECT_THROW(Hdf5Reader("not HDF5 at all", "test.h5"), ModelError);
}

}  // namespace
}  // namespace sluice::frontend
