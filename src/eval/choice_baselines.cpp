// SPDX-License-Identifier: Apache-2.0
#include "recforce/eval/choice_baselines.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "eval/choice_logit.h"
#include "recforce/base/error.h"

namespace recforce::eval {
namespace {

constexpr double kClickPrior = 0.2;
constexpr double kShownPrior = 1.0;
constexpr double kPenalties[] = {30.0, 10.0, 3.0, 1.0, 0.3, 0.1};

// The same utilities for everybody.
class FixedUtilities final : public core::Recommender {
 public:
  FixedUtilities(std::vector<float> utilities, std::optional<float> no_click)
      : utilities_(std::move(utilities)), rule_{core::ChoiceLaw::kSoftmax, no_click} {}
  [[nodiscard]] std::int64_t NumItems() const override { return static_cast<std::int64_t>(utilities_.size()); }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t user = 0; user < users.size(); ++user) {
      std::copy(utilities_.begin(), utilities_.end(), out.row(user).begin());
    }
  }
  [[nodiscard]] std::optional<core::ChoiceRule> choice() const override { return rule_; }

 private:
  std::vector<float> utilities_;
  core::ChoiceRule rule_;
};

void RequireChoices(const data::DisplaySet& train) {
  if (train.size() == 0) {
    throw base::Error(base::ErrorKind::kData,
                      "baseline of choices: no choices to learn from: 0; expected at least one");
  }
}

std::optional<float> NoClickOf(const data::DisplaySet& train, double utility) {
  return train.has_no_clicks() ? std::optional<float>(static_cast<float>(utility)) : std::nullopt;
}

// How often each item was shown and chosen, by everybody or by one user.
struct Counts {
  explicit Counts(std::int64_t num_items)
      : shown(static_cast<std::size_t>(num_items), 0.0), clicks(static_cast<std::size_t>(num_items), 0.0) {}
  // `weight` times what choices [begin, end) say.
  void Add(const data::DisplaySet& set, std::int64_t begin, std::int64_t end, double weight) {
    for (std::int64_t d = begin; d < end; ++d) {
      for (const std::int32_t item : set.shown(d)) {
        shown[static_cast<std::size_t>(item)] += weight;
      }
      if (set.chosen(d) >= 0) {
        clicks[static_cast<std::size_t>(set.chosen(d))] += weight;
      }
    }
  }
  [[nodiscard]] double LogRate(std::int32_t item) const {
    const auto i = static_cast<std::size_t>(item);
    return std::log((clicks[i] + kClickPrior) / (shown[i] + kShownPrior));
  }
  std::vector<double> shown;
  std::vector<double> clicks;
};

// [train.items] the log rates that the other users give. Leaves `counts` as they were.
std::vector<double> RatesOfOthers(const data::DisplaySet& train, Counts& counts) {
  std::vector<double> features;
  features.reserve(train.items.size());
  for (std::size_t user = 0; user + 1 < train.user_offsets.size(); ++user) {
    const std::int64_t begin = train.user_offsets[user];
    const std::int64_t end = train.user_offsets[user + 1];
    counts.Add(train, begin, end, -1.0);
    for (std::int64_t d = begin; d < end; ++d) {
      for (const std::int32_t item : train.shown(d)) {
        features.push_back(counts.LogRate(item));
      }
    }
    counts.Add(train, begin, end, 1.0);
  }
  return features;
}

// The choices of every second user, from `first` on.
data::DisplaySet EverySecondUser(const data::DisplaySet& set, std::size_t first) {
  data::DisplaySet half;
  for (std::size_t user = first; user + 1 < set.user_offsets.size(); user += 2) {
    for (std::int64_t d = set.user_offsets[user]; d < set.user_offsets[user + 1]; ++d) {
      half.AddChoice(set.shown(d), set.choice[static_cast<std::size_t>(d)]);
    }
    half.AddUser(set.users[user]);
  }
  return half;
}

// The penalty of the least loss on users that the fit did not see.
double ChoosePenalty(const data::DisplaySet& train, std::int64_t num_items, const base::StopFlag* stop) {
  const data::DisplaySet fitted = EverySecondUser(train, 0);
  const data::DisplaySet judged = EverySecondUser(train, 1);
  // Without an own utility for no-click where only the judges have it the loss would be of other choices.
  if (judged.size() == 0 || fitted.has_no_clicks() != judged.has_no_clicks()) {
    return 1.0;
  }
  ItemLogitLoss of_fitted(fitted, num_items);
  ItemLogitLoss of_judged(judged, num_items);
  std::vector<double> utilities(of_fitted.size(), 0.0);
  double best = kPenalties[0];
  double least = std::numeric_limits<double>::infinity();
  for (const double penalty : kPenalties) {
    utilities = MinimizeItemLogit(of_fitted, penalty, std::move(utilities), stop);
    const double loss = of_judged.Evaluate(utilities, 0.0, nullptr);
    if (loss < least) {
      least = loss;
      best = penalty;
    }
  }
  return best;
}

}  // namespace

std::unique_ptr<core::Recommender> UniformChoice(std::int64_t num_items, bool no_click) {
  return std::make_unique<FixedUtilities>(std::vector<float>(static_cast<std::size_t>(num_items), 0.0F),
                                          no_click ? std::optional<float>(0.0F) : std::nullopt);
}

std::unique_ptr<core::Recommender> FitPopularityLogit(const data::DisplaySet& train, std::int64_t num_items) {
  RequireChoices(train);
  Counts counts(num_items);
  counts.Add(train, 0, train.size(), 1.0);
  const FeatureLogit fit = FitFeatureLogit(train, RatesOfOthers(train, counts));
  std::vector<float> utilities;
  for (std::int64_t item = 0; item < num_items; ++item) {
    utilities.push_back(static_cast<float>(fit.beta * counts.LogRate(static_cast<std::int32_t>(item))));
  }
  return std::make_unique<FixedUtilities>(std::move(utilities), NoClickOf(train, fit.no_click));
}

std::unique_ptr<core::Recommender> FitItemLogit(const data::DisplaySet& train, std::int64_t num_items,
                                                const ItemLogitOptions& options, const base::StopFlag* stop) {
  RequireChoices(train);
  const double l2 = options.l2 ? *options.l2 : ChoosePenalty(train, num_items, stop);
  RECFORCE_CHECK(l2 > 0.0, "an item logit needs a penalty");
  ItemLogitLoss loss(train, num_items);
  const std::vector<double> fit = MinimizeItemLogit(loss, l2, std::vector<double>(loss.size(), 0.0), stop);
  return std::make_unique<FixedUtilities>(std::vector<float>(fit.begin(), fit.end() - 1), NoClickOf(train, fit.back()));
}

}  // namespace recforce::eval
