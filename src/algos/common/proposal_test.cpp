// SPDX-License-Identifier: Apache-2.0
#include "algos/common/proposal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace recforce::algos {
namespace {

TEST(ProposalTest, GoldenLogUniform) {
  std::vector<double> counts(26744);
  for (std::size_t item = 0; item < counts.size(); ++item) {
    counts[item] = static_cast<double>(counts.size() - item);  // by rank
  }
  const Proposal proposal("log_uniform", counts, 1.0);
  EXPECT_NEAR(proposal.Probability(0), .067994918, 1e-9);
  EXPECT_NEAR(proposal.Probability(9), .0093495408, 1e-10);
  EXPECT_NEAR(proposal.Probability(999), 9.8046915e-05, 1e-12);
  EXPECT_NEAR(std::exp(proposal.LogExpected(0, 120, false)), 8.1593901, 1e-6);
  EXPECT_NEAR(std::exp(proposal.LogExpected(0, 150, true)), .99997413, 1e-7);
  EXPECT_NEAR(std::exp(proposal.LogExpected(99, 150, true)), .13626092, 1e-7);
}

TEST(ProposalTest, RanksByCountsWhateverTheOrderOfItems) {
  const Proposal proposal("log_uniform", {1, 5, 3}, 1.0);
  EXPECT_GT(proposal.Probability(1), proposal.Probability(2));
  EXPECT_GT(proposal.Probability(2), proposal.Probability(0));
  EXPECT_NEAR(proposal.Probability(0) + proposal.Probability(1) + proposal.Probability(2), 1.0, 1e-12);
}

TEST(ProposalTest, DrawsAsOftenAsExpected) {
  const Proposal proposal("unigram", {16, 4, 1, 0}, 0.5);
  EXPECT_NEAR(proposal.Probability(0), .5, 1e-12);
  EXPECT_NEAR(proposal.Probability(3), .125, 1e-12);
  base::Rng rng(1, base::Stream::kTest);
  std::vector<std::int32_t> items;
  EXPECT_EQ(proposal.Draw(40000, false, rng, items), 40000);
  EXPECT_NEAR(static_cast<double>(std::count(items.begin(), items.end(), 0)) / 40000.0, .5, .01);
  items.clear();
  const std::int64_t draws = proposal.Draw(9, true, rng, items);
  EXPECT_EQ(std::set<std::int32_t>(items.begin(), items.end()).size(), 4U);
  EXPECT_EQ(items.size(), 4U);
  EXPECT_GE(draws, 4);
}

}  // namespace
}  // namespace recforce::algos
