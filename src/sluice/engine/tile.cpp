#include "sluice/engine/tile.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "sluice/engine/element_step.hpp"
#include "sluice/engine/planes.hpp"

namespace sluice::engine {

namespace {

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Element by element, to the plane of 32-bit lanes or 64-bit values that a buffer has.
template <class C>
void load_pairs(const C* from, std::size_t stride, std::size_t count, const Buffer& buffer,
                std::byte* scratch) {
  const auto half = [&](C mantissa) {
    return static_cast<std::uint32_t>(
        static_cast<std::uint16_t>(static_cast<std::int64_t>(mantissa) - buffer.offset));
  };
  for (std::size_t element = 0; element < buffer.elements; element += 2) {
    auto* const to = plane<std::uint32_t>(buffer, scratch, element / 2);
    const C* const column = from + element;
    if (element + 1 == buffer.elements) {
      for (std::size_t i = 0; i < count; ++i) to[i] = half(column[i * stride]);
    } else if (std::is_same_v<C, std::int16_t> && buffer.offset == 0) {
      for (std::size_t i = 0; i < count; ++i) {
        std::memcpy(to + i, column + i * stride, sizeof(std::uint32_t));
      }
    } else {
      for (std::size_t i = 0; i < count; ++i) {
        to[i] = half(column[i * stride]) | half(column[i * stride + 1]) << 16;
      }
    }
  }
}

template <class T, class C>
void load_planes(const C* from, std::size_t stride, std::size_t count, const Buffer& buffer,
                 std::byte* scratch) {
  for (std::size_t element = 0; element < buffer.elements; ++element) {
    T* const to = plane<T>(buffer, scratch, element);
    for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<T>(from[i * stride + element]);
  }
}

// Lanes beyond the last event hold a value that every buffer can hold.
void pad(const Buffer& buffer, std::size_t count, std::size_t padded, std::byte* scratch) {
  if (count == padded) return;
  for (std::size_t number = 0; number < buffer.planes(); ++number) {
    if (buffer.storage == Storage::int64) {
      auto* const values = plane<std::int64_t>(buffer, scratch, number);
      std::fill(values + count, values + padded, 0);
    } else {
      auto* const values = plane<std::int32_t>(buffer, scratch, number);
      std::fill(values + count, values + padded, 0);
    }
  }
}

/// Follows the layers literally: sums modulo 2^64, which are exact because the whole sum fits.
void run_int64(const Step& step, const StepMemory& memory) {
  Column<std::int64_t> column;
  std::array<std::uint64_t, kTileEvents> sums;
  for (std::size_t element = 0; element < step.int64_units.size(); ++element) {
    const Int64Unit& unit = step.int64_units[element];
    sums.fill(static_cast<std::uint64_t>(unit.bias));
    for (std::uint32_t k = unit.terms.begin; k < unit.terms.end; ++k) {
      const auto& [operand, weight] = step.int64_terms[k];
      const auto factor = static_cast<std::uint64_t>(weight);
      for_each_event(*memory.in, memory.scratch, operand, memory.events,
                     [&](std::int64_t mantissa, std::size_t i) {
                       sums[i] += static_cast<std::uint64_t>(mantissa) * factor;
                     });
    }
    for (std::size_t i = 0; i < memory.events; ++i) {
      std::int64_t mantissa =
          std::min(std::max(static_cast<std::int64_t>(sums[i]), unit.lower), unit.upper);
      if (step.quantizes) {
        mantissa = fixed::quantize(mantissa, step.sum_frac_bits, unit.quantizer);
      }
      column[i] =
          static_cast<std::int64_t>(static_cast<std::uint64_t>(mantissa) << unit.align_shift);
    }
    store_column(*memory.out, memory.scratch, element, memory.events, column);
  }
}

std::size_t staging_bytes(const Program& program) {
  return kTileEvents * std::max(program.input.event_bytes(), program.output.event_bytes());
}

}  // namespace

Tile::Tile(const TileContext& context)
    : context_(&context),
      input_elements_(context.program.input.elements()),
      output_elements_(context.program.output.elements()),
      scratch_(context.program.scratch_bytes),
      staging_(staging_bytes(context.program)) {}

std::optional<BadInput> Tile::run(const ConstEvents& inputs, const Events& outputs,
                                  std::size_t begin, std::size_t count) const {
  const std::size_t padded = round_up(count, context_->kernels->lanes);
  const auto bad = std::visit(
      [&](const auto& all) -> std::optional<BadInput> {
        using T = typename std::remove_cvref_t<decltype(all)>::value_type;
        const auto events = all.subspan(begin * input_elements_, count * input_elements_);
        if constexpr (std::is_integral_v<T>) {
          const auto outside = find_outside(events.data(), count);
          if (!outside) load(events.data(), count, padded);
          return outside;
        } else {
          const auto nan = context_->input_converter.quantize(events, staging_.data());
          if (nan) return BadInput{*nan, std::nullopt};
          with_container(context_->program.input.container_bits(), [&]<class C>(C*) {
            load(reinterpret_cast<const C*>(staging_.data()), count, padded);
          });
          return std::nullopt;
        }
      },
      inputs);
  if (bad) return BadInput{begin * input_elements_ + bad->index, bad->mantissa};
  run_steps(padded);
  std::visit(
      [&](const auto& all) {
        using T = typename std::remove_cvref_t<decltype(all)>::value_type;
        const auto events = all.subspan(begin * output_elements_, count * output_elements_);
        if constexpr (std::is_integral_v<T>) {
          store(events.data(), count);
        } else {
          with_container(context_->program.output.container_bits(),
                         [&]<class C>(C*) { store(reinterpret_cast<C*>(staging_.data()), count); });
          context_->output_converter.dequantize(staging_.data(), events);
        }
      },
      outputs);
  return std::nullopt;
}

template <class C>
std::optional<BadInput> Tile::find_outside(const C* mantissas, std::size_t count) const {
  std::optional<BadInput> first;
  std::size_t offset = 0;
  for (std::size_t s = 0; s < context_->program.input.segments.size(); ++s) {
    const Segment& segment = context_->program.input.segments[s];
    const fixed::Interval range = context_->program.input_ranges[s];
    const bool all_fit = range.contains(
        fixed::Interval{std::numeric_limits<C>::min(), std::numeric_limits<C>::max()});
    for (std::size_t i = 0; i < count && !all_fit; ++i) {
      const std::size_t begin = i * input_elements_ + offset;
      for (std::size_t k = begin; k < begin + segment.elements; ++k) {
        if (range.contains(mantissas[k])) continue;
        if (!first || k < first->index) first = BadInput{k, mantissas[k]};
      }
    }
    offset += segment.elements;
  }
  return first;
}

template <class C>
void Tile::load(const C* mantissas, std::size_t count, std::size_t padded) const {
  const Program& program = context_->program;
  for (std::size_t i = 0; i < program.input_buffers.size(); ++i) {
    const Buffer& buffer = program.buffers[program.input_buffers[i]];
    switch (buffer.storage) {
      case Storage::int16_pairs:
        load_pairs(mantissas, input_elements_, count, buffer, scratch_.data());
        break;
      case Storage::int32:
        load_planes<std::int32_t>(mantissas, input_elements_, count, buffer, scratch_.data());
        break;
      case Storage::int64:
        load_planes<std::int64_t>(mantissas, input_elements_, count, buffer, scratch_.data());
        break;
    }
    pad(buffer, count, padded, scratch_.data());
    mantissas += buffer.elements;
  }
}

void Tile::run_steps(std::size_t padded) const {
  const Program& program = context_->program;
  for (const auto& any_step : program.steps) {
    if (const auto* const step = std::get_if<ElementStep>(&any_step)) {
      run_element_step(*step, program.buffers, scratch_.data(), padded);
      continue;
    }
    const Step& step = std::get<Step>(any_step);
    const StepMemory memory{&program.buffers[step.in], &program.buffers[step.out], scratch_.data(),
                            padded};
    switch (step.type) {
      case MachineType::int16_pairs:
        context_->kernels->run_int16_pairs(step, memory);
        break;
      case MachineType::int32:
        context_->kernels->run_int32(step, memory);
        break;
      case MachineType::float64:
        context_->kernels->run_float64(step, memory);
        break;
      case MachineType::int64:
        run_int64(step, memory);
        break;
    }
  }
}

template <class C>
void Tile::store(C* mantissas, std::size_t count) const {
  const Program& program = context_->program;
  for (const std::size_t number : program.output_buffers) {
    const Buffer& buffer = program.buffers[number];
    for (std::size_t element = 0; element < buffer.elements; ++element) {
      for_each_event(buffer, scratch_.data(), element, count,
                     [&](std::int64_t mantissa, std::size_t i) {
                       mantissas[i * output_elements_ + element] = static_cast<C>(mantissa);
                     });
    }
    mantissas += buffer.elements;
  }
}

}  // namespace sluice::engine
