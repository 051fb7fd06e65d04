// SPDX-License-Identifier: Apache-2.0
// One target among negatives that may repeat: what a split with split.negatives_distinct=false means for metrics. And,
// on real data, the dirty protocol of split.negatives_from=not_test.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <vector>

#include "recforce/data/convert.h"
#include "recforce/data/split.h"
#include "recforce/eval/evaluator.h"
#include "support/fixed_scores.h"
#include "support/temp_dir.h"

namespace recforce::eval {
namespace {

// Target 2 scores 3. Items 4 (twice) and 3 score more, item 1 (three times) less: rank 3, counted from 0. Of the six
// negatives three are above: auc 1/2.
TEST(SampledProtocol, ARepeatedNegativeTakesAsManyPlaces) {
  data::EvalSet set;
  set.users = {0};
  set.mask_input = false;
  set.input.AddRow(std::vector<std::int32_t>{4});
  set.target.AddRow(std::vector<std::int32_t>{2});
  set.candidates.AddRow(std::vector<std::int32_t>{2, 4, 1, 3, 1, 4, 1});
  const test::FixedScores model({1, 2, 3, 4, 5});
  const std::vector<Metric> metrics = ParseMetrics(std::vector<std::string>{"hr@3", "hr@4", "mrr@7", "ndcg@7", "auc"});
  const EvalResult result = Evaluate(model, set, metrics, 10);
  EXPECT_EQ(result.Mean(0), 0.0);
  EXPECT_EQ(result.Mean(1), 1.0);
  EXPECT_DOUBLE_EQ(result.Mean(2), 1.0 / 4);
  EXPECT_DOUBLE_EQ(result.Mean(3), 1.0 / std::log2(5.0));
  EXPECT_DOUBLE_EQ(result.Mean(4), 0.5);
}

// Ratings above 3 of MovieLens-100k, cut 80 to 20 at random; one target among 99 draws from all but the user's test
// targets. Forty lines of another language, with other draws, gave popularity .470 and .246 (standard errors .005,
// .003).
TEST(SampledProtocol, PopularityOnMovieLens) {
  const std::filesystem::path folder = test::RealData().value_or("") / "ml-100k";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "no ml-100k in RECFORCE_DATA or ../shared/data";
  }
  const test::TempDir dir;
  (void)data::Convert(base::RealFileSystem(), folder, {.min_rating = 4.0}, dir / "data");
  const data::Dataset dataset = data::Dataset::Open(dir / "data");
  data::SplitConfig config;
  config.kind = "random_rows";
  config.validation_ratio = 0.0;
  config.test_ratio = 0.2;
  config.rows = "target";
  config.negatives = 99;
  config.negatives_from = "not_test";
  config.negatives_distinct = false;
  const data::Split split = data::MakeSplit(dataset, config);
  EXPECT_EQ(split.test.rows(), dataset.num_interactions() / 5);
  EXPECT_EQ(split.test.candidates.nnz(), split.test.rows() * 100);
  std::vector<float> counts(static_cast<std::size_t>(split.num_items()), 0.0F);
  for (const std::int32_t item : split.train.items) {
    counts[static_cast<std::size_t>(item)] += 1.0F;
  }
  const std::vector<Metric> metrics = ParseMetrics(std::vector<std::string>{"hr@10", "ndcg@10"});
  const EvalResult result = Evaluate(test::FixedScores(counts), split.test, metrics, 500);
  EXPECT_NEAR(result.Mean(0), 0.47, 0.015);
  EXPECT_NEAR(result.Mean(1), 0.246, 0.01);
}

}  // namespace
}  // namespace recforce::eval
