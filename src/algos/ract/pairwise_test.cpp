// SPDX-License-Identifier: Apache-2.0
// Against the definitions in double, pair by pair.
#include "algos/ract/pairwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

using Row = std::vector<double>;
using Items = std::vector<std::int32_t>;

constexpr std::int64_t kItems = 203;
constexpr std::int64_t kRows = 40;

// Scores in steps of 1/4, so that many are equal; some rows without positives, without excluded items, or without both.
struct Case {
  explicit Case(std::uint64_t seed = 1, double spread = 2.0) {
    base::Rng rng(seed, base::Stream::kTest);
    logits = torch::empty({kRows, kItems});
    bias = torch::empty({kItems});
    const auto score = [&] { return static_cast<float>(std::round(rng.Normal() * spread * 4.0) / 4.0); };
    std::generate_n(logits.data_ptr<float>(), logits.numel(), score);
    std::generate_n(bias.data_ptr<float>(), bias.numel(), score);
    for (std::int64_t r = 0; r < kRows; ++r) {
      Items positives, left_out;
      for (std::int32_t item = 0; item < kItems; ++item) {
        const double number = rng.Uniform();
        if (number < 0.07 && r % 5 != 1) {
          positives.push_back(item);
        } else if (number > 0.9 && r % 7 != 2) {
          left_out.push_back(item);
        }
      }
      relevant.AddRow(positives);
      excluded.AddRow(left_out);
    }
  }
  [[nodiscard]] Row Scores(std::int64_t r) const {
    const torch::Tensor f = (logits[r] + bias).to(torch::kFloat64).contiguous();
    return {f.data_ptr<double>(), f.data_ptr<double>() + kItems};
  }
  [[nodiscard]] Items Negatives(std::int64_t r) const {
    std::set<std::int32_t> out(relevant.row(r).begin(), relevant.row(r).end());
    out.insert(excluded.row(r).begin(), excluded.row(r).end());
    Items negatives;
    for (std::int32_t item = 0; item < kItems; ++item) {
      if (!out.contains(item)) {
        negatives.push_back(item);
      }
    }
    return negatives;
  }
  torch::Tensor logits, bias;
  data::Csr relevant, excluded;
};

struct Expected {
  Row gradient = Row(static_cast<std::size_t>(kItems), 0.0);
  double loss = 0.0;
  std::int64_t pairs = 0;
};

std::size_t At(std::int32_t item) { return static_cast<std::size_t>(item); }

Expected Warp(const Case& c, std::int64_t r, const Row& f) {
  Expected expected;
  const Items negatives = c.Negatives(r);
  for (const std::int32_t p : c.relevant.row(r)) {
    double weight = 0.0;
    int violators = 0;
    for (const std::int32_t i : negatives) {
      if (f[At(i)] > f[At(p)]) {
        weight += 1.0 / ++violators;
      }
    }
    for (const std::int32_t i : negatives) {
      if (f[At(i)] > f[At(p)]) {
        expected.loss += weight * (f[At(i)] - f[At(p)]);
        expected.gradient[At(i)] += weight;
        expected.gradient[At(p)] -= weight;
        ++expected.pairs;
      }
    }
  }
  return expected;
}

Expected LambdaRank(const Case& c, std::int64_t r, const Row& f, const LambdaRankOptions& options) {
  Expected expected;
  const Items negatives = c.Negatives(r);
  Items order = negatives;
  order.insert(order.end(), c.relevant.row(r).begin(), c.relevant.row(r).end());
  std::sort(order.begin(), order.end());
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) { return f[At(a)] > f[At(b)]; });
  const auto discount = [&](std::int64_t rank) {
    return options.k == 0 || rank <= options.k ? 1.0 / std::log2(1.0 + static_cast<double>(rank)) : 0.0;
  };
  Row discounts(static_cast<std::size_t>(kItems), 0.0);
  for (std::size_t at = 0; at < order.size(); ++at) {
    discounts[At(order[at])] = discount(static_cast<std::int64_t>(at) + 1);
  }
  double ideal = 0.0;
  for (std::int64_t rank = 1; rank <= std::ssize(c.relevant.row(r)); ++rank) {
    ideal += discount(rank);
  }
  for (const std::int32_t p : c.relevant.row(r)) {
    for (const std::int32_t i : negatives) {
      const double gap = std::abs(discounts[At(p)] - discounts[At(i)]);
      const double lambda = gap / ideal / (1.0 + std::exp((f[At(p)] - f[At(i)]) / options.temperature));
      expected.loss += lambda;
      expected.gradient[At(i)] += lambda;
      expected.gradient[At(p)] -= lambda;
      expected.pairs += gap > 0.0 ? 1 : 0;
    }
  }
  return expected;
}

// What `gradient` holds is scale times the expected, row by row; reports agree.
template <class Reference>
void ExpectRows(const Case& c, const torch::Tensor& gradient, const PairwiseReport& report, double scale,
                const Reference& reference) {
  double loss = 0.0;
  std::int64_t pairs = 0;
  for (std::int64_t r = 0; r < kRows; ++r) {
    const Expected expected = reference(r, c.Scores(r));
    loss += expected.loss;
    pairs += expected.pairs;
    double largest = 0.0;
    for (const double g : expected.gradient) {
      largest = std::max(largest, std::abs(g) * scale);
    }
    double sum = 0.0;
    for (std::int32_t item = 0; item < kItems; ++item) {
      const auto value = static_cast<double>(gradient[r][item].item<float>());
      ASSERT_NEAR(value, scale * expected.gradient[At(item)], 5e-6 * largest) << "row " << r << " item " << item;
      sum += value;
    }
    EXPECT_NEAR(sum, 0.0, 2e-5 * largest) << "row " << r;
    for (const std::int32_t item : c.excluded.row(r)) {
      EXPECT_EQ(gradient[r][item].item<float>(), 0.0F);
    }
    if (c.relevant.row(r).empty()) {
      EXPECT_TRUE(gradient[r].equal(torch::zeros({kItems})));
    }
  }
  EXPECT_NEAR(report.loss, loss, 1e-5 * loss);
  EXPECT_EQ(report.pairs, pairs);
  EXPECT_GT(pairs, 0);
}

PairwiseReport RunWarp(const Case& c, torch::Tensor* logits, double scale = 1.0) {
  *logits = c.logits.clone();
  return WarpGradient(*logits, c.bias, c.relevant.view(), c.excluded.view(), scale);
}

PairwiseReport RunLambdaRank(const Case& c, torch::Tensor* logits, const LambdaRankOptions& options,
                             double scale = 1.0) {
  *logits = c.logits.clone();
  return LambdaRankGradient(*logits, c.bias, c.relevant.view(), c.excluded.view(), scale, options);
}

TEST(Warp, IsTheSumOverPairs) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Case c(seed);
    torch::Tensor gradient;
    const PairwiseReport report = RunWarp(c, &gradient, 0.25);
    ExpectRows(c, gradient, report, 0.25, [&](std::int64_t r, const Row& f) { return Warp(c, r, f); });
  }
}

// Scores that are all different, by more than the step.
TEST(Warp, GradientIsTheSlopeOfTheLoss) {
  Case c;
  c.bias.zero_();
  for (std::int64_t r = 0; r < kRows; ++r) {
    c.logits[r] = torch::arange(kItems).mul(89).remainder(kItems).to(torch::kFloat32) * 0.0625F;
  }
  torch::Tensor gradient;
  RunWarp(c, &gradient);
  constexpr float kStep = 0.015625F;
  for (std::int64_t item = 0; item < kItems; item += 7) {
    Case above = c;
    above.logits = c.logits.clone();
    above.logits.select(1, item).add_(kStep);
    Case below = c;
    below.logits = c.logits.clone();
    below.logits.select(1, item).sub_(kStep);
    torch::Tensor unused;
    const double slope = (RunWarp(above, &unused).loss - RunWarp(below, &unused).loss) / (2.0 * kStep);
    const double expected = gradient.select(1, item).to(torch::kFloat64).sum().item<double>();
    EXPECT_NEAR(slope, expected, 1e-5 * (1.0 + std::abs(expected))) << "item " << item;
  }
}

// One row without biases or excluded items.
struct Small {
  Small(std::vector<float> scores, const Items& positives)
      : logits(torch::tensor(scores).unsqueeze(0)), bias(torch::zeros({logits.size(1)})) {
    relevant.AddRow(positives);
    excluded.AddRow({});
  }
  torch::Tensor logits, bias;
  data::Csr relevant, excluded;
};

TEST(Warp, ByHand) {
  // Positive 2 has two violators (weight 1 + 1/2), positive 1 none: item 3 scores the same.
  Small row({4, 3, 1, 3, 0}, {1, 2});
  row.logits[0][0] = 2;
  const PairwiseReport report = WarpGradient(row.logits, row.bias, row.relevant.view(), row.excluded.view(), 2.0);
  EXPECT_EQ(report.loss, 1.5 * (1.0 + 2.0));
  EXPECT_EQ(report.pairs, 2);
  EXPECT_TRUE(row.logits[0].equal(torch::tensor({3.0F, 0.0F, -6.0F, 3.0F, 0.0F})));
}

TEST(LambdaRank, IsTheSumOverPairs) {
  for (const std::int64_t k : {0, 1, 2, 10, 60, 202, 203, 1000}) {
    for (const double temperature : {1.0, 0.3}) {
      const Case c(static_cast<std::uint64_t>(k) + 1);
      const LambdaRankOptions options{.k = k, .temperature = temperature};
      torch::Tensor gradient;
      const PairwiseReport report = RunLambdaRank(c, &gradient, options, 0.25);
      SCOPED_TRACE(testing::Message() << "k " << k << " temperature " << temperature);
      ExpectRows(c, gradient, report, 0.25, [&](std::int64_t r, const Row& f) { return LambdaRank(c, r, f, options); });
    }
  }
}

// Positives that no float exponential holds at once.
TEST(LambdaRank, ScoresMayLieFarApart) {
  for (const std::int64_t k : {0, 10, 100}) {
    const Case c(5, 200.0);
    torch::Tensor gradient;
    const PairwiseReport report = RunLambdaRank(c, &gradient, {.k = k});
    ExpectRows(c, gradient, report, 1.0, [&](std::int64_t r, const Row& f) { return LambdaRank(c, r, f, {.k = k}); });
  }
}

// All scores are equal, so ranks are item order: positive 1 has rank 2, the others 1, 3, 4.
TEST(LambdaRank, EqualScoresRankByItem) {
  const double second = 1.0 / std::log2(3.0);
  const double fourth = 1.0 / std::log2(5.0);
  Small row({7, 7, 7, 7}, {1});
  LambdaRankGradient(row.logits, row.bias, row.relevant.view(), row.excluded.view(), 1.0, {});
  EXPECT_NEAR(row.logits[0][0].item<float>(), 0.5 * (1.0 - second), 1e-6);
  EXPECT_NEAR(row.logits[0][2].item<float>(), 0.5 * (second - 0.5), 1e-6);
  EXPECT_NEAR(row.logits[0][3].item<float>(), 0.5 * (second - fourth), 1e-6);
  // Cut at 1: the positive lies outside and meets only item 0.
  Small cut({7, 7, 7, 7}, {1});
  const auto report = LambdaRankGradient(cut.logits, cut.bias, cut.relevant.view(), cut.excluded.view(), 1.0, {.k = 1});
  EXPECT_TRUE(cut.logits[0].allclose(torch::tensor({0.5F, -0.5F, 0.0F, 0.0F})));
  EXPECT_EQ(report.pairs, 1);
}

TEST(Pairwise, ExcludedPositivesTakeNoPart) {
  for (const bool warp : {true, false}) {
    const auto run = [&](const Items& positives) {
      Small row({1, 5, 2, 4, 3}, positives);
      row.excluded = {};
      row.excluded.AddRow(Items{3, 2});
      const auto report =
          warp ? WarpGradient(row.logits, row.bias, row.relevant.view(), row.excluded.view(), 1.0)
               : LambdaRankGradient(row.logits, row.bias, row.relevant.view(), row.excluded.view(), 1.0, {.k = 2});
      return std::pair(row.logits, report.pairs);
    };
    const auto [expected, pairs] = run({0});
    const auto [gradient, same_pairs] = run({2, 0});
    EXPECT_TRUE(gradient.equal(expected));
    EXPECT_EQ(pairs, same_pairs);
    EXPECT_EQ(gradient[0][3].item<float>(), 0.0F);
    EXPECT_NE(gradient[0][0].item<float>(), 0.0F);
  }
}

TEST(Pairwise, RowsWithoutNegativesHaveNoGradient) {
  for (const std::int64_t k : {0, 1, 9}) {
    Small row({1, 5, 2}, {0, 1, 2});
    EXPECT_EQ(LambdaRankGradient(row.logits, row.bias, row.relevant.view(), row.excluded.view(), 1.0, {.k = k}).pairs,
              0);
    EXPECT_TRUE(row.logits.equal(torch::zeros({1, 3})));
  }
  Small row({1, 5, 2}, {0, 1, 2});
  EXPECT_EQ(WarpGradient(row.logits, row.bias, row.relevant.view(), row.excluded.view(), 1.0).loss, 0.0);
  EXPECT_TRUE(row.logits.equal(torch::zeros({1, 3})));
}

TEST(Pairwise, ThreadsGiveTheSameBytes) {
  const Case c;
  const int before = base::Threads();
  for (const std::int64_t k : {-1, 0, 10}) {
    const auto run = [&](int threads) {
      base::SetThreads(threads);
      torch::Tensor gradient;
      const PairwiseReport report = k < 0 ? RunWarp(c, &gradient) : RunLambdaRank(c, &gradient, {.k = k});
      return std::pair(gradient, report.loss);
    };
    const auto one = run(1);
    const auto two = run(2);
    const auto three = run(3);
    EXPECT_TRUE(one.first.equal(two.first) && one.first.equal(three.first));
    EXPECT_EQ(one.second, two.second);
    EXPECT_EQ(one.second, three.second);
  }
  base::SetThreads(before);
}

TEST(Pairwise, ScoresThatAreNotFiniteShow) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Case c;
    torch::Tensor good;
    RunWarp(c, &good);
    c.logits[3][17] = bad;
    torch::Tensor gradient;
    EXPECT_TRUE(std::isnan(RunWarp(c, &gradient).loss));
    EXPECT_TRUE(gradient[3].isnan().all().item<bool>());
    EXPECT_TRUE(gradient[4].equal(good[4]));
    EXPECT_TRUE(std::isnan(RunLambdaRank(c, &gradient, {.k = 5}).loss));
  }
}

// Rows: hidden and shown clicks; hidden only; shown only; all items shown; all items clicked; none.
struct Clicks {
  Clicks() {
    const std::vector<std::pair<Items, Items>> rows = {
        {{1, 4}, {0, 6}}, {{2, 3}, {}}, {{}, {5}}, {{}, {0, 1, 2, 3, 4, 5, 6}}, {{0, 2}, {1, 3, 4, 5, 6}}, {{}, {}}};
    for (const auto& [hidden, shown] : rows) {
      batch.unseen.AddRow(hidden);
      batch.seen.AddRow(shown);
      Items full = hidden;
      full.insert(full.end(), shown.begin(), shown.end());
      std::sort(full.begin(), full.end());
      batch.full.AddRow(full);
    }
  }
  nn::RowBatch batch;
  Row weight = {0.5, -1.0, 2.0, 1.0, 3.0, 1.0};
};

TEST(UnseenNll, IsASoftmaxOverWhatWasNotShown) {
  const Clicks c;
  torch::manual_seed(3);
  for (const auto type : {torch::kFloat32, torch::kFloat64}) {
    torch::Tensor logits = torch::randn({6, 7}, type) * 3.0;
    logits[0][6] = 60.0;  // a shown item that would take the whole softmax
    const torch::Tensor bias = torch::randn({7}, type);
    const torch::Tensor f = (logits + bias).to(torch::kFloat64);
    const Row nll = UnseenNllGradient(logits, bias, c.batch, c.weight);
    for (std::int64_t r = 0; r < 6; ++r) {
      const auto hidden = c.batch.unseen.row(r);
      const auto shown = c.batch.seen.row(r);
      std::set<std::int32_t> left;
      for (std::int32_t item = 0; item < 7; ++item) {
        if (std::find(shown.begin(), shown.end(), item) == shown.end()) {
          left.insert(item);
        }
      }
      double sum = 0.0;
      for (const std::int32_t item : left) {
        sum += std::exp(f[r][item].item<double>());
      }
      double expected = 0.0;
      for (const std::int32_t item : hidden) {
        expected += std::log(sum) - f[r][item].item<double>();
      }
      EXPECT_NEAR(nll[static_cast<std::size_t>(r)], expected, 1e-5);
      for (std::int32_t item = 0; item < 7; ++item) {
        double slope = 0.0;
        if (left.contains(item)) {
          slope = static_cast<double>(hidden.size()) * std::exp(f[r][item].item<double>()) / sum;
          slope -= std::find(hidden.begin(), hidden.end(), item) != hidden.end() ? 1.0 : 0.0;
        }
        const auto value = logits[r][item].item<double>();
        EXPECT_NEAR(value, c.weight[static_cast<std::size_t>(r)] * slope, 1e-5) << "row " << r << " item " << item;
        EXPECT_TRUE(left.contains(item) || value == 0.0);
      }
      EXPECT_TRUE(!hidden.empty() || logits[r].equal(torch::zeros({7}, type)));
    }
    EXPECT_EQ(nll[2], 0.0);
    EXPECT_EQ(nll[3], 0.0);
    EXPECT_EQ(nll[5], 0.0);
  }
}

}  // namespace
}  // namespace recforce::algos
