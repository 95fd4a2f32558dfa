#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/frontend/import.hpp"

namespace {

using sluice::frontend::ImportOptions;

const std::string& tiny_model() {
  static const std::string bytes =
      sluice::read_file(std::filesystem::path(SLUICE_SOURCE_DIR) / "tests/data/qkeras_tiny.h5");
  return bytes;
}

// A model of one layer whose quantizer is the text.
std::string quantizer_model(std::string_view text) {
  sluice::Json model = sluice::Json::parse(R"({"class_name": "Sequential", "config": {"layers": [
      {"class_name": "QActivation", "config": {"name": "q", "batch_input_shape": [null, 4]}}]}})");
  model["config"]["layers"][0]["config"]["activation"] = text;
  return model.dump(-1, ' ', true, sluice::Json::error_handler_t::replace);
}

void import(char kind, std::string_view bytes) {
  ImportOptions options;
  options.config = sluice::Json{{"Model", {{"Precision", "ap_fixed<16,6>"}}}};
  switch (kind) {
    case 'h':
      import_model_bytes(bytes, std::nullopt, "fuzz.h5", options);
      return;
    case 'k':
      import_model_bytes(bytes, std::nullopt, "fuzz.keras", options);
      return;
    case 'o':
      import_model_bytes(bytes, std::nullopt, "fuzz.onnx", options);
      return;
    case 'j':
      import_model_bytes(bytes, tiny_model(), "fuzz.json", options);
      return;
    case 'c':
      options.config = sluice::parse_json(bytes, "fuzz.config");
      import_model_bytes(tiny_model(), std::nullopt, "tiny.h5", options);
      return;
    case 'q':
      import_model_bytes(quantizer_model(bytes), tiny_model(), "quantizer.json", options);
      return;
    default:
      return;
  }
}

}  // namespace

/// The first byte says what the rest is: `h` an HDF5 model, `k` a `.keras` archive, `o` an ONNX
/// graph, `j` a JSON model, `c` a precision configuration, `q` the text of a quantizer. A file may
/// be refused with a ModelError; anything else is a finding.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    import(bytes.front(), bytes.substr(1));
  } catch (const sluice::ModelError&) {
  }
  return 0;
}
