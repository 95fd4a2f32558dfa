#include "sluice/frontend/hdf5_reader.hpp"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"

namespace sluice::frontend {

namespace {

constexpr std::int64_t kMostDatasetElements = std::int64_t{1} << 24;  // of one dataset
constexpr std::int64_t kMostTotalElements = std::int64_t{1} << 25;    // of all that are read
constexpr std::int64_t kMostStrings = 1 << 16;
constexpr std::size_t kMostStringBytes = std::size_t{1} << 26;
constexpr int kHighestRank = 8;
constexpr std::size_t kDeepestPath = 32;
constexpr std::size_t kDeepestGroup = 12;
constexpr std::size_t kMostDatasets = 1 << 16;

// Owns one HDF5 identifier.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle(hid_t id, Close close) noexcept : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  hid_t get() const noexcept { return id_; }
  bool valid() const noexcept { return id_ >= 0; }

 private:
  hid_t id_;
  Close close_;
};

// The library prints every failure to stderr unless its automatic report is off.
class QuietErrors {
 public:
  QuietErrors() {
    H5Eget_auto2(H5E_DEFAULT, &report_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, report_, data_); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;

 private:
  H5E_auto2_t report_ = nullptr;
  void* data_ = nullptr;
};

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty()) parts.emplace_back(part);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

bool is_half_float(hid_t type) {
  std::size_t sign = 0;
  std::size_t exponent = 0;
  std::size_t exponent_bits = 0;
  std::size_t mantissa = 0;
  std::size_t mantissa_bits = 0;
  return H5Tget_size(type) == 2 &&
         H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) >= 0 &&
         sign == 15 && exponent == 10 && exponent_bits == 5 && mantissa == 0 &&
         mantissa_bits == 10 && H5Tget_ebias(type) == 15 && H5Tget_precision(type) == 16;
}

bool is_known_float(hid_t type) {
  return H5Tequal(type, H5T_IEEE_F32LE) > 0 || H5Tequal(type, H5T_IEEE_F64LE) > 0 ||
         H5Tequal(type, H5T_IEEE_F32BE) > 0 || H5Tequal(type, H5T_IEEE_F64BE) > 0 ||
         is_half_float(type);
}

bool is_known_integer(hid_t type) {
  const std::array known{H5T_STD_I8LE, H5T_STD_I16LE, H5T_STD_I32LE, H5T_STD_I64LE,
                         H5T_STD_U8LE, H5T_STD_U16LE, H5T_STD_U32LE, H5T_STD_U64LE,
                         H5T_STD_I8BE, H5T_STD_I16BE, H5T_STD_I32BE, H5T_STD_I64BE,
                         H5T_STD_U8BE, H5T_STD_U16BE, H5T_STD_U32BE, H5T_STD_U64BE};
  return std::ranges::any_of(known, [&](hid_t other) { return H5Tequal(type, other) > 0; });
}

}  // namespace

struct Hdf5Reader::State {
  explicit State(std::string origin_name) : origin(std::move(origin_name)), file(-1, H5Fclose) {}

  // The members are destroyed in reverse: the file is closed before errors are reported again.
  std::string origin;
  QuietErrors quiet;
  Handle file;
  std::int64_t elements_read = 0;

  [[noreturn]] void refuse(std::string_view path, std::string_view message,
                           const char* code = codes::kHdf5) const {
    throw ModelError(
        code, origin, path.empty() ? std::string(message) : fmt::format("`{}` {}", path, message),
        code == codes::kLimit ? "" : "save the model again; the file may be truncated");
  }

  // Follows hard links only, so that a file cannot make us open another one.
  Handle open(std::string_view path) const {
    const std::vector<std::string> parts = split_path(path);
    if (parts.size() > kDeepestPath) refuse(path, "is nested too deeply", codes::kLimit);
    Handle object(H5Gopen2(file.get(), "/", H5P_DEFAULT), H5Oclose);
    for (const std::string& part : parts) {
      if (!object.valid()) break;
      object = open_link(object.get(), part);
    }
    return object;
  }

  static Handle open_link(hid_t group, const std::string& name) {
    H5L_info_t link;
    const bool followed =
        H5Iget_type(group) == H5I_GROUP && H5Lexists(group, name.c_str(), H5P_DEFAULT) > 0 &&
        H5Lget_info(group, name.c_str(), &link, H5P_DEFAULT) >= 0 && link.type == H5L_TYPE_HARD;
    return {followed ? H5Oopen(group, name.c_str(), H5P_DEFAULT) : -1, H5Oclose};
  }

  Handle open_existing(std::string_view path) const {
    Handle object = open(path);
    if (!object.valid()) refuse(path, "is missing or cannot be read");
    return object;
  }

  // Hard links may form cycles: both the depth and the number of paths are limited.
  void list_datasets(hid_t group, const std::string& prefix, std::size_t depth,
                     std::vector<std::string>& into) const {
    H5G_info_t info;
    if (H5Gget_info(group, &info) < 0) refuse(prefix, "cannot be read");
    for (hsize_t i = 0; i < info.nlinks; ++i) {
      const std::string path = prefix + link_name(group, i, prefix);
      const Handle object = open_link(group, path.substr(prefix.size()));
      if (!object.valid()) continue;
      if (H5Iget_type(object.get()) == H5I_DATASET) {
        into.push_back(path);
      } else if (H5Iget_type(object.get()) == H5I_GROUP) {
        if (depth == 0) refuse(path, "is nested too deeply", codes::kLimit);
        list_datasets(object.get(), path + "/", depth - 1, into);
      }
      if (into.size() > kMostDatasets) refuse(prefix, "holds too many datasets", codes::kLimit);
    }
  }

  std::string link_name(hid_t group, hsize_t link, const std::string& where) const {
    constexpr ssize_t kLongestLink = 4096;
    const auto name = [&](char* text, std::size_t size) {
      return H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, link, text, size,
                                H5P_DEFAULT);
    };
    const ssize_t length = name(nullptr, 0);
    if (length <= 0 || length > kLongestLink) refuse(where, "holds a link without a valid name");
    std::string text(static_cast<std::size_t>(length) + 1, '\0');
    if (name(text.data(), text.size()) != length) refuse(where, "cannot be read");
    text.pop_back();
    return text;
  }

  std::int64_t element_count(hid_t space, std::string_view path, std::int64_t most) const {
    const H5S_class_t kind = H5Sget_simple_extent_type(space);
    if (kind == H5S_NULL) return 0;
    const hssize_t count = H5Sget_simple_extent_npoints(space);
    if (kind == H5S_NO_CLASS || count < 0) refuse(path, "has no valid extent");
    if (count > most) {
      refuse(path, fmt::format("has {} elements; at most {} are read", count, most), codes::kLimit);
    }
    return count;
  }

  std::vector<std::string> variable_strings(hid_t attribute, hid_t type, hid_t space,
                                            std::size_t count, std::string_view name) const {
    std::vector<char*> pointers(count, nullptr);
    if (H5Aread(attribute, type, pointers.data()) < 0) refuse(name, "cannot be read");
    std::vector<std::string> texts;
    std::size_t bytes = 0;
    for (const char* const text : pointers) {
      texts.emplace_back(text == nullptr ? "" : text);
      bytes += texts.back().size();
    }
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers.data());
    if (bytes > kMostStringBytes) refuse(name, "is too long", codes::kLimit);
    return texts;
  }

  std::vector<std::string> fixed_strings(hid_t attribute, hid_t type, std::size_t count,
                                         std::string_view name) const {
    const std::size_t size = H5Tget_size(type);
    if (size == 0 || size > kMostStringBytes || count > kMostStringBytes / size) {
      refuse(name, "is too long", codes::kLimit);
    }
    std::string bytes(size * count, '\0');
    if (H5Aread(attribute, type, bytes.data()) < 0) refuse(name, "cannot be read");
    const bool space_padded = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) {
      std::string text = bytes.substr(i * size, size);
      text.resize(std::min(text.find('\0'), text.size()));
      if (space_padded) text.resize(text.find_last_not_of(' ') + 1);
      texts.push_back(std::move(text));
    }
    return texts;
  }

  // Refuses storage that reaches outside of this file, loads code, or expands without bound.
  void check_storage(hid_t dataset, std::string_view path) const {
    const Handle creation(H5Dget_create_plist(dataset), H5Pclose);
    if (!creation.valid()) refuse(path, "cannot be read");
    const H5D_layout_t layout = H5Pget_layout(creation.get());
    if (layout != H5D_CONTIGUOUS && layout != H5D_COMPACT && layout != H5D_CHUNKED) {
      refuse(path, "has a storage layout that is not read");
    }
    if (H5Pget_external_count(creation.get()) != 0) refuse(path, "is stored in another file");
    if (layout == H5D_CHUNKED) check_chunks(creation.get(), path);
    const int filters = H5Pget_nfilters(creation.get());
    for (int i = 0; i < filters; ++i) {
      unsigned flags = 0;
      std::size_t values = 0;
      const H5Z_filter_t filter = H5Pget_filter2(creation.get(), static_cast<unsigned>(i), &flags,
                                                 &values, nullptr, 0, nullptr, nullptr);
      if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
          filter != H5Z_FILTER_FLETCHER32) {
        refuse(path, fmt::format("uses filter {}, which is not read", filter));
      }
    }
  }

  void check_chunks(hid_t creation, std::string_view path) const {
    std::array<hsize_t, kHighestRank> extents{};
    const int rank = H5Pget_chunk(creation, kHighestRank, extents.data());
    if (rank < 1 || rank > kHighestRank) refuse(path, "has no valid chunks");
    std::int64_t count = 1;
    for (const hsize_t extent : std::span(extents).first(static_cast<std::size_t>(rank))) {
      if (extent == 0 || extent > static_cast<hsize_t>(kMostDatasetElements / count)) {
        refuse(path, "has chunks that are too large", codes::kLimit);
      }
      count *= static_cast<std::int64_t>(extent);
    }
  }

  std::vector<std::int64_t> shape(hid_t space, std::string_view path) const {
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > kHighestRank) refuse(path, "has too many axes", codes::kLimit);
    std::array<hsize_t, kHighestRank> extents{};
    if (H5Sget_simple_extent_dims(space, extents.data(), nullptr) < 0) {
      refuse(path, "has no valid extent");
    }
    return {extents.begin(), extents.begin() + rank};
  }

  template <class T>
  std::vector<double> integers(hid_t dataset, hid_t type, std::size_t count,
                               std::string_view path) const {
    constexpr std::int64_t kExactIntegers = std::int64_t{1} << 53;
    std::vector<T> values(count);
    if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
      refuse(path, "cannot be read");
    }
    for (const T value : values) {
      if (std::cmp_greater(value, kExactIntegers) || std::cmp_less(value, -kExactIntegers)) {
        refuse(path, fmt::format("holds {}, which is not exact as a double", value));
      }
    }
    return {values.begin(), values.end()};
  }

  std::vector<double> numbers(hid_t dataset, hid_t type, std::size_t count,
                              std::string_view path) const {
    if (is_known_integer(type)) {
      return H5Tget_sign(type) == H5T_SGN_NONE
                 ? integers<std::uint64_t>(dataset, H5T_NATIVE_UINT64, count, path)
                 : integers<std::int64_t>(dataset, H5T_NATIVE_INT64, count, path);
    }
    if (!is_known_float(type)) refuse(path, "is neither floating-point numbers nor integers");
    std::vector<double> values(count);
    if (H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
      refuse(path, "cannot be read");
    }
    return values;
  }
};

Hdf5Reader::Hdf5Reader(std::string_view bytes, std::string origin)
    : state_(std::make_unique<State>(std::move(origin))) {
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  constexpr std::size_t kGrowBytes = 1 << 16;
  // The library copies the image and does not write through the pointer.
  void* const image = const_cast<char*>(bytes.data());
  if (bytes.empty() || !access.valid() || H5Pset_fapl_core(access.get(), kGrowBytes, 0) < 0 ||
      H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG) < 0 ||
      H5Pset_file_image(access.get(), image, bytes.size()) < 0) {
    state_->refuse("", "cannot be read as HDF5");
  }
  state_->file = Handle(H5Fopen("sluice-model-image", H5F_ACC_RDONLY, access.get()), H5Fclose);
  if (!state_->file.valid()) state_->refuse("", "not an intact HDF5 file");
}

Hdf5Reader::~Hdf5Reader() = default;

bool Hdf5Reader::has_object(std::string_view path) const { return state_->open(path).valid(); }

std::vector<std::string> Hdf5Reader::datasets(std::string_view path) const {
  std::vector<std::string> paths;
  const Handle group = state_->open_existing(path);
  if (H5Iget_type(group.get()) == H5I_GROUP) {
    state_->list_datasets(group.get(), "", kDeepestGroup, paths);
  }
  return paths;
}

bool Hdf5Reader::has_attribute(std::string_view object_path, const std::string& name) const {
  const Handle object = state_->open(object_path);
  return object.valid() && H5Aexists(object.get(), name.c_str()) > 0;
}

std::vector<std::string> Hdf5Reader::strings(std::string_view object_path,
                                             const std::string& name) const {
  const Handle object = state_->open_existing(object_path);
  const Handle attribute(H5Aopen(object.get(), name.c_str(), H5P_DEFAULT), H5Aclose);
  if (!attribute.valid()) state_->refuse(name, "is missing or cannot be read");
  const Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const Handle space(H5Aget_space(attribute.get()), H5Sclose);
  if (!type.valid() || !space.valid()) state_->refuse(name, "cannot be read");
  const auto count =
      static_cast<std::size_t>(state_->element_count(space.get(), name, kMostStrings));
  if (count == 0) return {};
  if (H5Tget_class(type.get()) != H5T_STRING) state_->refuse(name, "does not hold text");
  return H5Tis_variable_str(type.get()) > 0
             ? state_->variable_strings(attribute.get(), type.get(), space.get(), count, name)
             : state_->fixed_strings(attribute.get(), type.get(), count, name);
}

RealTensor Hdf5Reader::tensor(std::string_view path) const {
  const Handle dataset = state_->open_existing(path);
  if (H5Iget_type(dataset.get()) != H5I_DATASET) state_->refuse(path, "is not a dataset");
  state_->check_storage(dataset.get(), path);
  const Handle type(H5Dget_type(dataset.get()), H5Tclose);
  const Handle space(H5Dget_space(dataset.get()), H5Sclose);
  if (!type.valid() || !space.valid()) state_->refuse(path, "cannot be read");
  const std::int64_t count = state_->element_count(space.get(), path, kMostDatasetElements);
  state_->elements_read += count;
  if (state_->elements_read > kMostTotalElements) {
    state_->refuse(path, fmt::format("exceeds {} numbers in all", kMostTotalElements),
                   codes::kLimit);
  }
  RealTensor tensor;
  tensor.shape = state_->shape(space.get(), path);
  if (count > 0) {
    tensor.values =
        state_->numbers(dataset.get(), type.get(), static_cast<std::size_t>(count), path);
  }
  return tensor;
}

bool Hdf5Reader::has_signature(std::string_view bytes) noexcept {
  return bytes.starts_with(std::string_view("\x89HDF\r\n\x1a\n", 8));
}

}  // namespace sluice::frontend
