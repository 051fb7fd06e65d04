// SPDX-License-Identifier: Apache-2.0
// Small logs for the tests of splits: users "u0000", "u0001", ... and items "i0000", "i0001", ...
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "recforce/data/split.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

namespace recforce::test {

using Items = std::vector<std::int32_t>;

struct Event {
  std::int32_t user;
  std::int32_t item;
  std::int64_t time;
  data::Part part = data::Part::kTrain;
};

struct ShownItem {
  std::int32_t item;
  bool clicked = false;
};
struct Display {
  std::int32_t user;
  std::int64_t time;
  std::vector<ShownItem> items;
  data::Part part = data::Part::kTrain;
};

struct LogOptions {
  bool times = true;
  bool parts = false;
  bool repeats = false;
  std::vector<Items> candidates = {};  // one list a user, or none
  std::vector<Display> displays = {};
};

inline std::string Name(const char* prefix, std::int32_t number) {
  const std::string digits = std::to_string(number);
  return prefix + std::string(4 - digits.size(), '0') + digits;
}

inline data::Dataset MakeLog(const TempDir& dir, std::int32_t users, std::int32_t items,
                             const std::vector<Event>& events, const LogOptions& options = {}) {
  data::Columns columns;
  for (std::int32_t user = 0; user < users; ++user) {
    columns.user_ids.push_back(Name("u", user));
  }
  for (std::int32_t item = 0; item < items; ++item) {
    columns.item_ids.push_back(Name("i", item));
  }
  for (const Event& event : events) {
    columns.user.push_back(event.user);
    columns.item.push_back(event.item);
    if (options.times) {
      columns.time.push_back(event.time);
    }
    if (options.parts) {
      columns.part.push_back(static_cast<std::uint8_t>(event.part));
    }
  }
  if (!options.candidates.empty()) {
    columns.candidate_offsets = {0};
    for (const Items& list : options.candidates) {
      columns.candidate_items.insert(columns.candidate_items.end(), list.begin(), list.end());
      columns.candidate_offsets.push_back(static_cast<std::int64_t>(columns.candidate_items.size()));
    }
  }
  for (const Display& display : options.displays) {
    columns.displays.user.push_back(display.user);
    columns.displays.time.push_back(display.time);
    if (options.parts) {
      columns.displays.part.push_back(static_cast<std::uint8_t>(display.part));
    }
    for (const ShownItem& shown : display.items) {
      columns.displays.item.push_back(shown.item);
      columns.displays.clicked.push_back(shown.clicked ? 1 : 0);
    }
    columns.displays.offsets.push_back(static_cast<std::int64_t>(columns.displays.item.size()));
  }
  data::Preprocessing preprocessing;
  preprocessing.duplicates = options.repeats ? "keep" : "last";
  data::WriteDataset(base::RealFileSystem(), dir.path(), std::move(columns), preprocessing);
  return data::Dataset::Open(dir.path());
}

// `users` users with all `items` items each, at times 0, 1, 2, ...; user u begins with item u.
inline data::Dataset MakeGrid(const TempDir& dir, std::int32_t users, std::int32_t items) {
  std::vector<Event> events;
  for (std::int32_t user = 0; user < users; ++user) {
    for (std::int32_t item = 0; item < items; ++item) {
      events.push_back({user, (user + item) % items, item});
    }
  }
  return MakeLog(dir, users, items, events);
}

// A log whose interactions are the clicks of its displays, with repeats kept.
inline data::Dataset MakeShown(const TempDir& dir, std::int32_t users, std::int32_t items,
                               const std::vector<Display>& displays, bool parts = false) {
  std::vector<Event> events;
  for (const Display& display : displays) {
    for (const ShownItem& shown : display.items) {
      if (shown.clicked) {
        events.push_back({display.user, shown.item, display.time, display.part});
      }
    }
  }
  return MakeLog(dir, users, items, events, {.parts = parts, .repeats = true, .displays = displays});
}

// A row in items of the dataset.
inline Items Row(const data::Split& split, const data::Csr& rows, std::int64_t row) {
  Items items;
  for (const std::int32_t local : rows.row(row)) {
    items.push_back(split.catalogue[static_cast<std::size_t>(local)]);
  }
  return items;
}

// `rows` with one row exchanged.
inline void SetRow(data::Csr& rows, std::int64_t row, const Items& items) {
  data::Csr changed;
  for (std::int64_t old = 0; old < rows.rows(); ++old) {
    changed.AddRow(old == row ? std::span<const std::int32_t>(items) : rows.row(old));
  }
  rows = changed;
}

}  // namespace recforce::test
