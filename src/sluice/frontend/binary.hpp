#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::frontend {

/// Values as bytes between two processes of one program: no versions, the machine's own order.
class BinaryWriter {
 public:
  void number(std::uint64_t value);
  void text(std::string_view value);
  void reals(const std::vector<double>& values);
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads back what BinaryWriter wrote. Bytes that are not so throw ModelError about `origin`.
class BinaryReader {
 public:
  BinaryReader(std::string_view bytes, std::string_view origin) : rest_(bytes), origin_(origin) {}
  std::uint64_t number();
  std::string text();
  std::vector<double> reals();

 private:
  std::string_view take(std::uint64_t size);

  std::string_view rest_, origin_;
};

}  // namespace sluice::frontend
