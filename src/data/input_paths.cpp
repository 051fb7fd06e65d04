// SPDX-License-Identifier: Apache-2.0
// The file system behind error codes.
#include "data/input_paths.h"

#include <algorithm>

#include "recforce/base/error.h"

namespace recforce::data {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorKind;

[[noreturn]] void Fail(const fs::path& path, const std::string& what, const std::error_code& code) {
  const bool wrong_name = code == std::errc::no_such_file_or_directory || code == std::errc::not_a_directory ||
                          code == std::errc::filename_too_long || code == std::errc::too_many_symbolic_link_levels;
  throw Error(wrong_name ? ErrorKind::kUsage : ErrorKind::kIo, path.string() + ": " + what + ": " + code.message());
}

}  // namespace

PathKind KindOfPath(const fs::path& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (status.type() == fs::file_type::not_found) {
    throw Error(ErrorKind::kUsage, path.string() + ": no such file or folder");
  }
  if (status.type() == fs::file_type::none) {
    Fail(path, "cannot be looked up", code);
  }
  return status.type() == fs::file_type::regular     ? PathKind::kFile
         : status.type() == fs::file_type::directory ? PathKind::kFolder
                                                     : PathKind::kStream;
}

std::string PlainName(const fs::path& path) {
  return path.extension() == ".gz" || path.extension() == ".zst" ? path.stem().string() : path.filename().string();
}

std::optional<fs::path> Existing(const fs::path& path) {
  for (const char* ending : {"", ".gz", ".zst"}) {
    const fs::path candidate = path.string() + ending;
    std::error_code ignored;
    if (fs::is_regular_file(candidate, ignored)) {
      return candidate;
    }
  }
  return std::nullopt;
}

std::vector<fs::path> FilesIn(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code code;
  fs::directory_iterator entry(folder, code);
  while (!code && entry != fs::directory_iterator()) {
    std::error_code ignored;  // of a link that leads nowhere
    if (entry->is_regular_file(ignored)) {
      files.push_back(entry->path());
    }
    entry.increment(code);
  }
  if (code) {
    Fail(folder, "folder cannot be read", code);
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string LastName(const fs::path& path) {
  std::error_code code;
  const fs::path whole = fs::absolute(path, code);
  const fs::path resolved = code ? fs::path() : fs::weakly_canonical(whole, code);
  return code ? path.filename().string() : resolved.filename().string();
}

}  // namespace recforce::data
