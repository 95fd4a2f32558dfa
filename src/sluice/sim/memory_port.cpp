#include "sluice/sim/memory_port.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <span>

#include "sluice/base/error.hpp"

namespace sluice::sim {
namespace {

// xRESP of IHI 0022, table A3-4.
constexpr std::uint8_t kOkay = 0;
constexpr std::uint8_t kSlaveError = 2;
constexpr std::uint8_t kDecodeError = 3;

}  // namespace

void require_valid(const MemoryTiming& timing) {
  const bool valid = timing.min_latency_cycles >= 1 &&
                     timing.min_latency_cycles <= timing.max_latency_cycles &&
                     timing.stall_probability >= 0.0 && timing.stall_probability < 1.0 &&
                     timing.max_outstanding_bursts >= 1;
  if (valid) return;
  throw UsageError(
      "E-SIM-010", "memory timing",
      fmt::format("latency {} to {} cycles, stall probability {}, {} bursts outstanding",
                  timing.min_latency_cycles, timing.max_latency_cycles, timing.stall_probability,
                  timing.max_outstanding_bursts),
      "latencies from 1 on, probability from 0 to below 1, at least 1 burst");
}

bool MemoryContext::stalls() {
  if (timing.stall_probability == 0.0) return false;
  return static_cast<double>(random() >> 11) * 0x1p-53 < timing.stall_probability;
}

std::uint64_t MemoryContext::draw_ready_cycle() {
  const auto range =
      static_cast<std::uint64_t>(timing.max_latency_cycles - timing.min_latency_cycles);
  const std::uint64_t extra = range == 0 ? 0 : random() % (range + 1);
  return cycle + static_cast<std::uint64_t>(timing.min_latency_cycles) + extra;
}

void MemoryContext::record(bool write, std::uint64_t address) {
  if (access_errors.size() < kMaxAccessErrors) access_errors.push_back({write, address, cycle});
}

void ReadPort::drive(MemoryContext& context, SluiceKernelInputs& in) {
  const bool room =
      bursts_.size() < static_cast<std::size_t>(context.timing.max_outstanding_bursts);
  in.gmem0_arready = room && !context.stalls();
  if (offered_) return;
  in.gmem0_rvalid = 0;
  if (!bursts_.empty() && bursts_.front().ready_cycle <= context.cycle && !context.stalls()) {
    offer(context, in);
  }
}

void ReadPort::offer(MemoryContext& context, SluiceKernelInputs& in) {
  const MemoryFault& fault = context.fault;
  if (fault.kind == FaultKind::read_silent && beats_ >= fault.position) return;
  const Burst& burst = bursts_.front();
  in.gmem0_rresp = kOkay;
  if (fault.kind == FaultKind::read_error && beats_ == fault.position) {
    in.gmem0_rresp = kSlaveError;
  }
  if (context.check_allocations && !context.memory->touches_allocated(burst.address, bus_bytes_)) {
    in.gmem0_rresp = kDecodeError;
    context.record(false, burst.address);
  }
  context.memory->read(burst.address,
                       std::as_writable_bytes(std::span(in.gmem0_rdata, bus_bytes_)));
  in.gmem0_rlast = burst.beats == 1;
  in.gmem0_rvalid = 1;
  offered_ = true;
  ++beats_;
}

void ReadPort::advance(MemoryContext& context, const SluiceKernelInputs& in,
                       const SluiceKernelOutputs& out) {
  if (out.gmem0_arvalid && in.gmem0_arready) {
    bursts_.push_back({out.gmem0_araddr, out.gmem0_arlen + 1U, context.draw_ready_cycle()});
  }
  if (!offered_ || !out.gmem0_rready) return;
  offered_ = false;
  Burst& burst = bursts_.front();
  burst.address += bus_bytes_;
  if (--burst.beats == 0) bursts_.pop_front();
}

void WritePort::drive(MemoryContext& context, SluiceKernelInputs& in) {
  const std::size_t outstanding = addresses_.size() + pending_.size();
  const bool room = outstanding < static_cast<std::size_t>(context.timing.max_outstanding_bursts);
  in.gmem1_awready = room && !context.stalls();
  in.gmem1_wready = !context.stalls();
  if (offered_) return;
  in.gmem1_bvalid = 0;
  if (pending_.empty() || pending_.front().ready_cycle > context.cycle || context.stalls()) return;
  in.gmem1_bresp = pending_.front().response;
  in.gmem1_bvalid = 1;
  offered_ = true;
}

void WritePort::advance(MemoryContext& context, const SluiceKernelInputs& in,
                        const SluiceKernelOutputs& out) {
  if (out.gmem1_awvalid && in.gmem1_awready) addresses_.push_back(out.gmem1_awaddr);
  if (offered_ && out.gmem1_bready) {
    offered_ = false;
    pending_.pop_front();
  }
  if (!out.gmem1_wvalid || !in.gmem1_wready) return;
  Beat& beat = beats_.emplace_back();
  beat.strobe = out.gmem1_wstrb;
  std::memcpy(beat.data, out.gmem1_wdata, bus_bytes_);
  if (out.gmem1_wlast) complete_burst(context);
}

void WritePort::complete_burst(MemoryContext& context) {
  const MemoryFault& fault = context.fault;
  const std::uint64_t index = answers_++;
  const std::uint64_t address = addresses_.front();
  addresses_.pop_front();
  std::uint8_t response = kSlaveError;
  if (fault.kind != FaultKind::write_error || index != fault.position) {
    response = commit(context, address);
  }
  beats_.clear();
  if (fault.kind == FaultKind::write_silent && index >= fault.position) return;
  pending_.push_back({response, context.draw_ready_cycle()});
}

std::uint8_t WritePort::commit(MemoryContext& context, std::uint64_t address) {
  std::uint8_t response = kOkay;
  for (const Beat& beat : beats_) {
    // The checker has proved that strobes are one run of bytes from byte 0.
    const auto count = static_cast<std::size_t>(std::popcount(beat.strobe));
    if (context.check_allocations && !context.memory->is_allocated(address, count)) {
      response = kDecodeError;
      context.record(true, address);
    } else {
      context.memory->write(address, std::span(beat.data, count));
    }
    address += bus_bytes_;
  }
  return response;
}

}  // namespace sluice::sim
