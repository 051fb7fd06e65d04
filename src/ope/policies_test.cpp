// SPDX-License-Identifier: Apache-2.0
// Laws by hand, and across logs with other items.
#include "recforce/ope/policies.h"

#include <gtest/gtest.h>

#include <numeric>

#include "recforce/data/read_decisions.h"
#include "support/decisions.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

namespace recforce::ope {
namespace {

using test::ErrorOf;
using test::FullLog;
using test::SingleActions;
using Doubles = std::vector<double>;

Doubles At(const ActionDistribution& policy, std::int64_t round, std::size_t items) {
  Doubles out(items, -1.0);
  policy.Probabilities(round, out);
  return out;
}

TEST(Policies, UniformIsAmongWhatMayStillBeShown) {
  const auto all = SingleActions({0, 1}, {0.5, 0.5}, {0, 1}, 4);
  EXPECT_EQ(At(*Uniform(all), 1, 4), (Doubles{0.25, 0.25, 0.25, 0.25}));
  const auto slates = FullLog();  // candidates c b a, shown c a; candidates a b, shown a b
  const auto policy = Uniform(slates);
  EXPECT_EQ(At(*policy, 0, 3), (Doubles{1.0 / 3, 1.0 / 3, 1.0 / 3}));
  EXPECT_EQ(At(*policy, 1, 3), (Doubles{0.5, 0.5, 0}));
  EXPECT_EQ(At(*policy, 2, 3), (Doubles{0.5, 0.5, 0}));
  EXPECT_EQ(At(*policy, 3, 3), (Doubles{0, 1, 0}));
}

TEST(Policies, MarginalsAreMeansByPosition) {
  auto log = SingleActions({0, 1, 1, 2}, {0.5, 0.5, 0.5, 0.5}, {0, 0, 0, 0}, 3);
  log.position = {7, 7, 7, 9};
  const Marginal table = MarginalTable(log);
  EXPECT_EQ(table.positions, (std::vector<std::int32_t>{7, 9}));
  EXPECT_EQ(table.probability, (Doubles{1.0 / 3, 2.0 / 3, 0, 0, 0, 1}));
  EXPECT_EQ(At(*MarginalOf(log), 0, 3), (Doubles{1.0 / 3, 2.0 / 3, 0}));
  EXPECT_EQ(At(*MarginalOf(log), 3, 3), (Doubles{0, 0, 1}));
  // Slates go by place.
  EXPECT_EQ(MarginalTable(FullLog()).probability, (Doubles{0.5, 0, 0.5, 0.5, 0.5, 0}));
}

TEST(Policies, MarginalsOfLoggedLawsAreExact) {
  auto log = SingleActions({0, 0}, {0.75, 0.5}, {0, 0}, 2);
  for (int r = 0; r < 2; ++r) {
    log.candidates.AddRow(std::vector<std::int32_t>{0, 1});
  }
  log.candidate_probability = {0.75, 0.25, 0.5, 0.5};
  EXPECT_EQ(MarginalTable(log).probability, (Doubles{0.625, 0.375}));
}

TEST(Policies, MarginalsGoFromLogToLogById) {
  auto other = SingleActions({0, 1, 1, 2}, {1, 1, 1, 1}, {0, 0, 0, 0}, 3);  // a b b c
  other.item_ids = {"b", "x", "c"};                                         // b: 1/4, x: 1/2, c: 1/4
  auto log = SingleActions({0}, {1}, {0}, 4);                               // a b c d
  EXPECT_EQ(At(*MarginalOf(other, log), 0, 4), (Doubles{0, 0.5, 0.5, 0}));
  log.candidates.AddRow(std::vector<std::int32_t>{0, 2});
  EXPECT_EQ(At(*MarginalOf(other, log), 0, 4), (Doubles{0, 0, 1, 0}));
  log.candidates = data::Csr();
  log.candidates.AddRow(std::vector<std::int32_t>{0, 3});
  EXPECT_EQ(At(*MarginalOf(other, log), 0, 4), (Doubles{0.5, 0, 0, 0.5}));
}

TEST(Policies, LogsOfOtherPagesAreRefused) {
  auto other = SingleActions({0}, {1}, {0}, 1);
  other.source = "other";
  auto log = SingleActions({0}, {1}, {0}, 1);
  log.position = {3};
  EXPECT_EQ(ErrorOf([&] { (void)MarginalOf(other, log); }),
            "Data: other: has no position '3', which 'test' has; expected logs of the same page");
  log.position = {0};
  other.item_ids = {"z"};
  EXPECT_EQ(ErrorOf([&] { (void)MarginalOf(other, log); }),
            "Data: other: shows no item of 'test' at position '0'; expected logs of the same page");
}

TEST(Policies, TheBtsLogOfOpenBanditIsAPolicyForTheRandomOne) {
  const auto data = test::RealData();
  if (!data || !std::filesystem::exists(*data / "open-bandit")) {
    GTEST_SKIP() << "no open-bandit in RECFORCE_DATA or ../shared/data";
  }
  const auto random = data::ReadDecisionLog(*data / "open-bandit/random/men/men.csv.gz").log;
  const auto bts = data::ReadDecisionLog(*data / "open-bandit/bts/men/men.csv.gz").log;
  const auto policy = MarginalOf(bts, random);
  double value = 0.0;
  double weight = 0.0;
  Doubles law(34);
  for (std::int64_t r = 0; r < random.size(); ++r) {
    const auto i = static_cast<std::size_t>(r);
    policy->Probabilities(r, law);
    ASSERT_NEAR(std::accumulate(law.begin(), law.end(), 0.0), 1.0, 1e-12);
    const double w = law[static_cast<std::size_t>(random.item[i])] / random.propensity[i];
    weight += w;
    value += w * random.reward[i];
  }
  // Importance weights have mean 1, and the estimate is of the size of the policy's own click rate, 0.0069.
  EXPECT_NEAR(weight / 10000.0, 1.0, 0.05);
  EXPECT_NEAR(value / 10000.0, 0.0055, 0.003);
}

}  // namespace
}  // namespace recforce::ope
