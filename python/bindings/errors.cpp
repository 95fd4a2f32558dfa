#include <exception>

#include "bindings.hpp"
#include "sluice/base/error.hpp"

namespace py = pybind11;

namespace sluice::python {

namespace {

const char* class_name(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::usage:
      return "UsageError";
    case ErrorKind::model:
      return "ModelError";
    case ErrorKind::tool:
      return "ToolError";
    case ErrorKind::device:
      return "DeviceError";
    case ErrorKind::internal:
      break;
  }
  return "InternalError";
}

void translate(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const Error& error) {
    const py::object type = py::module_::import("sluice.errors").attr(class_name(error.kind()));
    const py::object value = type(error.code(), error.subject(), error.message(), error.hint());
    PyErr_SetObject(type.ptr(), value.ptr());
  }
}

}  // namespace

void bind_errors(py::module_&) { py::register_exception_translator(&translate); }

}  // namespace sluice::python
