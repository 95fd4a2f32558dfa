#include "sluice/engine/engine.hpp"

#include <fmt/format.h>
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_reduce.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>

#include "sluice/base/error.hpp"
#include "sluice/engine/checks.hpp"
#include "sluice/engine/tile.hpp"

namespace sluice::engine {

namespace {

/// Between two reports of progress; a multiple of kTileEvents.
constexpr std::size_t kEventsPerReport = std::size_t{1} << 17;
/// Fewer tiles per task than this do not pay for the task.
constexpr std::size_t kTilesPerTask = 8;

std::optional<BadInput> first_of(const std::optional<BadInput>& a,
                                 const std::optional<BadInput>& b) {
  if (!a || !b) return a ? a : b;
  return a->index < b->index ? a : b;
}

/// Events of a run, and the tiles over them.
struct Run {
  const TileContext& context;
  const ConstEvents& inputs;
  const Events& outputs;

  std::optional<BadInput> serial(std::size_t begin, std::size_t end) const {
    const Tile tile(context);
    for (std::size_t event = begin; event < end; event += kTileEvents) {
      const auto bad = tile.run(inputs, outputs, event, std::min(kTileEvents, end - event));
      if (bad) return bad;
    }
    return std::nullopt;
  }

  std::optional<BadInput> parallel(std::size_t begin, std::size_t end) const {
    using Tiles = tbb::blocked_range<std::size_t>;
    const std::size_t tiles = (end - begin + kTileEvents - 1) / kTileEvents;
    return tbb::parallel_reduce(
        Tiles(0, tiles, kTilesPerTask), std::optional<BadInput>{},
        [&](const Tiles& some, const std::optional<BadInput>& before) {
          const std::size_t last = std::min(end, begin + some.end() * kTileEvents);
          return first_of(before, serial(begin + some.begin() * kTileEvents, last));
        },
        first_of);
  }
};

int checked_threads(int threads) {
  const int most = tbb::info::default_concurrency();
  if (threads >= 0) return threads == 0 ? most : std::min(threads, most);
  throw UsageError("E-ENGINE-008", "threads", fmt::format("{} threads are not possible", threads),
                   "use 0 for all hardware threads");
}

TileContext make_context(const network::Network& network, const EngineOptions& options) {
  const Kernels& kernels = find_kernels(options.target);
  Program program = plan_network(network);
  const Converter input(program.input, kernels);
  const Converter output(program.output, kernels);
  return {std::move(program), &kernels, input, output};
}

}  // namespace

struct Engine::Impl {
  Impl(const network::Network& network, const EngineOptions& options)
      : context(make_context(network, options)),
        is_serial(options.threads == 1),
        arena(checked_threads(options.threads)) {}

  TileContext context;
  bool is_serial;
  /// Executing in an arena changes none of its observable state.
  mutable tbb::task_arena arena;
};

std::vector<std::string> supported_targets() {
  std::vector<std::string> names;
  for (const Kernels* kernels : supported_kernels()) names.emplace_back(kernels->target);
  return names;
}

Engine::Engine(const network::Network& network, const EngineOptions& options)
    : impl_(std::make_shared<const Impl>(network, options)) {}

const EventLayout& Engine::input() const noexcept { return impl_->context.program.input; }
const EventLayout& Engine::output() const noexcept { return impl_->context.program.output; }
const std::vector<PlanRow>& Engine::plan() const noexcept { return impl_->context.program.plan; }
std::string_view Engine::target() const noexcept { return impl_->context.kernels->target; }

void Engine::run(const ConstEvents& inputs, const Events& outputs, ProgressSink& progress) const {
  require_container_or_real(inputs, input(), "inputs");
  require_container_or_real(outputs, output(), "outputs");
  const std::size_t events = count_events(inputs, input(), "inputs");
  require_same_events(events, count_events(outputs, output(), "outputs"));

  const Run run{impl_->context, inputs, outputs};
  for (std::size_t begin = 0; begin < events; begin += kEventsPerReport) {
    const std::size_t end = std::min(events, begin + kEventsPerReport);
    const bool pays = end - begin > kTilesPerTask * kTileEvents;
    const auto bad = impl_->is_serial || !pays
                         ? run.serial(begin, end)
                         : impl_->arena.execute([&] { return run.parallel(begin, end); });
    if (bad && bad->mantissa) throw mantissa_outside(input(), bad->index, *bad->mantissa);
    if (bad) throw nan_found(input(), bad->index);
    progress.update("engine", end, events);
  }
}

}  // namespace sluice::engine
