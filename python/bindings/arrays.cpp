#include "arrays.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

#include "sluice/base/error.hpp"

namespace py = pybind11;

namespace sluice::python {

namespace {

template <class T>
std::span<T> elements(const py::array& array, void* data) {
  return {static_cast<T*>(data), static_cast<std::size_t>(array.size())};
}

using py::detail::npy_api;

bool is_plain(const py::handle& array) {
  const auto* const proxy = py::detail::array_proxy(array.ptr());
  const char order = py::detail::array_descriptor_proxy(proxy->descr)->byteorder;
  constexpr int kPlain = npy_api::NPY_ARRAY_C_CONTIGUOUS_ | npy_api::NPY_ARRAY_ALIGNED_;
  return (proxy->flags & kPlain) == kPlain && (order == '=' || order == '|');
}

/// NumPy's number of the element type.
int type_number(const py::handle& array) {
  return py::detail::array_descriptor_proxy(py::detail::array_proxy(array.ptr())->descr)->type_num;
}

/// Calls `make` with a value of the array's element type.
template <class Make>
auto by_type(const py::array& array, const char* subject, Make&& make) {
  const bool plain = is_plain(array);
  switch (plain ? type_number(array) : npy_api::NPY_VOID_) {
    case npy_api::NPY_FLOAT_:
      return make(float{});
    case npy_api::NPY_DOUBLE_:
      return make(double{});
    case npy_api::NPY_BYTE_:
      return make(std::int8_t{});
    case npy_api::NPY_SHORT_:
      return make(std::int16_t{});
    case npy_api::NPY_INT_:
      return make(std::int32_t{});
    case npy_api::NPY_LONG_:
    case npy_api::NPY_LONGLONG_:
      return make(std::int64_t{});
    default:
      break;
  }
  throw UsageError("E-PYTHON-004", subject,
                   fmt::format("an array of {}{} cannot be read as events",
                               py::str(static_cast<py::object>(array.dtype())).cast<std::string>(),
                               plain ? "" : ", not contiguous,"),
                   "give float32 or float64 values; np.ascontiguousarray() makes it contiguous");
}

}  // namespace

bool is_plain_array(const py::handle& object, bool raw) {
  if (!py::isinstance<py::array>(object) || !is_plain(object)) return false;
  const int type = type_number(object);
  const bool real = type == npy_api::NPY_FLOAT_ || type == npy_api::NPY_DOUBLE_;
  const bool integer = type == npy_api::NPY_BYTE_ || type == npy_api::NPY_SHORT_ ||
                       type == npy_api::NPY_INT_ || type == npy_api::NPY_LONG_ ||
                       type == npy_api::NPY_LONGLONG_;
  return raw ? integer : real;
}

engine::ConstEvents events_in(const py::array& array, const char* subject) {
  return by_type(array, subject, [&]<class T>(T) -> engine::ConstEvents {
    return elements<const T>(array, const_cast<void*>(array.data()));
  });
}

engine::Events events_out(py::array& array, const char* subject) {
  void* const data = array.mutable_data();
  return by_type(array, subject,
                 [&]<class T>(T) -> engine::Events { return elements<T>(array, data); });
}

py::dtype integer_type(int bits) {
  switch (bits) {
    case 8:
      return py::dtype::of<std::int8_t>();
    case 16:
      return py::dtype::of<std::int16_t>();
    case 32:
      return py::dtype::of<std::int32_t>();
    default:
      return py::dtype::of<std::int64_t>();
  }
}

py::array make_output(std::int64_t events, std::span<const std::int64_t> shape, int container_bits,
                      bool raw) {
  std::vector<py::ssize_t> extents{static_cast<py::ssize_t>(events)};
  extents.insert(extents.end(), shape.begin(), shape.end());
  return {raw ? integer_type(container_bits) : py::dtype::of<double>(), std::move(extents)};
}

std::int64_t require_events(const py::array& array, std::span<const std::int64_t> shape,
                            const std::string& subject) {
  const std::span<const py::ssize_t> found(array.shape(), static_cast<std::size_t>(array.ndim()));
  std::int64_t per_event = 1;
  for (const std::int64_t extent : shape) per_event *= extent;
  if (!found.empty() && (std::ranges::equal(found.subspan(1), shape) ||
                         (found.size() == 2 && found[1] == per_event))) {
    return found.front();
  }
  throw UsageError(
      "E-RUNTIME-003", subject,
      fmt::format("an array of shape [{}] is given, [events, {}] is due", fmt::join(found, ", "),
                  fmt::join(shape, ", ")),
      found.size() == shape.size() ? "one event needs its own axis: x[np.newaxis]" : "");
}

}  // namespace sluice::python
