#pragma once

#include "sluice/base/npy.hpp"
#include "sluice/frontend/import.hpp"

namespace sluice::calibrate {

/// Events for a model whose user gave none: normal numbers (mean 0, standard deviation 1), cut to
/// the range of each input's format. The same model gives the same events; a larger one gets fewer,
/// so that measure_formats() stays a matter of a second.
NpyArray generate_events(const frontend::Imported& model);

}  // namespace sluice::calibrate
