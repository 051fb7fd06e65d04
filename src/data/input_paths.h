// SPDX-License-Identifier: Apache-2.0
// What lies at a path, asked so that the file system answers with an Error or not at all: no exception of the
// standard library leaves these functions.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace recforce::data {

enum class PathKind {
  kFile,  // regular: it can be opened again and gives the same bytes
  kFolder,
  kStream,  // a pipe, a socket, a device: its bytes come once
};

// Links are followed. Error(Usage): nothing is there, or nothing can be (too long a name, links in a circle);
// Error(Io): the system refuses to say.
PathKind KindOfPath(const std::filesystem::path& path);

// The file's name without .gz or .zst.
std::string PlainName(const std::filesystem::path& path);

// The regular file of this name, or of this name and .gz or .zst.
std::optional<std::filesystem::path> Existing(const std::filesystem::path& path);

// Regular files of a folder in the order of their names. Error(Io) when it cannot be read.
std::vector<std::filesystem::path> FilesIn(const std::filesystem::path& folder);

// The last name of the path, after "." and ".." and links are resolved where that can be done: pipes that the shell
// makes have names that lead nowhere.
std::string LastName(const std::filesystem::path& path);

}  // namespace recforce::data
