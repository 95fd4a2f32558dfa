#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "bindings.hpp"
#include "handle.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/npy.hpp"
#include "sluice/calibrate/calibrate.hpp"
#include "sluice/compiler/compile.hpp"
#include "sluice/compiler/estimate_report.hpp"
#include "sluice/compiler/inspect.hpp"
#include "sluice/compiler/options.hpp"
#include "sluice/compiler/trace.hpp"
#include "sluice/compiler/verify.hpp"
#include "sluice/engine/engine.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/network/pack.hpp"

namespace py = pybind11;
namespace fs = std::filesystem;

namespace sluice::python {

namespace {

using ModelHandle = Handle<frontend::Imported>;

/// Passes progress on to a Python callable, and lets Ctrl-C stop the work.
class PythonProgress : public ProgressSink {
 public:
  explicit PythonProgress(std::optional<py::function> callback) : callback_(std::move(callback)) {}
  void update(std::string_view stage, std::uint64_t done, std::uint64_t total) override {
    check_signals();
    if (!callback_) return;
    const py::gil_scoped_acquire gil;
    (*callback_)(std::string(stage), done, total);
  }

 private:
  std::optional<py::function> callback_;
};

/// `options`: a JSON object, see compiler::parse_options.
compiler::CompileOptions parse(const std::string& options) {
  return compiler::parse_options(parse_json(options, "options"));
}

std::string describe_options() {
  Json rows = Json::array();
  for (const compiler::OptionRow& row : compiler::option_rows()) {
    rows.push_back(
        {{"name", row.name}, {"help", row.help}, {"choices", row.choices}, {"usual", row.usual}});
  }
  return rows.dump();
}

std::unique_ptr<ModelHandle> import_model(const fs::path& path, const std::string& options) {
  const py::gil_scoped_release release;
  const compiler::CompileOptions parsed = parse(options);
  frontend::Imported imported =
      frontend::import_model(path, {parsed.config, parsed.weights, parsed.name});
  imported.network = network::packed(imported.network);  // as a kernel has it
  return std::make_unique<ModelHandle>("model", std::move(imported));
}

std::string compile(const fs::path& model, const fs::path& output, const std::string& options,
                    std::optional<py::function> progress) {
  PythonProgress sink(std::move(progress));
  const py::gil_scoped_release release;
  return compiler::compile(model, output, parse(options), sink).timings_s.dump();
}

std::string calibrate(const fs::path& model, const std::optional<std::string>& config,
                      const std::optional<fs::path>& weights,
                      const py::array_t<double, py::array::c_style | py::array::forcecast>& events,
                      std::optional<double> target_error, const std::string& error,
                      std::optional<py::function> progress) {
  PythonProgress sink(std::move(progress));
  const NpyArray data = NpyArray::from<double>(
      {events.data(), static_cast<std::size_t>(events.size())},
      std::vector<std::int64_t>(events.shape(), events.shape() + events.ndim()));
  const py::gil_scoped_release release;
  frontend::ImportOptions options{std::nullopt, weights, model.stem().string()};
  if (config) options.config = parse_json(*config, "config");
  const calibrate::ErrorTarget target{target_error, calibrate::parse_measure(error)};
  return to_json(calibrate::calibrate(frontend::read_model(model, options), options, data, target,
                                      sink))
      .dump();
}

std::string verify(const fs::path& folder, std::int64_t samples, std::int64_t rtl_samples,
                   std::uint64_t seed, const std::vector<std::string>& devices,
                   std::optional<py::function> progress) {
  PythonProgress sink(std::move(progress));
  const py::gil_scoped_release release;
  return to_json(
             compiler::verify(
                 package::Package::open(folder),
                 {.samples = samples, .rtl_samples = rtl_samples, .seed = seed, .devices = devices},
                 sink))
      .dump();
}

py::list describe(const engine::EventLayout& layout) {
  py::list rows;
  for (const engine::Segment& segment : layout.segments) {
    rows.append(
        py::make_tuple(segment.name, segment.elements, to_string(segment.quantizer.format)));
  }
  return rows;
}

engine::Engine make_engine(const ModelHandle& model, int threads, bool every_layer) {
  const network::Network& network = model.get().network;
  const py::gil_scoped_release release;
  return engine::Engine(every_layer ? compiler::with_every_layer_out(network) : network,
                        {.threads = threads});
}

void run_engine(const engine::Engine& engine, const py::array& inputs, py::array& outputs) {
  const engine::ConstEvents from = events_in(inputs, "input");
  const engine::Events to = events_out(outputs, "output");
  const py::gil_scoped_release release;
  engine.run(from, to);
}

}  // namespace

void bind_compiler(py::module_& module) {
  py::class_<ModelHandle>(module, "ImportedModel")
      .def("inspect",
           [](const ModelHandle& model) { return compiler::inspect(model.get()).dump(); })
      .def(
          "estimate",
          [](const ModelHandle& model, const std::string& options) {
            const frontend::Imported& imported = model.get();
            const py::gil_scoped_release release;
            return compiler::estimate(imported, parse(options)).dump();
          },
          py::arg("options"))
      .def("shapes", [](const ModelHandle& model) {
        const network::Network& network = model.get().network;
        std::vector<std::vector<std::int64_t>> inputs;
        std::vector<std::vector<std::int64_t>> outputs;
        for (const auto id : network.inputs()) inputs.push_back(network.layer(id).type.shape);
        for (const auto id : network.outputs()) outputs.push_back(network.layer(id).type.shape);
        return py::make_tuple(inputs, outputs);
      });
  module.def("compile_options", &describe_options);
  module.def("import_model", &import_model, py::arg("path"), py::arg("options"));
  module.def("compile", &compile, py::arg("model"), py::arg("output"), py::arg("options"),
             py::arg("progress"));
  module.def("calibrate", &calibrate, py::arg("model"), py::arg("config"), py::arg("weights"),
             py::arg("events"), py::arg("target_error"), py::arg("error"), py::arg("progress"));
  module.def("verify", &verify, py::arg("folder"), py::arg("samples"), py::arg("rtl_samples"),
             py::arg("seed"), py::arg("devices"), py::arg("progress"));
  module.def(
      "inspect", [](const fs::path& subject) { return compiler::inspect(subject).dump(); },
      py::arg("subject"));

  py::class_<engine::Engine>(module, "Engine")
      .def(py::init(&make_engine), py::arg("model"), py::arg("threads"), py::arg("every_layer"))
      .def("input", [](const engine::Engine& engine) { return describe(engine.input()); })
      .def("output", [](const engine::Engine& engine) { return describe(engine.output()); })
      .def("container_bits",
           [](const engine::Engine& engine) {
             return py::make_tuple(engine.input().container_bits(),
                                   engine.output().container_bits());
           })
      .def_property_readonly(
          "target", [](const engine::Engine& engine) { return std::string(engine.target()); })
      .def("run", &run_engine, py::arg("inputs"), py::arg("outputs"));
}

}  // namespace sluice::python
