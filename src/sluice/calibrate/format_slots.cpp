#include "sluice/calibrate/format_slots.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <variant>

namespace sluice::calibrate {

namespace {

using network::Layer;
using network::LayerId;

// Events that the data does not show may be larger.
constexpr double kMargin = 1.5;

std::vector<std::vector<LayerId>> users_of(const network::Network& net) {
  std::vector<std::vector<LayerId>> users(net.layers().size());
  for (std::size_t i = 0; i < net.layers().size(); ++i) {
    for (const LayerId operand : net.layers()[i].operands) {
      users[index(operand)].push_back(static_cast<LayerId>(i));
    }
  }
  return users;
}

// Layers whose results are elements of their operands, or bounds of a clamp.
bool passes_values(const Layer& layer) {
  if (const auto* const reduce = std::get_if<network::Reduce>(&layer.op)) {
    return reduce->kind != network::Reduce::Kind::sum;
  }
  return layer.operands.size() == 1 && (std::holds_alternative<network::Clamp>(layer.op) ||
                                        std::holds_alternative<network::Reshape>(layer.op) ||
                                        std::holds_alternative<network::Gather>(layer.op));
}

class SlotFinder {
 public:
  explicit SlotFinder(const RealNetwork& net)
      : net_(net.network()), users_(users_of(net_)), formats_(net.formats()) {}

  std::vector<FormatSlot> run() && {
    for (const frontend::FormatUse& use : formats_) add(use);
    for (FormatSlot& slot : slots_) {
      if (!slot.is_result()) {
        slot.cost = static_cast<double>(slot.count);
        slot.is_signed = slot.min < 0;
        continue;
      }
      slot.is_signed =
          std::ranges::any_of(slot.at, [&](LayerId id) { return lowest(net_.layer(id)) < 0; });
      look_ahead(slot);
    }
    for (FormatSlot& slot : slots_) {
      if (slot.is_result() && !slot.is_input) mark_redundant(slot);
    }
    return std::move(slots_);
  }

 private:
  void add(const frontend::FormatUse& use) {
    auto slot = std::ranges::find_if(slots_, [&](const FormatSlot& other) {
      return other.layer == use.layer && other.variable == use.variable;
    });
    if (slot == slots_.end()) {
      slots_.push_back({});
      slot = slots_.end() - 1;
      slot->layer = use.layer;
      slot->class_name = use.class_name;
      slot->variable = use.variable;
      slot->min = use.min;
      slot->max = use.max;
    }
    slot->min = std::min(slot->min, use.min);
    slot->max = std::max(slot->max, use.max);
    slot->count += use.count;
    if (use.network_layer.empty()) return;
    const LayerId id = net_.find(use.network_layer).value();
    const Layer& layer = net_.layer(id);
    slot->at.push_back(id);
    slot->count += static_cast<std::int64_t>(layer.type.ranges.size());
    slot->is_input = use.layer == layer.name && std::holds_alternative<network::Input>(layer.op);
  }

  static std::int64_t lowest(const Layer& layer) {
    std::int64_t least = 0;
    for (const fixed::Interval& range : layer.type.ranges) least = std::min(least, range.min);
    return least;
  }

  // What becomes of the slot's values.
  void look_ahead(FormatSlot& slot) const {
    slot.cost = static_cast<double>(slot.count);
    std::vector<LayerId> front = slot.at;
    std::set<LayerId> seen(front.begin(), front.end());
    while (!front.empty()) {
      const LayerId id = front.back();
      front.pop_back();
      for (const LayerId user : users_[index(id)]) {
        const Layer& layer = net_.layer(user);
        if (std::holds_alternative<network::Lookup>(layer.op)) {
          slot.is_operand_of_table = true;
        } else if (const auto* const dense = std::get_if<network::Dense>(&layer.op)) {
          const auto rows =
              static_cast<double>(layer.type.ranges.size()) / static_cast<double>(dense->units);
          const auto zeros = std::ranges::count(dense->weights, 0);
          slot.cost += rows * static_cast<double>(std::ssize(dense->weights) - zeros);
        } else if ((passes_values(layer) || std::holds_alternative<network::Gather>(layer.op)) &&
                   seen.insert(user).second) {
          front.push_back(user);
        }
      }
    }
  }

  FormatSlot* slot_at(LayerId id, const FormatSlot& other) {
    const auto found = std::ranges::find_if(slots_, [&](const FormatSlot& slot) {
      return &slot != &other && !slot.is_redundant &&
             std::ranges::find(slot.at, id) != slot.at.end();
    });
    return found == slots_.end() ? nullptr : &*found;
  }

  // Two slots around layers that only choose among values: one rounds for both. Behind a clamp it
  // is the later one, whose values are fewer bits; else the earlier.
  void mark_redundant(FormatSlot& slot) {
    for (const LayerId at : slot.at) {
      LayerId id = at;
      bool is_clamped = false;
      FormatSlot* before = slot_at(id, slot);
      while (before == nullptr) {
        const Layer& layer = net_.layer(id);
        const bool is_rounding = std::holds_alternative<network::Quantize>(layer.op);
        if (!is_rounding && !passes_values(layer)) break;
        is_clamped = is_clamped || std::holds_alternative<network::Clamp>(layer.op);
        id = layer.operands.front();
        before = slot_at(id, slot);
      }
      if (before == nullptr) continue;
      const bool only_user = before->at.size() == 1 && slot.at.size() == 1 &&
                             users_[index(id)].size() <= 1 && !before->is_input;
      if (is_clamped && only_user) {
        before->is_redundant = true;
      } else {
        slot.is_redundant = true;
      }
    }
  }

  const network::Network& net_;
  std::vector<std::vector<LayerId>> users_;
  const std::vector<frontend::FormatUse>& formats_;
  std::vector<FormatSlot> slots_;
};

}  // namespace

std::vector<FormatSlot> find_slots(const RealNetwork& net) { return SlotFinder(net).run(); }

int magnitude_bits(const FormatSlot& slot) {
  const double margin = slot.is_result() ? kMargin : 1.0;
  const double largest = std::max(slot.max, -slot.min) * margin;
  if (!(largest > 0)) return 0;
  int exponent = 0;
  std::frexp(largest, &exponent);
  return exponent;
}

fixed::Quantizer quantizer_of(const FormatSlot& slot, int frac_bits) {
  constexpr int kWidest = 62;
  fixed::Quantizer to{{}, fixed::Rounding::rnd, fixed::Overflow::sat};
  if (!slot.is_result()) {
    // The last step up may be a power of two, which takes one bit more; or it is the lower end.
    const fixed::Quantizer wide{{kWidest, frac_bits, true}, to.rounding, to.overflow};
    const fixed::Interval range{std::min<std::int64_t>(fixed::quantize_real(slot.min, wide), 0),
                                std::max<std::int64_t>(fixed::quantize_real(slot.max, wide), 0)};
    fixed::Format exact = fixed::format_of(range, frac_bits);
    exact.width = std::max(exact.width, 1);
    to.format = exact;
    return to;
  }
  const int width = std::clamp(magnitude_bits(slot) + frac_bits, 1, kWidest - 1);
  to.format = {width + (slot.is_signed ? 1 : 0), frac_bits, slot.is_signed};
  return to;
}

}  // namespace sluice::calibrate
