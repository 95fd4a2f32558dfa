// An ordinary XRT-native host, as one writes it for a real card.
//   host_xrt XCLBIN KERNEL [calls]
// Sends `calls` batches of 64 bytes, checks every answer (each byte plus 1), prints latencies.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "xrt/xrt_bo.h"
#include "xrt/xrt_device.h"
#include "xrt/xrt_kernel.h"

namespace {

using Clock = std::chrono::steady_clock;

double microseconds(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

void run(const std::string& file, const std::string& name, int calls) {
  constexpr std::uint32_t kBytes = 64;
  const auto begin = Clock::now();
  xrt::device device(0);
  const auto uuid = device.load_xclbin(file);
  xrt::kernel kernel(device, uuid, name);
  xrt::bo input(device, kBytes, kernel.group_id(0));
  xrt::bo output(device, kBytes, kernel.group_id(1));
  auto* in = input.map<std::uint8_t*>();
  auto* out = output.map<std::uint8_t*>();
  std::printf("start-up %.1f ms\n", microseconds(Clock::now() - begin) / 1000);

  std::vector<double> latencies;
  xrt::run run(kernel);
  run.set_arg(0, input);
  run.set_arg(1, output);
  run.set_arg(2, kBytes);
  for (int call = 0; call < calls; ++call) {
    for (std::uint32_t i = 0; i < kBytes; ++i) in[i] = static_cast<std::uint8_t>(call + 3 * i);
    std::fill(out, out + kBytes, 0);
    const auto start = Clock::now();
    input.sync(XCL_BO_SYNC_BO_TO_DEVICE);
    run.start();
    if (run.wait() != ERT_CMD_STATE_COMPLETED) throw std::runtime_error("the run did not complete");
    output.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
    latencies.push_back(microseconds(Clock::now() - start));
    for (std::uint32_t i = 0; i < kBytes; ++i) {
      if (out[i] != static_cast<std::uint8_t>(in[i] + 1)) throw std::runtime_error("wrong result");
    }
    if (call == 0) {
      std::printf("running\n");
      std::fflush(stdout);
    }
  }
  std::sort(latencies.begin(), latencies.end());
  std::printf("%d calls right; emulated card: median %.1f us, p95 %.1f us\n", calls,
              latencies[latencies.size() / 2], latencies[latencies.size() * 95 / 100]);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 1);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "host: %s\n", error.what());
    return 1;
  }
}
