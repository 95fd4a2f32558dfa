#include "sluice/runtime/card.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>

#include "bindings.hpp"
#include "handle.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/json.hpp"

namespace py = pybind11;
namespace fs = std::filesystem;

namespace sluice::python {

namespace {

using CardHandle = Handle<runtime::Card>;
using CardBufferHandle = Handle<runtime::CardBuffer>;
using UnitHandle = Handle<runtime::ComputeUnit>;
using UnitRunHandle = Handle<runtime::UnitRun>;

Json to_json(const package::XclbinKernel& kernel) {
  Json instances = Json::array();
  for (const package::XclbinInstance& instance : kernel.instances) {
    instances.push_back({{"name", instance.name}, {"base_address", instance.base_address}});
  }
  Json arguments = Json::array();
  for (const package::XclbinArgument& argument : kernel.arguments) {
    arguments.push_back({{"name", argument.name},
                         {"is_pointer", argument.is_pointer},
                         {"c_type", argument.c_type},
                         {"size_bytes", argument.size_bytes},
                         {"offset_bytes", argument.offset_bytes},
                         {"port", argument.port},
                         {"bank", argument.bank}});
  }
  return {{"name", kernel.name},
          {"vlnv", kernel.vlnv},
          {"is_chain", kernel.control == package::ControlProtocol::ap_ctrl_chain},
          {"control_range_bytes", kernel.control_range_bytes},
          {"instances", instances},
          {"arguments", arguments}};
}

Json to_json(const package::XclbinContent& content) {
  Json banks = Json::array();
  for (const package::XclbinBank& bank : content.banks) {
    banks.push_back({{"tag", bank.tag},
                     {"base_address", bank.base_address},
                     {"size_bytes", bank.size_bytes},
                     {"type", bank.type},
                     {"used", bank.used}});
  }
  Json kernels = Json::array();
  for (const package::XclbinKernel& kernel : content.kernels) kernels.push_back(to_json(kernel));
  return {{"platform", content.platform},
          {"clock_mhz", content.clock_mhz},
          {"uuid", content.uuid},
          {"banks", banks},
          {"kernels", kernels}};
}

std::unique_ptr<CardHandle> open_card(const fs::path& xclbin, const std::string& uri,
                                      double run_timeout_s) {
  runtime::DeviceOptions options;
  options.run_timeout = std::chrono::milliseconds(static_cast<std::int64_t>(run_timeout_s * 1000));
  options.check_interrupt = &check_signals;
  const py::gil_scoped_release release;
  return std::make_unique<CardHandle>("overlay", runtime::Card::open(xclbin, uri, options));
}

/// The buffer's bytes as an array that keeps the Python object `owner` alive.
py::array bytes_view(CardBufferHandle& buffer, const py::object& owner) {
  const std::span<std::byte> bytes = buffer.get().bytes();
  return py::array_t<std::uint8_t>({static_cast<py::ssize_t>(bytes.size())},
                                   {static_cast<py::ssize_t>(1)},
                                   reinterpret_cast<const std::uint8_t*>(bytes.data()), owner);
}

void set_value(UnitRunHandle& run, std::size_t position, const py::bytes& value) {
  const std::string_view bytes = value;
  run.get().set_argument(position, std::as_bytes(std::span(bytes)));
}

void bind_unit(py::module_& module) {
  py::class_<UnitHandle>(module, "ComputeUnit")
      .def("make_run",
           [](const UnitHandle& unit) {
             const runtime::ComputeUnit& opened = unit.get();
             const py::gil_scoped_release release;
             return std::make_unique<UnitRunHandle>("kernel", opened.make_run());
           })
      .def(
          "read_register",
          [](const UnitHandle& unit, std::uint32_t offset) {
            const runtime::ComputeUnit& opened = unit.get();
            const py::gil_scoped_release release;
            return opened.read_register(offset);
          },
          py::arg("offset"))
      .def(
          "write_register",
          [](const UnitHandle& unit, std::uint32_t offset, std::uint32_t value) {
            const runtime::ComputeUnit& opened = unit.get();
            const py::gil_scoped_release release;
            opened.write_register(offset, value);
          },
          py::arg("offset"), py::arg("value"));

  py::class_<UnitRunHandle>(module, "UnitRun")
      .def(
          "set_buffer",
          [](UnitRunHandle& run, std::size_t position, const CardBufferHandle& buffer) {
            run.get().set_argument(position, buffer.get());
          },
          py::arg("position"), py::arg("buffer"))
      .def("set_value", &set_value, py::arg("position"), py::arg("value"))
      .def("start",
           [](UnitRunHandle& run) {
             run.without_gil([](runtime::UnitRun& started) { started.start(); });
           })
      .def(
          "execute",
          [](UnitRunHandle& run, double timeout_s) {
            const std::chrono::milliseconds timeout(static_cast<std::int64_t>(timeout_s * 1000));
            return run.without_gil([&](runtime::UnitRun& started) {
              started.start();
              return started.wait(timeout);
            });
          },
          py::arg("timeout_s"))
      .def(
          "wait",
          [](UnitRunHandle& run, double timeout_s) {
            const std::chrono::milliseconds timeout(static_cast<std::int64_t>(timeout_s * 1000));
            return run.without_gil(
                [&](runtime::UnitRun& started) { return started.wait(timeout); });
          },
          py::arg("timeout_s"))
      .def_property_readonly("in_flight",
                             [](const UnitRunHandle& run) { return run.get().in_flight(); });
}

}  // namespace

void bind_card(py::module_& module) {
  module.def(
      "read_xclbin",
      [](const fs::path& path) {
        return to_json(package::read_xclbin(read_file(path), path.string())).dump();
      },
      py::arg("path"));

  module.def("count_cards", &runtime::Card::count);

  py::class_<CardHandle>(module, "Card")
      .def(py::init(&open_card), py::arg("xclbin"), py::arg("uri"), py::arg("run_timeout_s"))
      .def("content", [](const CardHandle& card) { return to_json(card.get().content()).dump(); })
      .def("info", [](const CardHandle& card) { return describe(card.get().info()); })
      .def("is_loaded", [](const CardHandle& card) { return card.get().is_loaded(); })
      .def(
          "allocate",
          [](const CardHandle& card, std::uint32_t bank, std::size_t bytes) {
            const runtime::Card& opened = card.get();
            const py::gil_scoped_release release;
            return std::make_unique<CardBufferHandle>("buffer", opened.allocate(bank, bytes));
          },
          py::arg("bank"), py::arg("bytes"))
      .def(
          "unit",
          [](const CardHandle& card, const std::string& instance) {
            const runtime::Card& opened = card.get();
            const py::gil_scoped_release release;
            return std::make_unique<UnitHandle>("kernel", opened.unit(instance));
          },
          py::arg("instance"))
      .def("close", &CardHandle::free);

  py::class_<CardBufferHandle>(module, "CardBuffer")
      .def("view",
           [](const py::object& self) { return bytes_view(self.cast<CardBufferHandle&>(), self); })
      .def_property_readonly("bank",
                             [](const CardBufferHandle& buffer) { return buffer.get().bank(); })
      .def_property_readonly(
          "device_address",
          [](const CardBufferHandle& buffer) { return buffer.get().device_address(); })
      .def(
          "sync",
          [](CardBufferHandle& buffer, bool to_device, std::size_t offset, std::size_t count) {
            buffer.without_gil([&](runtime::CardBuffer& memory) {
              to_device ? memory.sync_to_device(offset, count)
                        : memory.sync_from_device(offset, count);
            });
          },
          py::arg("to_device"), py::arg("offset"), py::arg("count"))
      .def_property_readonly("is_freed", &CardBufferHandle::is_freed);
  bind_unit(module);
}

}  // namespace sluice::python
