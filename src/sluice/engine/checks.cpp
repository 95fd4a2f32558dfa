#include "sluice/engine/checks.hpp"

#include <fmt/format.h>

#include <string>

#include "sluice/engine/converter.hpp"

namespace sluice::engine {

namespace {

template <class AnyEvents>
std::size_t whole_events(const AnyEvents& events, const EventLayout& layout,
                         std::string_view what) {
  const std::size_t size = std::visit([](const auto& span) { return span.size(); }, events);
  const std::size_t elements = layout.elements();
  if (elements == 0)
    throw UsageError("E-ENGINE-005", std::string(what), "an event has no elements");
  if (size % elements != 0) {
    throw UsageError(
        "E-ENGINE-005", std::string(what),
        fmt::format("{} elements are not a whole number of events of {}", size, elements));
  }
  return size / elements;
}

/// 0 for reals.
template <class AnyEvents>
int container_of(const AnyEvents& events) {
  return std::visit(
      [](const auto& span) {
        return kContainerBits<typename std::remove_cvref_t<decltype(span)>::value_type>;
      },
      events);
}

void require(int found_bits, const EventLayout& layout, std::string_view what,
             std::string_view also) {
  const int expected = layout.container_bits();
  if (found_bits == expected) return;
  const std::string found = found_bits == 0 ? "reals" : fmt::format("int{}", found_bits);
  throw UsageError("E-ENGINE-004", std::string(what),
                   fmt::format("found {}, expected mantissas in int{}{}", found, expected, also));
}

struct Place {
  std::string input;
  std::string text;
};

Place place_of(const EventLayout& layout, std::size_t index) {
  std::size_t element = index % layout.elements();
  const std::size_t event = index / layout.elements();
  for (const Segment& segment : layout.segments) {
    if (element < segment.elements) {
      return {segment.name, fmt::format("event {}, element {}", event, element)};
    }
    element -= segment.elements;
  }
  return {};
}

}  // namespace

std::size_t count_events(const ConstEvents& events, const EventLayout& layout,
                         std::string_view what) {
  return whole_events(events, layout, what);
}

std::size_t count_events(const Events& events, const EventLayout& layout, std::string_view what) {
  return whole_events(events, layout, what);
}

void require_container(const ConstEvents& events, const EventLayout& layout,
                       std::string_view what) {
  require(container_of(events), layout, what, "");
}

void require_container(const Events& events, const EventLayout& layout, std::string_view what) {
  require(container_of(events), layout, what, "");
}

void require_container_or_real(const ConstEvents& events, const EventLayout& layout,
                               std::string_view what) {
  const int bits = container_of(events);
  if (bits != 0) require(bits, layout, what, ", or float or double");
}

void require_container_or_real(const Events& events, const EventLayout& layout,
                               std::string_view what) {
  const int bits = container_of(events);
  if (bits != 0) require(bits, layout, what, ", or float or double");
}

void require_same_events(std::size_t inputs, std::size_t outputs) {
  if (inputs == outputs) return;
  throw UsageError("E-ENGINE-006", "outputs",
                   fmt::format("there is room for {} events, expected {}", outputs, inputs));
}

UsageError nan_found(const EventLayout& layout, std::size_t index) {
  Place place = place_of(layout, index);
  return UsageError("E-ENGINE-003", std::move(place.input), place.text + " is NaN",
                    "NaN has no fixed-point value; remove such events");
}

UsageError mantissa_outside(const EventLayout& layout, std::size_t index, std::int64_t mantissa) {
  Place place = place_of(layout, index);
  std::string format;
  for (const Segment& segment : layout.segments) {
    if (segment.name == place.input) format = to_string(segment.quantizer.format);
  }
  return UsageError("E-ENGINE-007", std::move(place.input),
                    fmt::format("{} is {}, which the input's format {} never yields", place.text,
                                mantissa, format),
                    "quantise reals with the input's quantiser");
}

}  // namespace sluice::engine
