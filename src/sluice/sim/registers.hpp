#pragma once

#include <cstdint>

/// The kernel's register map, byte offsets on `s_axi_control` (hw/README.md).
namespace sluice::sim::reg {

inline constexpr std::uint32_t kControl = 0x00;
inline constexpr std::uint32_t kGlobalInterruptEnable = 0x04;
inline constexpr std::uint32_t kInterruptEnable = 0x08;
inline constexpr std::uint32_t kInterruptStatus = 0x0C;
inline constexpr std::uint32_t kInput = 0x10;   ///< 64-bit pointer, low word first
inline constexpr std::uint32_t kOutput = 0x1C;  ///< 64-bit pointer, low word first
inline constexpr std::uint32_t kEvents = 0x28;
inline constexpr std::uint32_t kRunCycles = 0x40;  ///< low word first; of the run that ended last
inline constexpr std::uint32_t kCoreLatency = 0x48;
inline constexpr std::uint32_t kInterfaceVersion = 0x4C;
inline constexpr std::uint32_t kStatus = 0x50;
inline constexpr std::uint32_t kEventBytes = 0x54;  ///< input in bits 15..0, output in bits 31..16

/// Runs that the kernel works on at a time; the arguments of one more can wait in the registers.
inline constexpr int kRunsInFlight = 4;

// Bits of kControl.
inline constexpr std::uint32_t kStart = 1U << 0;
inline constexpr std::uint32_t kDone = 1U << 1;
inline constexpr std::uint32_t kIdle = 1U << 2;
inline constexpr std::uint32_t kReady = 1U << 3;
inline constexpr std::uint32_t kContinue = 1U << 4;
inline constexpr std::uint32_t kAutoRestart = 1U << 7;

// Bits of kStatus: what went wrong in the run that ended last.
inline constexpr std::uint32_t kReadError = 1U << 0;
inline constexpr std::uint32_t kWriteError = 1U << 1;
inline constexpr std::uint32_t kInputMisaligned = 1U << 2;
inline constexpr std::uint32_t kOutputMisaligned = 1U << 3;

}  // namespace sluice::sim::reg
