#pragma once

#include <string>
#include <string_view>

namespace sluice::frontend {

/// The members of a `.keras` archive, as Keras 3 and TensorFlow 2.12 and later write it.
struct KerasArchive {
  std::string model_config;   ///< JSON
  std::string keras_version;  ///< as the archive says; empty when it does not
  std::string weights;        ///< the bytes of an HDF5 file
};

/// Reads the bytes of a `.keras` archive. Throws ModelError about `origin`.
KerasArchive read_keras_archive(std::string_view bytes, const std::string& origin);

}  // namespace sluice::frontend
