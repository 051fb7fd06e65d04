// SPDX-License-Identifier: Apache-2.0
// Columns in memory, in any order, to the tensors of a dataset.
#include <algorithm>
#include <numeric>

#include "data/dataset_checks.h"
#include "data/dataset_file.h"

namespace recforce::data {
namespace {

bool StrictlySorted(const std::vector<std::string>& ids) {
  return std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end();
}

template <class T>
bool FitsRows(const std::vector<T>& column, std::size_t rows) {
  return column.empty() || column.size() == rows;
}

bool IsOffsets(const std::vector<std::int64_t>& offsets, std::size_t rows, std::size_t size) {
  return offsets.size() == rows + 1 && offsets.front() == 0 && offsets.back() == static_cast<std::int64_t>(size) &&
         std::is_sorted(offsets.begin(), offsets.end());
}

void CheckDisplays(const DisplayColumns& displays, std::int64_t users, std::int64_t items) {
  const std::size_t rows = displays.user.size();
  RECFORCE_CHECK(FitsRows(displays.time, rows) && FitsRows(displays.part, rows), "one time and part a display");
  RECFORCE_CHECK(IsOffsets(displays.offsets, rows, displays.item.size()), "offsets of displays rise to their items");
  RECFORCE_CHECK(displays.clicked.size() == displays.item.size(), "one click a displayed item");
  RECFORCE_CHECK(InRange(displays.user, users) && InRange(displays.item, items), "displays in range");
  RECFORCE_CHECK(ArePart(displays.part) && AreClicks(displays.clicked), "parts and clicks of displays in range");
}

void CheckColumns(const Columns& columns) {
  const std::size_t rows = columns.user.size();
  const auto users = static_cast<std::int64_t>(columns.user_ids.size());
  const auto items = static_cast<std::int64_t>(columns.item_ids.size());
  RECFORCE_CHECK(columns.item.size() == rows, "one item a row");
  RECFORCE_CHECK(FitsRows(columns.time, rows), "one time a row");
  RECFORCE_CHECK(FitsRows(columns.value, rows), "one value a row");
  RECFORCE_CHECK(FitsRows(columns.propensity, rows) && ArePropensities(columns.propensity), "one propensity a row");
  RECFORCE_CHECK(FitsRows(columns.position, rows), "one position a row");
  RECFORCE_CHECK(FitsRows(columns.part, rows) && ArePart(columns.part), "one part a row");
  RECFORCE_CHECK(FitsRows(columns.context, rows) &&
                     AreContexts(columns.context, static_cast<std::int64_t>(columns.context_names.size())) &&
                     StrictlySorted(columns.context_names),
                 "one context a row, among names that are sorted and distinct");
  RECFORCE_CHECK(columns.item_titles.empty() || columns.item_titles.size() == columns.item_ids.size(),
                 "one title an item");
  RECFORCE_CHECK(StrictlySorted(columns.user_ids) && StrictlySorted(columns.item_ids), "ids sorted and distinct");
  RECFORCE_CHECK(InRange(columns.user, users), "users in range");
  RECFORCE_CHECK(InRange(columns.item, items), "items in range");
  CheckDisplays(columns.displays, users, items);
  RECFORCE_CHECK(columns.candidate_offsets.empty()
                     ? columns.candidate_items.empty()
                     : IsOffsets(columns.candidate_offsets, columns.user_ids.size(), columns.candidate_items.size()),
                 "offsets of candidates rise to their items");
  RECFORCE_CHECK(InRange(columns.candidate_items, items), "candidates in range");
}

// Where the rows of each of `size` users begin once they are grouped.
std::vector<std::int64_t> UserOffsets(const std::vector<std::int32_t>& user, std::size_t size) {
  std::vector<std::int64_t> offsets(size + 1, 0);
  for (const std::int32_t index : user) {
    ++offsets[static_cast<std::size_t>(index) + 1];
  }
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  return offsets;
}

// Order of rows by user, then time where there is one; equal keys keep their order.
std::vector<std::int64_t> UserTimeOrder(const std::vector<std::int32_t>& user, const std::vector<std::int64_t>& time,
                                        const std::vector<std::int64_t>& offsets) {
  std::vector<std::int64_t> order(user.size());
  std::vector<std::int64_t> next(offsets.begin(), offsets.end() - 1);
  for (std::size_t row = 0; row < user.size(); ++row) {
    order[static_cast<std::size_t>(next[static_cast<std::size_t>(user[row])]++)] = static_cast<std::int64_t>(row);
  }
  if (!time.empty()) {
    const auto earlier = [&](std::int64_t a, std::int64_t b) {
      return time[static_cast<std::size_t>(a)] < time[static_cast<std::size_t>(b)];
    };
    for (std::size_t u = 0; u + 1 < offsets.size(); ++u) {
      const auto begin = order.begin() + offsets[u];
      const auto end = order.begin() + offsets[u + 1];
      if (!std::is_sorted(begin, end, earlier)) {
        std::stable_sort(begin, end, earlier);
      }
    }
  }
  return order;
}

// Adds `values` in `order`, or nothing when there are none.
template <class T>
void AddGathered(base::TensorSet& set, const std::string& name, const std::vector<T>& values,
                 const std::vector<std::int64_t>& order) {
  if (values.empty()) {
    return;
  }
  std::vector<T> gathered;
  gathered.reserve(order.size());
  for (const std::int64_t row : order) {
    gathered.push_back(values[static_cast<std::size_t>(row)]);
  }
  set.AddOwned(name, std::move(gathered));
}

}  // namespace

void AddDisplays(base::TensorSet& set, const DisplayColumns& displays, std::size_t users,
                 Preprocessing& preprocessing) {
  if (displays.user.empty()) {
    return;
  }
  if (preprocessing.displays.empty()) {
    preprocessing.displays = kLoggedDisplays;
  }
  std::vector<std::int64_t> user_offsets = UserOffsets(displays.user, users);
  const std::vector<std::int64_t> order = UserTimeOrder(displays.user, displays.time, user_offsets);
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> items;
  std::vector<std::uint8_t> clicked;
  offsets.reserve(order.size() + 1);
  items.reserve(displays.item.size());
  clicked.reserve(displays.item.size());
  for (const std::int64_t display : order) {
    const auto begin = displays.offsets[static_cast<std::size_t>(display)];
    const auto end = displays.offsets[static_cast<std::size_t>(display) + 1];
    items.insert(items.end(), displays.item.begin() + begin, displays.item.begin() + end);
    clicked.insert(clicked.end(), displays.clicked.begin() + begin, displays.clicked.begin() + end);
    offsets.push_back(static_cast<std::int64_t>(items.size()));
  }
  set.AddOwned("display_user_offsets", std::move(user_offsets));
  AddGathered(set, "display_times", displays.time, order);
  AddGathered(set, "display_parts", displays.part, order);
  set.AddOwned("display_offsets", std::move(offsets));
  set.AddOwned("display_items", std::move(items));
  set.AddOwned("display_clicked", std::move(clicked));
}

void WriteDataset(base::FileSystem& files, const std::filesystem::path& directory, Columns columns,
                  const Preprocessing& preprocessing) {
  CheckColumns(columns);
  std::vector<std::int64_t> offsets = UserOffsets(columns.user, columns.user_ids.size());
  const std::vector<std::int64_t> order = UserTimeOrder(columns.user, columns.time, offsets);
  std::vector<std::int32_t> items;
  items.reserve(order.size());
  for (const std::int64_t row : order) {
    items.push_back(columns.item[static_cast<std::size_t>(row)]);
  }
  RECFORCE_CHECK(preprocessing.duplicates == "keep" ||
                     !FindRepeat({offsets, items}, static_cast<std::int64_t>(columns.item_ids.size())),
                 "(user, item) pairs distinct");

  base::TensorSet set;
  AddStrings(set, "user_ids", columns.user_ids);
  AddStrings(set, "item_ids", columns.item_ids);
  if (!columns.item_titles.empty()) {
    AddStrings(set, "item_titles", columns.item_titles);
  }
  set.AddOwned("user_offsets", std::move(offsets));
  set.AddOwned("items", std::move(items));
  AddGathered(set, "times", columns.time, order);
  AddGathered(set, "values", columns.value, order);
  AddGathered(set, "propensities", columns.propensity, order);
  AddGathered(set, "positions", columns.position, order);
  AddGathered(set, "parts", columns.part, order);
  if (!columns.context.empty()) {
    AddStrings(set, "context_names", columns.context_names);
    AddGathered(set, "contexts", columns.context, order);
  }
  Preprocessing written = preprocessing;
  AddDisplays(set, columns.displays, columns.user_ids.size(), written);
  if (!columns.candidate_offsets.empty()) {
    set.AddOwned("candidate_offsets", std::move(columns.candidate_offsets));
    set.AddOwned("candidate_items", std::move(columns.candidate_items));
  }
  WriteDatasetFile(files, directory, std::move(set), {}, written);
}

}  // namespace recforce::data
