#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <optional>

#include "sluice/engine/converter.hpp"
#include "sluice/engine/program.hpp"

/// One block of events from the caller's memory to the caller's memory. Internal to the engine.
namespace sluice::engine {

/// Uninitialised memory, aligned to kVectorBytes.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::size_t size)
      : bytes_(static_cast<std::byte*>(::operator new (size, std::align_val_t{kVectorBytes}))) {}
  std::byte* data() const noexcept { return bytes_.get(); }

 private:
  struct Delete {
    void operator()(std::byte* bytes) const noexcept {
      ::operator delete (bytes, std::align_val_t{kVectorBytes});
    }
  };
  std::unique_ptr<std::byte, Delete> bytes_;
};

/// An input that has no place in the network's ranges: NaN, or a mantissa outside of its format.
struct BadInput {
  std::size_t index = 0;  ///< element, counted from the first event of the run
  std::optional<std::int64_t> mantissa;
};

/// What all tiles of an engine share.
struct TileContext {
  Program program;
  const Kernels* kernels;
  Converter input_converter, output_converter;
};

/// Scratch memory of one thread and what runs in it.
class Tile {
 public:
  explicit Tile(const TileContext& context);

  /// Computes events [begin, begin + count), count <= kTileEvents, of `inputs` into the same
  /// events of `outputs`. Returns the first bad input, if any.
  std::optional<BadInput> run(const ConstEvents& inputs, const Events& outputs, std::size_t begin,
                              std::size_t count) const;

 private:
  template <class C>
  std::optional<BadInput> find_outside(const C* mantissas, std::size_t count) const;
  template <class C>
  void load(const C* mantissas, std::size_t count, std::size_t padded) const;
  void run_steps(std::size_t padded) const;
  template <class C>
  void store(C* mantissas, std::size_t count) const;

  const TileContext* context_;
  std::size_t input_elements_, output_elements_;
  AlignedBytes scratch_, staging_;
};

}  // namespace sluice::engine
