#include "sluice/frontend/binary.hpp"

#include <cstring>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"

namespace sluice::frontend {

void BinaryWriter::number(std::uint64_t value) {
  bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void BinaryWriter::text(std::string_view value) {
  number(value.size());
  bytes_ += value;
}

void BinaryWriter::reals(const std::vector<double>& values) {
  number(values.size());
  bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
}

std::string_view BinaryReader::take(std::uint64_t size) {
  if (size > rest_.size()) {
    throw ModelError(codes::kHdf5, std::string(origin_), "the file is damaged: reading it failed");
  }
  const std::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

std::uint64_t BinaryReader::number() {
  std::uint64_t value = 0;
  std::memcpy(&value, take(sizeof value).data(), sizeof value);
  return value;
}

std::string BinaryReader::text() { return std::string(take(number())); }

std::vector<double> BinaryReader::reals() {
  const std::uint64_t count = number();
  const std::string_view bytes = take(count > rest_.size() ? count : count * sizeof(double));
  std::vector<double> values(count);
  if (count > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace sluice::frontend
