// SPDX-License-Identifier: Apache-2.0
// How well a model foresees what users choose of what they are shown: precision for any recommender; likelihood, loss
// and calibration for user models, whose scores are utilities (Chen et al., ICML 2019, section 6; docs/metrics.md).
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recforce/base/stop_flag.h"
#include "recforce/core/choice.h"
#include "recforce/core/recommender.h"
#include "recforce/data/display_set.h"
#include "recforce/eval/compare.h"

namespace recforce::eval {

// Where the chosen item stands among items of its score.
enum class ChoiceTies : std::uint8_t {
  kPessimistic,  // last
  kOptimistic,   // first
  kExpected,     // at a random place: precision is the chance of a hit, min(k, n) / n where n items are all alike
};

struct ChoiceOptions {
  std::int64_t batch_size = 500;  // histories scored at once: memory for batch_size x catalogue floats
  ChoiceTies ties = ChoiceTies::kPessimistic;
  std::span<const std::int32_t> rows = {};  // [users of the set] row in training, -1 for a stranger; empty: strangers
};

enum class ChoiceMeasure : std::uint8_t {
  kPrecision1,    // "p@1": the chosen item is the best of those shown. Choices with a click count
  kPrecision2,    // "p@2": it is among the best two
  kNll,           // "nll": -log P(choice). All choices count if the rule knows no-click, else those with a click
  kClickNll,      // "click_nll": -log P(item | some click). Choices with a click count
  kFenchelYoung,  // "fenchel_young": core::ChoiceLoss. Counts as nll does
  kBrier,         // "brier": sum of squared errors of the probabilities, no-click among them. Counts as nll does
};
inline constexpr std::size_t kChoiceMeasures = 6;
inline constexpr std::array<std::string_view, kChoiceMeasures> kChoiceMeasureNames = {
    "p@1", "p@2", "nll", "click_nll", "fenchel_young", "brier"};

// Smaller probabilities count as this one in nll and click_nll: laws that rule items out would make any mean infinite.
inline constexpr double kLeastProbability = 1e-12;

// What was measured, choice by choice. D choices of U users, in the order of the DisplaySet.
struct ChoiceResult {
  std::optional<core::ChoiceRule> rule;       // of the recommender
  std::vector<std::int64_t> user_offsets{0};  // [U + 1] into the choices, as in the DisplaySet
  std::vector<std::int64_t> offsets{0};       // [D + 1] into what was shown, likewise
  std::vector<std::int32_t> choice;           // [D] likewise
  std::vector<std::uint8_t> has_history;      // [D] 1: the user clicked before
  // [measure][D], NaN for a choice that does not count; all NaN where the measure needs a rule and there is none.
  std::array<std::vector<double>, kChoiceMeasures> values;
  // Of recommenders with a rule, else empty.
  std::vector<double> item_probability;      // of each item shown
  std::vector<double> no_click_probability;  // [D]

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(choice.size()); }
  [[nodiscard]] std::int64_t num_users() const { return static_cast<std::int64_t>(user_offsets.size()) - 1; }
  [[nodiscard]] const std::vector<double>& Of(ChoiceMeasure measure) const {
    return values[static_cast<std::size_t>(measure)];
  }
  [[nodiscard]] std::int64_t Shown(std::int64_t d) const {
    const auto at = static_cast<std::size_t>(d);
    return offsets[at + 1] - offsets[at];
  }
};

// A choice is foreseen from what its user clicked in the displays of `set` before it: distinct items, and events where
// items repeat. The same on any number of threads. Error(Data): an empty set; Error(Diverged): a score that is not
// finite. REQUIRES: items of `set` in [0, recommender.NumItems()), displays not empty.
ChoiceResult EvaluateChoices(const core::Recommender& recommender, const data::DisplaySet& set,
                             const ChoiceOptions& options = {}, const base::StopFlag* stop = nullptr);

// Which choices a summary is of. A single item is a hit whatever the model; without a history no state can help.
enum class ChoiceSubset : std::uint8_t { kAll, kSeveralShown, kWithHistory, kSeveralShownWithHistory };
inline constexpr std::size_t kChoiceSubsets = 4;
inline constexpr std::array<std::string_view, kChoiceSubsets> kChoiceSubsetNames = {
    "all", "several_shown", "with_history", "several_shown_with_history"};

// A mean and its 95 % percentile bootstrap interval over users; NaN where nothing counts.
struct Estimate {
  double value = std::numeric_limits<double>::quiet_NaN();
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
};

struct ChoiceSummary {
  std::int64_t choices = 0;
  std::int64_t clicks = 0;                          // choices of an item
  std::int64_t users = 0;                           // with a choice of the subset
  std::int64_t floored = 0;                         // choices whose probability is at most kLeastProbability
  std::array<Estimate, kChoiceMeasures> mean;       // every choice weighs the same
  std::array<Estimate, kChoiceMeasures> user_mean;  // every user does
  // exp(nll - nll of the uniform choice): 1 knows nothing, 1/n leaves an n-th of the uncertainty. The uniform choice
  // is among the items shown and, if the rule has it, no-click.
  Estimate relative_perplexity;
};
ChoiceSummary SummarizeChoices(const ChoiceResult& result, ChoiceSubset subset, std::uint64_t seed = 1,
                               std::int64_t replicates = 1000);

// Predicted probabilities beside what happened, in at most ten bins of as many predictions as equal predictions, which
// share a bin, allow.
struct ReliabilityBin {
  std::int64_t count = 0;
  double predicted = 0.0;  // mean probability
  double observed = 0.0;   // share that came true
};
struct Reliability {
  std::vector<ReliabilityBin> bins;  // ascending by prediction; empty without a rule
  // Expected calibration error: mean over predictions of |predicted - observed| of their bin. NaN without a prediction.
  double ece = std::numeric_limits<double>::quiet_NaN();
};
// Of P(click item), over all items shown in the choices that count for nll.
Reliability ClickReliability(const ChoiceResult& result, ChoiceSubset subset = ChoiceSubset::kAll);
// Of P(no click), over all choices; without bins if the rule has no no-click.
Reliability NoClickReliability(const ChoiceResult& result, ChoiceSubset subset = ChoiceSubset::kAll);

// a minus b over the choices that count for both, each of the same weight: bootstrap interval and sign-flip test over
// users, whose choices are drawn together. Error(Data): results of different choices; nothing that counts; nll,
// fenchel_young or brier of rules of which one alone has no-click, or fenchel_young of different laws.
Comparison CompareChoices(const ChoiceResult& a, const ChoiceResult& b, ChoiceMeasure measure, std::uint64_t seed = 1,
                          std::int64_t replicates = 10000);

}  // namespace recforce::eval
