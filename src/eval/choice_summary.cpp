// SPDX-License-Identifier: Apache-2.0
// What the choices of an evaluation say together: means by choice and by user with bootstrap intervals, calibration,
// and the paired comparison of two models.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>

#include "eval/resample.h"
#include "recforce/base/error.h"
#include "recforce/eval/choice.h"

namespace recforce::eval {
namespace {

constexpr std::size_t kBins = 10;

// -log of the uniform choice's probability.
double UniformNll(const ChoiceResult& result, std::int64_t d) {
  const bool no_click = result.rule && result.rule->no_click;
  return std::log(static_cast<double>(result.Shown(d) + (no_click ? 1 : 0)));
}

// One user's part of a summary: sums over the choices that count, for each measure and then for the uniform choice.
// A row of these is what the bootstrap draws.
struct UserSums {
  double count = 0.0;
  double sum = 0.0;
  double has_any = 0.0;
  double mean = 0.0;

  void Add(double value) {
    count += 1.0;
    sum += value;
  }
  void Finish() {
    has_any = count > 0.0 ? 1.0 : 0.0;
    mean = count > 0.0 ? sum / count : 0.0;
  }
};
constexpr std::size_t kUniform = kChoiceMeasures;
using UserRow = std::array<UserSums, kChoiceMeasures + 1>;
constexpr std::int64_t kWidth = 4 * static_cast<std::int64_t>(kChoiceMeasures + 1);
static_assert(sizeof(UserRow) == kWidth * sizeof(double));

void AddChoice(const ChoiceResult& result, std::int64_t d, UserRow& row) {
  for (std::size_t measure = 0; measure < kChoiceMeasures; ++measure) {
    const double value = result.values[measure][static_cast<std::size_t>(d)];
    if (!std::isnan(value)) {
      row[measure].Add(value);
    }
  }
  if (!std::isnan(result.Of(ChoiceMeasure::kNll)[static_cast<std::size_t>(d)])) {
    row[kUniform].Add(UniformNll(result, d));
  }
}

// What is estimated, from the column sums of some users. NaN where nothing counts.
double MeanOf(const UserRow& sums, std::size_t measure) { return sums[measure].sum / sums[measure].count; }
double UserMeanOf(const UserRow& sums, std::size_t measure) { return sums[measure].mean / sums[measure].has_any; }
double RelativePerplexityOf(const UserRow& sums) {
  return std::exp(MeanOf(sums, static_cast<std::size_t>(ChoiceMeasure::kNll)) - MeanOf(sums, kUniform));
}

// The value of all users, between the ends of its values in the replicates that say anything.
template <class Statistic>
Estimate EstimateOf(const UserRow& total, std::span<const UserRow> replicates, const Statistic& statistic) {
  Estimate estimate;
  estimate.value = statistic(total);
  std::vector<double> values;
  for (const UserRow& sums : replicates) {
    const double value = statistic(sums);
    if (!std::isnan(value)) {
      values.push_back(value);
    }
  }
  if (!std::isnan(estimate.value) && !values.empty()) {
    const Middle middle = MiddleOf(std::move(values));
    estimate.low = middle.low;
    estimate.high = middle.high;
  }
  return estimate;
}

UserRow ToRow(std::span<const double> columns) {
  UserRow row;
  for (std::size_t block = 0; block < row.size(); ++block) {
    row[block] = {columns[4 * block], columns[4 * block + 1], columns[4 * block + 2], columns[4 * block + 3]};
  }
  return row;
}

void AppendColumns(const UserRow& row, std::vector<double>& columns) {
  for (const UserSums& sums : row) {
    columns.insert(columns.end(), {sums.count, sums.sum, sums.has_any, sums.mean});
  }
}

UserRow ColumnSums(std::span<const double> columns) {
  constexpr auto kColumns = static_cast<std::size_t>(kWidth);
  std::array<double, kColumns> sums{};
  for (std::size_t at = 0; at < columns.size(); ++at) {
    sums[at % kColumns] += columns[at];
  }
  return ToRow(sums);
}

bool IsIn(const ChoiceResult& result, ChoiceSubset subset, std::int64_t d) {
  const bool several = result.Shown(d) > 1;
  const bool history = result.has_history[static_cast<std::size_t>(d)] != 0;
  switch (subset) {
    case ChoiceSubset::kAll:
      return true;
    case ChoiceSubset::kSeveralShown:
      return several;
    case ChoiceSubset::kWithHistory:
      return history;
    case ChoiceSubset::kSeveralShownWithHistory:
      return several && history;
  }
  return false;
}

// [users with a choice of the subset, kWidth]; counts choices, clicks and users on the way.
std::vector<double> UserColumns(const ChoiceResult& result, ChoiceSubset subset, ChoiceSummary& summary) {
  std::vector<double> columns;
  for (std::size_t user = 0; user + 1 < result.user_offsets.size(); ++user) {
    UserRow row{};
    std::int64_t choices = 0;
    for (std::int64_t d = result.user_offsets[user]; d < result.user_offsets[user + 1]; ++d) {
      if (!IsIn(result, subset, d)) {
        continue;
      }
      ++choices;
      AddChoice(result, d, row);
      const auto at = static_cast<std::size_t>(d);
      summary.clicks += result.choice[at] >= 0 ? 1 : 0;
      summary.floored += result.Of(ChoiceMeasure::kNll)[at] >= -std::log(kLeastProbability) ? 1 : 0;
    }
    if (choices > 0) {
      summary.choices += choices;
      ++summary.users;
      for (UserSums& sums : row) {
        sums.Finish();
      }
      AppendColumns(row, columns);
    }
  }
  return columns;
}

struct Prediction {
  double probability = 0.0;
  bool came_true = false;
};

Reliability BinsOf(std::vector<Prediction> predictions) {
  Reliability reliability;
  if (predictions.empty()) {
    return reliability;
  }
  std::stable_sort(predictions.begin(), predictions.end(),
                   [](const Prediction& a, const Prediction& b) { return a.probability < b.probability; });
  const std::size_t n = predictions.size();
  double error = 0.0;
  std::size_t begin = 0;
  for (std::size_t bin = 1; bin <= kBins; ++bin) {
    std::size_t end = bin * n / kBins;
    while (end > 0 && end < n && predictions[end].probability == predictions[end - 1].probability) {
      ++end;
    }
    if (end <= begin) {
      continue;
    }
    ReliabilityBin sums;
    for (std::size_t at = begin; at < end; ++at) {
      ++sums.count;
      sums.predicted += predictions[at].probability;
      sums.observed += predictions[at].came_true ? 1.0 : 0.0;
    }
    error += std::abs(sums.predicted - sums.observed);
    sums.predicted /= static_cast<double>(sums.count);
    sums.observed /= static_cast<double>(sums.count);
    reliability.bins.push_back(sums);
    begin = end;
  }
  reliability.ece = error / static_cast<double>(n);
  return reliability;
}

[[noreturn]] void FailComparison(const std::string& what) {
  throw base::Error(base::ErrorKind::kData, "comparison of choices: " + what);
}

void RequireComparable(const ChoiceResult& a, const ChoiceResult& b, ChoiceMeasure measure) {
  if (a.user_offsets != b.user_offsets || a.offsets != b.offsets || a.choice != b.choice) {
    FailComparison("different choices: '" + std::to_string(a.size()) + "' and '" + std::to_string(b.size()) +
                   "'; expected the same displays and clicks under both models");
  }
  const std::string name(kChoiceMeasureNames[static_cast<std::size_t>(measure)]);
  const bool of_rule =
      measure == ChoiceMeasure::kNll || measure == ChoiceMeasure::kFenchelYoung || measure == ChoiceMeasure::kBrier;
  if (!of_rule || !a.rule || !b.rule) {
    return;
  }
  if (a.rule->no_click.has_value() != b.rule->no_click.has_value()) {
    FailComparison("one model alone may choose nothing, so they do not foresee the same: '" + name +
                   "'; expected click_nll, p@1 or p@2");
  }
  if (measure == ChoiceMeasure::kFenchelYoung && a.rule->law != b.rule->law) {
    FailComparison("the losses of two laws of choice have different units: '" + name +
                   "'; expected nll, click_nll, brier, p@1 or p@2");
  }
}

}  // namespace

ChoiceSummary SummarizeChoices(const ChoiceResult& result, ChoiceSubset subset, std::uint64_t seed,
                               std::int64_t replicates) {
  ChoiceSummary summary;
  const std::vector<double> columns = UserColumns(result, subset, summary);
  if (columns.empty()) {
    return summary;
  }
  const UserRow total = ColumnSums(columns);
  const std::vector<double> sums = ResampledSums(columns, kWidth, seed, replicates);
  std::vector<UserRow> resampled;
  for (std::size_t begin = 0; begin < sums.size(); begin += static_cast<std::size_t>(kWidth)) {
    resampled.push_back(ToRow(std::span(sums).subspan(begin, static_cast<std::size_t>(kWidth))));
  }
  for (std::size_t measure = 0; measure < kChoiceMeasures; ++measure) {
    summary.mean[measure] =
        EstimateOf(total, resampled, [measure](const UserRow& row) { return MeanOf(row, measure); });
    summary.user_mean[measure] =
        EstimateOf(total, resampled, [measure](const UserRow& row) { return UserMeanOf(row, measure); });
  }
  summary.relative_perplexity = EstimateOf(total, resampled, RelativePerplexityOf);
  return summary;
}

Reliability ClickReliability(const ChoiceResult& result, ChoiceSubset subset) {
  std::vector<Prediction> predictions;
  for (std::int64_t d = 0; d < result.size(); ++d) {
    const auto at = static_cast<std::size_t>(d);
    if (!IsIn(result, subset, d) || std::isnan(result.Of(ChoiceMeasure::kNll)[at])) {
      continue;
    }
    for (std::int64_t n = 0; n < result.Shown(d); ++n) {
      predictions.push_back(
          {result.item_probability[static_cast<std::size_t>(result.offsets[at] + n)], n == result.choice[at]});
    }
  }
  return BinsOf(std::move(predictions));
}

Reliability NoClickReliability(const ChoiceResult& result, ChoiceSubset subset) {
  std::vector<Prediction> predictions;
  for (std::int64_t d = 0; d < result.size() && result.rule && result.rule->no_click; ++d) {
    if (IsIn(result, subset, d)) {
      const auto at = static_cast<std::size_t>(d);
      predictions.push_back({result.no_click_probability[at], result.choice[at] < 0});
    }
  }
  return BinsOf(std::move(predictions));
}

Comparison CompareChoices(const ChoiceResult& a, const ChoiceResult& b, ChoiceMeasure measure, std::uint64_t seed,
                          std::int64_t replicates) {
  RequireComparable(a, b, measure);
  Comparison result;
  std::vector<double> differences;  // [users] sums of a - b
  std::vector<double> columns;      // [users, 2] the same and how many choices they are of
  double choices = 0.0;
  for (std::size_t user = 0; user + 1 < a.user_offsets.size(); ++user) {
    double difference = 0.0;
    double count = 0.0;
    for (std::int64_t d = a.user_offsets[user]; d < a.user_offsets[user + 1]; ++d) {
      const double of_a = a.Of(measure)[static_cast<std::size_t>(d)];
      const double of_b = b.Of(measure)[static_cast<std::size_t>(d)];
      if (!std::isnan(of_a) && !std::isnan(of_b)) {
        result.mean_a += of_a;
        result.mean_b += of_b;
        difference += of_a - of_b;
        count += 1.0;
      }
    }
    if (count > 0.0) {
      differences.push_back(difference);
      columns.insert(columns.end(), {difference, count});
      choices += count;
      result.users_where_a_wins += difference > 0.0 ? 1 : 0;
      result.users_where_b_wins += difference < 0.0 ? 1 : 0;
    }
  }
  if (differences.empty()) {
    FailComparison("no choice has a value of both models: '" +
                   std::string(kChoiceMeasureNames[static_cast<std::size_t>(measure)]) + "'; expected at least one");
  }
  result.users = static_cast<std::int64_t>(differences.size());
  result.mean_a /= choices;
  result.mean_b /= choices;
  result.difference = std::accumulate(differences.begin(), differences.end(), 0.0) / choices;
  const std::vector<double> sums = ResampledSums(columns, 2, seed, replicates);
  std::vector<double> ratios;
  for (std::size_t at = 0; at < sums.size(); at += 2) {
    ratios.push_back(sums[at] / sums[at + 1]);
  }
  const Middle middle = MiddleOf(std::move(ratios));
  result.ci_low = middle.low;
  result.ci_high = middle.high;
  result.p = SignFlipP(differences, seed, replicates);
  return result;
}

}  // namespace recforce::eval
