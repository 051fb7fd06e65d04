// SPDX-License-Identifier: Apache-2.0
// Read all rows, sort and filter them, number the ids that are left, write. Only ids, and what is shown, lie in memory
// whole.
#include "data/convert_rows.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

#include "data/collected_log.h"
#include "data/dataset_file.h"
#include "data/sorted_log.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

// "train", as messages say it.
std::string NameOf(Part part) {
  constexpr std::array<std::string_view, 4> kNames = {"train", "validation", "test", "input"};
  return std::string(kNames.at(static_cast<std::size_t>(part)));
}

[[noreturn]] void FailConflict(const RowsInput& input, const CollectedLog& log, const Conflict& found) {
  const bool has_lines = !input.several_files;
  const std::string where = input.file + (has_lines ? ":" + std::to_string(found.second_line) + ":1: " : ": ");
  const std::string pair = "user " + Quoted(log.users()[found.user]) + ", item " + Quoted(log.items()[found.item]);
  const std::string line = std::to_string(found.first_line);
  if (found.in_two_parts) {
    throw Error(ErrorKind::kData, where + "leak: interaction stands in " + NameOf(found.second_part) + " and in " +
                                      NameOf(found.first_part) + ": " + pair +
                                      (has_lines ? ", the latter in line " + line : "") +
                                      "; expected each pair in one part (--duplicates keep keeps both)");
  }
  throw Error(ErrorKind::kData, where + "interaction stands twice: " + pair +
                                    (has_lines ? ", also in line " + line : "") +
                                    "; expected each pair once (--duplicates last or first keeps one)");
}

// Which users and items are left, under their new numbers.
struct Survivors {
  std::vector<std::string> user_ids;  // in bytewise order
  std::vector<std::string> item_ids;
  std::vector<std::int32_t> new_user;  // by the numbers of the log; -1 for those that left
  std::vector<std::int32_t> new_item;
  std::vector<std::string> context_names;  // all of the log
  std::vector<std::int32_t> new_context;
};

// The texts of those numbers of `order` that `stays`, and their new numbers.
std::vector<std::int32_t> Renumber(const IdTable& ids, const std::vector<std::int32_t>& order,
                                   const std::function<bool(std::size_t)>& stays, std::vector<std::string>& texts) {
  std::vector<std::int32_t> new_number(order.size(), -1);
  for (const std::int32_t id : order) {
    if (stays(static_cast<std::size_t>(id))) {
      new_number[static_cast<std::size_t>(id)] = static_cast<std::int32_t>(texts.size());
      texts.emplace_back(ids[id]);
    }
  }
  return new_number;
}

// Users with rows; items with rows, and those that such a user was shown or has as a candidate.
Survivors FindSurvivors(const CollectedLog& log, const SortedLog& sorted, const std::vector<std::int32_t>& user_order) {
  Survivors survivors;
  survivors.new_user = Renumber(
      log.users(), user_order, [&](std::size_t user) { return sorted.rows_of_user()[user] > 0; }, survivors.user_ids);
  std::vector<std::uint8_t> used = sorted.item_is_used();
  const auto use = [&](std::int32_t user, std::span<const std::int32_t> items) {
    if (survivors.new_user[static_cast<std::size_t>(user)] < 0) {
      return;
    }
    for (const std::int32_t item : items) {
      used[static_cast<std::size_t>(item)] = 1;
    }
  };
  const DisplayColumns& displays = log.displays();
  for (std::size_t d = 0; d < displays.user.size(); ++d) {
    const auto begin = static_cast<std::size_t>(displays.offsets[d]);
    use(displays.user[d],
        std::span(displays.item).subspan(begin, static_cast<std::size_t>(displays.offsets[d + 1]) - begin));
  }
  for (const CollectedLog::Candidates& list : log.candidates()) {
    use(list.user, log.candidate_items().subspan(list.begin, list.end - list.begin));
  }
  survivors.new_item = Renumber(
      log.items(), log.items().InOrder(), [&](std::size_t item) { return used[item] != 0; }, survivors.item_ids);
  survivors.new_context = Renumber(
      log.contexts(), log.contexts().InOrder(), [](std::size_t) { return true; }, survivors.context_names);
  return survivors;
}

// The displays of the users that are left, under new numbers.
DisplayColumns KeptDisplays(const DisplayColumns& all, const Survivors& survivors, Preprocessing& counts) {
  DisplayColumns kept;
  for (std::size_t d = 0; d < all.user.size(); ++d) {
    const std::int32_t user = survivors.new_user[static_cast<std::size_t>(all.user[d])];
    if (user < 0) {
      ++counts.displays_of_absent_users;
      continue;
    }
    kept.user.push_back(user);
    if (!all.time.empty()) {
      kept.time.push_back(all.time[d]);
    }
    if (!all.part.empty()) {
      kept.part.push_back(all.part[d]);
    }
    for (auto i = static_cast<std::size_t>(all.offsets[d]); i < static_cast<std::size_t>(all.offsets[d + 1]); ++i) {
      kept.item.push_back(survivors.new_item[static_cast<std::size_t>(all.item[i])]);
      kept.clicked.push_back(all.clicked[i]);
    }
    kept.offsets.push_back(static_cast<std::int64_t>(kept.item.size()));
  }
  return kept;
}

void AddCandidates(base::TensorSet& set, const CollectedLog& log, const Survivors& survivors, Preprocessing& counts) {
  std::vector<CollectedLog::Candidates> lists;
  for (CollectedLog::Candidates list : log.candidates()) {
    const std::int32_t old_user = list.user;
    list.user = survivors.new_user[static_cast<std::size_t>(old_user)];
    if (list.user < 0) {
      ++counts.candidates_of_absent_users;
    } else {
      lists.push_back(list);
    }
  }
  if (lists.empty()) {
    return;
  }
  std::sort(lists.begin(), lists.end(), [](const auto& a, const auto& b) { return a.user < b.user; });
  std::vector<std::int64_t> offsets(survivors.user_ids.size() + 1, 0);
  std::vector<std::int32_t> items;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    const auto user = static_cast<std::size_t>(lists[i].user);
    if (i > 0 && lists[i - 1].user == lists[i].user) {
      throw Error(ErrorKind::kData, log.file() + ": candidates of a user stand twice: " +
                                        Quoted(survivors.user_ids[user]) + "; expected one list a user");
    }
    for (std::size_t c = lists[i].begin; c < lists[i].end; ++c) {
      items.push_back(survivors.new_item[static_cast<std::size_t>(log.candidate_items()[c])]);
    }
    offsets[user + 1] = static_cast<std::int64_t>(lists[i].end - lists[i].begin);
  }
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  set.AddOwned("candidate_offsets", std::move(offsets));
  set.AddOwned("candidate_items", std::move(items));
}

// One title an item, "" for those without; empty when no item has one.
std::vector<std::string> CollectTitles(const RowsInput& input, const std::vector<std::string>& item_ids,
                                       BadRows& bad_rows) {
  if (!input.read_titles) {
    return {};
  }
  std::vector<std::string> titles(item_ids.size());
  bool any = false;
  const auto add = [&](std::string_view id, std::string_view title) {
    const auto found = std::lower_bound(item_ids.begin(), item_ids.end(), id);
    if (found != item_ids.end() && *found == id) {
      std::string& place = titles[static_cast<std::size_t>(found - item_ids.begin())];
      if (place.empty()) {
        place = title;
        any = any || !title.empty();
      }
    }
  };
  input.read_titles(add, [&](std::string message) { bad_rows.Add(std::move(message)); });
  return any ? titles : std::vector<std::string>{};
}

[[noreturn]] void FailEmpty(const std::string& file, const ConvertReport& report, const ConvertOptions& options) {
  const Preprocessing& p = report.preprocessing;
  if (p.rows_read == 0) {
    throw Error(ErrorKind::kData,
                file + ": no interactions in this file" +
                    (report.bad_rows > 0 ? ": all " + base::FormatCount(report.bad_rows) +
                                               " rows are malformed, the first is " + report.first_bad_rows.front()
                                         : "; expected one a row"));
  }
  std::string message = file + ": no interactions are left of " + base::FormatCount(p.rows_read) + " rows: ";
  if (options.min_rating) {
    message +=
        base::FormatCount(p.rows_below_rating) + " below --min-rating " + base::FormatReal(*options.min_rating) + ", ";
  }
  message += base::FormatCount(p.duplicates_removed) + " duplicates, " + base::FormatCount(p.rows_of_rare_items) +
             " of items below --min-item-interactions " + std::to_string(options.min_item_interactions) + ", " +
             base::FormatCount(p.rows_of_rare_users) + " of users below --min-user-interactions " +
             std::to_string(options.min_user_interactions) + "; lower these";
  throw Error(ErrorKind::kData, message);
}

// Everything but the columns of rows.
base::TensorSet SmallTensors(const RowsInput& input, const CollectedLog& log, const SortedLog& sorted,
                             const std::vector<std::int32_t>& user_order, const Survivors& survivors, BadRows& bad_rows,
                             Preprocessing& counts) {
  base::TensorSet set;
  AddStrings(set, "user_ids", survivors.user_ids);
  AddStrings(set, "item_ids", survivors.item_ids);
  if (const auto titles = CollectTitles(input, survivors.item_ids, bad_rows); !titles.empty()) {
    AddStrings(set, "item_titles", titles);
  }
  if (log.has_contexts()) {
    AddStrings(set, "context_names", survivors.context_names);
  }
  std::vector<std::int64_t> offsets{0};
  for (const std::int32_t user : user_order) {
    if (const std::int64_t rows = sorted.rows_of_user()[static_cast<std::size_t>(user)]; rows > 0) {
      offsets.push_back(offsets.back() + rows);
    }
  }
  set.AddOwned("user_offsets", std::move(offsets));
  AddDisplays(set, KeptDisplays(log.displays(), survivors, counts), survivors.user_ids.size(), counts);
  AddCandidates(set, log, survivors, counts);
  return set;
}

}  // namespace

Preprocessing PreprocessingOf(const RowsInput& input, const ConvertOptions& options) {
  Preprocessing counts;
  counts.source = input.source;
  counts.format = input.format;
  counts.min_rating = options.min_rating;
  counts.min_user_interactions = options.min_user_interactions;
  counts.min_item_interactions = options.min_item_interactions;
  counts.duplicates = options.duplicates;
  return counts;
}

ConvertReport ConvertRows(base::FileSystem& files, const RowsInput& input, const ConvertOptions& options,
                          const std::filesystem::path& output) {
  ConvertReport report;
  Preprocessing& counts = report.preprocessing;
  counts = PreprocessingOf(input, options);
  BadRows bad_rows(options.max_bad_rows, report);
  MadeFolders folders(files, output);
  SpillFile spill(files, folders);
  CollectedLog log(input.file, options, bad_rows, counts, spill);
  input.read(log);

  const std::vector<std::int32_t> user_order = log.users().InOrder();
  SortedLog sorted(options.memory_bytes / 2, spill);
  const auto check = [&] { ThrowIfStopped(options, log.file()); };
  if (const auto conflict =
          sorted.Sort(log.rows(), user_order, log.items().size(), RuleOf(options.duplicates), check)) {
    FailConflict(input, log, *conflict);
  }
  sorted.DropRare(options.min_item_interactions, options.min_user_interactions);
  counts.duplicates_removed = sorted.duplicates_removed();
  counts.rows_of_rare_items = sorted.rows_of_rare_items();
  counts.rows_of_rare_users = sorted.rows_of_rare_users();
  if (sorted.rows() == 0) {
    FailEmpty(log.file(), report, options);
  }

  const Survivors survivors = FindSurvivors(log, sorted, user_order);
  report.users = static_cast<std::int64_t>(survivors.user_ids.size());
  report.items = static_cast<std::int64_t>(survivors.item_ids.size());
  report.interactions = sorted.rows();
  base::TensorSet set = SmallTensors(input, log, sorted, user_order, survivors, bad_rows, counts);
  check();
  folders.Make();
  const SortedLog::NewNumbers numbers = {survivors.new_item, survivors.new_context};
  WriteDatasetFile(files, output, std::move(set), sorted.Columns(numbers), counts);
  folders.Keep();
  return report;
}

}  // namespace recforce::data
