#pragma once

#include <pybind11/pybind11.h>

#include "sluice/runtime/kernel.hpp"

/// The extension module `sluice._core`: one function per part of it.
namespace sluice::python {

void bind_errors(pybind11::module_& module);
void bind_compiler(pybind11::module_& module);
void bind_runtime(pybind11::module_& module);
void bind_card(pybind11::module_& module);

pybind11::dict describe(const runtime::DeviceInfo& info);

}  // namespace sluice::python
