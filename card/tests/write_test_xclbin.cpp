// write_test_xclbin OUTPUT KERNEL CARD_PROGRAM [KERNEL_LIBRARY]

#include <cstdio>

#include "card/tests/make_test_xclbin.hpp"
#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  try {
    sluice::card::CardImage image;
    image.manifest_json = "{}\n";
    image.card_program = argv[3];
    if (argc > 4) image.kernel_library = argv[4];
    sluice::write_file(argv[1],
                       sluice::card::write_test_xclbin(sluice::card::test_xclbin(argv[2]), image));
    return 0;
  } catch (const sluice::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return sluice::exit_code(error.kind());
  }
}
