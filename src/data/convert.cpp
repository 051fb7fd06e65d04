// SPDX-License-Identifier: Apache-2.0
// From a log to a Dataset: read all rows, keep the wanted ones, number the ids that are left, write.
#include "recforce/data/convert.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "data/id_table.h"
#include "data/input_files.h"
#include "data/readers.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t kShownBadRows = 10;

// Counts malformed rows; too many end the conversion.
class BadRows {
 public:
  BadRows(std::int64_t allowed, ConvertReport& report) : allowed_(allowed), report_(report) {}
  void Add(std::string message) {
    ++report_.bad_rows;
    if (report_.first_bad_rows.size() < kShownBadRows) {
      report_.first_bad_rows.push_back(std::move(message));
    }
    if (report_.bad_rows > allowed_) {
      throw Error(ErrorKind::kData, report_.first_bad_rows.front() + " (" + base::FormatCount(report_.bad_rows) +
                                        (report_.bad_rows == 1 ? " bad row" : " bad rows") +
                                        " so far; --max-bad-rows " + std::to_string(allowed_) + ")");
    }
  }

 private:
  std::int64_t allowed_;
  ConvertReport& report_;
};

// Well-formed rows with a high enough value, in columns, in the order of the log.
class Log final : public RowSink {
 public:
  Log(std::string file, const ConvertOptions& options, BadRows& bad_rows, Preprocessing& counts)
      : file_(std::move(file)), options_(options), bad_rows_(bad_rows), counts_(counts) {}

  void Begin(const LogContent& content) override {
    content_ = content;
    if (options_.min_rating && !content.value) {
      throw Error(ErrorKind::kUsage, file_ + ": --min-rating " + base::FormatReal(*options_.min_rating) +
                                         " needs a column of values; expected rating, value or score, or the name of "
                                         "a column in --value-col");
    }
  }

  void Add(const LogRow& row) override {
    ++counts_.rows_read;
    if (options_.min_rating && row.value < *options_.min_rating) {
      ++counts_.rows_below_rating;
      return;
    }
    user.push_back(users.Add(row.user));
    item.push_back(items.Add(row.item));
    if (content_.time) {
      time.push_back(row.time);
    }
    if (content_.value) {
      value.push_back(static_cast<float>(row.value));
    }
    if (options_.duplicates == "error") {
      line.push_back(row.line);
    }
    constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max() - 1;
    if (users.size() >= kMost || items.size() >= kMost) {
      throw Error(ErrorKind::kData, file_ + ": too many distinct ids; expected at most 2147483645 users and items");
    }
  }

  void AddDisplay(const LogDisplay& /*display*/) override {}
  void AddCandidates(std::string_view /*user*/, std::span<const std::string_view> /*items*/) override {}
  void AddBad(std::string message) override { bad_rows_.Add(std::move(message)); }

  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] std::size_t rows() const { return user.size(); }

  IdTable users;
  IdTable items;
  std::vector<std::int32_t> user;
  std::vector<std::int32_t> item;
  std::vector<std::int64_t> time;
  std::vector<float> value;
  std::vector<std::int64_t> line;  // filled only where duplicates are errors

 private:
  std::string file_;
  const ConvertOptions& options_;
  BadRows& bad_rows_;
  Preprocessing& counts_;
  LogContent content_;
};

// Row numbers grouped by user, in time order inside a user; equal times in the order of the log.
std::vector<std::size_t> OrderByUserAndTime(const Log& log, std::vector<std::size_t>& user_begin) {
  user_begin.assign(static_cast<std::size_t>(log.users.size()) + 1, 0);
  for (const std::int32_t user : log.user) {
    ++user_begin[static_cast<std::size_t>(user) + 1];
  }
  std::partial_sum(user_begin.begin(), user_begin.end(), user_begin.begin());
  std::vector<std::size_t> order(log.rows());
  std::vector<std::size_t> next = user_begin;
  for (std::size_t row = 0; row < log.rows(); ++row) {
    order[next[static_cast<std::size_t>(log.user[row])]++] = row;
  }
  if (!log.time.empty()) {
    const auto earlier = [&](std::size_t a, std::size_t b) { return log.time[a] < log.time[b]; };
    for (std::size_t user = 0; user + 1 < user_begin.size(); ++user) {
      std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(user_begin[user]),
                       order.begin() + static_cast<std::ptrdiff_t>(user_begin[user + 1]), earlier);
    }
  }
  return order;
}

[[noreturn]] void FailDuplicate(const Log& log, std::size_t first, std::size_t second) {
  throw Error(ErrorKind::kData, log.file() + ":" + std::to_string(std::max(log.line[first], log.line[second])) +
                                    ":1: interaction stands twice: user " + Quoted(log.users[log.user[first]]) +
                                    ", item " + Quoted(log.items[log.item[first]]) + ", also in line " +
                                    std::to_string(std::min(log.line[first], log.line[second])) +
                                    "; expected each pair once (--duplicates last or first keeps one)");
}

// Rows of which one (user, item) has several: only the first or last in time stays. Order is kept.
std::vector<std::size_t> DropDuplicates(const Log& log, const std::string& rule, Preprocessing& counts) {
  std::vector<std::size_t> user_begin;
  const std::vector<std::size_t> order = OrderByUserAndTime(log, user_begin);
  if (rule == "keep") {
    return order;
  }
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> place(static_cast<std::size_t>(log.items.size()), kNone);  // in `kept`, of this user's item
  std::vector<std::size_t> kept;
  kept.reserve(order.size());
  for (std::size_t user = 0; user + 1 < user_begin.size(); ++user) {
    const std::size_t begin = kept.size();
    for (std::size_t i = user_begin[user]; i < user_begin[user + 1]; ++i) {
      std::size_t& seen = place[static_cast<std::size_t>(log.item[order[i]])];
      if (seen == kNone || seen < begin) {
        seen = kept.size();
        kept.push_back(order[i]);
        continue;
      }
      ++counts.duplicates_removed;
      if (rule == "error") {
        FailDuplicate(log, kept[seen], order[i]);
      }
      if (rule == "last") {
        kept[seen] = kNone;  // the later row takes a later place
        seen = kept.size();
        kept.push_back(order[i]);
      }
    }
  }
  kept.erase(std::remove(kept.begin(), kept.end(), kNone), kept.end());
  return kept;
}

// Drops the rows of which `column` (user or item) appears in fewer than `least` rows; returns how many.
std::int64_t DropRare(std::vector<std::size_t>& rows, const std::vector<std::int32_t>& column, std::int32_t size,
                      std::int64_t least) {
  std::vector<std::int64_t> count(static_cast<std::size_t>(size), 0);
  for (const std::size_t row : rows) {
    ++count[static_cast<std::size_t>(column[row])];
  }
  const auto rare = [&](std::size_t row) { return count[static_cast<std::size_t>(column[row])] < least; };
  const auto end = std::remove_if(rows.begin(), rows.end(), rare);
  const auto dropped = static_cast<std::int64_t>(rows.end() - end);
  rows.erase(end, rows.end());
  return dropped;
}

// Distinct ids of `column` in `rows`, sorted bytewise, into `names`; the column in the new numbers.
std::vector<std::int32_t> Renumber(const std::vector<std::size_t>& rows, const std::vector<std::int32_t>& column,
                                   const IdTable& ids, std::vector<std::string>& names) {
  std::vector<std::int32_t> new_number(static_cast<std::size_t>(ids.size()), -1);
  for (const std::size_t row : rows) {
    new_number[static_cast<std::size_t>(column[row])] = 0;
  }
  std::vector<std::int32_t> used;
  for (std::int32_t id = 0; id < ids.size(); ++id) {
    if (new_number[static_cast<std::size_t>(id)] == 0) {
      used.push_back(id);
    }
  }
  std::sort(used.begin(), used.end(), [&](std::int32_t a, std::int32_t b) { return ids[a] < ids[b]; });
  names.reserve(used.size());
  for (std::size_t i = 0; i < used.size(); ++i) {
    new_number[static_cast<std::size_t>(used[i])] = static_cast<std::int32_t>(i);
    names.emplace_back(ids[used[i]]);
  }
  std::vector<std::int32_t> renumbered;
  renumbered.reserve(rows.size());
  for (const std::size_t row : rows) {
    renumbered.push_back(new_number[static_cast<std::size_t>(column[row])]);
  }
  return renumbered;
}

template <class T>
std::vector<T> Gather(const std::vector<T>& values, const std::vector<std::size_t>& rows) {
  std::vector<T> gathered;
  if (!values.empty()) {
    gathered.reserve(rows.size());
    for (const std::size_t row : rows) {
      gathered.push_back(values[row]);
    }
  }
  return gathered;
}

// One title an item, "" for those without; empty when no item has one. The first of several titles counts.
std::vector<std::string> ReadItemTitles(const LogFile& log, const std::vector<std::string>& item_ids,
                                        BadRows& bad_rows) {
  if (!log.titles) {
    return {};
  }
  std::vector<std::string> titles(item_ids.size());
  bool any = false;
  LineSource source = LineSource::Open(*log.titles);
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
  ReadTitles(source, log.title_kind, add, [&](std::string message) { bad_rows.Add(std::move(message)); });
  return any ? titles : std::vector<std::string>{};
}

void CheckOptions(const ConvertOptions& options) {
  const auto check_choice = [](const std::string& flag, const std::string& value,
                               const std::vector<std::string>& choices) {
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
      throw Error(ErrorKind::kUsage, flag + ": unknown choice " + Quoted(value) + "; expected " +
                                         base::Join(choices, ", ") + base::DidYouMean(value, choices));
    }
  };
  check_choice("--format", options.format, FormatNames());
  if (!options.duplicates.empty()) {
    check_choice("--duplicates", options.duplicates, {"last", "first", "error", "keep"});
  }
  const auto check_count = [](const std::string& flag, std::int64_t value) {
    if (value < 0) {
      throw Error(ErrorKind::kUsage, flag + ": is negative: '" + std::to_string(value) + "'; expected 0 or more");
    }
  };
  check_count("--min-user-interactions", options.min_user_interactions);
  check_count("--min-item-interactions", options.min_item_interactions);
  check_count("--max-bad-rows", options.max_bad_rows);
  if (options.min_rating && !std::isfinite(*options.min_rating)) {
    throw Error(ErrorKind::kUsage, "--min-rating: is not a finite number; expected a decimal like 4");
  }
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

// A name for the input that does not depend on where it lies or how it was written.
std::string SourceName(const std::filesystem::path& input) {
  return std::filesystem::weakly_canonical(std::filesystem::absolute(input)).filename().string();
}

}  // namespace

ConvertReport Convert(base::FileSystem& files, const std::filesystem::path& input, const ConvertOptions& asked,
                      const std::filesystem::path& output) {
  CheckOptions(asked);
  ConvertOptions options = asked;
  const ColumnNames names{options.user_column, options.item_column, options.time_column, options.value_column,
                          options.feedback_types};
  const LogFile found = FindLog(input, options.format, names);
  if (options.duplicates.empty()) {
    options.duplicates = found.duplicates;
  }
  ConvertReport report;
  Preprocessing& counts = report.preprocessing;
  counts.source = SourceName(input);
  counts.format = found.format;
  counts.min_rating = options.min_rating;
  counts.min_user_interactions = options.min_user_interactions;
  counts.min_item_interactions = options.min_item_interactions;
  counts.duplicates = options.duplicates;

  BadRows bad_rows(options.max_bad_rows, report);
  Log log(found.path.string(), options, bad_rows, counts);
  ReadFound(found, names, log);
  std::vector<std::size_t> rows = DropDuplicates(log, options.duplicates, counts);
  counts.rows_of_rare_items = DropRare(rows, log.item, log.items.size(), options.min_item_interactions);
  counts.rows_of_rare_users = DropRare(rows, log.user, log.users.size(), options.min_user_interactions);
  if (rows.empty()) {
    FailEmpty(log.file(), report, options);
  }

  Columns columns;
  columns.user = Renumber(rows, log.user, log.users, columns.user_ids);
  columns.item = Renumber(rows, log.item, log.items, columns.item_ids);
  columns.time = Gather(log.time, rows);
  columns.value = Gather(log.value, rows);
  columns.item_titles = ReadItemTitles(found, columns.item_ids, bad_rows);
  report.users = static_cast<std::int64_t>(columns.user_ids.size());
  report.items = static_cast<std::int64_t>(columns.item_ids.size());
  report.interactions = static_cast<std::int64_t>(rows.size());
  WriteDataset(files, output, std::move(columns), counts);
  return report;
}

}  // namespace recforce::data
