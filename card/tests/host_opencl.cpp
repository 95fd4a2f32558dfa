// An ordinary OpenCL host in the style of Xilinx's examples.
//   host_opencl XCLBIN KERNEL [calls]
// The same work and checks as host_xrt, on every card of the platform.

#define CL_HPP_CL_1_2_DEFAULT_BUILD
#define CL_HPP_TARGET_OPENCL_VERSION 120
#define CL_HPP_MINIMUM_OPENCL_VERSION 120
#define CL_HPP_ENABLE_PROGRAM_CONSTRUCTION_FROM_ARRAY_COMPATIBILITY 1
#define CL_HPP_ENABLE_EXCEPTIONS
#include <CL/cl2.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kBytes = 64;
constexpr std::size_t kPageBytes = 4096;

double microseconds(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

std::vector<cl::Device> xilinx_devices() {
  std::vector<cl::Platform> platforms;
  cl::Platform::get(&platforms);
  for (const cl::Platform& platform : platforms) {
    if (platform.getInfo<CL_PLATFORM_NAME>() != "Xilinx") continue;
    std::vector<cl::Device> devices;
    platform.getDevices(CL_DEVICE_TYPE_ACCELERATOR, &devices);
    return devices;
  }
  throw std::runtime_error("no Xilinx platform");
}

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
using Page = std::unique_ptr<std::uint8_t, FreeMemory>;

Page page() { return Page(static_cast<std::uint8_t*>(std::aligned_alloc(kPageBytes, kPageBytes))); }

class Host {
 public:
  Host(const cl::Device& device, const std::vector<unsigned char>& binary, const std::string& name)
      : context_(device),
        queue_(context_, device, CL_QUEUE_PROFILING_ENABLE),
        program_(context_, {device}, cl::Program::Binaries{{binary.data(), binary.size()}}),
        kernel_(program_, name.c_str()),
        input_(context_, CL_MEM_USE_HOST_PTR | CL_MEM_READ_ONLY, kBytes, in_.get()),
        output_(context_, CL_MEM_USE_HOST_PTR | CL_MEM_WRITE_ONLY, kBytes, out_.get()) {
    kernel_.setArg(0, input_);
    kernel_.setArg(1, output_);
    kernel_.setArg(2, kBytes);
  }

  /// Time of one call in microseconds.
  double call(int number) {
    for (std::uint32_t i = 0; i < kBytes; ++i) {
      in_.get()[i] = static_cast<std::uint8_t>(number + 3 * i);
    }
    std::memset(out_.get(), 0, kBytes);
    const auto start = Clock::now();
    queue_.enqueueMigrateMemObjects({input_}, 0);
    queue_.enqueueTask(kernel_);
    queue_.enqueueMigrateMemObjects({output_}, CL_MIGRATE_MEM_OBJECT_HOST);
    queue_.finish();
    const double time = microseconds(Clock::now() - start);
    for (std::uint32_t i = 0; i < kBytes; ++i) {
      if (out_.get()[i] != static_cast<std::uint8_t>(in_.get()[i] + 1)) {
        throw std::runtime_error("wrong result");
      }
    }
    return time;
  }

 private:
  Page in_ = page();
  Page out_ = page();
  cl::Context context_;
  cl::CommandQueue queue_;
  cl::Program program_;
  cl::Kernel kernel_;
  cl::Buffer input_;
  cl::Buffer output_;
};

void run(const std::string& file, const std::string& name, int calls) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<unsigned char> binary((std::istreambuf_iterator<char>(in)), {});
  const auto begin = Clock::now();
  std::vector<std::unique_ptr<Host>> hosts;
  for (const cl::Device& device : xilinx_devices()) {
    hosts.push_back(std::make_unique<Host>(device, binary, name));
  }
  std::printf("%zu cards, start-up %.1f ms\n", hosts.size(),
              microseconds(Clock::now() - begin) / 1000);
  std::vector<double> latencies;
  for (int call = 0; call < calls; ++call) {
    for (const auto& host : hosts) latencies.push_back(host->call(call));
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
  } catch (const cl::Error& error) {
    std::fprintf(stderr, "host: %s failed with %d\n", error.what(), error.err());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "host: %s\n", error.what());
    return 1;
  }
}
