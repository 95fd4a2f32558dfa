#pragma once
// Included before every file of a Verilated kernel: what Verilator would print goes to the bridge.

#ifdef __GNUC__
__attribute__((format(printf, 1, 2)))
#endif
int sluice_bridge_print(const char* format, ...);

#define VL_PRINTF sluice_bridge_print
#define VL_USER_FATAL
#define VL_USER_FINISH
#define VL_USER_STOP
#define VL_USER_WARN
