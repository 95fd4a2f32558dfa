// Compiles a model, runs one event of zeros on the engine, and prints the output's mantissas.
#include <cstdint>
#include <iostream>
#include <vector>

#include "sluice/compiler/compile.hpp"
#include "sluice/runtime/device.hpp"
#include "sluice/runtime/predictor.hpp"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  sluice::compiler::CompileOptions options;
  options.simulator = false;
  const auto compiled = sluice::compiler::compile(argv[1], argv[2], options);
  const auto device = sluice::runtime::Device::open(compiled.package, "engine");
  sluice::runtime::Predictor predictor(device.kernel());
  const auto& manifest = compiled.package.manifest();
  const std::vector<float> x(static_cast<std::size_t>(manifest.input.elements()));
  std::vector<double> y(static_cast<std::size_t>(manifest.output.elements()));
  predictor.predict(std::span<const float>(x), std::span<double>(y));
  for (const double value : y) std::cout << value << '\n';
}
