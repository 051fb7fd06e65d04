// SPDX-License-Identifier: Apache-2.0
// Counting a log, and looking for what people regret later.
#include "recforce/data/validate.h"

#include <algorithm>
#include <unordered_set>

#include "data/id_table.h"
#include "data/input_files.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

// A (user, item) pair and the part of its row in one number that sorts by user, item, part.
std::uint64_t Packed(std::int32_t user, std::int32_t item, Part part) {
  return static_cast<std::uint64_t>(user) << 33U | static_cast<std::uint64_t>(item) << 2U |
         static_cast<std::uint64_t>(part);
}
std::uint64_t UserOf(std::uint64_t row) { return row >> 33U; }
std::uint64_t ItemOf(std::uint64_t row) { return (row >> 2U) & 0x7FFFFFFFU; }
std::uint64_t PairOf(std::uint64_t row) { return row >> 2U; }
Part PartOf(std::uint64_t row) { return static_cast<Part>(row & 3U); }

template <class T>
void Widen(std::optional<T>& least, std::optional<T>& greatest, T value) {
  least = least ? std::min(*least, value) : value;
  greatest = greatest ? std::max(*greatest, value) : value;
}

class Counter final : public RowSink {
 public:
  // `stop` may be null; `file` stands in messages.
  Counter(std::string file, std::int64_t shown, const base::StopFlag* stop, ValidateReport& report)
      : file_(std::move(file)), shown_(shown), stop_(stop), report_(report) {}

  void Begin(const LogContent& content) override {
    content_ = content;
    report_.fields = {"user", "item"};
    const auto add = [&](bool there, const char* name) {
      if (there) {
        report_.fields.emplace_back(name);
      }
    };
    add(content.time, "time");
    add(content.value, "value");
    add(content.propensity, "propensity");
    add(content.position, "position");
    add(content.part, "part");
    add(content.context, "context");
  }
  void Add(const LogRow& row) override {
    LookForStop();
    ++report_.rows;
    ++report_.rows_of_part.at(static_cast<std::size_t>(row.part));
    if (content_.time) {
      Widen(report_.first_time, report_.last_time, row.time);
    }
    if (content_.value) {
      Widen(report_.least_value, report_.greatest_value, row.value);
      negative_ += row.value < 0.0 ? 1 : 0;
    }
    rows_.push_back(Packed(users_.Add(row.user), items_.Add(row.item), row.part));
    CheckIds();
  }
  void AddDisplay(const LogDisplay& display) override {
    LookForStop();
    ++report_.displays;
    users_.Add(display.user);
    for (const std::string_view item : display.items) {
      items_.Add(item);
    }
    displays_without_click_ +=
        std::find(display.clicked.begin(), display.clicked.end(), 1) == display.clicked.end() ? 1 : 0;
    CheckIds();
  }
  void AddCandidates(std::string_view user, std::span<const std::string_view> items) override {
    LookForStop();
    ++report_.candidate_lists;
    report_.candidates += static_cast<std::int64_t>(items.size());
    const std::int32_t number = users_.Add(user);
    for (const std::string_view item : items) {
      candidates_.push_back(PairOf(Packed(number, items_.Add(item), Part::kTrain)));
    }
    CheckIds();
  }
  void AddBad(std::string message) override {
    LookForStop();
    if (++report_.bad_rows <= shown_) {
      report_.first_bad_rows.push_back(std::move(message));
    }
  }
  void AddTitle(std::string_view id, std::string_view title) {
    if (const auto item = items_.Find(id); item && !title.empty()) {
      titled_.insert(*item);
    }
  }

  // `duplicates` is what convert does with repeated pairs of this format unless told otherwise.
  void Finish(bool has_titles, const std::string& duplicates) {
    const bool keeps = duplicates == "keep";
    report_.users = users_.size();
    report_.items = items_.size();
    if (has_titles) {
      report_.titled_items = static_cast<std::int64_t>(titled_.size());
    }
    std::sort(rows_.begin(), rows_.end());
    WarnOfTimes();
    WarnOfValues();
    WarnOfRepeats(keeps);
    WarnOfShortUsers();
    WarnOfParts(keeps);
    WarnOfCandidates();
    WarnIf(displays_without_click_, "display has no click", "displays have no click", "");
  }

 private:
  void LookForStop() {
    constexpr std::uint32_t kBetween = 65536;
    if (++steps_ % kBetween == 0 && stop_ != nullptr && stop_->IsSet()) {
      throw Error(ErrorKind::kInterrupted, file_ + ": validation was interrupted");
    }
  }
  void CheckIds() const {
    constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max() - 1;
    if (users_.size() >= kMost || items_.size() >= kMost) {
      throw Error(ErrorKind::kData, "log: too many distinct ids; expected at most 2147483645 users and items");
    }
  }
  void WarnIf(std::int64_t count, const std::string& one, const std::string& many, const std::string& advice) {
    if (count > 0) {
      report_.warnings.push_back(base::FormatCount(count) + " " + (count == 1 ? one : many) + advice);
    }
  }

  void WarnOfTimes() {
    if (!report_.first_time) {
      return;
    }
    if (report_.rows > 1 && *report_.first_time == *report_.last_time) {
      report_.warnings.push_back("all times are equal: the order of the log counts as the order of events");
    }
    constexpr std::int64_t kYear5000 = 95617584000;
    if (*report_.last_time >= kYear5000) {
      report_.warnings.push_back("times reach to " + std::to_string(*report_.last_time) +
                                 ", far in the future: expected seconds since 1970, these look like " +
                                 (*report_.last_time >= kYear5000 * 1000 ? "microseconds" : "milliseconds"));
    }
  }
  void WarnOfValues() {
    if (report_.least_value && report_.rows > 1 && *report_.least_value == *report_.greatest_value) {
      report_.warnings.push_back("all values are " + base::FormatReal(*report_.least_value) +
                                 ": --min-rating keeps all rows or none");
    }
    WarnIf(negative_, "value is below 0", "values are below 0", "");
  }
  void WarnOfRepeats(bool keeps) {
    std::int64_t repeats = 0;
    for (std::size_t i = 1; i < rows_.size(); ++i) {
      // Equal pairs in two parts are no repeats where they are leaks.
      repeats += (keeps ? PairOf(rows_[i]) == PairOf(rows_[i - 1]) : rows_[i] == rows_[i - 1]) ? 1 : 0;
    }
    WarnIf(repeats, "row repeats a user and item", "rows repeat a user and item",
           keeps ? "; convert keeps them in this format (--duplicates)"
                 : "; convert keeps the last row of each pair (--duplicates)");
  }
  void WarnOfShortUsers() {
    std::int64_t single = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const bool first = i == 0 || UserOf(rows_[i]) != UserOf(rows_[i - 1]);
      const bool last = i + 1 == rows_.size() || UserOf(rows_[i]) != UserOf(rows_[i + 1]);
      single += first && last ? 1 : 0;
    }
    WarnIf(single, "user has one interaction", "users have one interaction",
           ": too few to be tested (--min-user-interactions)");
  }
  // Pairs with rows in more than one part.
  [[nodiscard]] std::int64_t PairsInTwoParts() const {
    std::int64_t pairs = 0;
    bool counted = false;
    for (std::size_t i = 1; i < rows_.size(); ++i) {
      const bool same_pair = PairOf(rows_[i]) == PairOf(rows_[i - 1]);
      const bool leaks = same_pair && rows_[i] != rows_[i - 1];
      pairs += leaks && !counted ? 1 : 0;
      counted = same_pair && (counted || leaks);
    }
    return pairs;
  }
  void WarnOfParts(bool keeps) {
    if (!content_.part) {
      return;
    }
    if (!keeps) {
      report_.pairs_in_two_parts = PairsInTwoParts();
      WarnIf(report_.pairs_in_two_parts, "pair stands in two parts; convert refuses it",
             "pairs stand in two parts; convert refuses them", " (--duplicates keep)");
    }
    std::vector<std::uint8_t> trained(static_cast<std::size_t>(items_.size()), 0);
    for (const std::uint64_t row : rows_) {
      if (PartOf(row) == Part::kTrain) {
        trained[ItemOf(row)] = 1;
      }
    }
    std::int64_t leaked = 0;
    std::int64_t cold = 0;
    bool in_training = false;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      in_training =
          (i > 0 && PairOf(rows_[i]) == PairOf(rows_[i - 1]) && in_training) || PartOf(rows_[i]) == Part::kTrain;
      if (PartOf(rows_[i]) == Part::kTest) {
        leaked += in_training ? 1 : 0;
        cold += trained[ItemOf(rows_[i])] == 0 ? 1 : 0;
      }
    }
    WarnIf(leaked, "test interaction is also in training", "test interactions are also in training", "");
    WarnIf(cold, "test interaction has an item that training has not",
           "test interactions have items that training has not", "");
  }
  void WarnOfCandidates() {
    std::int64_t own = 0;
    for (const std::uint64_t pair : candidates_) {
      const std::uint64_t row = pair << 2U | static_cast<std::uint64_t>(Part::kTest);
      own += std::binary_search(rows_.begin(), rows_.end(), row) ? 1 : 0;
    }
    WarnIf(own, "candidate is its user's own test item", "candidates are their user's own test item", "");
  }

  std::string file_;
  std::int64_t shown_;
  const base::StopFlag* stop_;
  std::uint32_t steps_ = 0;
  ValidateReport& report_;
  LogContent content_;
  IdTable users_;
  IdTable items_;
  std::vector<std::uint64_t> rows_;
  std::vector<std::uint64_t> candidates_;
  std::unordered_set<std::int32_t> titled_;
  std::int64_t negative_ = 0;
  std::int64_t displays_without_click_ = 0;
};

}  // namespace

ValidateReport Validate(const std::filesystem::path& input, const ConvertOptions& options,
                        std::int64_t shown_bad_rows) {
  const ColumnNames names = NamesOf(options);
  const LogFile found = FindLog(input, options.format, names);
  ValidateReport report;
  report.format = found.format;
  for (const LogInput& file : found.inputs) {
    report.files.push_back(file.path.string());
    if (file.propensities) {
      report.files.push_back(file.propensities->string());
    }
  }
  Counter counter(found.path.string(), shown_bad_rows, options.stop, report);
  ReadFound(found, names, counter);
  if (found.titles) {
    report.files.push_back(found.titles->string());
    LineSource source = LineSource::Open(*found.titles);
    ReadTitles(
        source, found.title_kind, [&](std::string_view id, std::string_view title) { counter.AddTitle(id, title); },
        [&](std::string message) { counter.AddBad(std::move(message)); });
  }
  counter.Finish(found.titles.has_value(), found.duplicates);
  if (report.rows == 0 && report.bad_rows == 0 && report.displays == 0) {
    throw Error(ErrorKind::kData, found.path.string() + ": no interactions in this file; expected one a row");
  }
  return report;
}

}  // namespace recforce::data
