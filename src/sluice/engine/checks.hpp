#pragma once

#include <string_view>

#include "sluice/base/error.hpp"
#include "sluice/engine/events.hpp"

/// What is checked about the events that callers pass. Internal to the engine.
namespace sluice::engine {

/// Whole events in `events`; throws UsageError, naming `what`, for a part of an event.
std::size_t count_events(const ConstEvents& events, const EventLayout& layout,
                         std::string_view what);
std::size_t count_events(const Events& events, const EventLayout& layout, std::string_view what);

/// Throws UsageError unless `events` are integers of the layout's container.
void require_container(const ConstEvents& events, const EventLayout& layout, std::string_view what);
void require_container(const Events& events, const EventLayout& layout, std::string_view what);

/// As require_container, but floating-point numbers pass.
void require_container_or_real(const ConstEvents& events, const EventLayout& layout,
                               std::string_view what);
void require_container_or_real(const Events& events, const EventLayout& layout,
                               std::string_view what);

void require_same_events(std::size_t inputs, std::size_t outputs);

/// The error for element `index`, counted from the first event.
UsageError nan_found(const EventLayout& layout, std::size_t index);
UsageError mantissa_outside(const EventLayout& layout, std::size_t index, std::int64_t mantissa);

}  // namespace sluice::engine
