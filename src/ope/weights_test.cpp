// SPDX-License-Identifier: Apache-2.0
// Columns made from distributions: known values, weights that average to 1 under logging, input that is refused.
#include "recforce/ope/weights.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "support/error_of.h"
#include "support/ope_rounds.h"

namespace recforce::ope {
namespace {

using test::Column;
using test::ErrorOf;
using test::GoldenRounds;
using Actions = std::vector<std::int32_t>;

TEST(OpeWeights, KnownRounds) {
  const GoldenRounds golden;
  const Column weights = {3.0, 2.0, 8.0, 1.75, 0.571429, 0.833333};
  const Column mrdr = {12.0, 6.0, 72.0, 2.625, 0.244898, 1.944444};
  const Column found = MrdrWeights(golden.policy, golden.propensity);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(golden.weight[i], weights[i], 5e-7);
    EXPECT_NEAR(found[i], mrdr[i], 5e-7);
  }
}

TEST(OpeWeights, ColumnsByHand) {
  EXPECT_EQ(AtAction(Column{1, 2, 3, 4, 5, 6}, Actions{2, 0}, 3), (Column{3, 4}));
  EXPECT_EQ(ExpectedUnder(Column{0.5, 0.5, 0.25, 0.75}, Column{1, 3, 4, 8}, 2), (Column{2, 7}));
}

// Every action of every golden round in turn, and the embedding that it shows: sum beta(a|x) p(e|a) w(x, e) = 1.
TEST(OpeWeights, AverageToOneUnderLogging) {
  const GoldenRounds golden;
  const Actions category = {7, -2, 7};
  const double shows[3][2] = {{0.9, 0.1}, {0.5, 0.5}, {0.2, 0.8}};
  for (std::size_t round = 0; round < 6; ++round) {
    const Column pi(golden.pi.begin() + 3 * round, golden.pi.begin() + 3 * round + 3);
    const Column beta(golden.beta.begin() + 3 * round, golden.beta.begin() + 3 * round + 3);
    double by_action = 0.0;
    double by_category = 0.0;
    double by_embedding = 0.0;
    for (std::int32_t action = 0; action < 3; ++action) {
      by_action += beta[action] * ImportanceWeights(Column{pi[action]}, Column{beta[action]})[0];
      by_category += beta[action] * CategoryWeights(pi, beta, category, Actions{action})[0];
      for (int e = 0; e < 2; ++e) {
        const Column likelihood = {shows[0][e], shows[1][e], shows[2][e]};
        by_embedding += beta[action] * shows[action][e] * MarginalWeights(pi, beta, likelihood, 3)[0];
      }
    }
    EXPECT_NEAR(by_action, 1.0, 1e-12);
    EXPECT_NEAR(by_category, 1.0, 1e-12);
    EXPECT_NEAR(by_embedding, 1.0, 1e-12);
  }
}

TEST(OpeWeights, MarginalWeightsBetweenTheirExtremes) {
  const GoldenRounds golden;
  // Embeddings that name the action give importance weights; one embedding for all gives 1.
  Column names(18, 0.0);
  for (std::size_t i = 0; i < 6; ++i) {
    names[3 * i + golden.action[i]] = 1.0;
  }
  EXPECT_EQ(MarginalWeights(golden.pi, golden.beta, names, 3), golden.weight);
  EXPECT_EQ(CategoryWeights(golden.pi, golden.beta, Actions{0, 1, 2}, golden.action), golden.weight);
  for (const double weight : CategoryWeights(golden.pi, golden.beta, Actions{4, 4, 4}, golden.action)) {
    EXPECT_NEAR(weight, 1.0, 1e-12);
  }
  // Round 3: (.1 + .8) / (.3 + .1) with actions 0 and 2 of a kind.
  EXPECT_DOUBLE_EQ(CategoryWeights(golden.pi, golden.beta, Actions{1, 0, 1}, golden.action)[2], 0.9 / 0.4);
}

TEST(OpeWeights, RefuseBadInput) {
  const Column half = {0.5, 0.5};
  EXPECT_EQ(ErrorOf([&] {
              (void)ImportanceWeights(half, Column{0.5, 0.0});
            }),
            "Data: off-policy evaluation: propensities: 0 at index 1; expected numbers above 0 and up to 1");
  EXPECT_EQ(ErrorOf([&] {
              (void)MrdrWeights(half, Column{0.5, 1.5});
            }),
            "Data: off-policy evaluation: propensities: 1.5 at index 1; expected numbers above 0 and up to 1");
  EXPECT_EQ(ErrorOf([&] { (void)ImportanceWeights(half, Column{0.5}); }),
            "Data: off-policy evaluation: propensities: 1 values; expected 2, one for each round");
  EXPECT_EQ(ErrorOf([&] { (void)ImportanceWeights({}, {}); }),
            "Data: off-policy evaluation: rounds: 0; expected at least 1");
  EXPECT_EQ(ErrorOf([&] { (void)AtAction(half, Actions{2}, 2); }),
            "Data: off-policy evaluation: logged actions: 2 at index 0; expected numbers from 0 to 1");
  EXPECT_EQ(ErrorOf([&] {
              (void)ExpectedUnder(Column{0.5, 0.4}, half, 2);
            }),
            "Data: off-policy evaluation: the policy's probabilities: row 0 sums to 0.9; expected rows that sum to 1");
  EXPECT_EQ(ErrorOf([&] { (void)ExpectedUnder(half, half, 3); }),
            "Data: off-policy evaluation: the policy's probabilities: 2 values; expected rows of 3, at least one");
  EXPECT_EQ(ErrorOf([&] {
              (void)MarginalWeights(half, Column{1.0, 0.0}, Column{0.0, 1.0}, 2);
            }),
            "Data: off-policy evaluation: the logging policy's probability of an embedding: 0 at index 0; expected "
            "numbers above 0, since the embedding was seen");
  EXPECT_EQ(ErrorOf([&] {
              (void)CategoryWeights(half, Column{1.0, 0.0}, Actions{0, 1}, Actions{1});
            }),
            "Data: off-policy evaluation: the logging policy's probability of an embedding: 0 at index 0; expected "
            "numbers above 0, since the embedding was seen");
}

}  // namespace
}  // namespace recforce::ope
