#include "sluice/frontend/isolated.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>

#include "sluice/base/error.hpp"

namespace sluice::frontend {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

std::string refusal(const std::function<std::string()>& action,
                    const IsolationLimits& limits = {}) {
  try {
    run_isolated(action, "file.h5", limits);
  } catch (const ModelError& error) {
    EXPECT_EQ(error.subject(), "file.h5");
    return error.what();
  }
  return {};
}

TEST(Isolated, BytesComeBackWhole) {
  EXPECT_EQ(run_isolated([] { return std::string("a\0b", 3); }, "file.h5"), std::string("a\0b", 3));
  EXPECT_EQ(run_isolated([] { return std::string(); }, "file.h5"), "");
  EXPECT_EQ(run_isolated([] { return std::string(5'000'000, 'x'); }, "file.h5"),
            std::string(5'000'000, 'x'));
}

TEST(Isolated, ModelErrorArrivesAsItself) {
  EXPECT_EQ(refusal([]() -> std::string { throw ModelError("E-X-001", "other", "why", "how"); }),
            "E-X-001: file.h5: why\n  try: how");
}

TEST(Isolated, EveryOtherEndIsARefusal) {
  const auto raised = [](int signal) {
    return [signal] {
      std::raise(signal);
      return std::string();
    };
  };
  EXPECT_THAT(refusal(raised(SIGSEGV)), HasSubstr("the file is damaged"));
  EXPECT_THAT(refusal(raised(SIGABRT)), HasSubstr("the file is damaged"));
  EXPECT_THAT(refusal([]() -> std::string { throw std::runtime_error("other"); }),
              HasSubstr("the file is damaged"));
}

TEST(Isolated, MemoryIsLimited) {
  const auto hungry = [] {
    constexpr std::size_t kBytes = std::size_t{1} << 32;
    const auto memory = std::make_unique_for_overwrite<char[]>(kBytes);
    return std::string(1, memory[kBytes / 2]);
  };
  EXPECT_THAT(refusal(hungry, {.memory_bytes = std::size_t{1} << 28}),
              AnyOf(HasSubstr("needs more memory"), HasSubstr("damaged")));
}

TEST(Isolated, TimeIsLimited) {
  const auto endless = [] {
    for (volatile bool running = true; running;) {
    }
    return std::string();
  };
  EXPECT_THAT(refusal(endless, {.time = std::chrono::seconds(1)}),
              HasSubstr("the file is damaged"));
}

}  // namespace
}  // namespace sluice::frontend
