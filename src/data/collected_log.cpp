// SPDX-License-Identifier: Apache-2.0
// Rows that come one by one and rows that come in blocks end in the same store; for blocks, the tables of users and of
// items are looked up side by side.
#include "data/collected_log.h"

#include <limits>

#include "recforce/base/error.h"
#include "recforce/base/stop_flag.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t kShownBadRows = 10;
constexpr std::int32_t kMostIds = std::numeric_limits<std::int32_t>::max() - 1;
constexpr std::int32_t kMostContexts = 1 << 20;

template <class T>
void Pack(std::byte* row, std::size_t offset, T value) {
  if (offset != RowLayout::kAbsent) {
    std::memcpy(row + offset, &value, sizeof(T));
  }
}

}  // namespace

void BadRows::Add(std::string message) {
  ++report_.bad_rows;
  if (report_.first_bad_rows.size() < kShownBadRows) {
    report_.first_bad_rows.push_back(std::move(message));
  }
  if (report_.bad_rows > allowed_) {
    throw Error(ErrorKind::kData, report_.first_bad_rows.front() + " (" + base::FormatCount(report_.bad_rows) +
                                      (report_.bad_rows == 1 ? " bad row" : " bad rows") + " so far; --max-bad-rows " +
                                      std::to_string(allowed_) + ")");
  }
}

DuplicateRule RuleOf(const std::string& duplicates) {
  return duplicates == "first"   ? DuplicateRule::kFirst
         : duplicates == "error" ? DuplicateRule::kError
         : duplicates == "keep"  ? DuplicateRule::kKeep
                                 : DuplicateRule::kLast;
}

void ThrowIfStopped(const ConvertOptions& options, const std::string& file) {
  if (options.stop != nullptr && options.stop->IsSet()) {
    throw Error(ErrorKind::kInterrupted, file + ": conversion was interrupted; nothing is written");
  }
}

CollectedLog::CollectedLog(std::string file, const ConvertOptions& options, BadRows& bad_rows, Preprocessing& counts,
                           SpillFile& spill)
    : file_(std::move(file)), options_(options), bad_rows_(bad_rows), counts_(counts), spill_(spill) {}

void CollectedLog::Begin(const LogContent& content) {
  content_ = content;
  if (options_.min_rating && !content.value) {
    throw Error(ErrorKind::kUsage, file_ + ": --min-rating " + base::FormatReal(*options_.min_rating) +
                                       " needs a column of values; expected rating, value or score, or the name of "
                                       "a column in --value-col");
  }
  // Lines serve messages: about pairs that stand twice where they may not.
  const DuplicateRule rule = RuleOf(options_.duplicates);
  const bool with_line = rule == DuplicateRule::kError || (content.part && rule != DuplicateRule::kKeep);
  rows_ = std::make_unique<RowStore>(RowLayout(content, with_line), options_.memory_bytes / 2, spill_);
}

bool CollectedLog::IsWanted(double value) {
  ++counts_.rows_read;
  const bool wanted = !options_.min_rating || !(value < *options_.min_rating);
  counts_.rows_below_rating += wanted ? 0 : 1;
  return wanted;
}

void CollectedLog::CheckIds() const {
  if (users_.size() >= kMostIds || items_.size() >= kMostIds) {
    throw Error(ErrorKind::kData, file_ + ": too many distinct ids; expected at most 2147483645 users and items");
  }
  if (contexts_.size() > kMostContexts) {
    throw Error(ErrorKind::kData, file_ + ": too many distinct contexts: more than '" +
                                      base::FormatCount(kMostContexts) +
                                      "'; expected a few words that many decisions share, such as pages or devices");
  }
}

void CollectedLog::Store(std::int32_t user, std::int32_t item, const LogRow& row) {
  const RowLayout& layout = rows_->layout();
  std::byte* packed = rows_->Add(user);
  Pack(packed, layout.user, user);
  Pack(packed, layout.item, item);
  Pack(packed, layout.time, row.time);
  Pack(packed, layout.value, static_cast<float>(row.value));
  Pack(packed, layout.propensity, row.propensity);
  Pack(packed, layout.position, row.position);
  Pack(packed, layout.part, static_cast<std::uint8_t>(row.part));
  if (layout.context != RowLayout::kAbsent) {
    Pack(packed, layout.context, row.context.empty() ? -1 : contexts_.Add(row.context));
  }
  Pack(packed, layout.line, row.line);
}

void CollectedLog::Add(const LogRow& row) {
  constexpr std::int64_t kRowsBetweenChecks = 1 << 16;
  if (counts_.rows_read % kRowsBetweenChecks == 0) {
    ThrowIfStopped(options_, file_);
  }
  if (IsWanted(row.value)) {
    const std::int32_t user = users_.Add(row.user);
    const std::int32_t item = items_.Add(row.item);
    CheckIds();
    Store(user, item, row);
  }
}

void CollectedLog::AddRows(const LogRows& rows) {
  ThrowIfStopped(options_, file_);
  const std::int64_t most_new = kMostIds - static_cast<std::int64_t>(rows.size());
  if (users_.size() >= most_new || items_.size() >= most_new) {
    RowSink::AddRows(rows);
    return;
  }
  std::span<const std::string_view> users = rows.user;
  std::span<const std::string_view> items = rows.item;
  wanted_row_.clear();
  if (options_.min_rating) {
    wanted_user_.clear();
    wanted_item_.clear();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (IsWanted(rows.value[i])) {
        wanted_row_.push_back(i);
        wanted_user_.push_back(users[i]);
        wanted_item_.push_back(items[i]);
      }
    }
    users = wanted_user_;
    items = wanted_item_;
  } else {
    counts_.rows_read += static_cast<std::int64_t>(rows.size());
  }
  user_numbers_.resize(users.size());
  item_numbers_.resize(items.size());
  base::ParallelFor(0, 2, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t table = begin; table < end; ++table) {
      if (table == 0) {
        users_.AddAll(users, user_numbers_);
      } else {
        items_.AddAll(items, item_numbers_);
      }
    }
  });
  for (std::size_t i = 0; i < users.size(); ++i) {
    Store(user_numbers_[i], item_numbers_[i], rows.row(options_.min_rating ? wanted_row_[i] : i));
  }
}

void CollectedLog::AddDisplay(const LogDisplay& display) {
  displays_.user.push_back(users_.Add(display.user));
  if (content_.time) {
    displays_.time.push_back(display.time);
  }
  if (content_.part) {
    displays_.part.push_back(static_cast<std::uint8_t>(display.part));
  }
  for (const std::string_view item : display.items) {
    displays_.item.push_back(items_.Add(item));
    CheckIds();
  }
  displays_.clicked.insert(displays_.clicked.end(), display.clicked.begin(), display.clicked.end());
  displays_.offsets.push_back(static_cast<std::int64_t>(displays_.item.size()));
  CheckIds();
}

void CollectedLog::AddCandidates(std::string_view user, std::span<const std::string_view> items) {
  const std::size_t begin = candidate_items_.size();
  const std::int32_t number = users_.Add(user);
  for (const std::string_view item : items) {
    candidate_items_.push_back(items_.Add(item));
    CheckIds();
  }
  candidates_.push_back({number, begin, candidate_items_.size()});
  CheckIds();
}

}  // namespace recforce::data
