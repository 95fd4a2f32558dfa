#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "sluice/base/json.hpp"
#include "sluice/frontend/json_access.hpp"

/// The constructors of QKeras' quantisers. Internal to their reading.
namespace sluice::frontend {

enum class QuantizerClass {
  bits,
  linear,
  relu,
  tanh,
  sigmoid,
  hswish,
  binary,
  ternary,
  po2,
  relu_po2
};

/// The arguments of a quantiser by name, each read at most once; what is left is unknown. Throws
/// ModelError without a subject.
class QuantizerArguments {
 public:
  /// Of a call as text, or an object with `class_name` and `config`.
  explicit QuantizerArguments(const Json& value);

  QuantizerClass kind() const { return kind_; }
  std::string_view class_name() const { return class_name_; }

  std::int64_t integer(const char* name, std::int64_t fallback) {
    return take(name, fallback, as_integer, "an integer");
  }
  double number(const char* name, double fallback) {
    return take(name, fallback, as_number, "a number");
  }
  bool flag(const char* name, bool fallback) {
    return take(name, fallback, as_bool, "true or false");
  }
  Json any(const char* name, Json fallback);

  /// A setting of a newer QKeras that is null means nothing.
  void expect_no_more() const;

 private:
  template <class T, class Convert>
  T take(const char* name, T fallback, Convert convert, const char* expected) {
    const Json value = any(name, nullptr);
    if (value.is_null()) return fallback;
    const auto converted = convert(value);
    if (!converted) refuse_value(name, value, expected);
    return *converted;
  }
  [[noreturn]] void refuse_value(const char* name, const Json& value, const char* expected) const;

  QuantizerClass kind_ = QuantizerClass::bits;
  std::string_view class_name_;
  std::map<std::string, Json> values_;
};

}  // namespace sluice::frontend
