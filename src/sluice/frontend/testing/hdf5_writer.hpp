#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::frontend::testing {

/// Writes small HDF5 files into memory, in the manner of Keras and in manners that Keras has not.
class Hdf5Writer {
 public:
  Hdf5Writer() {
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, 1 << 16, 0);
    file_ = H5Fcreate("sluice-test-image", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
  }
  ~Hdf5Writer() { H5Fclose(file_); }
  Hdf5Writer(const Hdf5Writer&) = delete;
  Hdf5Writer& operator=(const Hdf5Writer&) = delete;

  hid_t file() const { return file_; }

  std::string bytes() const {
    H5Fflush(file_, H5F_SCOPE_GLOBAL);
    std::string image(static_cast<std::size_t>(H5Fget_file_image(file_, nullptr, 0)), '\0');
    H5Fget_file_image(file_, image.data(), image.size());
    return image;
  }

  /// Creates `path`, and the groups above it.
  void group(const std::string& path) {
    const hid_t creation = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(creation, 1);
    if (H5Lexists(file_, path.c_str(), H5P_DEFAULT) <= 0) {
      H5Gclose(H5Gcreate2(file_, path.c_str(), creation, H5P_DEFAULT, H5P_DEFAULT));
    }
    H5Pclose(creation);
  }

  /// An attribute of texts: a list, or one scalar; of variable or of fixed length.
  void strings(const std::string& object, const std::string& name,
               const std::vector<std::string>& texts, bool scalar = false, bool fixed = false) {
    const hsize_t count = texts.size();
    const hid_t space = scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr);
    const hid_t type = H5Tcopy(H5T_C_S1);
    std::size_t longest = 1;
    for (const std::string& text : texts) longest = std::max(longest, text.size());
    H5Tset_size(type, fixed ? longest : H5T_VARIABLE);
    const hid_t attribute = H5Acreate_by_name(file_, object.c_str(), name.c_str(), type, space,
                                              H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    std::string packed;
    std::vector<const char*> pointers;
    for (const std::string& text : texts) {
      packed += text + std::string(longest - text.size(), '\0');
      pointers.push_back(text.c_str());
    }
    if (count > 0) {
      H5Awrite(attribute, type, fixed ? static_cast<const void*>(packed.data()) : pointers.data());
    }
    H5Aclose(attribute);
    H5Tclose(type);
    H5Sclose(space);
  }

  /// A dataset of `stored` type, written from doubles. `creation` may ask for chunks or filters.
  void tensor(const std::string& path, const std::vector<hsize_t>& shape,
              const std::vector<double>& values, hid_t stored = H5T_IEEE_F32LE,
              hid_t creation = H5P_DEFAULT) {
    if (const std::size_t slash = path.rfind('/'); slash != std::string::npos) {
      group(path.substr(0, slash));
    }
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t dataset =
        H5Dcreate2(file_, path.c_str(), stored, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (!values.empty()) {
      H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    }
    H5Dclose(dataset);
    H5Sclose(space);
  }

 private:
  hid_t file_;
};

/// A weights file of Keras 2, layer by layer.
class WeightsWriter {
 public:
  struct Tensor {
    std::string name;
    std::vector<hsize_t> shape;
    std::vector<double> values;
  };

  void layer(const std::string& name, const std::vector<Tensor>& tensors) {
    layers_.push_back(name);
    writer_.group(name);
    std::vector<std::string> names;
    for (const Tensor& tensor : tensors) {
      names.push_back(name + "/" + tensor.name + ":0");
      writer_.tensor(name + "/" + names.back(), tensor.shape, tensor.values);
    }
    writer_.strings(name, "weight_names", names);
  }

  std::string bytes() {
    writer_.strings("/", "layer_names", layers_, false, true);
    return writer_.bytes();
  }

 private:
  Hdf5Writer writer_;
  std::vector<std::string> layers_;
};

}  // namespace sluice::frontend::testing
