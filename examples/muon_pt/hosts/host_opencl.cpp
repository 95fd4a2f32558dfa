// Muon transverse momentum on an FPGA card through OpenCL, as for any Vitis kernel: it knows only
// the xclbin. Reads mantissas from one .npy file, writes those of the network into another.
//
//   host_opencl muon_pt.xclbin x.npy y.npy [CALLS [SAMPLES.json]] [--kernel NAME]

#define CL_HPP_ENABLE_EXCEPTIONS
#define CL_HPP_TARGET_OPENCL_VERSION 120
#define CL_HPP_MINIMUM_OPENCL_VERSION 120
#define CL_HPP_ENABLE_PROGRAM_CONSTRUCTION_FROM_ARRAY_COMPATIBILITY 1
#define CL_TARGET_OPENCL_VERSION 120
#if __has_include(<CL/opencl.hpp>)
#include <CL/opencl.hpp>
#else
#include <CL/cl2.hpp>
#endif

#include "host_common.hpp"

namespace {

using host::kOutputsPerEvent;

cl::Device find_card() {
  std::vector<cl::Platform> platforms;
  cl::Platform::get(&platforms);
  for (const cl::Platform& platform : platforms) {
    if (platform.getInfo<CL_PLATFORM_NAME>() != "Xilinx") continue;
    std::vector<cl::Device> devices;
    platform.getDevices(CL_DEVICE_TYPE_ACCELERATOR, &devices);
    if (!devices.empty()) return devices.front();
  }
  throw std::runtime_error("no Xilinx card; for an emulated one run this under `sluice card --`");
}

/// The kernel with memory for some events; the kernel's arguments are set once.
class Accelerator {
 public:
  Accelerator(const cl::Context& context, const cl::CommandQueue& queue, const cl::Program& program,
              const std::string& kernel, std::size_t events, std::size_t inputs_per_event)
      : queue_(queue),
        kernel_(program, kernel.c_str()),
        input_(events * inputs_per_event),
        output_(events * kOutputsPerEvent),
        input_buffer_(context, CL_MEM_USE_HOST_PTR | CL_MEM_READ_ONLY,
                      input_.size() * sizeof(host::Mantissa), input_.data()),
        output_buffer_(context, CL_MEM_USE_HOST_PTR | CL_MEM_WRITE_ONLY,
                       output_.size() * sizeof(host::Mantissa), output_.data()) {
    kernel_.setArg(0, input_buffer_);
    kernel_.setArg(1, output_buffer_);
    kernel_.setArg(2, static_cast<cl_uint>(events));
  }

  host::Sample infer(const host::Mantissa* from, host::Mantissa* to) {
    const std::int64_t begin = host::now_ns();
    std::copy_n(from, input_.size(), input_.data());
    queue_.enqueueMigrateMemObjects({input_buffer_}, 0);
    queue_.finish();
    const std::int64_t injected = host::now_ns();
    queue_.enqueueTask(kernel_);
    queue_.finish();
    const std::int64_t inferred = host::now_ns();
    queue_.enqueueMigrateMemObjects({output_buffer_}, CL_MIGRATE_MEM_OBJECT_HOST);
    queue_.finish();
    std::copy(output_.begin(), output_.end(), to);
    const std::int64_t extracted = host::now_ns();
    return {injected - begin, inferred - injected, extracted - inferred};
  }

 private:
  cl::CommandQueue queue_;
  cl::Kernel kernel_;
  host::Mantissas input_, output_;
  cl::Buffer input_buffer_, output_buffer_;
};

void run(const host::Arguments& arguments) {
  const host::Events input = host::read_npy(arguments.input);
  const std::string bytes = host::read_file(arguments.xclbin);

  const cl::Device card = find_card();
  const cl::Context context(card);
  const cl::CommandQueue queue(context, card);
  const cl::Program::Binaries binaries{{bytes.data(), bytes.size()}};
  const cl::Program program(context, {card}, binaries);

  host::Events output{input.count, kOutputsPerEvent, {}};
  output.data.resize(output.count * output.elements);
  Accelerator bulk(context, queue, program, arguments.kernel, input.count, input.elements);
  bulk.infer(input.data.data(), output.data.data());
  host::write_npy(arguments.output, output);

  Accelerator single(context, queue, program, arguments.kernel, 1, input.elements);
  std::vector<host::Sample> samples;
  for (long call = 0; call < arguments.calls; ++call) {
    const std::size_t event = static_cast<std::size_t>(call) % input.count;
    host::Mantissa result[kOutputsPerEvent];
    samples.push_back(single.infer(&input.data[event * input.elements], result));
    if (!std::equal(result, result + kOutputsPerEvent, &output.data[event * kOutputsPerEvent])) {
      throw std::runtime_error("one event alone gives another result than in bulk");
    }
  }
  host::report(arguments, "opencl", samples);
}

}  // namespace

int main(int argc, char** argv) {
  return host::run_main([&] {
    try {
      run(host::parse_arguments(argc, argv));
    } catch (const cl::Error& error) {
      throw std::runtime_error(std::string(error.what()) + " failed with OpenCL error " +
                               std::to_string(error.err()));
    }
  });
}
