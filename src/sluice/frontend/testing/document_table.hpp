#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "sluice/base/files.hpp"

namespace sluice::frontend::testing {

/// The table at the end of a document is this one; with SLUICE_UPDATE in the environment it is
/// written anew. `document` is a path below the sources, `table` starts with the row of its head.
inline void expect_table_at_end(const std::string& document, const std::string& table) {
  const std::filesystem::path path = std::filesystem::path(SLUICE_SOURCE_DIR) / document;
  const std::string text = read_file(path);
  const std::string first_cell = table.substr(0, table.find('|', 1) + 1);
  const std::size_t start = text.find("\n" + first_cell);
  ASSERT_NE(start, std::string::npos) << document << " has no such table";
  if (std::getenv("SLUICE_UPDATE") != nullptr) {
    write_file(path, text.substr(0, start + 1) + table);
  } else {
    EXPECT_EQ(text.substr(start + 1), table) << "SLUICE_UPDATE=1 writes the table anew";
  }
}

}  // namespace sluice::frontend::testing
