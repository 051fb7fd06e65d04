// SPDX-License-Identifier: Apache-2.0
// Scores and slates against explicit loops over Q in double precision.
#include "algos/cdqn/slates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "algos/cdqn/learner.h"
#include "algos/cdqn/reference.h"
#include "algos/cdqn/test_networks.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kItems = 8;
constexpr std::int64_t kSlate = 3;
constexpr std::int64_t kRows = 9;

using Items = std::vector<std::int32_t>;

bool Has(const Items& items, std::int32_t item) { return std::find(items.begin(), items.end(), item) != items.end(); }

// The best item that is not excluded, one place after the other.
Items NaiveCascade(const CdqnParams& params, std::span<const std::int32_t> recent, const Items& excluded) {
  Items slate;
  for (std::int64_t position = 0; position < kSlate; ++position) {
    slate.push_back(test::NaiveBest(params, recent, slate, excluded).item);
  }
  return slate;
}

class CdqnSlatesTest : public testing::TestWithParam<bool> {
 protected:
  CdqnSlatesTest()
      : params_(test::RandomParams({.items = kItems,
                                    .features = 2,
                                    .embedding = 4,
                                    .memory = 3,
                                    .sums = 2,
                                    .positions = kSlate,
                                    .shared = GetParam(),
                                    .hidden = {12, 6}},
                                   11)),
        scorer_(params_),
        clicks_(test::RandomRecent(kRows, 3, kItems)),
        recent_{clicks_.data(), kRows, 3} {}
  std::vector<Items> Slates(const CascadeOptions& options, std::vector<float>* q = nullptr) const {
    Items memory(static_cast<std::size_t>(kRows * kSlate));
    const base::MatrixView<std::int32_t> slates{memory.data(), kRows, kSlate};
    const std::vector<float> values = CascadeSlates(scorer_, recent_, options, slates);
    PlacesToItems(scorer_, slates);
    if (q != nullptr) {
      *q = values;
    }
    std::vector<Items> rows;
    for (std::int64_t row = 0; row < kRows; ++row) {
      rows.emplace_back(slates.row(row).begin(), slates.row(row).end());
    }
    return rows;
  }

  CdqnParams params_;
  CdqnScorer scorer_;
  Items clicks_;
  base::MatrixView<const std::int32_t> recent_;
};

TEST_P(CdqnSlatesTest, ScoresAreThoseOfExplicitLoopsAndOfAten) {
  const Items chosen = {1, 4, 7, 0, 2, 3, 5, 6, 0, 1, 2, 7, 3, 4, 5, 2, 6, 1};
  for (const std::int64_t position : {0, 1, 2}) {
    Items before;
    for (std::int64_t row = 0; row < kRows; ++row) {
      before.insert(before.end(), chosen.begin() + row * 2, chosen.begin() + row * 2 + position);
    }
    const base::MatrixView<const std::int32_t> firsts{before.data(), kRows, position};
    Items all(kItems);
    std::iota(all.begin(), all.end(), 0);
    const torch::Tensor aten =
        ReferenceQ(params_.shape, params_.flat, params_.features, ItemIndices(recent_, kItems, torch::kCPU),
                   ItemIndices(firsts, kItems, torch::kCPU), ItemIndices({all.data(), 1, kItems}, kItems, torch::kCPU));
    scorer_.ScoreAll({recent_, firsts}, [&](std::int64_t row, std::int64_t first, std::span<const float> q) {
      for (std::size_t c = 0; c < q.size(); ++c) {
        const auto item = static_cast<std::int32_t>(first) + static_cast<std::int32_t>(c);
        const double expected = test::NaiveQ(params_, recent_.row(row), firsts.row(row), item);
        EXPECT_NEAR(q[c], expected, 1e-5 * (1.0 + std::abs(expected)));
        EXPECT_NEAR(aten[row][item].item<float>(), expected, 1e-5 * (1.0 + std::abs(expected)));
      }
    });
  }
}

TEST_P(CdqnSlatesTest, AtenMakesTheSameSlates) {
  const CdqnScorer aten(params_, {}, true);
  for (const std::int64_t candidates : {0, 4}) {
    const CascadeOptions options{.beam = 2, .candidates = candidates};
    Items memory(static_cast<std::size_t>(kRows * kSlate));
    const base::MatrixView<std::int32_t> slates{memory.data(), kRows, kSlate};
    const std::vector<float> q = CascadeSlates(aten, recent_, options, slates);
    std::vector<float> expected;
    const std::vector<Items> rows = Slates(options, &expected);
    for (std::int64_t row = 0; row < kRows; ++row) {
      const auto at = static_cast<std::size_t>(row);
      EXPECT_EQ(Items(slates.row(row).begin(), slates.row(row).end()), rows[at]);
      EXPECT_NEAR(q[at], expected[at], 1e-5 * (1.0 + std::abs(expected[at])));
    }
  }
  const Items places = {0, kItems, 3, 1, 2, 7, 6, 5, kItems};  // some are "no item"
  const CdqnContexts contexts{recent_, {nullptr, kRows, 0}};
  const std::vector<float> one = aten.ScoreOne(contexts, places);
  const std::vector<float> expected = scorer_.ScoreOne(contexts, places);
  for (std::size_t row = 0; row < one.size(); ++row) {
    EXPECT_NEAR(one[row], expected[row], 1e-5 * (1.0 + std::abs(expected[row])));
  }
}

TEST_P(CdqnSlatesTest, CascadeIsThatOfExplicitLoopsAndRepeatsNothing) {
  std::vector<float> q;
  const std::vector<Items> slates = Slates({}, &q);
  for (std::int64_t row = 0; row < kRows; ++row) {
    const Items& slate = slates[static_cast<std::size_t>(row)];
    EXPECT_EQ(slate, NaiveCascade(params_, recent_.row(row), {}));
    EXPECT_EQ(std::set<std::int32_t>(slate.begin(), slate.end()).size(), static_cast<std::size_t>(kSlate));
    const Items before(slate.begin(), slate.end() - 1);
    EXPECT_NEAR(q[static_cast<std::size_t>(row)], test::NaiveQ(params_, recent_.row(row), before, slate.back()), 1e-4);
  }
}

TEST_P(CdqnSlatesTest, MasksAreHonoured) {
  data::Csr excluded;
  for (std::int64_t row = 0; row + 1 < kRows; ++row) {
    excluded.AddRow(NaiveCascade(params_, recent_.row(row), {}));  // what would be shown
  }
  excluded.AddRow(Items{0, 1, 2, 3, 4, 5});  // two items are left
  const std::vector<Items> slates = Slates({.excluded = excluded.view()});
  for (std::int64_t row = 0; row + 1 < kRows; ++row) {
    const Items mask(excluded.row(row).begin(), excluded.row(row).end());
    EXPECT_EQ(slates[static_cast<std::size_t>(row)], NaiveCascade(params_, recent_.row(row), mask));
  }
  const Items& last = slates.back();
  EXPECT_EQ(std::set<std::int32_t>(last.begin(), last.begin() + 2), (std::set<std::int32_t>{6, 7}));
  EXPECT_EQ(last[2], -1);
}

TEST_P(CdqnSlatesTest, ABeamThatKeepsEveryPrefixFindsTheLargestQ) {
  std::vector<float> q;
  const std::vector<Items> slates = Slates({.beam = kItems * (kItems - 1)}, &q);
  int better = 0;
  for (std::int64_t row = 0; row < kRows; ++row) {
    double most = -1e30;
    Items best;
    for (std::int32_t a = 0; a < kItems; ++a) {
      for (std::int32_t b = 0; b < kItems; ++b) {
        for (std::int32_t c = 0; c < kItems; ++c) {
          if (a != b && a != c && b != c) {
            const Items before = {a, b};
            const double value = test::NaiveQ(params_, recent_.row(row), before, c);
            if (value > most) {
              most = value;
              best = {a, b, c};
            }
          }
        }
      }
    }
    EXPECT_NEAR(q[static_cast<std::size_t>(row)], most, 1e-4);
    Items found = slates[static_cast<std::size_t>(row)];
    if (GetParam()) {  // the mean of the items before does not know their order
      std::sort(found.begin(), found.begin() + 2);
      std::sort(best.begin(), best.begin() + 2);
    }
    EXPECT_EQ(found, best);
    better += best != NaiveCascade(params_, recent_.row(row), {}) ? 1 : 0;
  }
  EXPECT_GT(better, 0) << "the cascade alone finds the same: nothing was tested";
}

TEST_P(CdqnSlatesTest, CandidatesAreTheBestOfTheFirstPlace) {
  const std::vector<Items> slates = Slates({.candidates = 4});
  for (std::int64_t row = 0; row < kRows; ++row) {
    std::vector<std::pair<double, std::int32_t>> order;
    for (std::int32_t item = 0; item < kItems; ++item) {
      order.emplace_back(-test::NaiveQ(params_, recent_.row(row), {}, item), item);
    }
    std::sort(order.begin(), order.end());
    Items others;
    for (std::size_t at = 4; at < order.size(); ++at) {
      others.push_back(order[at].second);
    }
    EXPECT_EQ(slates[static_cast<std::size_t>(row)], NaiveCascade(params_, recent_.row(row), others));
  }
  EXPECT_EQ(Slates({.candidates = kItems}), Slates({}));
}

TEST_P(CdqnSlatesTest, AShortlistIsACatalogueOfItsOwn) {
  const CdqnScorer few(params_, {1, 2, 5, 7});
  Items memory(static_cast<std::size_t>(kRows * kSlate));
  const base::MatrixView<std::int32_t> slates{memory.data(), kRows, kSlate};
  CascadeSlates(few, recent_, {}, slates);
  PlacesToItems(few, slates);
  for (std::int64_t row = 0; row < kRows; ++row) {
    EXPECT_EQ(Items(slates.row(row).begin(), slates.row(row).end()),
              NaiveCascade(params_, recent_.row(row), {0, 3, 4, 6}));
  }
}

TEST_P(CdqnSlatesTest, ViolationIsTheMeanDifferenceToTheLastPlace) {
  double sum = 0.0;
  for (std::int64_t row = 0; row < kRows; ++row) {
    const Items slate = NaiveCascade(params_, recent_.row(row), {});
    const auto q = [&](std::int64_t position) {
      const Items before(slate.begin(), slate.begin() + position);
      return test::NaiveQ(params_, recent_.row(row), before, slate[static_cast<std::size_t>(position)]);
    };
    sum += std::abs(q(0) - q(2)) + std::abs(q(1) - q(2));
  }
  EXPECT_NEAR(ConstraintViolation(scorer_, recent_, kSlate), sum / (2.0 * kRows), 1e-5);
  EXPECT_EQ(ConstraintViolation(scorer_, recent_, 1), 0.0);
}

INSTANTIATE_TEST_SUITE_P(Networks, CdqnSlatesTest, testing::Bool(),
                         [](const auto& param) { return std::string(param.param ? "shared" : "separate"); });

TEST(CdqnScorerTest, TheSharedNetworkGoesOnBeyondItsPositions) {
  const CdqnShape shape{.items = 6, .embedding = 3, .positions = 2, .shared = true, .hidden = {5}};
  const CdqnParams params = test::RandomParams(shape, 2);
  const CdqnScorer scorer(params);
  const Items recent = {4};
  const Items chosen = {0, 1, 2};
  const Items place = {5};
  EXPECT_NEAR(scorer.ScoreOne({{recent.data(), 1, 1}, {chosen.data(), 1, 3}}, place)[0],
              test::NaiveQ(params, recent, chosen, 5), 1e-5);
}

// So many items that the first layer is not kept.
TEST(CdqnScorerTest, LargeCataloguesAreScoredInBlocks) {
  const CdqnShape shape{.items = 70001, .embedding = 2, .positions = 1, .hidden = {128}};
  const CdqnParams params = test::RandomParams(shape, 2);
  const CdqnScorer scorer(params);
  const Items recent = {4, 70000, -1};
  std::int64_t seen = 0;
  scorer.ScoreAll({{recent.data(), 3, 1}, {nullptr, 3, 0}},
                  [&](std::int64_t row, std::int64_t first, std::span<const float> q) {
                    if (row == 1) {
                      EXPECT_EQ(first, seen);
                      seen += static_cast<std::int64_t>(q.size());
                      const auto item = static_cast<std::int32_t>(first);
                      if (item % 1024 == 0) {
                        EXPECT_NEAR(q[0], test::NaiveQ(params, {recent.data() + 1, 1}, {}, item), 1e-4);
                      }
                    }
                  });
  EXPECT_EQ(seen, 70001);
  const Items places = {3, 70001, 9};  // the second is "no item"
  const std::vector<float> one = scorer.ScoreOne({{recent.data(), 3, 1}, {nullptr, 3, 0}}, places);
  for (std::size_t row = 0; row < 3; ++row) {
    EXPECT_NEAR(one[row], test::NaiveQ(params, {recent.data() + row, 1}, {}, places[row]), 1e-4);
  }
}

TEST(CdqnTiesTest, TiesGoToTheLowerItem) {
  const CdqnShape shape{.items = 5, .embedding = 2, .positions = 3, .hidden = {3}};
  CdqnParams params = test::RandomParams(shape, 2);
  params.flat.zero_();
  const CdqnScorer scorer(params);
  const Items recent = {-1, 2};
  Items slates(6);
  CascadeSlates(scorer, {recent.data(), 2, 1}, {}, {slates.data(), 2, 3});
  EXPECT_EQ(slates, (Items{0, 1, 2, 0, 1, 2}));
  TopSlates(scorer, {recent.data(), 2, 1}, {slates.data(), 2, 3});
  EXPECT_EQ(slates, (Items{0, 1, 2, 0, 1, 2}));
}

class ChoiceSlatesTest : public testing::Test {
 protected:
  ChoiceSlatesTest()
      : params_(test::RandomParams({.items = kItems, .embedding = 3, .hidden = {5}}, 2)), scorer_(params_) {
    utilities_ = test::RandomNumbers(kItems, 31);
    q_ = test::RandomNumbers(kItems, 32);
    for (std::size_t at = 0; at < q_.size(); ++at) {
      utilities_[at] *= 3.0F;
      q_[at] = 4.0F * q_[at] + 1.0F;
    }
  }
  Items Slate(const core::ChoiceRule& rule, SlateSearch search) const {
    Items slate(static_cast<std::size_t>(kSlate));
    ChoiceSlates(scorer_, rule, search, {utilities_.data(), 1, kItems}, {q_.data(), 1, kItems}, none_,
                 {slate.data(), 1, kSlate});
    return slate;
  }
  double Worth(const core::ChoiceRule& rule, const Items& slate) const {
    std::vector<float> u;
    std::vector<double> p(slate.size());
    for (const std::int32_t item : slate) {
      u.push_back(utilities_[static_cast<std::size_t>(item)]);
    }
    double worth = core::ChoiceProbabilities(rule, u, p) * none_[0];
    for (std::size_t at = 0; at < slate.size(); ++at) {
      worth += p[at] * q_[static_cast<std::size_t>(slate[at])];
    }
    return worth;
  }
  CdqnParams params_;
  CdqnScorer scorer_;
  std::vector<float> utilities_, q_;
  std::vector<float> none_ = {0.7F};
};

TEST_F(ChoiceSlatesTest, GreedyAddsWhatIsWorthMostUnderEachLaw) {
  for (const core::ChoiceRule& rule :
       {core::ChoiceRule{core::ChoiceLaw::kSoftmax, 0.5F}, core::ChoiceRule{core::ChoiceLaw::kSoftmax, std::nullopt},
        core::ChoiceRule{core::ChoiceLaw::kSparsemax, 0.5F}, core::ChoiceRule{core::ChoiceLaw::kEntmax15, 0.5F}}) {
    Items expected;
    while (static_cast<std::int64_t>(expected.size()) < kSlate) {
      std::int32_t best = -1;
      double most = -1e30;
      for (std::int32_t item = 0; item < kItems; ++item) {
        Items longer = expected;
        longer.push_back(item);
        if (!Has(expected, item) && Worth(rule, longer) > most + 1e-9) {
          most = Worth(rule, longer);
          best = item;
        }
      }
      expected.push_back(best);
    }
    EXPECT_EQ(Slate(rule, SlateSearch::kGreedy), expected);
  }
}

TEST_F(ChoiceSlatesTest, TopTakesTheLargestProductsOfWeightAndGain) {
  std::vector<std::pair<double, std::int32_t>> order;
  for (std::int32_t item = 0; item < kItems; ++item) {
    const auto at = static_cast<std::size_t>(item);
    order.emplace_back(-std::exp(double{utilities_[at]}) * (double{q_[at]} - none_[0]), item);
  }
  std::sort(order.begin(), order.end());
  EXPECT_EQ(Slate({core::ChoiceLaw::kSoftmax, 0.5F}, SlateSearch::kTop),
            (Items{order[0].second, order[1].second, order[2].second}));
}

TEST_F(ChoiceSlatesTest, HugeUtilitiesDoNotOverflow) {
  for (float& u : utilities_) {
    u *= 1e4F;
  }
  for (const SlateSearch search : {SlateSearch::kGreedy, SlateSearch::kTop}) {
    const Items slate = Slate({core::ChoiceLaw::kSoftmax, 0.5F}, search);
    EXPECT_EQ(std::set<std::int32_t>(slate.begin(), slate.end()).size(), static_cast<std::size_t>(kSlate));
  }
}

}  // namespace
}  // namespace recforce::algos
