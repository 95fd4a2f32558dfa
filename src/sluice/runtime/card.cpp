#include "sluice/runtime/card.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/runtime/card_backend.hpp"
#include "sluice/runtime/flight.hpp"
#include "sluice/runtime/uri.hpp"

namespace sluice::runtime {

namespace fs = std::filesystem;

namespace detail {

struct CardState {
  package::XclbinContent content;
  DeviceOptions options;
  std::shared_ptr<CardBackend> backend;
  DeviceInfo info;
};

}  // namespace detail

struct CardBuffer::Impl {
  std::shared_ptr<detail::CardState> card;
  std::uint32_t bank;
  std::shared_ptr<detail::DeviceMemory> memory;  // destroyed before the card
};

struct ComputeUnit::Impl {
  std::shared_ptr<detail::CardState> card;
  package::XclbinKernel kernel;
  package::XclbinInstance instance;
  std::unique_ptr<detail::UnitBackend> backend;
};

namespace {

void sync(detail::DeviceMemory& memory, detail::SyncDirection direction, std::size_t offset_bytes,
          std::size_t count_bytes) {
  const std::size_t size_bytes = memory.host().size();
  if (offset_bytes > size_bytes || count_bytes > size_bytes - offset_bytes) {
    throw UsageError("E-RUNTIME-013", "buffer",
                     fmt::format("cannot sync {} bytes from byte {} on: it holds {}", count_bytes,
                                 offset_bytes, size_bytes));
  }
  if (count_bytes != 0) memory.sync(direction, offset_bytes, count_bytes);
}

}  // namespace

CardBuffer::CardBuffer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CardBuffer::CardBuffer(CardBuffer&&) noexcept = default;
CardBuffer& CardBuffer::operator=(CardBuffer&&) noexcept = default;
CardBuffer::~CardBuffer() = default;

std::span<std::byte> CardBuffer::bytes() noexcept { return impl_->memory->host(); }
std::size_t CardBuffer::size_bytes() const noexcept { return impl_->memory->host().size(); }
std::uint32_t CardBuffer::bank() const noexcept { return impl_->bank; }
std::uint64_t CardBuffer::device_address() const noexcept {
  return impl_->memory->device_address();
}

void CardBuffer::sync_to_device(std::size_t offset_bytes, std::size_t count_bytes) {
  sync(*impl_->memory, detail::SyncDirection::to_device, offset_bytes, count_bytes);
}

void CardBuffer::sync_from_device(std::size_t offset_bytes, std::size_t count_bytes) {
  sync(*impl_->memory, detail::SyncDirection::from_device, offset_bytes, count_bytes);
}

struct UnitRun::Impl {
  Impl(std::shared_ptr<ComputeUnit::Impl> the_unit,
       std::unique_ptr<detail::UnitCommand> the_command)
      : unit(std::move(the_unit)),
        command(std::move(the_command)),
        flight(unit->card->options),
        memories(unit->kernel.arguments.size()),
        is_set(unit->kernel.arguments.size(), false) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { finish(); }

  std::string subject() const { return "kernel `" + unit->kernel.name + "`"; }

  const package::XclbinArgument& argument(std::size_t position, bool is_pointer) const {
    if (flight.in_flight()) {
      throw UsageError("E-RUNTIME-012", subject(), "an argument changes while the run is in flight",
                       "wait() for it, or use several runs");
    }
    const std::vector<package::XclbinArgument>& arguments = unit->kernel.arguments;
    if (position >= arguments.size()) {
      throw UsageError(
          "E-RUNTIME-018", subject(),
          fmt::format("has {} arguments, none at position {}", arguments.size(), position));
    }
    const package::XclbinArgument& found = arguments[position];
    if (found.is_pointer == is_pointer) return found;
    throw UsageError("E-RUNTIME-018", fmt::format("argument `{}`", found.name),
                     fmt::format("is a {} ({}), not a {}", found.is_pointer ? "pointer" : "value",
                                 found.c_type, is_pointer ? "pointer" : "value"));
  }

  auto wait_for_command() {
    return [this](std::chrono::milliseconds timeout) { return command->wait(timeout); };
  }

  void finish() noexcept {
    if (flight.finish(wait_for_command())) return;
    try {
      detail::keep_for_ever(unit->card->backend);
      detail::keep_for_ever(unit);
      detail::keep_for_ever(command);
      for (const auto& memory : memories) detail::keep_for_ever(memory);
    } catch (const std::bad_alloc&) {
      // Freed below instead of kept.
    }
  }

  std::shared_ptr<ComputeUnit::Impl> unit;
  std::shared_ptr<detail::UnitCommand> command;
  detail::Flight flight;
  std::vector<std::shared_ptr<detail::DeviceMemory>> memories;  // by position; null: a value
  std::vector<bool> is_set;
};

UnitRun::UnitRun(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
UnitRun::UnitRun(UnitRun&&) noexcept = default;
UnitRun& UnitRun::operator=(UnitRun&&) noexcept = default;
UnitRun::~UnitRun() = default;

void UnitRun::set_argument(std::size_t position, const CardBuffer& buffer) {
  const package::XclbinArgument& argument = impl_->argument(position, true);
  const CardBuffer::Impl& given = *buffer.impl_;
  const detail::CardState& card = *impl_->unit->card;
  if (given.card.get() != &card) {
    throw UsageError("E-RUNTIME-005", fmt::format("argument `{}`", argument.name),
                     "the buffer belongs to another device", "allocate it on this one");
  }
  if (given.bank != argument.bank) {
    throw UsageError(
        "E-RUNTIME-005", fmt::format("argument `{}`", argument.name),
        fmt::format("the buffer lies in bank {}, the argument is wired to bank {}",
                    card.content.banks[given.bank].tag, card.content.banks[argument.bank].tag),
        "allocate the buffer for this argument");
  }
  if (impl_->memories[position] == given.memory) return;
  impl_->command->set_argument(position, *given.memory);
  impl_->memories[position] = given.memory;
  impl_->is_set[position] = true;
}

void UnitRun::set_argument(std::size_t position, std::span<const std::byte> value) {
  const package::XclbinArgument& argument = impl_->argument(position, false);
  if (value.size() != argument.size_bytes) {
    throw UsageError("E-RUNTIME-018", fmt::format("argument `{}`", argument.name),
                     fmt::format("takes {} bytes ({}), {} are given", argument.size_bytes,
                                 argument.c_type, value.size()));
  }
  impl_->command->set_argument(position, value);
  impl_->is_set[position] = true;
}

void UnitRun::start() {
  if (impl_->flight.in_flight()) {
    throw UsageError("E-RUNTIME-012", impl_->subject(), "is started while it is still in flight",
                     "wait() for it, or use several runs");
  }
  const auto missing = std::ranges::find(impl_->is_set, false);
  if (missing != impl_->is_set.end()) {
    const auto position = static_cast<std::size_t>(missing - impl_->is_set.begin());
    throw UsageError(
        "E-RUNTIME-018", impl_->subject(),
        fmt::format("argument `{}` was not set", impl_->unit->kernel.arguments[position].name));
  }
  impl_->command->start();
  impl_->flight.started();
}

bool UnitRun::wait(std::chrono::milliseconds timeout) {
  if (!impl_->flight.in_flight()) {
    throw UsageError("E-RUNTIME-012", impl_->subject(), "is waited for, but was not started");
  }
  return impl_->flight.wait(timeout, impl_->wait_for_command());
}

bool UnitRun::in_flight() const noexcept { return impl_->flight.in_flight(); }

ComputeUnit::ComputeUnit(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
const package::XclbinKernel& ComputeUnit::kernel() const noexcept { return impl_->kernel; }
const package::XclbinInstance& ComputeUnit::instance() const noexcept { return impl_->instance; }

UnitRun ComputeUnit::make_run() const {
  return UnitRun(std::make_unique<UnitRun::Impl>(impl_, impl_->backend->make_command()));
}

namespace {

void require_register(const package::XclbinKernel& kernel, std::uint32_t offset_bytes) {
  if (offset_bytes % 4 == 0 && offset_bytes < kernel.control_range_bytes) return;
  throw UsageError("E-RUNTIME-019", "kernel `" + kernel.name + "`",
                   fmt::format("{:#x} is no register: multiples of 4 below {:#x} are", offset_bytes,
                               kernel.control_range_bytes));
}

}  // namespace

std::uint32_t ComputeUnit::read_register(std::uint32_t offset_bytes) const {
  require_register(impl_->kernel, offset_bytes);
  return impl_->backend->read_register(offset_bytes);
}

void ComputeUnit::write_register(std::uint32_t offset_bytes, std::uint32_t value) const {
  require_register(impl_->kernel, offset_bytes);
  impl_->backend->write_register(offset_bytes, value);
}

namespace {

std::unique_ptr<detail::CardBackend> open_in_process(const fs::path& xclbin,
                                                     detail::DeviceKind kind,
                                                     const DeviceOptions& options) {
  const package::Package package = package::Package::open(fs::absolute(xclbin).parent_path());
  std::error_code ignored;
  if (!fs::equivalent(package.xclbin_file(), xclbin, ignored)) {
    throw ModelError("E-RUNTIME-015", xclbin.string(),
                     "is not the xclbin of the kernel package around it",
                     "use " + package.xclbin_file().string());
  }
  std::shared_ptr<detail::DeviceBackend> device = kind == detail::DeviceKind::engine
                                                      ? detail::open_engine(package, options)
                                                      : detail::open_rtl(package, options);
  return detail::make_in_process_card(std::move(device), package.manifest());
}

}  // namespace

Card::Card(std::shared_ptr<detail::CardState> state) : state_(std::move(state)) {}

Card Card::open(const fs::path& xclbin, std::string_view uri, const DeviceOptions& options) {
  const detail::DeviceUri device = detail::parse_device_uri(uri);
  auto state = std::make_shared<detail::CardState>();
  state->content = package::read_xclbin(read_file(xclbin), xclbin.string());
  state->content.bitstream.clear();
  state->options = options;
  if (device.kind == detail::DeviceKind::xrt) {
    state->backend = detail::open_xrt_card(xclbin, device.index);
  } else {
    state->backend = open_in_process(xclbin, device.kind, options);
  }
  state->info = state->backend->info();
  state->info.uri = uri;
  return Card(std::move(state));
}

unsigned Card::count() { return detail::count_xrt_cards(); }

const package::XclbinContent& Card::content() const noexcept { return state_->content; }
const DeviceInfo& Card::info() const noexcept { return state_->info; }
bool Card::is_loaded() const { return state_->backend->is_loaded(); }

CardBuffer Card::allocate(std::uint32_t bank, std::size_t bytes) const {
  const std::size_t banks = state_->content.banks.size();
  if (bank >= banks || bytes == 0) {
    throw UsageError("E-RUNTIME-003", "buffer",
                     bytes == 0 ? std::string("of 0 bytes cannot be allocated")
                                : fmt::format("bank {} does not exist ({} banks)", bank, banks));
  }
  std::shared_ptr<detail::DeviceMemory> memory = state_->backend->allocate(bank, bytes);
  return CardBuffer(
      std::make_unique<CardBuffer::Impl>(CardBuffer::Impl{state_, bank, std::move(memory)}));
}

ComputeUnit Card::unit(std::string_view instance) const {
  for (const package::XclbinKernel& kernel : state_->content.kernels) {
    for (const package::XclbinInstance& candidate : kernel.instances) {
      if (candidate.name != instance) continue;
      return ComputeUnit(std::make_shared<ComputeUnit::Impl>(ComputeUnit::Impl{
          state_, kernel, candidate, state_->backend->open_unit(kernel, candidate)}));
    }
  }
  throw UsageError("E-RUNTIME-018", state_->info.uri,
                   fmt::format("its xclbin has no compute unit `{}`", instance));
}

}  // namespace sluice::runtime
