#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include "sluice/base/error.hpp"

namespace sluice::runtime::testing {

/// Expects that `action` throws an Error of `kind` with `code` and a message that holds `words`.
template <class Action>
void expect_error(ErrorKind kind, std::string_view code, std::string_view words, Action&& action) {
  try {
    action();
    ADD_FAILURE() << "no error, expected " << code;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    EXPECT_EQ(error.code(), code);
    EXPECT_NE(std::string_view(error.what()).find(words), std::string_view::npos) << error.what();
  }
}

}  // namespace sluice::runtime::testing
