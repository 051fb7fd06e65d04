// SPDX-License-Identifier: Apache-2.0
// Full-catalogue evaluation with recommenders whose scores are known, against ranks counted one by one.
#include "recforce/eval/evaluator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/threads.h"
#include "recforce/eval/groups.h"
#include "support/fixed_scores.h"

namespace recforce::eval {
namespace {

using Items = std::vector<std::int32_t>;

// Few distinct scores, so many ties; a user's scores depend on the history alone.
class TiedRecommender : public core::Recommender {
 public:
  explicit TiedRecommender(std::int64_t num_items) : num_items_(num_items) {}
  [[nodiscard]] std::int64_t NumItems() const override { return num_items_; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t user = 0; user < users.size(); ++user) {
      std::uint32_t key = 17;
      for (const std::int32_t item : users.history.row(user)) {
        key = key * 31 + static_cast<std::uint32_t>(item);
      }
      for (std::int64_t item = 0; item < num_items_; ++item) {
        const std::uint32_t mixed = (key ^ static_cast<std::uint32_t>(item * 2654435761U)) * 2246822519U;
        out.row(user)[item] = static_cast<float>((mixed >> 20U) % 5U);
      }
    }
    largest_batch_ = std::max(largest_batch_, users.size());
  }
  mutable std::int64_t largest_batch_ = 0;

 private:
  std::int64_t num_items_;
};

data::EvalSet RandomSet(std::int64_t users, std::int32_t num_items) {
  std::mt19937 random(3);
  data::EvalSet set;
  for (std::int64_t user = 0; user < users; ++user) {
    Items items(num_items);
    for (std::int32_t item = 0; item < num_items; ++item) {
      items[item] = item;
    }
    std::shuffle(items.begin(), items.end(), random);
    const std::size_t shown = random() % 10;
    const std::size_t held_out = 1 + random() % 6;
    set.users.push_back(static_cast<std::int32_t>(user));
    set.input.AddRow(std::span(items).first(shown));
    set.target.AddRow(std::span(items).subspan(shown, held_out));
  }
  return set;
}

data::EvalSet OneUser(const Items& input, const Items& target) {
  data::EvalSet set;
  set.users = {0};
  set.input.AddRow(input);
  set.target.AddRow(target);
  return set;
}

std::vector<Metric> Metrics(const std::vector<std::string>& names) { return ParseMetrics(names); }

TEST(Evaluate, MatchesRanksCountedOneByOne) {
  constexpr std::int32_t kItems = 40;
  const data::EvalSet set = RandomSet(60, kItems);
  const TiedRecommender recommender(kItems);
  const std::vector<Metric> metrics =
      Metrics({"ndcg@5", "recall@5", "precision@10", "map@10", "mrr@40", "hr@3", "ndcg@100"});
  const EvalResult result = Evaluate(recommender, set, metrics, 16);
  ASSERT_EQ(result.users, 60);
  std::vector<float> scores(60 * kItems);
  recommender.ScoreBatch({set.input.view()}, {scores.data(), 60, kItems});
  for (std::int64_t user = 0; user < 60; ++user) {
    const auto has = [](std::span<const std::int32_t> row, std::int32_t item) {
      return std::find(row.begin(), row.end(), item) != row.end();
    };
    const float* own = scores.data() + user * kItems;
    Items hits;
    for (const std::int32_t target : set.target.row(user)) {
      std::int32_t ahead = 0;  // of the target: better ones, equal others, equal targets of lower index
      for (std::int32_t item = 0; item < kItems; ++item) {
        if (item == target || has(set.input.row(user), item)) {
          continue;
        }
        const bool is_target = has(set.target.row(user), item);
        ahead += own[item] > own[target] || (own[item] == own[target] && (!is_target || item < target)) ? 1 : 0;
      }
      hits.push_back(ahead);
    }
    std::sort(hits.begin(), hits.end());
    for (std::size_t metric = 0; metric < metrics.size(); ++metric) {
      EXPECT_EQ(result.per_user[user * metrics.size() + metric],
                Value(metrics[metric], hits, static_cast<std::int64_t>(set.target.row(user).size())))
          << user << " " << metrics[metric].name;
    }
  }
}

TEST(Evaluate, BatchSizeAndThreadsChangeNothing) {
  const data::EvalSet set = RandomSet(333, 75);
  const TiedRecommender recommender(75);
  const std::vector<Metric> metrics = Metrics(EvalConfig{}.metrics);
  const EvalResult expected = Evaluate(recommender, set, metrics, 500);
  EXPECT_EQ(recommender.largest_batch_, 333);
  const int threads = base::Threads();
  for (const int count : {1, 3}) {
    base::SetThreads(count);
    for (const std::int64_t batch_size : {1, 7, 500}) {
      const TiedRecommender again(75);
      const EvalResult result = Evaluate(again, set, metrics, batch_size);
      EXPECT_EQ(result.per_user, expected.per_user) << batch_size;
      EXPECT_EQ(again.largest_batch_, std::min<std::int64_t>(batch_size, 333));
    }
  }
  base::SetThreads(threads);
}

TEST(Evaluate, EqualScoresArePessimistic) {
  // 20 items with one score, 2 shown, 3 targets: the targets take the last three of 18 places.
  const test::FixedScores recommender(std::vector<float>(20, 1.0F));
  const data::EvalSet set = OneUser({4, 9}, {0, 1, 2});
  const EvalResult result = Evaluate(recommender, set, Metrics({"hr@15", "recall@16", "mrr@20", "recall@18"}), 500);
  EXPECT_EQ(result.Mean(0), 0.0);
  EXPECT_DOUBLE_EQ(result.Mean(1), 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(result.Mean(2), 1.0 / 16.0);
  EXPECT_EQ(result.Mean(3), 1.0);
}

// A model that has collapsed to one score knows nothing: every target stands last by default, and first only where ties
// are asked to be optimistic, which is how such a model can look perfect.
TEST(Evaluate, AModelOfOneScoreRecallsNothing) {
  const test::FixedScores recommender(std::vector<float>(50, 3.0F));
  const std::vector<Metric> metrics = Metrics({"recall@1", "recall@20", "recall@49", "mrr@49", "recall@50"});
  EvalOptions optimistic;
  optimistic.ties = core::Ties::kRelevantFirst;
  for (const std::int32_t target : {0, 7, 49}) {
    const EvalResult last = Evaluate(recommender, OneUser({}, {target}), metrics, 1);
    const EvalResult first = Evaluate(recommender, OneUser({}, {target}), metrics, optimistic);
    for (std::size_t metric = 0; metric < metrics.size(); ++metric) {
      EXPECT_EQ(last.Mean(metric), metric == 4 ? 1.0 : 0.0) << target << " " << metrics[metric].name;
      EXPECT_EQ(first.Mean(metric), 1.0) << target << " " << metrics[metric].name;
    }
  }
}

// The N-th place is among the first N: a rank that is counted from 0 is compared with < N, one from 1 with <= N.
TEST(Evaluate, TheLastPlaceCounts) {
  std::vector<float> scores;
  for (int item = 0; item < 40; ++item) {
    scores.push_back(static_cast<float>(-item));
  }
  const test::FixedScores recommender(scores);
  const std::vector<Metric> metrics = Metrics({"recall@20", "hr@20", "mrr@20", "precision@20"});
  const EvalResult twentieth = Evaluate(recommender, OneUser({}, {19}), metrics, 1);
  const EvalResult next = Evaluate(recommender, OneUser({}, {20}), metrics, 1);
  const std::vector<double> expected = {1.0, 1.0, 1.0 / 20.0, 1.0 / 20.0};
  for (std::size_t metric = 0; metric < metrics.size(); ++metric) {
    EXPECT_DOUBLE_EQ(twentieth.Mean(metric), expected[metric]) << metrics[metric].name;
    EXPECT_EQ(next.Mean(metric), 0.0) << metrics[metric].name;
  }
}

TEST(Evaluate, SeenItemsAreMasked) {
  const test::FixedScores recommender({9, 8, 7, 6, 5});
  const EvalResult result = Evaluate(recommender, OneUser({0, 1}, {2, 3}), Metrics({"ndcg@2", "mrr@1"}), 1);
  EXPECT_EQ(result.Mean(0), 1.0);
  EXPECT_EQ(result.Mean(1), 1.0);
}

TEST(Evaluate, WorksWithMorePlacesThanItems) {
  const test::FixedScores recommender({2, 1});
  const EvalResult result = Evaluate(recommender, OneUser({}, {1}), Metrics({"mrr@1000", "precision@1000"}), 1);
  EXPECT_EQ(result.Mean(0), 0.5);
  EXPECT_EQ(result.Mean(1), 0.001);
}

// Scores 9 8 7 6 5; the target is 3, ranked among 3, 4 and 1 only.
TEST(Evaluate, RanksAmongTheCandidates) {
  const test::FixedScores recommender({9, 8, 7, 6, 5});
  data::EvalSet set = OneUser({0}, {3});
  set.candidates.AddRow(Items{3, 4, 1});
  EvalOptions options;
  options.keep_top = 2;
  const EvalResult result = Evaluate(recommender, set, Metrics({"mrr@10", "auc", "hr@1"}), options);
  EXPECT_EQ(result.Mean(0), 0.5);
  EXPECT_EQ(result.Mean(1), 0.5);
  EXPECT_EQ(result.Mean(2), 0.0);
  EXPECT_EQ(result.top_items, (Items{1, 3}));
}

TEST(Evaluate, SeenItemsAreRankedWhereTheyMayComeAgain) {
  const test::FixedScores recommender({9, 8, 7});
  data::EvalSet set = OneUser({0, 1}, {1});
  set.mask_input = false;
  EXPECT_EQ(Evaluate(recommender, set, Metrics({"mrr@3"}), 1).Mean(0), 0.5);
}

TEST(Evaluate, OptimisticTiesCountOnlyBetterItems) {
  const test::FixedScores recommender({1, 2, 1, 1});
  EvalOptions options;
  options.ties = core::Ties::kRelevantFirst;
  EXPECT_EQ(Evaluate(recommender, OneUser({}, {3}), Metrics({"mrr@4"}), options).Mean(0), 0.5);
  EXPECT_EQ(Evaluate(recommender, OneUser({}, {3}), Metrics({"mrr@4"}), 1).Mean(0), 0.25);
}

// Three targets at ranks 0, 1 and 3: recall@2 is 2 / 3 by RecBole, 2 / 2 here; the others do not differ.
TEST(Evaluate, RecboleDividesRecallByAllTargets) {
  const test::FixedScores recommender({5, 4, 3, 2, 1});
  EvalOptions options;
  options.definitions = Definitions::kRecbole;
  const std::vector<Metric> metrics = Metrics({"recall@2", "ndcg@2", "map@2", "precision@2", "mrr@2", "hr@2"});
  const EvalResult theirs = Evaluate(recommender, OneUser({}, {0, 1, 3}), metrics, options);
  const EvalResult ours = Evaluate(recommender, OneUser({}, {0, 1, 3}), metrics, 1);
  EXPECT_DOUBLE_EQ(theirs.Mean(0), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(ours.Mean(0), 1.0);
  for (std::size_t metric = 1; metric < metrics.size(); ++metric) {
    EXPECT_EQ(theirs.Mean(metric), ours.Mean(metric)) << metrics[metric].name;
  }
}

// User 0: targets at ranks 0 and 3 of four, AUC (2 + 0) / 4. User 1: one target at rank 0, AUC 1. Weighted by targets:
// (2 * 0.5 + 1 * 1) / 3.
TEST(Evaluate, GaucWeighsUsersByTheirTargets) {
  const test::FixedScores recommender({4, 3, 2, 1});
  data::EvalSet set = OneUser({}, {0, 3});
  set.users.push_back(1);
  set.input.AddRow(Items{});
  set.target.AddRow(Items{0});
  const EvalResult result = Evaluate(recommender, set, Metrics({"auc", "gauc"}), 1);
  EXPECT_DOUBLE_EQ(result.Mean(0), 0.75);
  EXPECT_DOUBLE_EQ(result.Mean(1), 2.0 / 3.0);
  // The ratio's deviations, n / 1.5 (auc - 2/3), are -2/9 and 2/9.
  EXPECT_NEAR(result.HalfWidth95(1), 1.96 * 2.0 / 9.0, 1e-12);
  EXPECT_EQ(result.targets, (std::vector<std::int32_t>{2, 1}));
  EXPECT_DOUBLE_EQ(SummarizeGroup(result, {0, 1}, 0, 1).mean, 0.5);
  EXPECT_DOUBLE_EQ(SummarizeGroup(result, {0, 1}, 1, 1).mean, 1.0);
  EXPECT_NEAR(SummarizeGroup(result, {0, 0}, 0, 1).half_width95, result.HalfWidth95(1), 1e-12);
}

// Lists are kept to the length asked, set metrics stand apart, and neither depends on threads or batches.
TEST(Evaluate, ListsAndSetMetrics) {
  const data::EvalSet set = RandomSet(200, 30);
  const TiedRecommender recommender(30);
  EvalOptions options;
  options.keep_top = 3;
  options.train = set.input.view();
  const std::vector<Metric> metrics = Metrics({"coverage@5", "ndcg@4", "novelty@5", "gini@2", "diversity@5"});
  const EvalResult result = Evaluate(recommender, set, metrics, options);
  ASSERT_EQ(result.metrics.size(), 3);
  EXPECT_EQ(result.metrics[1].name, "novelty@5");
  ASSERT_EQ(result.set_metrics.size(), 2);
  EXPECT_EQ(result.set_metrics[1].metric.name, "gini@2");
  EXPECT_GT(result.set_metrics[0].value, 0.9);
  EXPECT_EQ(result.top_k, 3);
  ASSERT_EQ(result.top_items.size(), 600);
  const EvalResult plain = Evaluate(recommender, set, Metrics({"ndcg@4"}), 500);
  EXPECT_EQ(plain.Column(0), result.Column(0));
  EXPECT_TRUE(plain.top_items.empty());
  const int threads = base::Threads();
  base::SetThreads(3);
  options.batch_size = 7;
  const EvalResult again = Evaluate(recommender, set, metrics, options);
  base::SetThreads(threads);
  EXPECT_EQ(again.per_user, result.per_user);
  EXPECT_EQ(again.top_items, result.top_items);
  EXPECT_EQ(again.set_metrics[1].half_width95, result.set_metrics[1].half_width95);
}

TEST(Evaluate, RefusesAnEmptySet) {
  const test::FixedScores recommender({1});
  try {
    (void)Evaluate(recommender, {}, Metrics({"ndcg@10"}), 10);
    FAIL() << "an empty set was evaluated";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kData);
    EXPECT_STREQ(error.what(), "evaluation: no users to evaluate: 0; expected at least one");
  }
}

TEST(Evaluate, StopsWhenAsked) {
  const test::FixedScores recommender({1, 2});
  base::StopFlag stop;
  stop.Set();
  try {
    (void)Evaluate(recommender, OneUser({}, {1}), Metrics({"ndcg@10"}), 10, &stop);
    FAIL() << "evaluation went on";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kInterrupted);
  }
}

TEST(EvalResult, MeanIntervalAndColumn) {
  EvalResult result;
  result.metrics = Metrics({"hr@1", "ndcg@10"});
  result.users = 4;
  result.per_user = {1, 0.5, 0, 0.5, 1, 0.5, 0, 0.5};
  EXPECT_EQ(result.Column(0), (std::vector<double>{1, 0, 1, 0}));
  EXPECT_EQ(result.Mean(0), 0.5);
  // Squares 4 * 0.25 = 1, variance 1 / 3, so 1.96 * sqrt(1/3) / sqrt(4) = 0.565803...
  EXPECT_NEAR(result.HalfWidth95(0), 0.5658032, 1e-7);
  EXPECT_EQ(result.HalfWidth95(1), 0.0);
  result.users = 1;
  result.per_user.resize(2);
  EXPECT_EQ(result.HalfWidth95(0), 0.0);
}

TEST(EvalResult, IndexOfNamesWhatWasMeasured) {
  EvalResult result;
  result.metrics = Metrics({"ndcg@100", "recall@20"});
  EXPECT_EQ(result.IndexOf("recall@20"), 1);
  try {
    (void)result.IndexOf("ndcg@10");
    FAIL() << "found what was not measured";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kNotFound);
    EXPECT_STREQ(error.what(),
                 "evaluation: metric was not measured: 'ndcg@10'; did you mean 'ndcg@100'? "
                 "measured: ndcg@100, recall@20");
  }
}

TEST(EvalFields, DescribeTheStruct) {
  config::Section section = config::Section::Make<EvalConfig>("eval", EvalFields());
  const config::Field* batch = section.Find("eval_batch_size");
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->key, "batch_size");
  EXPECT_EQ(section.Set(*batch, "64"), "");
  EXPECT_EQ(section.As<EvalConfig>().batch_size, 64);
  EXPECT_NE(section.Set(*batch, "0"), "");
  ASSERT_NE(section.Find("metrics"), nullptr);
  EXPECT_EQ(section.Set(*section.Find("metrics"), "[hr@1, mrr@5]"), "");
  EXPECT_EQ(section.As<EvalConfig>().metrics, (std::vector<std::string>{"hr@1", "mrr@5"}));
  EXPECT_EQ(Metrics(EvalConfig{}.metrics).size(), EvalConfig{}.metrics.size());
}

}  // namespace
}  // namespace recforce::eval
