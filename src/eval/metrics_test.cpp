// SPDX-License-Identifier: Apache-2.0
// Metric names, hand-computed values, the toy table of the RaCT reference code, and a slow twin by definition.
#include "recforce/eval/metrics.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/core/topk.h"

namespace recforce::eval {
namespace {

using Ranks = std::vector<std::int32_t>;
const std::vector<std::string> kAllKinds = {"ndcg", "recall", "precision", "map", "mrr", "hr"};

double Of(const std::string& name, const Ranks& hits, std::int64_t num_targets) {
  return Value(ParseMetric(name), hits, num_targets);
}

std::string MessageOf(const std::vector<std::string>& names) {
  try {
    (void)ParseMetrics(names);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    return error.what();
  }
  return "parsed";
}

TEST(MetricNames, AreReadAndWrittenBack) {
  const std::vector<std::string> names = {"ndcg@100", "recall@20", "precision@10", "map@10", "mrr@1", "hr@010"};
  const std::vector<Metric> metrics = ParseMetrics(names);
  ASSERT_EQ(metrics.size(), 6);
  EXPECT_EQ(metrics[0].kind, MetricKind::kNdcg);
  EXPECT_EQ(metrics[0].k, 100);
  EXPECT_EQ(metrics[0].name, "ndcg@100");
  EXPECT_EQ(metrics[1].kind, MetricKind::kRecall);
  EXPECT_EQ(metrics[2].kind, MetricKind::kPrecision);
  EXPECT_EQ(metrics[3].kind, MetricKind::kMap);
  EXPECT_EQ(metrics[4].kind, MetricKind::kMrr);
  EXPECT_EQ(metrics[5].kind, MetricKind::kHitRate);
  EXPECT_EQ(metrics[5].name, "hr@10");
}

TEST(MetricNames, ScopesSayWhatAMetricNeeds) {
  EXPECT_EQ(ParseMetric("auc").scope(), MetricScope::kScores);
  EXPECT_EQ(ParseMetric("auc").name, "auc");
  EXPECT_TRUE(ParseMetric("gauc").measures_targets());
  EXPECT_TRUE(ParseMetric("hr@1").measures_targets());
  EXPECT_EQ(ParseMetric("popularity_lift@20").scope(), MetricScope::kList);
  EXPECT_EQ(ParseMetric("coverage@5").scope(), MetricScope::kSet);
  EXPECT_FALSE(ParseMetric("gini@5").measures_targets());
  EXPECT_EQ(MessageOf({"auc@10"}), "metric 'auc@10': takes no cutoff: '10'; expected auc alone");
}

TEST(MetricNames, ErrorsSayWhatIsAllowed) {
  EXPECT_EQ(MessageOf({"ndgc@10"}),
            "metric 'ndgc@10': unknown name: 'ndgc'; did you mean 'ndcg'? "
            "known metrics: ndcg, recall, hr, precision, map, mrr, auc, gauc, novelty, "
            "popularity_lift, diversity, coverage, gini");
  EXPECT_EQ(MessageOf({"accuracy@10"}),
            "metric 'accuracy@10': unknown name: 'accuracy'; known metrics: ndcg, recall, hr, precision, map, mrr, "
            "auc, gauc, novelty, "
            "popularity_lift, diversity, coverage, gini");
  EXPECT_EQ(MessageOf({"ndcg"}),
            "metric 'ndcg': bad cutoff: ''; expected a whole number in [1, 1000000000], like ndcg@10");
  EXPECT_EQ(MessageOf({"hr@0"}),
            "metric 'hr@0': bad cutoff: '0'; expected a whole number in [1, 1000000000], like hr@10");
  EXPECT_EQ(MessageOf({"mrr@1e3"}),
            "metric 'mrr@1e3': bad cutoff: '1e3'; expected a whole number in [1, 1000000000], like mrr@10");
  EXPECT_EQ(MessageOf({"map@99999999999999999999"}),
            "metric 'map@99999999999999999999': bad cutoff: '99999999999999999999'; "
            "expected a whole number in [1, 1000000000], like map@10");
  EXPECT_EQ(MessageOf({}), "metrics: the list is empty; expected at least one, like ndcg@10");
  EXPECT_EQ(MessageOf({"hr@5", "hr@05"}), "metrics: listed twice: 'hr@5'; name each one once");
}

TEST(MetricValues, ByHand) {
  // Three targets, at ranks 0, 3 and 12; the cutoff of 10 sees the first two.
  const Ranks hits = {0, 3, 12};
  // (1/log2(2) + 1/log2(5)) / (1/log2(2) + 1/log2(3) + 1/log2(4)) = 1.4306766 / 2.1309298
  EXPECT_NEAR(Of("ndcg@10", hits, 3), 0.6713861, 1e-7);
  EXPECT_DOUBLE_EQ(Of("recall@10", hits, 3), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(Of("recall@2", hits, 3), 1.0 / 2.0);  // min(2, 3) = 2
  EXPECT_DOUBLE_EQ(Of("precision@10", hits, 3), 2.0 / 10.0);
  EXPECT_DOUBLE_EQ(Of("map@10", hits, 3), (1.0 / 1.0 + 2.0 / 4.0) / 3.0);
  EXPECT_DOUBLE_EQ(Of("map@2", hits, 3), (1.0 / 1.0) / 2.0);
  EXPECT_DOUBLE_EQ(Of("mrr@10", hits, 3), 1.0);
  EXPECT_DOUBLE_EQ(Of("mrr@10", {3, 12}, 3), 1.0 / 4.0);
  EXPECT_DOUBLE_EQ(Of("mrr@3", {3, 12}, 3), 0.0);
  EXPECT_DOUBLE_EQ(Of("mrr@4", {3, 12}, 3), 1.0 / 4.0);
  EXPECT_DOUBLE_EQ(Of("hr@10", hits, 3), 1.0);
  EXPECT_DOUBLE_EQ(Of("hr@3", {3, 12}, 3), 0.0);
}

TEST(MetricValues, NoHitIsZero) {
  for (const std::string& kind : kAllKinds) {
    EXPECT_EQ(Of(kind + "@10", {}, 4), 0.0) << kind;
    EXPECT_EQ(Of(kind + "@10", {10, 11}, 4), 0.0) << kind;
  }
}

TEST(MetricValues, NdcgBeyondTheTableOfDiscounts) {
  // 2,000 targets at ranks 1,000 .. 2,999, cutoff 3,000.
  Ranks hits;
  double gain = 0.0;
  double ideal = 0.0;
  for (int rank = 0; rank < 2000; ++rank) {
    hits.push_back(rank + 1000);
    gain += 1.0 / std::log2(rank + 1002.0);
    ideal += 1.0 / std::log2(rank + 2.0);
  }
  EXPECT_NEAR(Of("ndcg@3000", hits, 2000), gain / ideal, 1e-12);
}

TEST(MetricValues, AUserWithoutTargetsIsOurBug) { EXPECT_THROW(Of("ndcg@10", {}, 0), base::Error); }

// Scores, histories and held-out items of the toy example; the expected columns were computed with the code that
// its authors published (six digits).
TEST(MetricValues, ToyTableOfRact) {
  const std::vector<std::vector<float>> scores = {{.9F, .8F, .7F, .6F, .5F, .4F, .3F, .2F},
                                                  {.1F, .2F, .3F, .4F, .5F, .6F, .7F, .8F},
                                                  {.5F, .1F, .9F, .3F, .7F, .2F, .8F, .4F},
                                                  {.2F, .9F, .1F, .8F, .3F, .7F, .4F, .6F}};
  const std::vector<Ranks> shown = {{0, 6}, {1, 5}, {7}, {2}};
  const std::vector<Ranks> held_out = {{2, 3}, {4, 7}, {0, 1, 5}, {}};
  struct Expected {
    std::int64_t k;
    std::vector<double> ndcg, recall, map;
  };
  const std::vector<Expected> table = {{1, {0, 1, 0}, {0, 1, 0}, {0, 1, 0}},
                                       {3, {.693426, .919721, 0}, {1, 1, 0}, {.583333, .833333, 0}},
                                       {5, {.693426, .919721, .202107}, {1, 1, .333333}, {.583333, .833333, .083333}}};
  core::TopK top(8);
  for (const Expected& row : table) {
    const std::string cutoff = "@" + std::to_string(row.k);
    for (std::size_t user = 0; user < scores.size(); ++user) {
      const auto ranking = top.Select(scores[user], row.k, shown[user], core::Ties::kRelevantLast, held_out[user]);
      ASSERT_EQ(ranking.size(), static_cast<std::size_t>(row.k));
      Ranks hits;
      for (std::size_t rank = 0; rank < ranking.size(); ++rank) {
        if (top.IsRelevant(ranking[rank])) {
          hits.push_back(static_cast<std::int32_t>(rank));
        }
      }
      if (held_out[user].empty()) {
        EXPECT_TRUE(hits.empty());
        continue;
      }
      const auto targets = static_cast<std::int64_t>(held_out[user].size());
      EXPECT_NEAR(Of("ndcg" + cutoff, hits, targets), row.ndcg[user], 1e-6) << user << cutoff;
      EXPECT_NEAR(Of("recall" + cutoff, hits, targets), row.recall[user], 1e-6) << user << cutoff;
      EXPECT_NEAR(Of("map" + cutoff, hits, targets), row.map[user], 1e-6) << user << cutoff;
    }
  }
}

// By definition: place after place, and for MAP a new count at every place.
double SlowValue(const std::string& kind, std::int64_t k, const std::vector<bool>& is_hit, std::int64_t num_targets) {
  const auto depth = std::min<std::int64_t>(k, static_cast<std::int64_t>(is_hit.size()));
  double dcg = 0, idcg = 0, count = 0, precisions = 0, reciprocal = 0;
  for (std::int64_t place = 1; place <= depth; ++place) {
    if (!is_hit[place - 1]) {
      continue;
    }
    dcg += 1.0 / std::log2(place + 1.0);
    count += 1;
    reciprocal = std::max(reciprocal, 1.0 / static_cast<double>(place));
    precisions += static_cast<double>(std::count(is_hit.begin(), is_hit.begin() + place, true)) / place;
  }
  const auto ideal = std::min(k, num_targets);
  for (std::int64_t place = 1; place <= ideal; ++place) {
    idcg += 1.0 / std::log2(place + 1.0);
  }
  if (kind == "ndcg") return dcg / idcg;
  if (kind == "recall") return count / ideal;
  if (kind == "precision") return count / k;
  if (kind == "map") return precisions / ideal;
  if (kind == "mrr") return reciprocal;
  return count > 0 ? 1.0 : 0.0;
}

TEST(MetricValues, EqualTheirDefinitionsAndStayInBounds) {
  const bool holds = rc::check("metrics equal their definitions", [] {
    const auto is_hit = *rc::gen::container<std::vector<bool>>(rc::gen::arbitrary<bool>());
    const auto missed = *rc::gen::inRange<std::int64_t>(0, 20);
    const auto k = *rc::gen::inRange<std::int64_t>(1, 60);
    Ranks hits;
    for (std::size_t rank = 0; rank < is_hit.size(); ++rank) {
      if (is_hit[rank]) {
        hits.push_back(static_cast<std::int32_t>(rank));
      }
    }
    const auto num_targets = static_cast<std::int64_t>(hits.size()) + missed;
    RC_PRE(num_targets > 0);
    for (const std::string& kind : kAllKinds) {
      const double value = Of(kind + "@" + std::to_string(k), hits, num_targets);
      RC_ASSERT(std::abs(value - SlowValue(kind, k, is_hit, num_targets)) < 1e-12);
      RC_ASSERT(value >= 0.0);
      RC_ASSERT(value <= 1.0);
    }
  });
  EXPECT_TRUE(holds);
}

TEST(MetricValues, APerfectRankingIsExactlyOne) {
  for (std::int64_t targets = 1; targets <= 1500; targets += 7) {
    Ranks hits;
    for (std::int32_t rank = 0; rank < targets; ++rank) {
      hits.push_back(rank);
    }
    for (const std::string cutoff : {"@1", "@10", "@100", "@1200"}) {
      EXPECT_EQ(Of("ndcg" + cutoff, hits, targets), 1.0) << targets << cutoff;
      EXPECT_EQ(Of("recall" + cutoff, hits, targets), 1.0) << targets << cutoff;
      EXPECT_EQ(Of("map" + cutoff, hits, targets), 1.0) << targets << cutoff;
    }
  }
}

}  // namespace
}  // namespace recforce::eval
