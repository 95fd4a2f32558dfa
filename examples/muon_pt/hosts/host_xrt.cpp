// Muon transverse momentum on an FPGA card through XRT's native API: it knows only the xclbin.
// Reads mantissas from one .npy file, writes those of the network into another.
//
//   host_xrt muon_pt.xclbin x.npy y.npy [CALLS [SAMPLES.json]] [--kernel NAME]

#include <ert.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include "host_common.hpp"

namespace {

using host::kOutputsPerEvent;

/// The kernel with memory for some events; the kernel's arguments are set once.
class Accelerator {
 public:
  Accelerator(const xrt::device& card, const xrt::kernel& kernel, std::size_t events,
              std::size_t inputs_per_event)
      : inputs_(events * inputs_per_event),
        outputs_(events * kOutputsPerEvent),
        input_(card, inputs_ * sizeof(host::Mantissa), kernel.group_id(0)),
        output_(card, outputs_ * sizeof(host::Mantissa), kernel.group_id(1)),
        run_(kernel) {
    std::fill_n(output_.map<host::Mantissa*>(), outputs_, host::Mantissa{0});
    run_.set_arg(0, input_);
    run_.set_arg(1, output_);
    run_.set_arg(2, static_cast<unsigned>(events));
  }

  host::Sample infer(const host::Mantissa* from, host::Mantissa* to) {
    const std::int64_t begin = host::now_ns();
    std::copy_n(from, inputs_, input_.map<host::Mantissa*>());
    input_.sync(XCL_BO_SYNC_BO_TO_DEVICE);
    const std::int64_t injected = host::now_ns();
    run_.start();
    const ert_cmd_state state = run_.wait();
    const std::int64_t inferred = host::now_ns();
    if (state != ERT_CMD_STATE_COMPLETED) throw std::runtime_error("the kernel failed");
    output_.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
    std::copy_n(output_.map<host::Mantissa*>(), outputs_, to);
    const std::int64_t extracted = host::now_ns();
    return {injected - begin, inferred - injected, extracted - inferred};
  }

 private:
  std::size_t inputs_, outputs_;
  xrt::bo input_, output_;
  xrt::run run_;
};

void run(const host::Arguments& arguments) {
  const host::Events input = host::read_npy(arguments.input);

  xrt::device card(0);
  const xrt::uuid uuid = card.load_xclbin(arguments.xclbin);
  const xrt::kernel kernel(card, uuid, arguments.kernel);

  host::Events output{input.count, kOutputsPerEvent, {}};
  output.data.resize(output.count * output.elements);
  Accelerator bulk(card, kernel, input.count, input.elements);
  bulk.infer(input.data.data(), output.data.data());
  host::write_npy(arguments.output, output);

  Accelerator single(card, kernel, 1, input.elements);
  std::vector<host::Sample> samples;
  for (long call = 0; call < arguments.calls; ++call) {
    const std::size_t event = static_cast<std::size_t>(call) % input.count;
    host::Mantissa result[kOutputsPerEvent];
    samples.push_back(single.infer(&input.data[event * input.elements], result));
    if (!std::equal(result, result + kOutputsPerEvent, &output.data[event * kOutputsPerEvent])) {
      throw std::runtime_error("one event alone gives another result than in bulk");
    }
  }
  host::report(arguments, "xrt", samples);
}

}  // namespace

int main(int argc, char** argv) {
  return host::run_main([&] { run(host::parse_arguments(argc, argv)); });
}
