#include "sluice/synth/folding.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "sluice/synth/pair_products.hpp"

namespace sluice::synth {

namespace {

using fixed::Format;
using network::Dense;
using Rows = std::vector<std::int64_t>;

// Of products, that the search for one layer asks for: about a second.
constexpr std::int64_t kMostPrices = 1 << 22;

/// Which outputs share a unit.
class Grouping {
 public:
  Grouping(const Dense& dense, std::int64_t units, std::int64_t ticks,
           std::span<const Format> inputs)
      : dense_(dense),
        ticks_(static_cast<std::size_t>(ticks)),
        inputs_(inputs),
        units_(static_cast<std::size_t>(units)) {}

  std::vector<Rows> run() && {
    collect();
    while (exchange()) {
    }
    for (Rows& rows : units_) std::ranges::sort(rows);
    return std::move(units_);
  }

 private:
  std::int64_t price(const Rows& rows) {
    prices_ += dense_.inputs;
    std::int64_t sum = 0;
    std::vector<std::int64_t> weights(rows.size());
    for (std::int64_t i = 0; i < dense_.inputs; ++i) {
      for (std::size_t k = 0; k < rows.size(); ++k) {
        weights[k] = dense_.weights[static_cast<std::size_t>(i * dense_.units + rows[k])];
      }
      sum += price_of_products(weights, inputs_[static_cast<std::size_t>(i)]);
    }
    return sum;
  }

  /// Unit after unit takes, of the next outputs that are left, the one that adds least.
  void collect() {
    Rows left(static_cast<std::size_t>(dense_.units));
    std::iota(left.begin(), left.end(), 0);
    const auto seen = static_cast<std::size_t>(kMostPrices / 2 / std::ssize(dense_.weights));
    for (Rows& rows : units_) {
      while (!left.empty() && rows.size() < ticks_) {
        const std::size_t next = rows.empty() ? 0 : cheapest(rows, std::span(left), seen);
        rows.push_back(left[next]);
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(next));
      }
    }
  }

  std::size_t cheapest(Rows rows, std::span<const std::int64_t> left, std::size_t seen) {
    std::size_t best = 0;
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    rows.push_back(0);
    for (std::size_t k = 0; k < std::min(seen, left.size()); ++k) {
      rows.back() = left[k];
      const std::int64_t now = price(rows);
      if (now >= least) continue;
      least = now;
      best = k;
    }
    return best;
  }

  /// Lets outputs of two units change places where that helps.
  bool exchange() {
    std::vector<std::int64_t> now;
    for (const Rows& rows : units_) now.push_back(price(rows));
    bool helped = false;
    for (std::size_t u = 0; u < units_.size(); ++u) {
      for (std::size_t v = u + 1; v < units_.size(); ++v) {
        for (std::size_t k = 0; k < units_[u].size() * units_[v].size(); ++k) {
          if (prices_ > kMostPrices) return false;
          std::int64_t& a = units_[u][k / units_[v].size()];
          std::int64_t& b = units_[v][k % units_[v].size()];
          std::swap(a, b);
          const std::int64_t u_then = price(units_[u]);
          const std::int64_t v_then = price(units_[v]);
          if (u_then + v_then < now[u] + now[v]) {
            now[u] = u_then;
            now[v] = v_then;
            helped = true;
          } else {
            std::swap(a, b);
          }
        }
      }
    }
    return helped;
  }

  const Dense& dense_;
  std::size_t ticks_;
  std::span<const Format> inputs_;
  std::vector<Rows> units_;
  std::int64_t prices_ = 0;  // that were asked for
};

}  // namespace

Folding fold(const Dense& dense, std::int64_t reuse, std::span<const Format> inputs) {
  const std::int64_t units = (dense.units + reuse - 1) / reuse;
  const std::int64_t ticks = (dense.units + units - 1) / units;
  Folding folding{{units, dense.inputs, {}, dense.weight_frac_bits, {}, dense.bias_frac_bits}, {}};
  folding.slots.resize(static_cast<std::size_t>(dense.units));
  const std::vector<Rows> groups = Grouping(dense, units, ticks, inputs).run();
  for (std::int64_t tick = 0; tick < ticks; ++tick) {
    for (std::int64_t unit = 0; unit < units; ++unit) {
      const Rows& rows = groups[static_cast<std::size_t>(unit)];
      const bool is_used = tick < std::ssize(rows);
      const std::int64_t row = is_used ? rows[static_cast<std::size_t>(tick)] : rows.front();
      if (is_used) folding.slots[static_cast<std::size_t>(row)] = {tick, unit};
      folding.weights.bias.push_back(dense.bias[static_cast<std::size_t>(row)]);
      for (std::int64_t i = 0; i < dense.inputs; ++i) {
        folding.weights.mantissas.push_back(
            dense.weights[static_cast<std::size_t>(i * dense.units + row)]);
      }
    }
  }
  return folding;
}

}  // namespace sluice::synth
