#include "sluice/engine/element_step.hpp"

#include <algorithm>

#include "sluice/engine/planes.hpp"

namespace sluice::engine {

namespace {

/// T is the integer that holds every value of the step.
template <class T>
class ElementRun {
 public:
  ElementRun(const ElementStep& step, const std::vector<Buffer>& buffers, std::byte* scratch,
             std::size_t events)
      : step_(step), buffers_(buffers), scratch_(scratch), events_(events) {}

  void run() {
    const Buffer& out = buffers_[step_.out];
    const Source* source = step_.sources.data();
    for (std::size_t element = 0; element < out.elements; ++element) {
      load(*source++);
      for (std::size_t k = 1; k < step_.sources_per_element; ++k) combine(*source++);
      if (step_.kind == ElementStep::Kind::lookup) look_up(element);
      store_column(out, scratch_, element, events_, column_);
    }
  }

 private:
  /// f(value, event) for every event of a source.
  template <class F>
  void each(const Source& source, F&& f) {
    if (source.buffer == Source::kNoBuffer) {
      for (std::size_t i = 0; i < events_; ++i) f(T{0}, i);
      return;
    }
    for_each_event(buffers_[source.buffer], scratch_, source.element, events_,
                   [&](std::int64_t mantissa, std::size_t i) {
                     f(static_cast<T>(static_cast<U>(mantissa) << source.left_shift), i);
                   });
  }

  void load(const Source& source) {
    each(source, [&](T value, std::size_t i) { column_[i] = value; });
  }

  void combine(const Source& source) {
    switch (step_.kind) {
      case ElementStep::Kind::add:
        each(source,
             [&](T value, std::size_t i) { column_[i] = wrapped(U(column_[i]) + U(value)); });
        return;
      case ElementStep::Kind::subtract:
        each(source,
             [&](T value, std::size_t i) { column_[i] = wrapped(U(column_[i]) - U(value)); });
        return;
      case ElementStep::Kind::multiply:
        each(source,
             [&](T value, std::size_t i) { column_[i] = wrapped(U(column_[i]) * U(value)); });
        return;
      case ElementStep::Kind::maximum:
        each(source, [&](T value, std::size_t i) { column_[i] = std::max(column_[i], value); });
        return;
      case ElementStep::Kind::minimum:
        each(source, [&](T value, std::size_t i) { column_[i] = std::min(column_[i], value); });
        return;
      case ElementStep::Kind::copy:
      case ElementStep::Kind::lookup:
        return;
    }
  }

  /// Lanes beyond the last event may hold any value: these read some entry.
  void look_up(std::size_t element) {
    const network::Lookup::Table& table = step_.tables[element % step_.tables.size()];
    const std::size_t last = table.mantissas.size() - 1;
    for (std::size_t i = 0; i < events_; ++i) {
      const auto entry = static_cast<std::uint64_t>(std::int64_t{column_[i]}) -
                         static_cast<std::uint64_t>(table.first);
      column_[i] = static_cast<T>(table.mantissas[std::min<std::uint64_t>(entry, last)]);
    }
  }

  /// Unsigned arithmetic, so that lanes beyond the last event may overflow.
  using U = std::make_unsigned_t<T>;
  static T wrapped(U value) { return static_cast<T>(value); }

  const ElementStep& step_;
  const std::vector<Buffer>& buffers_;
  std::byte* scratch_;
  std::size_t events_;
  Column<T> column_;
};

}  // namespace

void run_element_step(const ElementStep& step, const std::vector<Buffer>& buffers,
                      std::byte* scratch, std::size_t events) {
  if (step.type == MachineType::int32) {
    ElementRun<std::int32_t>(step, buffers, scratch, events).run();
  } else {
    ElementRun<std::int64_t>(step, buffers, scratch, events).run();
  }
}

}  // namespace sluice::engine
