#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "arrays.hpp"
#include "bindings.hpp"
#include "handle.hpp"
#include "session.hpp"
#include "sluice/base/json.hpp"
#include "sluice/runtime/device.hpp"

namespace py = pybind11;
namespace fs = std::filesystem;

namespace sluice::python {

py::dict describe(const runtime::DeviceInfo& info) {
  py::dict fields;
  fields["uri"] = info.uri;
  fields["name"] = info.name;
  fields["emulated"] = info.emulated;
  fields["emulation"] = info.emulation;
  return fields;
}

namespace {

using KernelHandle = Handle<runtime::Kernel>;
using BufferHandle = Handle<runtime::AnyBuffer>;
using RunHandle = Handle<runtime::Run>;
using SessionHandle = Handle<PredictorPool>;

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

std::string open_package(const fs::path& folder) {
  const py::gil_scoped_release release;
  return to_json(package::Package::open(folder).manifest()).dump();
}

std::unique_ptr<KernelHandle> open_device(const fs::path& folder, const std::string& uri,
                                          double run_timeout_s, int engine_threads,
                                          std::uint64_t memory_seed, double stall_probability,
                                          bool program) {
  runtime::DeviceOptions options;
  options.run_timeout = milliseconds(run_timeout_s);
  options.check_interrupt = &check_signals;
  options.engine_threads = engine_threads;
  options.memory_seed = memory_seed;
  options.stall_probability = stall_probability;
  options.program = program;
  const py::gil_scoped_release release;
  return std::make_unique<KernelHandle>(
      "kernel", runtime::Device::open(package::Package::open(folder), uri, options).kernel());
}

/// The buffer's memory as an array that keeps the Python object `owner` alive.
py::array view(BufferHandle& buffer, const py::object& owner) {
  runtime::AnyBuffer& memory = buffer.get();
  return {integer_type(memory.element_bits()),
          {static_cast<py::ssize_t>(memory.events()),
           static_cast<py::ssize_t>(memory.event_elements())},
          {},
          memory.bytes().data(),
          owner};
}

py::tuple to_tuple(const runtime::Spans& spans) {
  const auto us = [](std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::micro>(time).count();
  };
  return py::make_tuple(us(spans.injection), us(spans.inference), us(spans.extraction));
}

/// One event or many: quantise, inject, infer, extract. The result is new, or `out`. None, and
/// nothing done, for what is not at once an array of at most `most_events` events as they are.
py::object predict(SessionHandle& session, const py::object& inputs, const py::object& out,
                   bool raw, std::int64_t most_events) {
  if (!is_plain_array(inputs, raw)) return py::none();
  const auto& array = static_cast<const py::array&>(inputs);
  PredictorPool& pool = session.get();
  const package::Manifest& manifest = pool.kernel().manifest();
  const std::int64_t events = require_events(array, manifest.input.shape, manifest.input.name);
  if (events > most_events) return py::none();
  py::array outputs = out.is_none() ? make_output(events, manifest.output.shape,
                                                  manifest.output.container_bits(), raw)
                                    : py::cast<py::array>(out);
  static_cast<void>(require_events(outputs, manifest.output.shape, "out"));
  const engine::ConstEvents from = events_in(array, manifest.input.name.c_str());
  const engine::Events to = events_out(outputs, manifest.output.name.c_str());
  {
    const py::gil_scoped_release release;
    pool.predict(from, to, nullptr);
  }
  return outputs;
}

py::tuple profile(SessionHandle& session, const py::array& inputs, py::array& outputs) {
  PredictorPool& pool = session.get();
  const package::Manifest& manifest = pool.kernel().manifest();
  static_cast<void>(require_events(inputs, manifest.input.shape, manifest.input.name));
  const engine::ConstEvents from = events_in(inputs, manifest.input.name.c_str());
  const engine::Events to = events_out(outputs, manifest.output.name.c_str());
  runtime::Spans spans;
  {
    const py::gil_scoped_release release;
    pool.predict(from, to, &spans);
  }
  return to_tuple(spans);
}

void bind_session(py::module_& module) {
  py::class_<SessionHandle>(module, "Session")
      .def(py::init([](const KernelHandle& kernel, std::int64_t batch_events) {
             const runtime::Kernel& opened = kernel.get();
             const py::gil_scoped_release release;
             return std::make_unique<SessionHandle>("session", PredictorPool(opened, batch_events));
           }),
           py::arg("kernel"), py::arg("batch_events"))
      .def("predict", &predict, py::arg("inputs"), py::arg("out"), py::arg("raw"),
           py::arg("most_events"))
      .def("profile", &profile, py::arg("inputs"), py::arg("outputs"))
      .def("close", &SessionHandle::free);
}

}  // namespace

void bind_runtime(py::module_& module) {
  module.def("open_package", &open_package, py::arg("folder"));
  module.def("open_device", &open_device, py::arg("folder"), py::arg("uri"),
             py::arg("run_timeout_s"), py::arg("engine_threads"), py::arg("memory_seed"),
             py::arg("stall_probability"), py::arg("program"));

  py::class_<KernelHandle>(module, "Kernel")
      .def("manifest",
           [](const KernelHandle& kernel) { return to_json(kernel.get().manifest()).dump(); })
      .def("device", [](const KernelHandle& kernel) { return describe(kernel.get().device()); })
      .def(
          "allocate",
          [](const KernelHandle& kernel, bool is_input, std::int64_t events) {
            const runtime::Kernel& opened = kernel.get();
            const py::gil_scoped_release release;
            return std::make_unique<BufferHandle>("buffer", is_input
                                                                ? opened.allocate_input(events)
                                                                : opened.allocate_output(events));
          },
          py::arg("is_input"), py::arg("events"))
      .def("make_run",
           [](const KernelHandle& kernel) {
             const runtime::Kernel& opened = kernel.get();
             const py::gil_scoped_release release;
             return std::make_unique<RunHandle>("run", opened.make_run());
           })
      .def("close", &KernelHandle::free);

  py::class_<BufferHandle>(module, "Buffer")
      .def("view", [](const py::object& self) { return view(self.cast<BufferHandle&>(), self); })
      .def(
          "sync",
          [](BufferHandle& buffer, bool to_device, std::int64_t first, std::int64_t count) {
            buffer.without_gil([&](runtime::AnyBuffer& memory) {
              to_device ? memory.sync_to_device(first, count)
                        : memory.sync_from_device(first, count);
            });
          },
          py::arg("to_device"), py::arg("first"), py::arg("count"));

  py::class_<RunHandle>(module, "Run")
      .def(
          "start",
          [](RunHandle& run, BufferHandle& input, BufferHandle& output, std::int64_t events) {
            const runtime::AnyBuffer& from = input.get();
            const runtime::AnyBuffer& to = output.get();
            run.without_gil([&](runtime::Run& started) { started.start(from, to, events); });
          },
          py::arg("input"), py::arg("output"), py::arg("events"))
      .def(
          "wait",
          [](RunHandle& run, std::optional<double> timeout_s) {
            run.without_gil([&](runtime::Run& started) {
              timeout_s ? started.wait(milliseconds(*timeout_s)) : started.wait();
            });
          },
          py::arg("timeout_s"))
      .def_property_readonly("in_flight",
                             [](const RunHandle& run) { return run.get().in_flight(); })
      .def_property_readonly("kernel_cycles",
                             [](const RunHandle& run) { return run.get().kernel_cycles(); });
  bind_session(module);
}

}  // namespace sluice::python
