// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets of the log readers share: read the bytes, accept every error that an input may cause, and
// hold the reader to its promises about the rows it gives.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  void Begin(const data::LogContent& content) override {
    Require(!begun_);
    begun_ = true;
    content_ = content;
  }
  void Add(const data::LogRow& row) override {
    Require(begun_ && IsId(row.user) && IsId(row.item) && row.line >= 1);
    Require(std::isfinite(static_cast<float>(row.value)));
    Require(!content_.propensity || (row.propensity > 0.0F && row.propensity <= 1.0F));
    Require((content_.time || row.time == 0) && (content_.value || row.value == 0.0));
    Require(content_.part || row.part == data::Part::kTrain);
    ++rows;
  }
  void AddDisplay(const data::LogDisplay& display) override {
    Require(begun_ && IsId(display.user) && !display.items.empty() && display.items.size() == display.clicked.size());
    std::vector<std::string_view> items(display.items.begin(), display.items.end());
    Require(std::all_of(items.begin(), items.end(), IsId));
    std::sort(items.begin(), items.end());
    Require(std::adjacent_find(items.begin(), items.end()) == items.end());
    for (const std::uint8_t clicked : display.clicked) {
      Require(clicked <= 1);
      clicks += clicked;
    }
  }
  void AddCandidates(std::string_view user, std::span<const std::string_view> items) override {
    Require(begun_ && IsId(user) && !items.empty() && std::all_of(items.begin(), items.end(), IsId));
    ++lists;
  }
  void AddBad(std::string message) override {
    Require(begun_ && !data::FindTextFault(message) && message.find("; ") != std::string::npos);
    ++bad;
  }

  std::size_t rows = 0;
  std::size_t clicks = 0;
  std::size_t lists = 0;
  std::size_t bad = 0;

 private:
  static bool IsId(std::string_view text) { return !text.empty() && !data::FindTextFault(text); }

  bool begun_ = false;
  data::LogContent content_;
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

// What a reader gave, where it came to the end.
inline std::optional<CheckingSink> FuzzLog(std::string_view text, data::LogKind kind) {
  std::optional<CheckingSink> whole;
  ExpectNoBug([&] {
    data::LineSource source = data::LineSource::FromMemory(text, "input");
    CheckingSink sink;
    data::ReadLog(source, kind, {}, sink);
    whole = sink;
  });
  return whole;
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
