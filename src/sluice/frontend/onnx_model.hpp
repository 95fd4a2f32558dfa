#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/network/network.hpp"

namespace sluice::frontend {

/// A constant of an ONNX graph. All numbers that are read are exact as doubles, but for integers
/// beyond 2^53, which ONNX uses to mean "to the end".
struct OnnxTensor {
  enum class Type : std::uint8_t { float32, float64, float16, signed_int, unsigned_int, boolean };
  Type type = Type::float32;
  int bits = 32;  ///< of one element
  network::Shape shape;
  std::vector<double> values;  ///< in C order

  bool is_integer() const noexcept {
    return type == Type::signed_int || type == Type::unsigned_int || type == Type::boolean;
  }
};

using OnnxAttribute = std::variant<double, std::int64_t, std::string, std::vector<double>,
                                   std::vector<std::int64_t>, OnnxTensor>;

struct OnnxNode {
  std::string op_type;
  std::string domain;               ///< empty for ONNX's own operators
  std::string name;                 ///< may be empty
  std::vector<std::string> inputs;  ///< empty text for an optional input that is left out
  std::vector<std::string> outputs;
  std::map<std::string, OnnxAttribute, std::less<>> attributes;

  /// The node's name, or that of its first result.
  const std::string& label() const { return name.empty() ? outputs.at(0) : name; }
  bool has_input(std::size_t i) const { return i < inputs.size() && !inputs[i].empty(); }

  /// An attribute, or `fallback`; throws ModelError, without a subject, when it has another type.
  template <class T>
  T attribute(std::string_view key, T fallback) const {
    const auto found = attributes.find(key);
    if (found == attributes.end()) return fallback;
    if (const T* const value = std::get_if<T>(&found->second)) return *value;
    throw ModelError("E-FRONTEND-004", "", "attribute `" + std::string(key) + "` has another type");
  }
};

struct OnnxInput {
  std::string name;
  network::Shape shape;  ///< -1 for an extent that is left open
};

struct OnnxModel {
  std::string producer;
  std::string graph_name;
  std::int64_t opset = 0;  ///< of ONNX's own operators
  std::vector<OnnxNode> nodes;
  std::map<std::string, OnnxTensor, std::less<>> initializers;
  std::vector<OnnxInput> inputs;  ///< those that are no initializers
  std::vector<std::string> outputs;
};

}  // namespace sluice::frontend
