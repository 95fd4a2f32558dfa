#include "sluice/compiler/device_fit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace sluice::compiler {

namespace {

constexpr std::size_t kMostLayers = 5;

struct CellKind {
  std::string_view name;
  std::int64_t synth::Area::*count;
  std::int64_t synth::DeviceCells::*limit;
  std::string_view hint;
};

constexpr std::array kCellKinds{
    CellKind{
        "LUT", &synth::Area::luts, &synth::DeviceCells::luts,
        "compute a layer in N cycles by --reuse N or its ReuseFactor, one position at a time by "
        "--convolutions streaming, products in DSP48E2 by --dsp auto; or use fewer bits"},
    CellKind{"flip-flops", &synth::Area::flip_flops, &synth::DeviceCells::flip_flops,
             "use --pipeline registers, a slower clock or --reuse N"},
    CellKind{"DSP48E2", &synth::Area::dsps, &synth::DeviceCells::dsps,
             "raise --reuse N, or leave it and --dsp out"},
    CellKind{"block RAMs", &synth::Area::block_rams, &synth::DeviceCells::block_rams,
             "use smaller tables or fewer bits"}};

/// "dense_1 1200, dense_2 800", most first.
std::string largest_layers(const synth::Estimate& estimate, const CellKind& kind) {
  std::vector<synth::LayerEstimate> layers = estimate.layers;
  std::ranges::stable_sort(layers, std::ranges::greater{}, [&](const synth::LayerEstimate& layer) {
    return layer.area.*kind.count;
  });
  layers.resize(std::min(layers.size(), kMostLayers));
  std::vector<std::string> words;
  for (const synth::LayerEstimate& layer : layers) {
    if (layer.area.*kind.count == 0) break;
    words.push_back(fmt::format("{} {}", layer.layer, layer.area.*kind.count));
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

std::vector<Diagnostic> device_warnings(const synth::Estimate& estimate,
                                        const synth::DeviceCells& device) {
  std::vector<Diagnostic> warnings;
  for (const CellKind& kind : kCellKinds) {
    const std::int64_t count = estimate.total.area.*kind.count;
    if (count <= device.*kind.limit) continue;
    warnings.push_back(
        {"W-COMPILER-004", "the network",
         fmt::format("takes about {} {}, of which device {} has {}; most of them are for {}", count,
                     kind.name, device.name, device.*kind.limit, largest_layers(estimate, kind)),
         std::string(kind.hint)});
  }
  return warnings;
}

}  // namespace sluice::compiler
