#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/engine/engine.hpp"
#include "sluice/network/text.hpp"
#include "sluice/runtime/backend.hpp"

namespace sluice::runtime::detail {

namespace {

/// Host and device share the bytes, so that there is nothing to copy.
class EngineMemory : public DeviceMemory {
 public:
  explicit EngineMemory(std::size_t bytes) : bytes_(bytes) {}
  std::span<std::byte> host() noexcept override { return bytes_.span(); }
  std::uint64_t device_address() const noexcept override {
    return reinterpret_cast<std::uintptr_t>(bytes_.data());
  }
  void sync(SyncDirection, std::size_t, std::size_t) override {}

 private:
  AlignedBytes bytes_;
};

class EngineRun : public DeviceRun {
 public:
  explicit EngineRun(const engine::Engine& engine) : engine_(engine) {}

  void start(DeviceMemory& input, DeviceMemory& output, std::uint32_t events) override {
    const engine::EventLayout& in = engine_.input();
    const engine::EventLayout& out = engine_.output();
    const std::span<const std::byte> inputs = input.host().first(events * in.event_bytes());
    const std::span<std::byte> outputs = output.host().first(events * out.event_bytes());
    engine_.run(engine::as_mantissas(inputs, in.container_bits()),
                engine::as_mantissas(outputs, out.container_bits()));
  }
  bool wait(std::chrono::milliseconds) override { return true; }
  std::optional<std::uint64_t> kernel_cycles() const noexcept override { return std::nullopt; }

 private:
  engine::Engine engine_;
};

class EngineBackend : public DeviceBackend {
 public:
  explicit EngineBackend(engine::Engine engine) : engine_(std::move(engine)) {}

  DeviceInfo info() const override {
    return {.name = "SIMD engine (" + std::string(engine_.target()) + ")",
            .emulated = true,
            .emulation = "engine"};
  }
  std::unique_ptr<DeviceMemory> allocate(Port, std::size_t bytes) override {
    return std::make_unique<EngineMemory>(bytes);
  }
  std::unique_ptr<DeviceRun> make_run() override { return std::make_unique<EngineRun>(engine_); }

 private:
  engine::Engine engine_;
};

/// The kernel has one input and one output; both must be in memory as the manifest says.
void require_layout(const package::Package& package, const engine::EventLayout& layout,
                    const package::TensorPort& port) {
  const auto elements = static_cast<std::size_t>(port.elements());
  if (layout.elements() == elements && layout.container_bits() == port.container_bits() &&
      layout.segments.size() == 1 &&
      layout.segments.front().quantizer.format == port.quantizer.format) {
    return;
  }
  throw ModelError("E-RUNTIME-015", package.folder().string(),
                   "network.txt and manifest.json disagree about `" + port.name + "`",
                   "compile the model again");
}

}  // namespace

std::unique_ptr<DeviceBackend> open_engine(const package::Package& package,
                                           const DeviceOptions& options) {
  const std::string file = package.network_file().string();
  engine::Engine engine(network::parse(read_file(package.network_file()), file),
                        {.threads = options.engine_threads});
  require_layout(package, engine.input(), package.manifest().input);
  require_layout(package, engine.output(), package.manifest().output);
  return std::make_unique<EngineBackend>(std::move(engine));
}

}  // namespace sluice::runtime::detail
