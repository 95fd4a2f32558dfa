// host_reopen XCLBIN KERNEL
// Opens, uses and closes the card five times in one process; then makes 3000 buffers and looks
// whether file descriptors are lost; then reads a register.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>

#include "experimental/xrt_ip.h"
#include "xrt/xrt_bo.h"
#include "xrt/xrt_device.h"
#include "xrt/xrt_kernel.h"

namespace {

constexpr int kOpens = 5;
constexpr int kBuffers = 3000;
constexpr std::uint32_t kBytes = 256;

auto open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                       std::filesystem::directory_iterator());
}

void use(const std::string& file, const std::string& name, int seed) {
  xrt::device device(0);
  const auto uuid = device.load_xclbin(file);
  xrt::kernel kernel(device, uuid, name);
  xrt::bo input(device, kBytes, kernel.group_id(0));
  xrt::bo output(device, kBytes, kernel.group_id(1));
  auto* in = input.map<std::uint8_t*>();
  auto* out = output.map<std::uint8_t*>();
  for (std::uint32_t i = 0; i < kBytes; ++i) in[i] = static_cast<std::uint8_t>(seed + i);
  input.sync(XCL_BO_SYNC_BO_TO_DEVICE);
  auto run = kernel(input, output, kBytes);
  run.wait();
  output.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
  for (std::uint32_t i = 0; i < kBytes; ++i) {
    if (out[i] != static_cast<std::uint8_t>(in[i] + 1)) throw std::runtime_error("wrong result");
  }
}

void many_buffers(const std::string& file, const std::string& name) {
  xrt::device device(0);
  const auto uuid = device.load_xclbin(file);
  xrt::kernel kernel(device, uuid, name);
  const auto before = open_descriptors();
  for (int i = 0; i < kBuffers; ++i) {
    xrt::bo buffer(device, 3 * 4096, kernel.group_id(0));
    buffer.map<char*>()[0] = static_cast<char>(i);
    buffer.sync(XCL_BO_SYNC_BO_TO_DEVICE);
  }
  if (open_descriptors() != before) throw std::runtime_error("file descriptors are lost");
}

void one_register(const std::string& file, const std::string& name) {
  constexpr std::uint32_t kEvents = 0x28;
  xrt::device device(0);
  const auto uuid = device.load_xclbin(file);
  xrt::ip unit(device, uuid, name + ":{" + name + "_1}");
  unit.write_register(kEvents, 0x1234);
  if (unit.read_register(kEvents) != 0x1234) throw std::runtime_error("wrong register");
  if ((unit.read_register(0) & 4u) == 0) throw std::runtime_error("the unit is not idle");
}

}  // namespace

int main(int /*argc*/, char** argv) {
  try {
    for (int i = 0; i < kOpens; ++i) {
      use(argv[1], argv[2], i);
      // XRT 2.13 may close the card in its scheduler's thread, which lets go of the last run a
      // little later than the host, and its hw_emu shim does not bear an open during that close.
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    many_buffers(argv[1], argv[2]);
    one_register(argv[1], argv[2]);
    std::printf("%d opens, %d buffers, register access: right\n", kOpens, kBuffers);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "host: %s\n", error.what());
    return 1;
  }
}
