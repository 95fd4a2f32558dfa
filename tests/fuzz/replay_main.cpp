#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "sluice/base/files.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// The kind of an input, import_fuzz.cpp's first byte, from the ending of its file.
std::string with_kind(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  if (ending.size() < 2) return sluice::read_file(path);
  return ending[1] + sluice::read_file(path);
}

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

// A few bytes set, flipped, removed or copied from elsewhere; the kind stays.
std::string mutated(std::string input, std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) { return bound == 0 ? 0 : random() % bound; };
  const std::size_t changes = 1 + below(6);
  for (std::size_t change = 0; change < changes && input.size() > 1; ++change) {
    const std::size_t at = 1 + below(input.size() - 1);
    const std::size_t length = std::min(1 + below(8), input.size() - at);
    switch (below(5)) {
      case 0:
        input[at] = static_cast<char>(random());
        break;
      case 1:
        input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        break;
      case 2:
        input.erase(at, length);
        break;
      case 3:
        input.replace(at, length, length, static_cast<char>(below(2) == 0 ? 0xff : 0));
        break;
      default:
        input.replace(at, length, input.substr(1 + below(input.size() - 1), length));
        break;
    }
  }
  if (below(50) == 0) input.resize(1 + below(input.size() - 1));
  return input;
}

}  // namespace

/// replay ITERATIONS SEED FILE...: each file as it is, then mutations of them in turn. A crash or
/// an unexpected exception ends it with the file and the iteration, which repeat it.
int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s ITERATIONS SEED FILE...\n", argv[0]);
    return 2;
  }
  const std::uint64_t iterations = std::strtoull(argv[1], nullptr, 10);
  std::mt19937_64 random(std::strtoull(argv[2], nullptr, 10));
  std::vector<std::string> seeds;
  try {
    for (int i = 3; i < argc; ++i) {
      seeds.push_back(with_kind(argv[i]));
      run(seeds.back());
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[3 + (seeds.empty() ? 0 : seeds.size() - 1)],
                 error.what());
    return 1;
  }
  for (std::uint64_t i = 0; i < iterations; ++i) {
    const std::string input = mutated(seeds[i % seeds.size()], random);
    try {
      run(input);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s, iteration %llu: %s\n", argv[3 + i % seeds.size()],
                   static_cast<unsigned long long>(i), error.what());
      sluice::write_file("fuzz-finding", input);
      return 1;
    }
  }
  std::printf("%zu files and %llu mutations\n", seeds.size(),
              static_cast<unsigned long long>(iterations));
  return 0;
}
