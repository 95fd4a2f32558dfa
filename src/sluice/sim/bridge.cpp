// The library side of kernel_abi.h: compiled together with Verilator's output (prefix Vkernel),
// once per kernel. Nothing here or in Verilator's runtime prints or ends the process.

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "Vkernel.h"
#include "kernel_abi.h"
#include "verilated.h"
#ifdef SLUICE_BRIDGE_TRACE
#include "verilated_vcd_c.h"
#endif

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bus data are copied as they lie");

struct SluiceKernel {
  explicit SluiceKernel(uint32_t seed) {
    context.randReset(2);
    context.randSeed(static_cast<int>(seed % 0x7fffffff) + 1);
#ifdef SLUICE_BRIDGE_TRACE
    context.traceEverOn(true);
#endif
  }

  VerilatedContext context;
  std::string report;
  std::unique_ptr<Vkernel> top;
#ifdef SLUICE_BRIDGE_TRACE
  std::unique_ptr<VerilatedVcdC> trace;
#endif
};

namespace {

// Verilator's hooks carry no handle; this is the kernel that the calling thread is clocking.
thread_local SluiceKernel* current = nullptr;

// Verilator's runtime also keeps a context per thread, and its destructors use it.
void enter(SluiceKernel& kernel) {
  current = &kernel;
  Verilated::threadContextp(&kernel.context);
}

constexpr std::size_t kReportLimit = 4096;

void report(const std::string& text) {
  if (current != nullptr && current->report.size() < kReportLimit) current->report += text;
}

void eval(SluiceKernel& kernel, uint8_t clock) {
  kernel.top->ap_clk = clock;
  kernel.top->eval();
#ifdef SLUICE_BRIDGE_TRACE
  if (kernel.trace) kernel.trace->dump(kernel.context.time());
#endif
  kernel.context.timeInc(1);
}

void drive(Vkernel& top, const SluiceKernelInputs& in) {
  top.ap_rst_n = in.ap_rst_n;
  top.s_axi_control_AWVALID = in.control_awvalid;
  top.s_axi_control_AWADDR = in.control_awaddr;
  top.s_axi_control_WVALID = in.control_wvalid;
  top.s_axi_control_WDATA = in.control_wdata;
  top.s_axi_control_WSTRB = in.control_wstrb;
  top.s_axi_control_BREADY = in.control_bready;
  top.s_axi_control_ARVALID = in.control_arvalid;
  top.s_axi_control_ARADDR = in.control_araddr;
  top.s_axi_control_RREADY = in.control_rready;
  top.m_axi_gmem0_ARREADY = in.gmem0_arready;
  top.m_axi_gmem0_RVALID = in.gmem0_rvalid;
  top.m_axi_gmem0_RLAST = in.gmem0_rlast;
  top.m_axi_gmem0_RRESP = in.gmem0_rresp;
  if (in.gmem0_rvalid) {
    std::memcpy(&top.m_axi_gmem0_RDATA, in.gmem0_rdata, sizeof top.m_axi_gmem0_RDATA);
  }
  top.m_axi_gmem1_AWREADY = in.gmem1_awready;
  top.m_axi_gmem1_WREADY = in.gmem1_wready;
  top.m_axi_gmem1_BVALID = in.gmem1_bvalid;
  top.m_axi_gmem1_BRESP = in.gmem1_bresp;
}

void sample(const Vkernel& top, SluiceKernelOutputs& out) {
  out.interrupt = top.__SYM__interrupt;
  out.control_awready = top.s_axi_control_AWREADY;
  out.control_wready = top.s_axi_control_WREADY;
  out.control_bvalid = top.s_axi_control_BVALID;
  out.control_bresp = top.s_axi_control_BRESP;
  out.control_arready = top.s_axi_control_ARREADY;
  out.control_rvalid = top.s_axi_control_RVALID;
  out.control_rdata = top.s_axi_control_RDATA;
  out.control_rresp = top.s_axi_control_RRESP;
  out.gmem0_arvalid = top.m_axi_gmem0_ARVALID;
  out.gmem0_araddr = top.m_axi_gmem0_ARADDR;
  out.gmem0_arlen = top.m_axi_gmem0_ARLEN;
  out.gmem0_rready = top.m_axi_gmem0_RREADY;
  out.gmem1_awvalid = top.m_axi_gmem1_AWVALID;
  out.gmem1_awaddr = top.m_axi_gmem1_AWADDR;
  out.gmem1_awlen = top.m_axi_gmem1_AWLEN;
  out.gmem1_wvalid = top.m_axi_gmem1_WVALID;
  out.gmem1_bready = top.m_axi_gmem1_BREADY;
  if (out.gmem1_wvalid) {
    std::memcpy(out.gmem1_wdata, &top.m_axi_gmem1_WDATA, sizeof top.m_axi_gmem1_WDATA);
    out.gmem1_wstrb = top.m_axi_gmem1_WSTRB;
    out.gmem1_wlast = top.m_axi_gmem1_WLAST;
  }
}

SluiceKernel* open_kernel(uint32_t seed) {
  try {
    auto kernel = std::make_unique<SluiceKernel>(seed);
    enter(*kernel);
    kernel->top = std::make_unique<Vkernel>(&kernel->context);
    eval(*kernel, 0);
    return kernel.release();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void stop_trace(SluiceKernel* kernel) {
#ifdef SLUICE_BRIDGE_TRACE
  if (kernel->trace) kernel->trace->close();
  kernel->trace.reset();
#else
  (void)kernel;
#endif
}

void close_kernel(SluiceKernel* kernel) {
  enter(*kernel);
  stop_trace(kernel);
  kernel->top->final();
  current = nullptr;
  delete kernel;
}

int cycle(SluiceKernel* kernel, const SluiceKernelInputs* inputs, SluiceKernelOutputs* outputs) {
  enter(*kernel);
  drive(*kernel->top, *inputs);
  eval(*kernel, 1);
  sample(*kernel->top, *outputs);
  eval(*kernel, 0);
  return kernel->report.empty() ? 0 : 1;
}

const char* error_text(const SluiceKernel* kernel) { return kernel->report.c_str(); }

int start_trace(SluiceKernel* kernel, const char* path) {
#ifdef SLUICE_BRIDGE_TRACE
  stop_trace(kernel);
  kernel->trace = std::make_unique<VerilatedVcdC>();
  kernel->top->trace(kernel->trace.get(), 99);
  kernel->trace->open(path);
  if (kernel->trace->isOpen()) return 0;
  kernel->trace.reset();
#else
  (void)kernel;
  (void)path;
#endif
  return 1;
}

#ifdef SLUICE_BRIDGE_TRACE
constexpr uint32_t kHasTrace = 1;
#else
constexpr uint32_t kHasTrace = 0;
#endif

const SluiceKernelAbi kAbi = {SLUICE_KERNEL_ABI_VERSION,
                              sizeof(SluiceKernelInputs),
                              sizeof(SluiceKernelOutputs),
                              sizeof(Vkernel::m_axi_gmem0_RDATA),
                              sizeof(Vkernel::m_axi_gmem1_WDATA),
                              kHasTrace,
                              open_kernel,
                              close_kernel,
                              cycle,
                              error_text,
                              start_trace,
                              stop_trace};

}  // namespace

extern "C" __attribute__((visibility("default"))) const SluiceKernelAbi* sluice_kernel_abi(void) {
  return &kAbi;
}

int sluice_bridge_print(const char* format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  const int length = std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  report(text);
  return length;
}

// A checker's $error prints its text, then calls vl_stop: the text is enough.
void vl_stop(const char* file, int line, const char*) VL_MT_UNSAFE {
  if (current != nullptr && current->report.empty()) {
    report(std::string("Verilog $stop at ") + file + ":" + std::to_string(line) + "\n");
  }
}
void vl_warn(const char*, int, const char*, const char* text) VL_MT_UNSAFE { report(text); }
void vl_fatal(const char*, int, const char*, const char* text) VL_MT_UNSAFE { report(text); }
void vl_finish(const char*, int, const char*) VL_MT_UNSAFE { report("Verilog $finish\n"); }
