#include "sluice/frontend/keras_file.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/frontend/binary.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/isolated.hpp"

namespace sluice::frontend {

namespace {

// An attribute longer than 64 KiB is split by Keras into `name0`, `name1`, ...
std::vector<std::string> joined_strings(const Hdf5Reader& file, std::string_view object,
                                        const std::string& name) {
  if (file.has_attribute(object, name) || !file.has_attribute(object, name + "0")) {
    return file.strings(object, name);
  }
  std::vector<std::string> all;
  for (int part = 0; file.has_attribute(object, fmt::format("{}{}", name, part)); ++part) {
    for (std::string& text : file.strings(object, fmt::format("{}{}", name, part))) {
      all.push_back(std::move(text));
    }
  }
  return all;
}

// `layer_names` of the root, `weight_names` of each layer, and the datasets of these names.
ModelWeights read_weights(const Hdf5Reader& file, std::string_view root) {
  ModelWeights weights;
  for (const std::string& layer : joined_strings(file, root, "layer_names")) {
    const std::string group = fmt::format("{}/{}", root, layer);
    LayerWeights& tensors = weights[layer];
    for (const std::string& weight : joined_strings(file, group, "weight_names")) {
      tensors[weight] = file.tensor(fmt::format("{}/{}", group, weight));
    }
  }
  return weights;
}

// The second name is that of TensorFlow 2.12 and 2.13.
std::optional<std::string> variables_root(const Hdf5Reader& file) {
  if (file.has_attribute("", "layer_names")) return std::nullopt;
  for (const char* const root : {"layers", "_layer_checkpoint_dependencies"}) {
    if (file.has_object(root)) return root;
  }
  return std::nullopt;
}

std::string only_text(const Hdf5Reader& file, const std::string& name, const std::string& origin) {
  std::vector<std::string> texts = file.strings("", name);
  if (texts.size() == 1) return std::move(texts.front());
  throw ModelError(codes::kHdf5, origin, fmt::format("`{}` is not one text", name));
}

KerasFile read_here(std::string_view bytes, const std::string& origin) {
  const Hdf5Reader file(bytes, origin);
  KerasFile result;
  if (file.has_attribute("", "model_config")) {
    result.model_config = only_text(file, "model_config", origin);
  }
  if (file.has_attribute("", "keras_version")) {
    result.keras_version = only_text(file, "keras_version", origin);
  }
  if (const auto root = variables_root(file)) {
    for (const std::string& path : file.datasets(*root)) {
      result.variables[path] = file.tensor(fmt::format("{}/{}", *root, path));
    }
  } else {
    result.weights = read_weights(file, file.has_object("model_weights") ? "model_weights" : "");
  }
  return result;
}

void encode(const LayerWeights& tensors, BinaryWriter& writer) {
  writer.number(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    writer.text(name);
    writer.number(tensor.shape.size());
    for (const std::int64_t extent : tensor.shape) {
      writer.number(static_cast<std::uint64_t>(extent));
    }
    writer.reals(tensor.values);
  }
}

std::string encode(const KerasFile& file) {
  BinaryWriter writer;
  writer.number(file.model_config ? 1 : 0);
  writer.text(file.model_config.value_or(""));
  writer.text(file.keras_version);
  encode(file.variables, writer);
  writer.number(file.weights.size());
  for (const auto& [layer, tensors] : file.weights) {
    writer.text(layer);
    encode(tensors, writer);
  }
  return writer.take();
}

RealTensor decode_tensor(BinaryReader& reader) {
  RealTensor tensor;
  for (std::uint64_t axes = reader.number(); axes > 0; --axes) {
    tensor.shape.push_back(static_cast<std::int64_t>(reader.number()));
  }
  tensor.values = reader.reals();
  return tensor;
}

LayerWeights decode_tensors(BinaryReader& reader) {
  LayerWeights tensors;
  for (std::uint64_t left = reader.number(); left > 0; --left) {
    std::string name = reader.text();
    tensors[std::move(name)] = decode_tensor(reader);
  }
  return tensors;
}

KerasFile decode(std::string_view bytes, const std::string& origin) {
  BinaryReader reader(bytes, origin);
  KerasFile file;
  const bool has_config = reader.number() != 0;
  std::string config = reader.text();
  if (has_config) file.model_config = std::move(config);
  file.keras_version = reader.text();
  file.variables = decode_tensors(reader);
  for (std::uint64_t layers = reader.number(); layers > 0; --layers) {
    std::string layer = reader.text();
    file.weights[std::move(layer)] = decode_tensors(reader);
  }
  return file;
}

}  // namespace

KerasFile read_keras_file(std::string_view bytes, const std::string& origin) {
  return decode(run_isolated([&] { return encode(read_here(bytes, origin)); }, origin), origin);
}

}  // namespace sluice::frontend
