#include "sluice/frontend/onnx_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/isolated.hpp"

namespace sluice::frontend {

namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 28;
constexpr int kMostNodes = 1 << 14;
constexpr std::int64_t kMostElements = std::int64_t{1} << 25;  // of all tensors together
constexpr std::size_t kHighestRank = 8;

using Proto = onnx::TensorProto;

double from_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 0x1f) return fraction != 0 ? std::nan("") : sign * HUGE_VAL;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(fraction + 1024, exponent - 25);
}

class Converter {
 public:
  explicit Converter(const std::string& origin) : origin_(origin) {}

  OnnxModel convert(const onnx::ModelProto& proto) {
    OnnxModel model;
    model.producer = proto.producer_name();
    for (const auto& opset : proto.opset_import()) {
      if (opset.domain().empty() || opset.domain() == "ai.onnx") model.opset = opset.version();
    }
    const onnx::GraphProto& graph = proto.graph();
    if (graph.node_size() == 0) refuse(codes::kFormat, "holds no ONNX graph");
    if (graph.node_size() > kMostNodes) {
      refuse(codes::kLimit,
             fmt::format("has {} nodes; at most {} are read", graph.node_size(), kMostNodes));
    }
    if (graph.sparse_initializer_size() > 0) {
      refuse(codes::kWeights, "holds sparse initializers", "save them dense");
    }
    model.graph_name = graph.name();
    for (const Proto& tensor : graph.initializer()) {
      model.initializers[tensor.name()] = convert_tensor(tensor);
    }
    for (const onnx::NodeProto& node : graph.node()) model.nodes.push_back(convert_node(node));
    for (const onnx::ValueInfoProto& input : graph.input()) {
      if (!model.initializers.contains(input.name())) model.inputs.push_back(convert_input(input));
    }
    for (const onnx::ValueInfoProto& output : graph.output()) {
      model.outputs.push_back(output.name());
    }
    return model;
  }

 private:
  [[noreturn]] void refuse(const char* code, std::string message, std::string hint = {}) const {
    throw ModelError(code, origin_, std::move(message), std::move(hint));
  }

  static OnnxInput convert_input(const onnx::ValueInfoProto& input) {
    OnnxInput result{input.name(), {}};
    for (const auto& extent : input.type().tensor_type().shape().dim()) {
      result.shape.push_back(extent.has_dim_value() ? extent.dim_value() : -1);
    }
    return result;
  }

  OnnxNode convert_node(const onnx::NodeProto& proto) {
    OnnxNode node;
    node.op_type = proto.op_type();
    node.domain = proto.domain() == "ai.onnx" ? "" : proto.domain();
    node.name = proto.name();
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    if (node.outputs.empty() || (node.name.empty() && node.outputs.front().empty())) {
      refuse(codes::kModelConfig, fmt::format("has a {} without a result", node.op_type));
    }
    for (const onnx::AttributeProto& attribute : proto.attribute()) add(attribute, node);
    return node;
  }

  void add(const onnx::AttributeProto& proto, OnnxNode& node) {
    OnnxAttribute& value = node.attributes[proto.name()];
    switch (proto.type()) {
      case onnx::AttributeProto::FLOAT:
        value = static_cast<double>(proto.f());
        break;
      case onnx::AttributeProto::INT:
        value = std::int64_t{proto.i()};
        break;
      case onnx::AttributeProto::STRING:
        value = proto.s();
        break;
      case onnx::AttributeProto::FLOATS:
        value = std::vector<double>(proto.floats().begin(), proto.floats().end());
        break;
      case onnx::AttributeProto::INTS:
        value = std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end());
        break;
      case onnx::AttributeProto::TENSOR:
        value = convert_tensor(proto.t());
        break;
      default:
        refuse(codes::kLayer,
               fmt::format("{} `{}` has an attribute `{}` of a kind that is not read", node.op_type,
                           node.label(), proto.name()),
               "graphs without control flow and sparse tensors are read");
    }
  }

  OnnxTensor convert_tensor(const Proto& proto) {
    OnnxTensor tensor;
    if (proto.data_location() == Proto::EXTERNAL || proto.external_data_size() > 0) {
      refuse(codes::kWeights, fmt::format("`{}` is stored in another file", proto.name()),
             "save the model with its tensors inside: onnx.save(model, path)");
    }
    if (static_cast<std::size_t>(proto.dims_size()) > kHighestRank) {
      refuse(codes::kLimit, fmt::format("`{}` has too many axes", proto.name()));
    }
    std::int64_t count = 1;
    for (const std::int64_t extent : proto.dims()) {
      if (extent < 0 || (extent > 0 && count > kMostElements / extent)) {
        refuse(codes::kLimit,
               fmt::format("`{}` has shape ({})", proto.name(), fmt::join(proto.dims(), ", ")));
      }
      count *= extent;
      tensor.shape.push_back(extent);
    }
    elements_ += count;
    if (elements_ > kMostElements) refuse(codes::kLimit, "holds more numbers than are read");
    set_type(proto, tensor);
    tensor.values = numbers(proto, tensor, static_cast<std::size_t>(count));
    if (tensor.values.size() != static_cast<std::size_t>(count)) {
      refuse(codes::kWeights, fmt::format("`{}` holds {} numbers, its shape is ({})", proto.name(),
                                          tensor.values.size(), fmt::join(proto.dims(), ", ")));
    }
    return tensor;
  }

  void set_type(const Proto& proto, OnnxTensor& tensor) const {
    const auto set = [&](OnnxTensor::Type type, int bits) {
      tensor.type = type;
      tensor.bits = bits;
    };
    using Type = OnnxTensor::Type;
    switch (proto.data_type()) {
      case Proto::FLOAT:
        return set(Type::float32, 32);
      case Proto::DOUBLE:
        return set(Type::float64, 64);
      case Proto::FLOAT16:
        return set(Type::float16, 16);
      case Proto::INT8:
        return set(Type::signed_int, 8);
      case Proto::INT16:
        return set(Type::signed_int, 16);
      case Proto::INT32:
        return set(Type::signed_int, 32);
      case Proto::INT64:
        return set(Type::signed_int, 64);
      case Proto::UINT8:
        return set(Type::unsigned_int, 8);
      case Proto::UINT16:
        return set(Type::unsigned_int, 16);
      case Proto::UINT32:
        return set(Type::unsigned_int, 32);
      case Proto::BOOL:
        return set(Type::boolean, 8);
      default:
        refuse(codes::kWeights, fmt::format("`{}` has element type {}, which is not read",
                                            proto.name(), proto.data_type()));
    }
  }

  static std::vector<double> numbers(const Proto& proto, const OnnxTensor& tensor,
                                     std::size_t count) {
    if (proto.has_raw_data()) return raw_numbers(proto.raw_data(), tensor, count);
    const auto all = [](const auto& field) {
      return std::vector<double>(field.begin(), field.end());
    };
    switch (tensor.type) {
      case OnnxTensor::Type::float32:
        return all(proto.float_data());
      case OnnxTensor::Type::float64:
        return all(proto.double_data());
      case OnnxTensor::Type::float16: {
        std::vector<double> values;
        for (const std::int32_t bits : proto.int32_data()) {
          values.push_back(from_half(static_cast<std::uint16_t>(bits)));
        }
        return values;
      }
      default:
        if (tensor.bits == 64) return all(proto.int64_data());
        if (tensor.type == OnnxTensor::Type::unsigned_int && tensor.bits == 32) {
          return all(proto.uint64_data());
        }
        return all(proto.int32_data());
    }
  }

  template <class T>
  static std::vector<double> raw(const std::string& bytes) {
    std::vector<double> values(bytes.size() / sizeof(T));
    for (std::size_t i = 0; i < values.size(); ++i) {
      T value{};
      std::memcpy(&value, &bytes[i * sizeof(T)], sizeof(T));
      values[i] = static_cast<double>(value);
    }
    return values;
  }

  static std::vector<double> raw_numbers(const std::string& bytes, const OnnxTensor& tensor,
                                         std::size_t count) {
    using Type = OnnxTensor::Type;
    if (bytes.size() != count * static_cast<std::size_t>(tensor.bits) / 8) return {};
    if (tensor.type == Type::float32) return raw<float>(bytes);
    if (tensor.type == Type::float64) return raw<double>(bytes);
    if (tensor.type == Type::float16) {
      std::vector<double> values = raw<std::uint16_t>(bytes);
      for (double& value : values) value = from_half(static_cast<std::uint16_t>(value));
      return values;
    }
    const bool is_signed = tensor.type == Type::signed_int;
    if (tensor.bits == 8) return is_signed ? raw<std::int8_t>(bytes) : raw<std::uint8_t>(bytes);
    if (tensor.bits == 16) return is_signed ? raw<std::int16_t>(bytes) : raw<std::uint16_t>(bytes);
    if (tensor.bits == 32) return is_signed ? raw<std::int32_t>(bytes) : raw<std::uint32_t>(bytes);
    return raw<std::int64_t>(bytes);
  }

  const std::string& origin_;
  std::int64_t elements_ = 0;
};

OnnxModel parse(std::string_view bytes, const std::string& origin) {
  constexpr int kDeepestNesting = 32;
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetRecursionLimit(kDeepestNesting);
  onnx::ModelProto proto;
  if (!proto.ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage()) {
    throw ModelError(codes::kFormat, origin, "not an intact ONNX file",
                     "save the model again; the file may be truncated");
  }
  return Converter(origin).convert(proto);
}

}  // namespace

bool may_be_onnx(std::string_view bytes) noexcept {
  // Field 1 of a model, as a varint: the version of the format, which every writer puts first.
  return bytes.size() > 2 && bytes[0] == '\x08' && bytes[1] > 0 && bytes[1] < 32;
}

OnnxModel read_onnx_file(std::string_view bytes, const std::string& origin) {
  if (bytes.size() > kMostBytes) {
    throw ModelError(codes::kLimit, origin, fmt::format("has {} bytes", bytes.size()),
                     fmt::format("ONNX files of up to {} bytes are read", kMostBytes));
  }
  // A few bytes of a message can become a large object: whether these do is tried elsewhere first.
  run_isolated(
      [&] {
        parse(bytes, origin);
        return std::string();
      },
      origin);
  return parse(bytes, origin);
}

}  // namespace sluice::frontend
