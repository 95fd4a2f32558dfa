#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::frontend {

/// Real numbers in C order. An empty shape is a scalar.
struct RealTensor {
  std::vector<std::int64_t> shape;
  std::vector<double> values;
};

/// Reads an HDF5 file that lies in memory. Sizes are checked before memory is taken; only hard
/// links, plain storage and the deflate, shuffle and Fletcher filters are followed, and no other
/// file is ever opened.
///
/// Every failure is a ModelError with `origin` as its subject. The HDF5 library is not re-entrant
/// and does not survive every damaged file: use a reader in a process of its own (run_isolated).
class Hdf5Reader {
 public:
  /// Throws when `bytes` are not an intact HDF5 file.
  Hdf5Reader(std::string_view bytes, std::string origin);
  ~Hdf5Reader();
  Hdf5Reader(const Hdf5Reader&) = delete;
  Hdf5Reader& operator=(const Hdf5Reader&) = delete;

  bool has_object(std::string_view path) const;
  bool has_attribute(std::string_view object_path, const std::string& name) const;

  /// The elements of an attribute of strings, of fixed or variable length; one for a scalar.
  std::vector<std::string> strings(std::string_view object_path, const std::string& name) const;

  /// Paths of all datasets below the group `path`, relative to it, in the order of their names.
  std::vector<std::string> datasets(std::string_view path) const;

  /// A dataset of floating-point numbers or integers. A value that a double cannot hold is refused.
  RealTensor tensor(std::string_view path) const;

  static bool has_signature(std::string_view bytes) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::frontend
