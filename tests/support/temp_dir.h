// SPDX-License-Identifier: Apache-2.0
// A folder that goes away with its scope, and where real data may lie.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "support/source_dir.h"

namespace recforce::test {

class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "recforce_test_XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  // Writes `text` to a file in the folder and returns its path.
  [[nodiscard]] std::filesystem::path Write(std::string_view name, std::string_view text) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }

 private:
  std::filesystem::path path_;
};

// RECFORCE_DATA, or ../shared/data beside the checkout; empty when neither exists.
inline std::optional<std::filesystem::path> RealData() {
  if (const char* named = std::getenv("RECFORCE_DATA")) {
    return std::filesystem::path(named);
  }
  const std::filesystem::path beside = SourceDir() / "../shared/data";
  return std::filesystem::exists(beside) ? std::optional(beside) : std::nullopt;
}

}  // namespace recforce::test
