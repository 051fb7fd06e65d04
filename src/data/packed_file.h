// SPDX-License-Identifier: Apache-2.0
// Text on its way to a file, gathered into large pieces and compressed where that is asked for. Not thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "recforce/base/file_system.h"

namespace recforce::data {

enum class Packing { kPlain, kGzip, kZstd };

// By the end of the name: .gz, .zst, or plain.
Packing PackingOf(const std::filesystem::path& path);

// Equal texts and calls give equal bytes.
class PackedFile {
 public:
  PackedFile(std::unique_ptr<base::WritableFile> file, Packing packing);
  ~PackedFile();
  PackedFile(const PackedFile&) = delete;
  PackedFile& operator=(const PackedFile&) = delete;

  // Errors: Error(Io) of the file.
  void Append(std::string_view text);
  void Flush();   // everything so far can be read, and is on the disk
  void Finish();  // ends the compressed stream, syncs and closes
  class Coder;

 private:
  void Send();

  std::unique_ptr<base::WritableFile> file_;
  std::unique_ptr<Coder> coder_;  // none for plain text
  std::string text_;              // not yet sent
};

}  // namespace recforce::data
