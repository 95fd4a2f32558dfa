#include "sluice/base/npy.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/zip_reader.hpp"

namespace sluice {

namespace {

struct TypeRow {
  NpyType type;
  std::string_view descr;  // without the byte-order character
  std::string_view name;
  std::size_t bytes;
};

constexpr std::array<TypeRow, 11> kTypes{{{NpyType::f4, "f4", "float32", 4},
                                          {NpyType::f8, "f8", "float64", 8},
                                          {NpyType::i1, "i1", "int8", 1},
                                          {NpyType::i2, "i2", "int16", 2},
                                          {NpyType::i4, "i4", "int32", 4},
                                          {NpyType::i8, "i8", "int64", 8},
                                          {NpyType::u1, "u1", "uint8", 1},
                                          {NpyType::u2, "u2", "uint16", 2},
                                          {NpyType::u4, "u4", "uint32", 4},
                                          {NpyType::u8, "u8", "uint64", 8},
                                          {NpyType::b1, "b1", "bool", 1}}};

const TypeRow& row_of(NpyType type) { return kTypes.at(static_cast<std::size_t>(type)); }

[[noreturn]] void refuse(std::string_view origin, std::string message, std::string hint = {}) {
  throw UsageError("E-BASE-007", std::string(origin), std::move(message), std::move(hint));
}

// The header is a Python dict literal; its three values are found by their keys.
std::string_view value_after(std::string_view header, std::string_view key,
                             std::string_view origin) {
  const std::size_t at = header.find(key);
  if (at == std::string_view::npos) refuse(origin, fmt::format("npy header lacks {}", key));
  std::size_t start = header.find(':', at + key.size());
  if (start == std::string_view::npos) refuse(origin, "npy header is malformed");
  start = header.find_first_not_of(' ', start + 1);
  if (start == std::string_view::npos) refuse(origin, "npy header is malformed");
  return header.substr(start);
}

std::vector<std::int64_t> parse_shape(std::string_view text, std::string_view origin) {
  const std::size_t end = text.find(')');
  if (text.empty() || text.front() != '(' || end == std::string_view::npos) {
    refuse(origin, "npy header has a malformed shape");
  }
  std::vector<std::int64_t> shape;
  text = text.substr(1, end - 1);
  while (!text.empty()) {
    const std::size_t first = text.find_first_of("0123456789");
    if (first == std::string_view::npos) break;
    std::int64_t extent = 0;
    const auto [rest, status] =
        std::from_chars(text.data() + first, text.data() + text.size(), extent);
    if (status != std::errc() || extent > (std::int64_t{1} << 40)) {
      refuse(origin, "npy header has a malformed shape");
    }
    shape.push_back(extent);
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  }
  return shape;
}

NpyType parse_type(std::string_view text, std::string_view origin) {
  if (text.size() > 4 && text.front() == '\'') {
    const std::string_view descr = text.substr(1, text.find('\'', 1) - 1);
    const bool order_ok = descr.size() == 3 && (descr[0] == '<' || descr[0] == '|');
    for (const TypeRow& row : kTypes) {
      if (order_ok && descr.substr(1) == row.descr) return row.type;
    }
    refuse(origin, fmt::format("element type '{}' is not supported", descr),
           "save it as little-endian float32, float64 or an integer type");
  }
  refuse(origin, "structured element types are not supported");
}

template <class T, class Out>
void convert_all(const std::string& bytes, std::vector<Out>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = static_cast<Out>(value);
  }
}

template <class Out>
std::vector<Out> convert(const NpyArray& array) {
  std::vector<Out> out(static_cast<std::size_t>(array.elements()));
  switch (array.type) {
    case NpyType::f4:
      convert_all<float>(array.bytes, out);
      break;
    case NpyType::f8:
      convert_all<double>(array.bytes, out);
      break;
    case NpyType::i1:
      convert_all<std::int8_t>(array.bytes, out);
      break;
    case NpyType::i2:
      convert_all<std::int16_t>(array.bytes, out);
      break;
    case NpyType::i4:
      convert_all<std::int32_t>(array.bytes, out);
      break;
    case NpyType::i8:
      convert_all<std::int64_t>(array.bytes, out);
      break;
    case NpyType::b1:
    case NpyType::u1:
      convert_all<std::uint8_t>(array.bytes, out);
      break;
    case NpyType::u2:
      convert_all<std::uint16_t>(array.bytes, out);
      break;
    case NpyType::u4:
      convert_all<std::uint32_t>(array.bytes, out);
      break;
    case NpyType::u8:
      convert_all<std::uint64_t>(array.bytes, out);
      break;
  }
  return out;
}

}  // namespace

std::size_t npy_item_bytes(NpyType type) noexcept { return row_of(type).bytes; }
std::string_view npy_type_name(NpyType type) noexcept { return row_of(type).name; }

std::int64_t NpyArray::elements() const noexcept {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

std::vector<double> NpyArray::to_double() const { return convert<double>(*this); }

std::vector<std::int64_t> NpyArray::to_int64() const {
  if (type == NpyType::f4 || type == NpyType::f8) {
    refuse("array", fmt::format("expected integers, found {}", npy_type_name(type)));
  }
  return convert<std::int64_t>(*this);
}

void require_npy_type(const NpyArray& array, NpyType expected) {
  if (array.type == expected) return;
  throw UsageError("E-BASE-008", "array",
                   fmt::format("expected elements of type {}, found {}", npy_type_name(expected),
                               npy_type_name(array.type)));
}

NpyArray parse_npy(std::string_view bytes, std::string_view origin) {
  if (bytes.size() < 10 || bytes.substr(0, 6) != "\x93NUMPY") refuse(origin, "not a .npy file");
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned major = byte(6);
  if (major < 1 || major > 3) refuse(origin, fmt::format("npy version {} is unknown", major));
  const std::size_t prefix = major == 1 ? 10 : 12;
  if (bytes.size() < prefix) refuse(origin, "file is truncated");
  std::size_t length = byte(8) + std::size_t{256} * byte(9);
  if (major > 1) length += std::size_t{65536} * byte(10) + (std::size_t{byte(11)} << 24);
  if (bytes.size() < prefix + length) refuse(origin, "file is truncated");
  const std::string_view header = bytes.substr(prefix, length);

  NpyArray array;
  array.type = parse_type(value_after(header, "'descr'", origin), origin);
  if (value_after(header, "'fortran_order'", origin).substr(0, 5) != "False") {
    refuse(origin, "the array is in Fortran order", "save numpy.ascontiguousarray(x)");
  }
  array.shape = parse_shape(value_after(header, "'shape'", origin), origin);
  std::size_t expected = npy_item_bytes(array.type);
  for (const std::int64_t extent : array.shape) {
    if (__builtin_mul_overflow(expected, static_cast<std::size_t>(extent), &expected)) {
      refuse(origin, "npy header has an impossible shape");
    }
  }
  const std::string_view data = bytes.substr(prefix + length);
  if (data.size() != expected) {
    refuse(origin,
           fmt::format("holds {} bytes of data where its shape needs {}", data.size(), expected));
  }
  array.bytes = std::string(data);
  return array;
}

std::string format_npy(const NpyArray& array) {
  const TypeRow& row = row_of(array.type);
  SLUICE_CHECK(array.bytes.size() == row.bytes * static_cast<std::size_t>(array.elements()),
               "array bytes do not match its shape");
  std::string shape;
  for (const std::int64_t extent : array.shape) shape += fmt::format("{}, ", extent);
  if (array.shape.size() > 1) shape.resize(shape.size() - 2);
  if (array.shape.size() == 1) shape.resize(shape.size() - 1);
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                   row.bytes == 1 ? '|' : '<', row.descr, shape);
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + array.bytes;
}

NpyArray load_npy(const std::filesystem::path& path) {
  return parse_npy(read_file(path), path.string());
}

void save_npy(const std::filesystem::path& path, const NpyArray& array) {
  write_file(path, format_npy(array));
}

std::map<std::string, NpyArray> load_npz(const std::filesystem::path& path) {
  constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 34;
  const std::string content = read_file(path);
  const ZipReader archive(content, path.string());
  std::map<std::string, NpyArray> arrays;
  for (const std::string& entry : archive.names()) {
    std::string name = entry;
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    arrays.emplace(name, parse_npy(archive.read(entry, kMostBytes), path.string() + ":" + entry));
  }
  return arrays;
}

void save_npz(const std::filesystem::path& path, const std::map<std::string, NpyArray>& arrays,
              NpzStorage storage) {
  TemporaryFolder scratch;
  const std::filesystem::path temporary = scratch.path() / "archive.npz";
  int code = 0;
  zip_t* archive = zip_open(temporary.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  SLUICE_CHECK(archive != nullptr, "libzip cannot create an archive (error {})", code);
  std::vector<std::string> contents;
  contents.reserve(arrays.size());
  for (const auto& [name, array] : arrays) {
    const std::string& bytes = contents.emplace_back(format_npy(array));
    zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    const zip_int64_t index =
        zip_file_add(archive, (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    SLUICE_CHECK(index >= 0, "libzip cannot add {}", name);
    const zip_int32_t method = storage == NpzStorage::stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE;
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), method, 0);
    zip_file_set_mtime(archive, static_cast<zip_uint64_t>(index), 315532800, 0);
  }
  SLUICE_CHECK(zip_close(archive) == 0, "libzip cannot write {}", temporary.string());
  write_file(path, read_file(temporary));
}

}  // namespace sluice
