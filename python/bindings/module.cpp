#include "bindings.hpp"
#include "handle.hpp"

PYBIND11_MODULE(_core, module) {
  module.doc() = "The C++ libraries of Sluice. Private: use the package `sluice`.";
  module.attr("__version__") = SLUICE_VERSION;
  static_cast<void>(sluice::python::fork_generation());  // counts from here on
  sluice::python::bind_errors(module);
  sluice::python::bind_compiler(module);
  sluice::python::bind_runtime(module);
  sluice::python::bind_card(module);
}
