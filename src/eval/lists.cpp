// SPDX-License-Identifier: Apache-2.0
// Co-occurrence of two items is counted by merging their lists of users, or by the bits of one or both where an item
// has more users than a bitset has words: the cost of a pair is at most users / 64.
#include "eval/lists.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::eval {
namespace {

constexpr std::int64_t kBitsOfAWord = 64;
constexpr std::int64_t kReplicates = 200;  // of the resampling of set metrics

double Novelty(std::span<const std::int32_t> list, const TrainingStatistics& training) {
  double sum = 0.0;
  for (const std::int32_t item : list) {
    const auto count = static_cast<double>(std::max<std::int64_t>(1, training.Count(item)));
    sum -= std::log2(count / static_cast<double>(training.num_users()));
  }
  return list.empty() ? 0.0 : sum / static_cast<double>(list.size());
}

double MeanCount(std::span<const std::int32_t> items, const TrainingStatistics& training) {
  std::int64_t sum = 0;
  for (const std::int32_t item : items) {
    sum += training.Count(item);
  }
  return items.empty() ? 0.0 : static_cast<double>(sum) / static_cast<double>(items.size());
}

double PopularityLift(std::span<const std::int32_t> list, std::span<const std::int32_t> history,
                      const TrainingStatistics& training) {
  const double before = MeanCount(history, training);
  return before == 0.0 ? 0.0 : (MeanCount(list, training) - before) / before;
}

double Diversity(std::span<const std::int32_t> list, const TrainingStatistics& training) {
  double sum = 0.0;
  for (std::size_t a = 0; a < list.size(); ++a) {
    for (std::size_t b = a + 1; b < list.size(); ++b) {
      sum += training.Cosine(list[a], list[b]);
    }
  }
  const double pairs = 0.5 * static_cast<double>(list.size()) * (static_cast<double>(list.size()) - 1.0);
  return pairs > 0.0 ? 1.0 - sum / pairs : 0.0;
}

// The share of the items that stand in any list.
double Coverage(std::span<const std::int64_t> counts) {
  const auto met = std::count_if(counts.begin(), counts.end(), [](std::int64_t count) { return count > 0; });
  return static_cast<double>(met) / static_cast<double>(counts.size());
}

// 0 when all items are recommended equally often, 1 - 1/n when one has everything. Sorts `counts`.
double Gini(std::vector<std::int64_t>& counts) {
  std::sort(counts.begin(), counts.end());
  const auto n = static_cast<std::int64_t>(counts.size());
  std::int64_t total = 0;
  double weighted = 0.0;
  for (std::int64_t rank = 1; rank <= n; ++rank) {
    const std::int64_t count = counts[static_cast<std::size_t>(rank - 1)];
    total += count;
    weighted += static_cast<double>(2 * rank - n - 1) * static_cast<double>(count);
  }
  return total == 0 ? 0.0 : weighted / (static_cast<double>(n) * static_cast<double>(total));
}

double SetValue(const Metric& metric, std::vector<std::int64_t>& counts) {
  return metric.kind == MetricKind::kCoverage ? Coverage(counts) : Gini(counts);
}

void CountList(std::span<const std::int32_t> list, std::vector<std::int64_t>& counts) {
  for (const std::int32_t item : list) {
    if (item >= 0) {
      ++counts[static_cast<std::size_t>(item)];
    }
  }
}

}  // namespace

TrainingStatistics::TrainingStatistics(data::CsrView train, std::int64_t num_items)
    : num_users_(train.rows()),
      words_((train.rows() + kBitsOfAWord - 1) / kBitsOfAWord),
      offsets_(static_cast<std::size_t>(num_items) + 1, 0),
      bitset_of_(static_cast<std::size_t>(num_items), -1) {
  RECFORCE_CHECK(train.rows() > 0, "metrics of lists need training rows");
  for (std::int64_t user = 0; user < train.rows(); ++user) {
    for (const std::int32_t item : train.row(user)) {
      ++offsets_[static_cast<std::size_t>(item) + 1];
    }
  }
  for (std::size_t item = 0; item < bitset_of_.size(); ++item) {
    offsets_[item + 1] += offsets_[item];
  }
  users_.resize(static_cast<std::size_t>(offsets_.back()));
  std::vector<std::int64_t> next(offsets_.begin(), offsets_.end() - 1);
  for (std::int64_t user = 0; user < train.rows(); ++user) {
    for (const std::int32_t item : train.row(user)) {
      users_[static_cast<std::size_t>(next[static_cast<std::size_t>(item)]++)] = static_cast<std::int32_t>(user);
    }
  }
  std::int64_t bitsets = 0;
  for (std::size_t item = 0; item < bitset_of_.size(); ++item) {
    if (Count(static_cast<std::int32_t>(item)) > words_) {
      bitset_of_[item] = bitsets++;
    }
  }
  bits_.assign(static_cast<std::size_t>(bitsets * words_), 0);
  for (std::size_t item = 0; item < bitset_of_.size(); ++item) {
    if (bitset_of_[item] >= 0) {
      std::uint64_t* own = bits_.data() + bitset_of_[item] * words_;
      for (const std::int32_t user : Users(static_cast<std::int32_t>(item))) {
        own[user / kBitsOfAWord] |= std::uint64_t{1} << (user % kBitsOfAWord);
      }
    }
  }
}

std::span<const std::int32_t> TrainingStatistics::Users(std::int32_t item) const {
  const auto begin = static_cast<std::size_t>(offsets_[static_cast<std::size_t>(item)]);
  return std::span(users_).subspan(begin, static_cast<std::size_t>(Count(item)));
}

std::int64_t TrainingStatistics::Common(std::int32_t a, std::int32_t b) const {
  if (Count(a) > Count(b)) {
    std::swap(a, b);
  }
  const std::int64_t bitset_a = bitset_of_[static_cast<std::size_t>(a)];
  const std::int64_t bitset_b = bitset_of_[static_cast<std::size_t>(b)];
  std::int64_t common = 0;
  if (bitset_a >= 0) {
    const std::uint64_t* bits_a = bits_.data() + bitset_a * words_;
    const std::uint64_t* bits_b = bits_.data() + bitset_b * words_;
    for (std::int64_t word = 0; word < words_; ++word) {
      common += std::popcount(bits_a[word] & bits_b[word]);
    }
  } else if (bitset_b >= 0) {
    const std::uint64_t* bits_b = bits_.data() + bitset_b * words_;
    for (const std::int32_t user : Users(a)) {
      common += static_cast<std::int64_t>((bits_b[user / kBitsOfAWord] >> (user % kBitsOfAWord)) & 1U);
    }
  } else {
    const std::span<const std::int32_t> users_a = Users(a);
    const std::span<const std::int32_t> users_b = Users(b);
    for (std::size_t at_a = 0, at_b = 0; at_a < users_a.size() && at_b < users_b.size();) {
      common += users_a[at_a] == users_b[at_b] ? 1 : 0;
      const bool step_a = users_a[at_a] <= users_b[at_b];
      const bool step_b = users_b[at_b] <= users_a[at_a];
      at_a += step_a ? 1 : 0;
      at_b += step_b ? 1 : 0;
    }
  }
  return common;
}

double TrainingStatistics::Cosine(std::int32_t a, std::int32_t b) const {
  if (Count(a) == 0 || Count(b) == 0) {
    return 0.0;
  }
  const double product = static_cast<double>(Count(a)) * static_cast<double>(Count(b));
  return static_cast<double>(Common(a, b)) / std::sqrt(product);
}

double ListValue(const Metric& metric, std::span<const std::int32_t> list, std::span<const std::int32_t> history,
                 const TrainingStatistics& training) {
  const std::span<const std::int32_t> first = list.first(std::min(list.size(), static_cast<std::size_t>(metric.k)));
  switch (metric.kind) {
    case MetricKind::kNovelty:
      return Novelty(first, training);
    case MetricKind::kPopularityLift:
      return PopularityLift(first, history, training);
    case MetricKind::kDiversity:
      return Diversity(first, training);
    default:
      break;
  }
  RECFORCE_CHECK(false, "a metric that is not of lists");
  return 0.0;
}

SetMetric MeasureSet(const Metric& metric, std::span<const std::int32_t> lists, std::int64_t length,
                     std::int64_t num_items, std::uint64_t seed) {
  const std::int64_t rows = static_cast<std::int64_t>(lists.size()) / length;
  const auto first = [&](std::int64_t row) {
    return lists.subspan(static_cast<std::size_t>(row * length), static_cast<std::size_t>(std::min(length, metric.k)));
  };
  std::vector<std::int64_t> counts(static_cast<std::size_t>(num_items), 0);
  for (std::int64_t row = 0; row < rows; ++row) {
    CountList(first(row), counts);
  }
  SetMetric result{metric, SetValue(metric, counts), 0.0};
  if (rows < 2) {
    return result;
  }
  std::vector<double> values(kReplicates);
  base::ParallelFor(0, kReplicates, 8, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int64_t> resampled(counts.size());
    for (std::int64_t replicate = begin; replicate < end; ++replicate) {
      std::fill(resampled.begin(), resampled.end(), 0);
      base::Rng rng(seed, base::Stream::kBootstrap, static_cast<std::uint64_t>(replicate), 1);
      for (std::int64_t draw = 0; draw < rows; ++draw) {
        CountList(first(static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(rows)))), resampled);
      }
      values[static_cast<std::size_t>(replicate)] = SetValue(metric, resampled);
    }
  });
  // Summarize divides its width by the root of the number of values; here the spread itself is wanted.
  result.half_width95 = Summarize(values).half_width95 * std::sqrt(static_cast<double>(kReplicates));
  return result;
}

}  // namespace recforce::eval
