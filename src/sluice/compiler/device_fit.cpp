#include "sluice/compiler/device_fit.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

namespace sluice::compiler {

namespace {

// A layer is named when it takes at least this part of the cells.
constexpr std::int64_t kLargePart = 10;

struct CellKind {
  std::string_view name;
  std::int64_t synth::Area::*count;
  std::int64_t synth::DeviceCells::*limit;
  std::string_view hint;
};

constexpr std::array kCellKinds{
    CellKind{"LUT", &synth::Area::luts, &synth::DeviceCells::luts,
             "fewer products at a time by --reuse N or its ReuseFactor, or --convolutions "
             "streaming; products in DSP48E2 by --dsp auto; fewer bits"},
    CellKind{"flip-flops", &synth::Area::flip_flops, &synth::DeviceCells::flip_flops,
             "--pipeline registers, a slower clock, or --reuse N"},
    CellKind{"DSP48E2", &synth::Area::dsps, &synth::DeviceCells::dsps,
             "a smaller --dsp, or a larger --reuse or ReuseFactor"},
    CellKind{"block RAMs of 18 kbit", &synth::Area::block_rams, &synth::DeviceCells::block_rams,
             "smaller tables, or fewer bits"}};

}  // namespace

std::vector<Diagnostic> device_warnings(const synth::Estimate& estimate,
                                        const synth::DeviceCells& device) {
  std::vector<Diagnostic> warnings;
  for (const CellKind& kind : kCellKinds) {
    const std::int64_t total = estimate.total.area.*kind.count;
    if (total <= device.*kind.limit) continue;
    for (const synth::LayerEstimate& layer : estimate.layers) {
      const std::int64_t count = layer.area.*kind.count;
      if (count * kLargePart < total) continue;
      warnings.push_back(
          {"W-COMPILER-004", layer.layer,
           fmt::format("takes {} of the {} {} of a network that does not fit an {}, which has {}",
                       count, total, kind.name, device.name, device.*kind.limit),
           std::string(kind.hint)});
    }
  }
  return warnings;
}

}  // namespace sluice::compiler
