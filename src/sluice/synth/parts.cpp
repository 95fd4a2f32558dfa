#include "sluice/synth/parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"
#include "sluice/circuit/verify.hpp"
#include "sluice/synth/lower_part.hpp"

namespace sluice::synth {

namespace {

using circuit::Circuit;
using circuit::Function;
using circuit::Instr;
using circuit::Op;
using circuit::Process;
using circuit::Source;
using fixed::Interval;
using network::LayerId;

/// What a source can give to its input element.
Interval range_of_source(const Source& source, const Interval& declared,
                         const std::vector<Process>& before,
                         std::span<const std::int64_t> extents) {
  switch (source.kind) {
    case Source::Kind::port:
    case Source::Kind::state:
      return declared;
    case Source::Kind::tick:
      return {0, network::element_count({extents.begin() + source.element, extents.end()}) - 1};
    case Source::Kind::tap: {
      const Function& read = before[static_cast<std::size_t>(source.process)].function;
      const Interval& made =
          read.instr(read.outputs()[static_cast<std::size_t>(source.element)]).range;
      return hull(made, {source.initial, source.initial});
    }
  }
  return declared;
}

/// `function` with the origins of the whole network, and only the sources that it needs.
Function adopted(const Function& function, const std::string& name,
                 const std::vector<std::size_t>& origins, std::vector<Source>& sources) {
  Function made(name);
  std::vector<Source> read;
  for (const circuit::Table& table : function.tables()) made.add_table(table);
  for (Instr instr : function.instrs()) {
    instr.origin = static_cast<circuit::OriginId>(origins.at(index(instr.origin)));
    if (instr.op == Op::input) {
      read.push_back(std::move(sources.at(static_cast<std::size_t>(instr.immediate))));
      instr.immediate = std::ssize(read) - 1;
    }
    made.append(instr);
  }
  for (const circuit::ValueId output : function.outputs()) made.add_output(output);
  // Loops keep step with what they tap, also where no output depends on it.
  const auto is_tap = [](const Source& source) { return source.kind == Source::Kind::tap; };
  if (std::ranges::none_of(read, is_tap)) {
    const auto tap = std::ranges::find_if(sources, is_tap);
    if (tap != sources.end()) read.push_back(std::move(*tap));
  }
  if (read.empty()) read.push_back(std::move(sources.at(0)));  // a module has an input
  sources = std::move(read);
  return made;
}

}  // namespace

LayerId Part::append(network::LayerOp op, std::vector<LayerId> operands, std::size_t origin,
                     std::vector<Interval> ranges) {
  origins_.push_back(origin);
  ranges_.push_back(std::move(ranges));
  std::string name = fmt::format("{}_{}", network::op_name(op), network_.layers().size());
  return network_.append(std::move(name), std::move(op), std::move(operands));
}

LayerId Part::append_input(network::Shape shape, const fixed::Quantizer& quantizer,
                           std::vector<Source> sources, std::size_t origin) {
  SLUICE_CHECK(std::ssize(sources) == network::element_count(shape), "{} sources of {} elements",
               sources.size(), network::element_count(shape));
  std::ranges::move(sources, std::back_inserter(sources_));
  return append(network::Input{std::move(shape), quantizer}, {}, origin);
}

std::int64_t Part::output_of(LayerId layer) {
  std::int64_t first = 0;
  for (const LayerId output : network_.outputs()) {
    if (output == layer) return first;
    first += vector_size(output);
  }
  network_.add_output(layer);
  return first;
}

Circuit join(std::vector<Part> parts, const network::Network& whole, const LowerOptions& options) {
  Circuit circuit;
  circuit.name = whole.name();
  for (const network::Layer& layer : whole.layers()) circuit.origins.push_back(layer.name);
  for (const LayerId id : whole.inputs()) {
    const network::Layer& layer = whole.layer(id);
    circuit.inputs.push_back({layer.name, std::get<network::Input>(layer.op).quantizer,
                              static_cast<std::int64_t>(layer.type.ranges.size())});
  }
  for (const LayerId id : whole.outputs()) {
    const network::Layer& layer = whole.layer(id);
    circuit.outputs.push_back(
        {layer.name, {layer.type.format}, static_cast<std::int64_t>(layer.type.ranges.size())});
  }
  for (Part& part : parts) {
    PartKnowledge knowledge{part.ranges_, {}};
    for (const LayerId id : part.network_.inputs()) {
      for (const Interval& declared : part.network_.layer(id).type.ranges) {
        const Source& source = part.sources_[knowledge.inputs.size()];
        knowledge.inputs.push_back(
            range_of_source(source, declared, circuit.processes, part.extents()));
      }
    }
    Circuit lowered;
    try {
      lowered = lower_part(part.network_, options, knowledge);
    } catch (const ModelError& error) {
      const auto layer = part.network_.find(error.subject());
      if (!layer) throw;
      throw ModelError(error.code(), circuit.origins[part.origins_[index(*layer)]], error.message(),
                       error.hint());
    }
    Function function =
        adopted(lowered.function, part.network_.name(), part.origins_, part.sources_);
    if (&part == &parts.back()) {
      circuit.function = std::move(function);
      circuit.sources = std::move(part.sources_);
    } else {
      circuit.processes.push_back({std::move(function), part.extents_, std::move(part.sources_)});
    }
  }
  circuit::verify(circuit);
  return circuit;
}

}  // namespace sluice::synth
