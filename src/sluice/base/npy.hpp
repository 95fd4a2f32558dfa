#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Element types of `.npy` files that we read and write; all little-endian.
enum class NpyType { f4, f8, i1, i2, i4, i8, u1, u2, u4, u8, b1 };

std::size_t npy_item_bytes(NpyType type) noexcept;
std::string_view npy_type_name(NpyType type) noexcept;  ///< NumPy's word, "float32"

/// An n-dimensional array in C order, as in the NPY format 1.0 to 3.0 of NumPy.
struct NpyArray {
  NpyType type = NpyType::f8;
  std::vector<std::int64_t> shape;
  std::string bytes;

  std::int64_t elements() const noexcept;

  /// The elements as `T`; throws UsageError unless `T` is exactly the element type.
  template <class T>
  std::span<const T> as() const;

  /// Every element as double or int64; the second throws UsageError for a floating-point array.
  std::vector<double> to_double() const;
  std::vector<std::int64_t> to_int64() const;

  template <class T>
  static NpyArray from(std::span<const T> values, std::vector<std::int64_t> shape);
};

template <class T>
constexpr NpyType npy_type_of();
template <>
constexpr NpyType npy_type_of<float>() {
  return NpyType::f4;
}
template <>
constexpr NpyType npy_type_of<double>() {
  return NpyType::f8;
}
template <>
constexpr NpyType npy_type_of<std::int8_t>() {
  return NpyType::i1;
}
template <>
constexpr NpyType npy_type_of<std::int16_t>() {
  return NpyType::i2;
}
template <>
constexpr NpyType npy_type_of<std::int32_t>() {
  return NpyType::i4;
}
template <>
constexpr NpyType npy_type_of<std::int64_t>() {
  return NpyType::i8;
}
template <>
constexpr NpyType npy_type_of<std::uint8_t>() {
  return NpyType::u1;
}
template <>
constexpr NpyType npy_type_of<std::uint16_t>() {
  return NpyType::u2;
}
template <>
constexpr NpyType npy_type_of<std::uint32_t>() {
  return NpyType::u4;
}
template <>
constexpr NpyType npy_type_of<std::uint64_t>() {
  return NpyType::u8;
}

/// Throws UsageError that names `what` when the array's type is not `expected`.
void require_npy_type(const NpyArray& array, NpyType expected);

template <class T>
std::span<const T> NpyArray::as() const {
  require_npy_type(*this, npy_type_of<T>());
  return {reinterpret_cast<const T*>(bytes.data()), static_cast<std::size_t>(elements())};
}

template <class T>
NpyArray NpyArray::from(std::span<const T> values, std::vector<std::int64_t> shape) {
  NpyArray array;
  array.type = npy_type_of<T>();
  array.shape = std::move(shape);
  array.bytes.assign(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  return array;
}

/// Parses the bytes of a `.npy` file; `origin` names it in errors. Fortran order, big-endian and
/// object arrays are refused. Throws UsageError.
NpyArray parse_npy(std::string_view bytes, std::string_view origin);
std::string format_npy(const NpyArray& array);

NpyArray load_npy(const std::filesystem::path& path);
void save_npy(const std::filesystem::path& path, const NpyArray& array);

/// The arrays of a `.npz` archive by name (without `.npy`).
std::map<std::string, NpyArray> load_npz(const std::filesystem::path& path);

/// How the arrays lie in the archive. Deflating random numbers takes time and saves little.
enum class NpzStorage { deflated, stored };
void save_npz(const std::filesystem::path& path, const std::map<std::string, NpyArray>& arrays,
              NpzStorage storage = NpzStorage::deflated);

}  // namespace sluice
