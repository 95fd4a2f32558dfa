#include "sluice/rtl/kernel.hpp"

#include <fmt/format.h>

#include <array>

#include "sluice/rtl/layout.hpp"
#include "sluice/rtl/names.hpp"
#include "sluice/rtl/verilog.hpp"

namespace sluice::rtl {

namespace {

struct Signal {
  std::string_view name;
  NetKind direction;
  int width;
};

constexpr NetKind kIn = NetKind::input;
constexpr NetKind kOut = NetKind::output;

constexpr std::array kControlSignals{
    Signal{"AWVALID", kIn, 1}, Signal{"AWREADY", kOut, 1}, Signal{"AWADDR", kIn, 12},
    Signal{"WVALID", kIn, 1},  Signal{"WREADY", kOut, 1},  Signal{"WDATA", kIn, 32},
    Signal{"WSTRB", kIn, 4},   Signal{"BVALID", kOut, 1},  Signal{"BREADY", kIn, 1},
    Signal{"BRESP", kOut, 2},  Signal{"ARVALID", kIn, 1},  Signal{"ARREADY", kOut, 1},
    Signal{"ARADDR", kIn, 12}, Signal{"RVALID", kOut, 1},  Signal{"RREADY", kIn, 1},
    Signal{"RDATA", kOut, 32}, Signal{"RRESP", kOut, 2},
};

// Widths that follow the data bus.
constexpr int kData = -1;
constexpr int kStrobe = -2;

constexpr std::array kMemorySignals{
    Signal{"AWVALID", kOut, 1},     Signal{"AWREADY", kIn, 1}, Signal{"AWADDR", kOut, 64},
    Signal{"AWID", kOut, 1},        Signal{"AWLEN", kOut, 8},  Signal{"AWSIZE", kOut, 3},
    Signal{"AWBURST", kOut, 2},     Signal{"AWLOCK", kOut, 2}, Signal{"AWCACHE", kOut, 4},
    Signal{"AWPROT", kOut, 3},      Signal{"AWQOS", kOut, 4},  Signal{"AWREGION", kOut, 4},
    Signal{"WVALID", kOut, 1},      Signal{"WREADY", kIn, 1},  Signal{"WDATA", kOut, kData},
    Signal{"WSTRB", kOut, kStrobe}, Signal{"WLAST", kOut, 1},  Signal{"BVALID", kIn, 1},
    Signal{"BREADY", kOut, 1},      Signal{"BRESP", kIn, 2},   Signal{"BID", kIn, 1},
    Signal{"ARVALID", kOut, 1},     Signal{"ARREADY", kIn, 1}, Signal{"ARADDR", kOut, 64},
    Signal{"ARID", kOut, 1},        Signal{"ARLEN", kOut, 8},  Signal{"ARSIZE", kOut, 3},
    Signal{"ARBURST", kOut, 2},     Signal{"ARLOCK", kOut, 2}, Signal{"ARCACHE", kOut, 4},
    Signal{"ARPROT", kOut, 3},      Signal{"ARQOS", kOut, 4},  Signal{"ARREGION", kOut, 4},
    Signal{"RVALID", kIn, 1},       Signal{"RREADY", kOut, 1}, Signal{"RDATA", kIn, kData},
    Signal{"RRESP", kIn, 2},        Signal{"RLAST", kIn, 1},   Signal{"RID", kIn, 1},
};

class KernelWriter {
 public:
  explicit KernelWriter(const KernelOptions& options) : options_(options), module_(options.name) {}

  std::string write() {
    const int input_bus_bits = bus_bits(options_.input_event_bits);
    const int output_bus_bits = bus_bits(options_.output_event_bits);
    add_port("ap_clk", kIn, 1);
    add_port("ap_rst_n", kIn, 1);
    for (const Signal& signal : kControlSignals) {
      add_port(fmt::format("s_axi_control_{}", signal.name), signal.direction, signal.width);
    }
    add_memory_ports("m_axi_gmem0", input_bus_bits);
    add_memory_ports("m_axi_gmem1", output_bus_bits);
    // C++ has a macro of this name on some systems, which Verilator warns about.
    add_port("interrupt", kOut, 1, "SYMRSVDWORD");

    const NetId valid = module_.add_wire("valid", 1);
    const NetId x = module_.add_wire("x", options_.input_event_bits);
    const NetId y = module_.add_wire("y", options_.output_event_bits);
    connections_.emplace_back("core_valid", valid);
    connections_.emplace_back("core_in", x);
    connections_.emplace_back("core_out", y);
    module_.instantiate({"sluice_shell",
                         "shell",
                         {{"IN_BUS_BITS", input_bus_bits},
                          {"OUT_BUS_BITS", output_bus_bits},
                          {"IN_EVENT_BITS", options_.input_event_bits},
                          {"OUT_EVENT_BITS", options_.output_event_bits},
                          {"CORE_LATENCY", options_.latency_cycles},
                          {"CORE_INTERVAL", options_.interval_cycles}},
                         connections_});
    module_.instantiate({options_.name + "_core",
                         "core",
                         {},
                         {{"clk", clock_}, {"valid", valid}, {"x", x}, {"y", y}}});
    return module_.print();
  }

 private:
  void add_port(std::string name, NetKind direction, int width, std::string waived_lint = {}) {
    const NetId id = module_.add_port({name, width, false, direction, std::move(waived_lint)});
    if (name == "ap_clk") clock_ = id;
    connections_.emplace_back(std::move(name), id);
  }

  void add_memory_ports(std::string_view prefix, int data_bits) {
    for (const Signal& signal : kMemorySignals) {
      const int width = signal.width == kData     ? data_bits
                        : signal.width == kStrobe ? data_bits / 8
                                                  : signal.width;
      add_port(fmt::format("{}_{}", prefix, signal.name), signal.direction, width);
    }
  }

  const KernelOptions& options_;
  Module module_;
  std::vector<std::pair<std::string, NetId>> connections_;
  NetId clock_{};
};

}  // namespace

KernelOptions kernel_options(const circuit::Circuit& circuit, const circuit::Schedule& schedule,
                             std::string name) {
  return {std::move(name), event_bits(circuit.inputs), event_bits(circuit.outputs),
          schedule.latency_cycles, schedule.interval_cycles};
}

std::string emit_kernel(const KernelOptions& options) {
  check_kernel_name(options.name);
  return KernelWriter(options).write();
}

}  // namespace sluice::rtl
