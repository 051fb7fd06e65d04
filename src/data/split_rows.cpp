// SPDX-License-Identifier: Apache-2.0
#include "data/split_rows.h"

#include "data/split_rules.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {

std::vector<std::int32_t> CatalogueBuilder::Finish() {
  std::vector<std::int32_t> catalogue;
  for (std::size_t item = 0; item < index_.size(); ++item) {
    if (index_[item] == 0) {
      index_[item] = static_cast<std::int32_t>(catalogue.size());
      catalogue.push_back(static_cast<std::int32_t>(item));
    }
  }
  return catalogue;
}

std::span<const std::int32_t> RowWriter::DistinctLast(std::span<const std::int32_t> events,
                                                      std::vector<std::int32_t>& out) {
  ++call_;
  if (!repeats_) {
    for (const std::int32_t item : events) {
      stamp_[static_cast<std::size_t>(item)] = call_;
    }
    return events;
  }
  out.clear();
  for (std::size_t place = events.size(); place-- > 0;) {
    std::int64_t& stamp = stamp_[static_cast<std::size_t>(events[place])];
    if (stamp != call_) {
      stamp = call_;
      out.push_back(events[place]);
    }
  }
  std::reverse(out.begin(), out.end());
  return out;
}

void RowWriter::AddTrain(Split& split, std::int64_t user, std::span<const std::int32_t> events,
                         std::span<const std::int64_t> places) {
  RECFORCE_CHECK(events.size() == places.size(), "events without their places");
  split.train_users.push_back(static_cast<std::int32_t>(user));
  split.train.AddRow(DistinctLast(events, input_));
  if (repeats_) {
    split.train_sequences.AddRow(events);
  }
  if (split.with_places) {
    split.train_places.insert(split.train_places.end(), places.begin(), places.end());
  }
}

bool RowWriter::AddEval(EvalSet& set, std::int64_t user, std::span<const std::int32_t> input,
                        std::span<const std::int32_t> target, std::int64_t& seen_targets_dropped) {
  const std::span<const std::int32_t> targets = DistinctLast(target, target_);
  const std::span<const std::int32_t> seen = DistinctLast(input, input_);
  kept_.clear();
  for (const std::int32_t item : targets) {
    if (mask_ && stamp_[static_cast<std::size_t>(item)] == call_) {
      ++seen_targets_dropped;
    } else {
      kept_.push_back(item);
    }
  }
  if ((seen.empty() && !takes_empty_) || kept_.empty()) {
    return false;
  }
  set.users.push_back(static_cast<std::int32_t>(user));
  if (repeats_ && (!omits_equal_ || set.sequence.rows() != 0 || seen.size() != input.size())) {
    if (set.sequence.rows() != set.input.rows()) {
      set.sequence = set.input;  // all rows so far are their own sequences
    }
    set.sequence.AddRow(input);
  }
  set.input.AddRow(seen);
  set.target.AddRow(kept_);
  return true;
}

void ThrowSplitUsage(const std::string& message) { throw base::Error(base::ErrorKind::kUsage, message); }
void ThrowSplitData(const std::string& message) { throw base::Error(base::ErrorKind::kData, message); }

void PrefixEvents::Add(std::int64_t user, std::int64_t events) {
  sum_ += static_cast<double>(events) * static_cast<double>(events) / 2.0;
  if (events > longest_) {
    longest_ = events;
    longest_user_ = user;
  }
}

bool PrefixEvents::TooMany() const { return sum_ > static_cast<double>(kMostPrefixEvents); }

std::string PrefixEvents::Describe() const {
  return "'" + base::FormatCount(static_cast<std::int64_t>(sum_)) + "'; expected at most " +
         base::FormatCount(kMostPrefixEvents);
}

std::int64_t HeldOutCount(std::int64_t asked, std::int64_t users) {
  return asked > 0 ? asked : std::max<std::int64_t>(1, std::min(kMostHeldOutUsers, users / 10));
}

}  // namespace recforce::data
