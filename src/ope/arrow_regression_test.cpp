// SPDX-License-Identifier: Apache-2.0
// The fit against the same regression written out as one dense matrix.
#include "ope/arrow_regression.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "ope/cholesky.h"
#include "ope/vector_math.h"
#include "recforce/base/rng.h"

namespace recforce::ope {
namespace {

using Doubles = std::vector<double>;

// Items of few and of many rounds, so that their rows are mapped one by one and all at once; positions, a weight of 0,
// and rewards that are 0 or 1.
struct Sample {
  Sample(int columns, int features) {
    base::Rng rng(4, base::Stream::kTest);
    for (int item = 0; item < kItems; ++item) {
      for (int c = 0; c < features; ++c) {
        actions.push_back(static_cast<float>(rng.Normal()));
      }
      for (int r = 0; r < (item % 2 == 0 ? 4 : 80); ++r) {
        items.push_back(item);
        for (int c = 0; c < columns; ++c) {
          context.push_back(static_cast<float>(rng.Normal()));
        }
        position.push_back(static_cast<std::int32_t>(rng.Below(3)));
        weight.push_back(static_cast<double>(rng.Below(4)));
        reward.push_back(
            rng.Uniform() < 1.0 / (1.0 + std::exp(-0.3 * item - (columns > 0 ? context.back() : 0.0F))) ? 1.0 : 0.0);
        listed.push_back(static_cast<std::int64_t>(items.size()) - 1);
      }
    }
    rounds = {.num_items = kItems,
              .item = items,
              .reward = reward,
              .weight = weight,
              .group = {},
              .position = position,
              .context = {context.data(), static_cast<std::int64_t>(items.size()), columns},
              .context_row = {},
              .action_context = {actions.data(), features == 0 ? 0 : kItems, features}};
  }
  static constexpr int kItems = 6;
  std::vector<std::int32_t> items;
  std::vector<std::int32_t> position;
  std::vector<float> context, actions;
  Doubles reward, weight;
  std::vector<std::int64_t> listed;
  RewardRounds rounds;
};

// Slopes of the objective at a fit: common ones, then those of each item.
Doubles Gradient(const Sample& sample, const RewardFeatures& features, const RewardModelOptions& options, RewardLaw law,
                 const ArrowFit& fit) {
  const std::size_t s = features.common_size();
  const std::size_t t = features.own_size();
  Doubles slopes(s + fit.items.size() * t);
  for (std::size_t c = 0; c < s; ++c) {
    const bool is_context = c < features.context_size();
    const bool is_feature = c < features.context_size() + features.feature_size();
    const double ridge = is_context   ? options.common_ridge
                         : is_feature ? options.action_ridge
                                      : options.interaction_ridge;
    slopes[c] = (c == 0 ? 1e-6 : ridge) * fit.common[c];
  }
  for (std::size_t at = 0; at < fit.own.size(); ++at) {
    slopes[s + at] = (at % t == 0 ? options.action_ridge : options.interaction_ridge) * fit.own[at];
  }
  Doubles row(s);
  for (std::size_t r = 0; r < sample.items.size(); ++r) {
    features.Context(static_cast<std::int64_t>(r), std::span(row).first(features.context_size()));
    features.Complete(sample.items[r], row);
    const auto index = static_cast<std::size_t>(sample.items[r]);  // all items have rounds
    const double f = Dot(row, fit.common) + Dot(std::span(row).first(t), std::span(fit.own).subspan(index * t, t));
    const double mean = law == RewardLaw::kLogistic ? 1.0 / (1.0 + std::exp(-f)) : f;
    const double residual = sample.weight[r] * (sample.reward[r] - mean);
    for (std::size_t c = 0; c < s; ++c) {
      slopes[c] -= residual * row[c];
    }
    for (std::size_t c = 0; c < t; ++c) {
      slopes[s + index * t + c] -= residual * row[c];
    }
  }
  return slopes;
}

struct Case {
  int columns;
  int features;
  std::int64_t max_interactions;
  std::int64_t max_products;
};

// The objective is strictly convex: where all slopes are 0 is its one minimum.
TEST(ArrowRegression, TheFitIsTheMinimum) {
  for (const Case& c : {Case{0, 0, 64, 128},
                        {3, 0, 64, 128},
                        {3, 0, 0, 128},
                        {3, 2, 64, 128},
                        {3, 2, 0, 128},
                        {40, 10, 0, 16},
                        {12, 5, 64, 4}}) {
    for (const RewardLaw law : {RewardLaw::kLinear, RewardLaw::kLogistic}) {
      const Sample sample(c.columns, c.features);
      const RewardModelOptions options{.common_ridge = 0.5,
                                       .action_ridge = 2.0,
                                       .interaction_ridge = 5.0,
                                       .max_interactions = c.max_interactions,
                                       .max_products = c.max_products};
      const RewardFeatures features(sample.rounds, options);
      const ArrowFit fit = FitArrow(sample.rounds, features, options, law, sample.listed);
      ASSERT_EQ(fit.items.size(), Sample::kItems);
      for (const double slope : Gradient(sample, features, options, law, fit)) {
        EXPECT_NEAR(slope, 0.0, 1e-5) << c.columns << ' ' << c.features << ' ' << c.max_interactions;
      }
    }
  }
}

TEST(ArrowRegression, EqualWhetherBlocksAreKeptOrMadeTwice) {
  const Sample sample(5, 2);
  const RewardModelOptions options;
  const RewardFeatures features(sample.rounds, options);
  const ArrowFit kept = FitArrow(sample.rounds, features, options, RewardLaw::kLogistic, sample.listed);
  const ArrowFit made = FitArrow(sample.rounds, features, options, RewardLaw::kLogistic, sample.listed, 0);
  EXPECT_EQ(kept.common, made.common);
  EXPECT_EQ(kept.own, made.own);
}

}  // namespace
}  // namespace recforce::ope
