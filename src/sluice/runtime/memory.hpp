#pragma once

#include <cstdint>
#include <memory>

#include "sluice/runtime/backend.hpp"
#include "sluice/runtime/buffer.hpp"

namespace sluice::runtime {

struct AnyBuffer::Impl {
  std::shared_ptr<detail::DeviceState> state;
  detail::Port port;
  std::int64_t events;
  std::int64_t event_bytes;
  std::shared_ptr<detail::DeviceMemory> memory;  // destroyed before the device

  const package::TensorPort& tensor() const noexcept { return state->port(port); }
};

}  // namespace sluice::runtime
