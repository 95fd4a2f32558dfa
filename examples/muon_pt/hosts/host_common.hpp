#pragma once

// What both example hosts need beside their API: .npy files, time stamps and a report. Standard
// C++17 only, so that the folder can be copied as it is.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace host {

/// Events in memory: fixed-point mantissas, row by row.
using Mantissa = std::int16_t;

constexpr std::size_t kOutputsPerEvent = 1;

/// Starts at a 4096-byte boundary, as a card's DMA engine wants it.
template <class T>
struct PageAllocator {
  using value_type = T;
  PageAllocator() = default;
  template <class U>
  PageAllocator(const PageAllocator<U>&) {}
  T* allocate(std::size_t count) {
    constexpr std::size_t kPage = 4096;
    void* memory = std::aligned_alloc(kPage, (count * sizeof(T) + kPage - 1) / kPage * kPage);
    if (memory == nullptr) throw std::bad_alloc();
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t) { std::free(memory); }
  friend bool operator==(const PageAllocator&, const PageAllocator&) { return true; }
  friend bool operator!=(const PageAllocator&, const PageAllocator&) { return false; }
};
using Mantissas = std::vector<Mantissa, PageAllocator<Mantissa>>;

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Events of one shape: an .npy file with the shape [events, elements].
struct Events {
  std::size_t count = 0;
  std::size_t elements = 0;  ///< of one event
  Mantissas data;
};

/// Reads little-endian int16 in C order, with one or two axes. Another type throws
/// std::invalid_argument, a damaged file std::runtime_error.
inline Events read_npy(const std::string& path) {
  const std::string bytes = read_file(path);
  if (bytes.size() < 10 || bytes.compare(0, 6, "\x93NUMPY") != 0) {
    throw std::runtime_error(path + ": not an .npy file");
  }
  const bool version_1 = bytes[6] == 1;
  const std::size_t length_bytes = version_1 ? 2 : 4;
  std::uint32_t header_bytes = 0;
  if (bytes.size() < 8 + length_bytes) throw std::runtime_error(path + ": truncated");
  std::memcpy(&header_bytes, bytes.data() + 8, length_bytes);
  const std::size_t start = 8 + length_bytes + header_bytes;
  if (bytes.size() < start) throw std::runtime_error(path + ": truncated");
  const std::string header = bytes.substr(8 + length_bytes, header_bytes);
  if (header.find("'<i2'") == std::string::npos ||
      header.find("'fortran_order': False") == std::string::npos) {
    throw std::invalid_argument(path + ": must hold int16 mantissas in C order, found " + header);
  }
  const std::size_t open = header.find('(', header.find("'shape'"));
  if (open == std::string::npos) throw std::runtime_error(path + ": no shape");
  Events events;
  char* next = nullptr;
  events.count = std::strtoull(header.c_str() + open + 1, &next, 10);
  events.elements = *next == ',' ? std::strtoull(next + 1, nullptr, 10) : 1;
  if (events.elements == 0) events.elements = 1;
  const std::size_t total = (bytes.size() - start) / sizeof(Mantissa);
  if (events.count == 0 || total / events.elements != events.count) {
    throw std::runtime_error(path + ": its size is not that of its shape");
  }
  events.data.resize(total);
  std::memcpy(events.data.data(), bytes.data() + start, total * sizeof(Mantissa));
  return events;
}

inline void write_npy(const std::string& path, const Events& events) {
  std::string header = "{'descr': '<i2', 'fortran_order': False, 'shape': (" +
                       std::to_string(events.count) + ", " + std::to_string(events.elements) +
                       "), }";
  constexpr std::size_t kPrefix = 10;
  constexpr std::size_t kAlignment = 64;
  header.resize((kPrefix + header.size() + kAlignment) / kAlignment * kAlignment - kPrefix, ' ');
  header.back() = '\n';
  std::ofstream file(path, std::ios::binary);
  file.write("\x93NUMPY\x01\x00", 8);
  file.put(static_cast<char>(header.size() & 0xff)).put(static_cast<char>(header.size() >> 8));
  file << header;
  file.write(reinterpret_cast<const char*>(events.data.data()),
             static_cast<std::streamsize>(events.data.size() * sizeof(Mantissa)));
  if (!file.flush()) throw std::runtime_error(path + ": cannot be written");
}

/// host XCLBIN INPUT.npy OUTPUT.npy [CALLS [SAMPLES.json]] [--kernel NAME]
struct Arguments {
  std::string xclbin, input, output, samples, kernel;
  long calls = 0;
};

/// The kernel's name is by default that of the xclbin without folder and extension. Throws
/// std::invalid_argument.
inline Arguments parse_arguments(int argc, char** argv) {
  Arguments arguments;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--kernel") == 0 && i + 1 < argc) {
      arguments.kernel = argv[++i];
    } else {
      words.emplace_back(argv[i]);
    }
  }
  const auto usage = [&] {
    throw std::invalid_argument(std::string("usage: ") + argv[0] +
                                " XCLBIN INPUT.npy OUTPUT.npy [CALLS [SAMPLES.json]]"
                                " [--kernel NAME]");
  };
  if (words.size() < 3 || words.size() > 5) usage();
  arguments.xclbin = words[0];
  arguments.input = words[1];
  arguments.output = words[2];
  if (words.size() > 3) {
    char* end = nullptr;
    arguments.calls = std::strtol(words[3].c_str(), &end, 10);
    if (*end != '\0' || arguments.calls < 0) usage();
  }
  if (words.size() > 4) arguments.samples = words[4];
  if (arguments.kernel.empty()) {
    std::string name = arguments.xclbin.substr(arguments.xclbin.find_last_of('/') + 1);
    arguments.kernel = name.substr(0, name.find('.'));
  }
  return arguments;
}

/// One timed call on one event, in nanoseconds of the steady clock.
struct Sample {
  std::int64_t injection_ns, inference_ns, extraction_ns;
};

inline std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline bool is_emulated() { return std::getenv("XCL_EMULATION_MODE") != nullptr; }

inline std::vector<std::int64_t> column(const std::vector<Sample>& samples,
                                        std::int64_t Sample::*part) {
  std::vector<std::int64_t> times;
  times.reserve(samples.size());
  for (const Sample& sample : samples) times.push_back(sample.*part);
  return times;
}

inline double median_us(std::vector<std::int64_t> times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>((times.size() - 1) / 2);
  std::nth_element(times.begin(), middle, times.end());
  return static_cast<double>(*middle) / 1000.0;
}

/// Prints the medians and, when asked, writes every sample in the form of `sluice bench`.
inline void report(const Arguments& arguments, const char* program,
                   const std::vector<Sample>& samples) {
  if (samples.empty()) return;
  struct Part {
    const char* name;
    std::int64_t Sample::*time;
  };
  constexpr Part kParts[] = {{"injection", &Sample::injection_ns},
                             {"inference", &Sample::inference_ns},
                             {"extraction", &Sample::extraction_ns}};
  std::printf("%s, %zu calls of 1 event, medians%s:", program, samples.size(),
              is_emulated() ? " (emulation, not a card's latency)" : "");
  for (const Part& part : kParts) {
    std::printf(" %s %.1f us", part.name, median_us(column(samples, part.time)));
  }
  std::printf("\n");
  if (arguments.samples.empty()) return;
  std::ofstream file(arguments.samples);
  file << std::fixed << std::setprecision(3);
  const char* mode = std::getenv("XCL_EMULATION_MODE");
  file << "{\n  \"schema_version\": 1,\n  \"program\": \"" << program
       << "\",\n  \"emulated\": " << (is_emulated() ? "true" : "false")
       << ",\n  \"device\": {\"emulation\": \"" << (mode != nullptr ? mode : "")
       << "\"},\n  \"kernel\": \"" << arguments.kernel
       << "\",\n  \"batch_events\": 1,\n  \"calls\": " << samples.size() << ",\n  \"samples\": {";
  const char* separator = "";
  for (const Part& part : kParts) {
    file << separator << "\n    \"" << part.name << "_us\": [";
    const std::vector<std::int64_t> times = column(samples, part.time);
    for (std::size_t i = 0; i < times.size(); ++i) {
      file << (i != 0 ? ", " : "") << static_cast<double>(times[i]) / 1000.0;
    }
    file << "]";
    separator = ",";
  }
  file << "\n  }\n}\n";
  if (!file.flush()) throw std::runtime_error(arguments.samples + ": cannot be written");
}

/// Runs `body`, and turns what it throws into one line and an exit code: 2 wrong input, 5
/// otherwise.
template <class Body>
int run_main(Body&& body) {
  try {
    body();
    return 0;
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 5;
  }
}

}  // namespace host
