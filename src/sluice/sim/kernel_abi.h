#pragma once
/* The C interface between Sluice and one Verilated kernel in a shared library. The library exports
 * `sluice_kernel_abi` alone; everything else goes through the table that it returns. */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SLUICE_KERNEL_ABI_VERSION = 1, SLUICE_KERNEL_MAX_BUS_BYTES = 64 };

/* Values that the kernel's inputs hold during one clock cycle. Bus data is little-endian: byte 0 is
 * bits 7..0, which is the byte at the lowest address. */
typedef struct SluiceKernelInputs {
  uint8_t ap_rst_n;
  uint8_t control_awvalid, control_wvalid, control_bready, control_arvalid, control_rready;
  uint8_t control_wstrb;
  uint16_t control_awaddr, control_araddr;
  uint32_t control_wdata;
  uint8_t gmem0_arready, gmem0_rvalid, gmem0_rlast, gmem0_rresp;
  uint8_t gmem1_awready, gmem1_wready, gmem1_bvalid, gmem1_bresp;
  uint8_t gmem0_rdata[SLUICE_KERNEL_MAX_BUS_BYTES];
} SluiceKernelInputs;

/* Values of the kernel's outputs; they are functions of its registers only. */
typedef struct SluiceKernelOutputs {
  uint8_t interrupt;
  uint8_t control_awready, control_wready, control_bvalid, control_bresp;
  uint8_t control_arready, control_rvalid, control_rresp;
  uint32_t control_rdata;
  uint8_t gmem0_arvalid, gmem0_arlen, gmem0_rready;
  uint8_t gmem1_awvalid, gmem1_awlen, gmem1_wvalid, gmem1_wlast, gmem1_bready;
  uint64_t gmem0_araddr, gmem1_awaddr;
  uint64_t gmem1_wstrb;
  uint8_t gmem1_wdata[SLUICE_KERNEL_MAX_BUS_BYTES];
} SluiceKernelOutputs;

typedef struct SluiceKernel SluiceKernel;

typedef struct SluiceKernelAbi {
  uint32_t version;                           /* SLUICE_KERNEL_ABI_VERSION of the bridge */
  uint32_t inputs_bytes, outputs_bytes;       /* sizeof the two structs as the bridge sees them */
  uint32_t input_bus_bytes, output_bus_bytes; /* data width of m_axi_gmem0 and m_axi_gmem1 */
  uint32_t has_trace;                         /* 1 when the library was built with tracing */
  /* A new instance with random register contents drawn from `seed`; NULL when memory is short. */
  SluiceKernel* (*open)(uint32_t seed);
  void (*close)(SluiceKernel* kernel);
  /* One clock cycle: `inputs` are sampled by the rising edge, `outputs` are those after it.
   * Returns 0, or 1 once a checker has reported: the kernel must not be clocked again. */
  int (*cycle)(SluiceKernel* kernel, const SluiceKernelInputs* inputs,
               SluiceKernelOutputs* outputs);
  /* What the checkers reported, one line each; empty when nothing. Valid until the next call. */
  const char* (*error_text)(const SluiceKernel* kernel);
  /* Writes waves (VCD, one unit per half cycle) from now on. Returns 0, or 1 when the library has
   * no tracing or the file cannot be written. */
  int (*trace_start)(SluiceKernel* kernel, const char* path);
  void (*trace_stop)(SluiceKernel* kernel);
} SluiceKernelAbi;

/* The one exported symbol. */
const SluiceKernelAbi* sluice_kernel_abi(void);

#ifdef __cplusplus
}
#endif
