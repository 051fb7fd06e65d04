// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets of the log readers share: read the bytes, accept every error that an input may cause, and
// hold the reader to its promises about the rows it gives.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "data/readers.h"
#include "recforce/base/error.h"

namespace recforce::test {

inline void Require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

class CheckingSink final : public data::RowSink {
 public:
  void AddDisplay(const data::LogDisplay&) override {}
  void AddCandidates(std::string_view, std::span<const std::string_view>) override {}
  void Begin(const data::LogContent&) override { Require(!begun_), begun_ = true; }
  void Add(const data::LogRow& row) override {
    Require(begun_ && !row.user.empty() && !row.item.empty() && row.line >= 1);
    Require(!data::FindTextFault(row.user) && !data::FindTextFault(row.item));
    Require(std::isfinite(static_cast<float>(row.value)));
  }
  void AddBad(std::string message) override { Require(begun_ && !data::FindTextFault(message)); }

 private:
  bool begun_ = false;
};

// Runs `read`; an internal error is a bug, every other one is the input's.
template <class Read>
void ExpectNoBug(const Read& read) {
  try {
    read();
  } catch (const base::Error& error) {
    Require(error.kind() != base::ErrorKind::kInternal && !data::FindTextFault(error.what()));
  }
}

inline std::string_view AsText(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

inline void FuzzLog(std::string_view text, data::LogKind kind) {
  ExpectNoBug([&] {
    data::LineSource source = data::LineSource::FromMemory(text, "input");
    CheckingSink sink;
    data::ReadLog(source, kind, {}, sink);
  });
}

inline void FuzzTitles(std::string_view text, data::TitleKind kind) {
  ExpectNoBug([&] {
    data::LineSource source = data::LineSource::FromMemory(text, "input");
    data::ReadTitles(
        source, kind,
        [](std::string_view id, std::string_view title) {
          Require(!data::FindTextFault(id) && !data::FindTextFault(title));
        },
        [](const std::string&) {});
  });
}

}  // namespace recforce::test
