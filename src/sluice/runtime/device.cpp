#include "sluice/runtime/device.hpp"

#include <mutex>
#include <utility>
#include <vector>

#include "sluice/base/check.hpp"
#include "sluice/runtime/backend.hpp"
#include "sluice/runtime/uri.hpp"

namespace sluice::runtime {

namespace detail {

namespace {

std::unique_ptr<DeviceBackend> open_backend(const package::Package& package, std::string_view uri,
                                            const DeviceOptions& options) {
  const DeviceUri parsed = parse_device_uri(uri);
  switch (parsed.kind) {
    case DeviceKind::engine:
      return open_engine(package, options);
    case DeviceKind::rtl:
      return open_rtl(package, options);
    case DeviceKind::xrt:
      return open_xrt(package, parsed.index, options);
  }
  SLUICE_CHECK(false, "device kind {}", static_cast<int>(parsed.kind));
}

}  // namespace

DeviceState::DeviceState(package::Manifest the_manifest, const DeviceOptions& the_options,
                         std::shared_ptr<DeviceBackend> the_backend, std::string_view uri)
    : manifest(std::move(the_manifest)),
      options(the_options),
      backend(std::move(the_backend)),
      info(backend->info()) {
  info.uri = uri;
}

void keep_for_ever(std::shared_ptr<void> what) {
  static std::mutex mutex;
  static auto& kept = *new std::vector<std::shared_ptr<void>>;  // outlives every destructor
  const std::scoped_lock lock(mutex);
  kept.push_back(std::move(what));
}

}  // namespace detail

Device::Device(std::shared_ptr<detail::DeviceState> state) : state_(std::move(state)) {}
Device::Device(Device&&) noexcept = default;
Device& Device::operator=(Device&&) noexcept = default;
Device::~Device() = default;

Device Device::open(const package::Package& package, std::string_view uri,
                    const DeviceOptions& options) {
  return Device(std::make_shared<detail::DeviceState>(
      package.manifest(), options, detail::open_backend(package, uri, options), uri));
}

const DeviceInfo& Device::info() const noexcept { return state_->info; }

Kernel Device::kernel() const { return Kernel(state_); }

}  // namespace sluice::runtime
