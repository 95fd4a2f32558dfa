#pragma once

/// Stable codes of the front end's findings, one per kind of problem.
namespace sluice::frontend::codes {

inline constexpr const char* kFormat = "E-FRONTEND-001";         ///< not a model file we read
inline constexpr const char* kHdf5 = "E-FRONTEND-002";           ///< malformed HDF5
inline constexpr const char* kLayer = "E-FRONTEND-003";          ///< layer class not supported
inline constexpr const char* kModelConfig = "E-FRONTEND-004";    ///< model description malformed
inline constexpr const char* kQuantizer = "E-FRONTEND-005";      ///< quantiser not supported
inline constexpr const char* kWeights = "E-FRONTEND-006";        ///< weights missing or misshapen
inline constexpr const char* kNotFinite = "E-FRONTEND-007";      ///< NaN or infinite weight
inline constexpr const char* kNoPrecision = "E-FRONTEND-008";    ///< a number format is missing
inline constexpr const char* kConfiguration = "E-FRONTEND-009";  ///< precision configuration
inline constexpr const char* kGraph = "E-FRONTEND-010";          ///< connections between layers
inline constexpr const char* kLimit = "E-FRONTEND-011";          ///< larger than what is read
inline constexpr const char* kActivation = "E-FRONTEND-012";     ///< activation not supported
inline constexpr const char* kMissingFile = "E-FRONTEND-013";    ///< weights file not found
inline constexpr const char* kProcess = "E-FRONTEND-014";        ///< no process to read in

inline constexpr const char* kLogits = "W-FRONTEND-001";         ///< final softmax left out
inline constexpr const char* kNoEffect = "W-FRONTEND-002";       ///< a setting without effect
inline constexpr const char* kDoubleRound = "W-FRONTEND-003";    ///< an input is rounded twice
inline constexpr const char* kOutputGrid = "W-FRONTEND-004";     ///< output near the exact values
inline constexpr const char* kSoftmaxTables = "W-FRONTEND-005";  ///< how far a softmax is off

}  // namespace sluice::frontend::codes
