// SPDX-License-Identifier: Apache-2.0
#include "cli/print_choices.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "recforce/base/text.h"
#include "recforce/eval/choice.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;
using eval::ChoiceMeasure;
using eval::ChoiceSubset;

constexpr std::array kSubsets = {ChoiceSubset::kAll, ChoiceSubset::kSeveralShown, ChoiceSubset::kWithHistory,
                                 ChoiceSubset::kSeveralShownWithHistory};
constexpr std::array<std::string_view, eval::kChoiceSubsets> kSubsetTexts = {
    "all choices", "several items shown", "after a click", "several items shown after a click"};
// What the model and a baseline are compared by: both mean the same whether or not a rule has no-click.
constexpr std::array kCompared = {ChoiceMeasure::kPrecision1, ChoiceMeasure::kClickNll};

std::size_t IndexOf(ChoiceMeasure measure) { return static_cast<std::size_t>(measure); }

std::string_view LawText(const core::ChoiceRule& rule) {
  return rule.law == core::ChoiceLaw::kSoftmax     ? "shannon"
         : rule.law == core::ChoiceLaw::kSparsemax ? "l2"
                                                   : "entmax15";
}

// "0.7310 [0.6922, 0.7680]"
std::string Text(const eval::Estimate& estimate) {
  return std::isnan(estimate.value)
             ? "-"
             : fmt::format("{:.4f} [{:.4f}, {:.4f}]", estimate.value, estimate.low, estimate.high);
}

std::string Text(double value) { return std::isnan(value) ? "-" : fmt::format("{:.4f}", value); }

void PrintSubset(const std::vector<train::ChoiceRow>& rows, std::size_t subset) {
  std::vector<eval::ChoiceSummary> summaries;
  for (const train::ChoiceRow& row : rows) {
    summaries.push_back(SummarizeChoices(row.result, kSubsets[subset]));
  }
  const eval::ChoiceSummary& first = summaries.front();
  fmt::print("{}: {} choices of {} users, {} of an item\n", kSubsetTexts[subset], base::FormatCount(first.choices),
             base::FormatCount(first.users), base::FormatCount(first.clicks));
  if (first.choices == 0) {
    return;
  }
  fmt::print("  {:<16} {:<23} {:<23} {:<23} {:<8} {:<9} {:<8} {}\n", "", "p@1", "p@2", "nll", "/uniform", "click_nll",
             "ece", "by user: p@1, p@2, nll");
  for (std::size_t at = 0; at < rows.size(); ++at) {
    const train::ChoiceRow& row = rows[at];
    const eval::ChoiceSummary& summary = summaries[at];
    const auto mean = [&](ChoiceMeasure measure) { return summary.mean[IndexOf(measure)]; };
    const auto by_user = [&](ChoiceMeasure measure) { return Text(summary.user_mean[IndexOf(measure)].value); };
    fmt::print("  {:<16} {:<23} {:<23} {:<23} {:<8} {:<9} {:<8} {} {} {}\n", row.name,
               Text(mean(ChoiceMeasure::kPrecision1)), Text(mean(ChoiceMeasure::kPrecision2)),
               Text(mean(ChoiceMeasure::kNll)), Text(summary.relative_perplexity.value),
               Text(mean(ChoiceMeasure::kClickNll).value), Text(ClickReliability(row.result, kSubsets[subset]).ece),
               by_user(ChoiceMeasure::kPrecision1), by_user(ChoiceMeasure::kPrecision2), by_user(ChoiceMeasure::kNll));
    if (summary.floored > 0) {
      fmt::print("  {:<16} {} choices had a probability of at most {}, as which they count in nll\n", "",
                 base::FormatCount(summary.floored), eval::kLeastProbability);
    }
  }
}

Json ToJson(const eval::Estimate& estimate) { return Json::array({estimate.low, estimate.high}); }

Json ToJson(const eval::Reliability& reliability) {
  Json bins = Json::array();
  for (const eval::ReliabilityBin& bin : reliability.bins) {
    bins.push_back({{"count", bin.count}, {"predicted", bin.predicted}, {"observed", bin.observed}});
  }
  return bins;
}

Json SubsetToJson(const eval::ChoiceResult& result, ChoiceSubset subset) {
  const eval::ChoiceSummary summary = SummarizeChoices(result, subset);
  Json object = {{"choices", summary.choices},     {"clicks", summary.clicks},   {"users", summary.users},
                 {"floored", summary.floored},     {"metrics", Json::object()},  {"ci95", Json::object()},
                 {"user_metrics", Json::object()}, {"user_ci95", Json::object()}};
  for (std::size_t measure = 0; measure < eval::kChoiceMeasures; ++measure) {
    const std::string name(eval::kChoiceMeasureNames[measure]);
    object["metrics"][name] = summary.mean[measure].value;
    object["ci95"][name] = ToJson(summary.mean[measure]);
    object["user_metrics"][name] = summary.user_mean[measure].value;
    object["user_ci95"][name] = ToJson(summary.user_mean[measure]);
  }
  object["metrics"]["relative_perplexity"] = summary.relative_perplexity.value;
  object["ci95"]["relative_perplexity"] = ToJson(summary.relative_perplexity);
  object["ece"] = ClickReliability(result, subset).ece;
  object["ece_no_click"] = NoClickReliability(result, subset).ece;
  return object;
}

Json RowToJson(const train::ChoiceRow& row) {
  Json object = {{"name", row.name}, {"law", nullptr}, {"no_click", nullptr}};
  if (row.result.rule) {
    object["law"] = LawText(*row.result.rule);
    if (row.result.rule->no_click) {
      object["no_click"] = *row.result.rule->no_click;
    }
  }
  for (std::size_t subset = 0; subset < kSubsets.size(); ++subset) {
    object["subsets"][std::string(eval::kChoiceSubsetNames[subset])] = SubsetToJson(row.result, kSubsets[subset]);
  }
  object["reliability"] = ToJson(ClickReliability(row.result));
  object["reliability_no_click"] = ToJson(NoClickReliability(row.result));
  return object;
}

struct Difference {
  std::string baseline;
  std::string measure;
  eval::Comparison comparison;
};

// The first row less each of the others, by what both have.
std::vector<Difference> DifferencesOf(const std::vector<train::ChoiceRow>& rows) {
  std::vector<Difference> differences;
  const eval::ChoiceResult& model = rows.front().result;
  const bool clicks = SummarizeChoices(model, ChoiceSubset::kAll, 1, 1).clicks > 0;
  for (const ChoiceMeasure measure : kCompared) {
    for (std::size_t row = 1; row < rows.size() && clicks; ++row) {
      if (measure == ChoiceMeasure::kPrecision1 || (model.rule && rows[row].result.rule)) {
        differences.push_back({rows[row].name, std::string(eval::kChoiceMeasureNames[IndexOf(measure)]),
                               CompareChoices(model, rows[row].result, measure)});
      }
    }
  }
  return differences;
}

}  // namespace

void PrintChoices(const std::vector<train::ChoiceRow>& rows) {
  for (std::size_t subset = 0; subset < kSubsets.size(); ++subset) {
    PrintSubset(rows, subset);
  }
  for (const Difference& difference : DifferencesOf(rows)) {
    fmt::print("{} less {}: {} {:+.4f} [{:+.4f}, {:+.4f}], p {:.4f}\n", rows.front().name, difference.baseline,
               difference.measure, difference.comparison.difference, difference.comparison.ci_low,
               difference.comparison.ci_high, difference.comparison.p);
  }
}

std::string ChoicesToJson(const std::vector<train::ChoiceRow>& rows) {
  Json object = {{"models", Json::array()}, {"differences", Json::array()}};
  for (const train::ChoiceRow& row : rows) {
    object["models"].push_back(RowToJson(row));
  }
  for (const Difference& difference : DifferencesOf(rows)) {
    object["differences"].push_back({{"metric", difference.measure},
                                     {"baseline", difference.baseline},
                                     {"difference", difference.comparison.difference},
                                     {"ci95", {difference.comparison.ci_low, difference.comparison.ci_high}},
                                     {"p", difference.comparison.p}});
  }
  return object.dump();
}

}  // namespace recforce::cli
