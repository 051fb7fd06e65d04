// SPDX-License-Identifier: Apache-2.0
// The laws of choice against their definitions: optimality over the simplex, derivatives, extremes and frequencies.
#include "recforce/core/choice.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"

namespace recforce::core {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr ChoiceLaw kLaws[] = {ChoiceLaw::kSoftmax, ChoiceLaw::kSparsemax, ChoiceLaw::kEntmax15};

// Probabilities of the items, and of nothing last.
std::vector<double> Probabilities(const ChoiceRule& rule, const std::vector<float>& utilities) {
  std::vector<double> p(utilities.size());
  p.push_back(ChoiceProbabilities(rule, utilities, p));
  return p;
}

// The regulariser as papers write it: Shannon, half the squared norm, Tsallis with alpha = 1.5.
double Regulariser(ChoiceLaw law, const std::vector<double>& p) {
  double sum = 0.0;
  for (const double x : p) {
    if (law == ChoiceLaw::kSoftmax) {
      sum += x > 0.0 ? x * std::log(x) : 0.0;
    } else if (law == ChoiceLaw::kSparsemax) {
      sum += 0.5 * x * x;
    } else {
      sum += (std::pow(x, 1.5) - x) / (1.5 * 0.5);
    }
  }
  return sum;
}

double RegulariserOfCertainty(ChoiceLaw law) { return law == ChoiceLaw::kSparsemax ? 0.5 : 0.0; }

double Objective(ChoiceLaw law, const std::vector<double>& p, const std::vector<float>& utilities) {
  return std::inner_product(p.begin(), p.end(), utilities.begin(), 0.0) - Regulariser(law, p);
}

std::vector<float> Draw(base::Rng& rng, std::size_t n, double spread) {
  std::vector<float> utilities(n);
  for (float& u : utilities) {
    u = static_cast<float>(spread * rng.Normal());
  }
  return utilities;
}

TEST(ChoiceTest, ProbabilitiesOfSoftmaxAreNormalisedExponentials) {
  const std::vector<float> utilities = {1.0F, 0.4F, -0.3F};
  const double sum = std::exp(1.0) + std::exp(0.4F) + std::exp(-0.3F) + std::exp(0.25);
  const std::vector<double> p = Probabilities({ChoiceLaw::kSoftmax, 0.25F}, utilities);
  EXPECT_NEAR(p[0], std::exp(1.0) / sum, 1e-7);
  EXPECT_NEAR(p[1], std::exp(0.4) / sum, 1e-7);
  EXPECT_NEAR(p[2], std::exp(-0.3) / sum, 1e-7);
  EXPECT_NEAR(p[3], std::exp(0.25) / sum, 1e-7);
}

TEST(ChoiceTest, ProbabilitiesOfSparsemaxAreThoseOfTheHandComputedExample) {
  const std::vector<float> utilities = {1.0F, 0.4F, -0.3F, 0.0F};
  const ChoiceRule rule{ChoiceLaw::kSparsemax};
  const std::vector<double> p = Probabilities(rule, utilities);
  const std::vector<double> expected = {0.8, 0.2, 0.0, 0.0, 0.0};
  for (std::size_t i = 0; i < p.size(); ++i) {
    EXPECT_NEAR(p[i], expected[i], 1e-7) << i;
  }
  // max over p of <p, u> - |p|^2 / 2 is 0.54: the loss is that, less the utility chosen, plus 1/2.
  EXPECT_NEAR(ChoiceLoss(rule, utilities, 0), 0.54 - 1.0 + 0.5, 1e-7);
  EXPECT_NEAR(ChoiceLoss(rule, utilities, 1), 0.54 - 0.4 + 0.5, 1e-7);
}

TEST(ChoiceTest, EntmaxOfTwoSolvesItsEquation) {
  // p = ((u - tau) / 2)_+^2 with sum 1, for u = (1, 0): p_1 - p_2 follows from sqrt(p_1) - sqrt(p_2) = 1/2.
  const std::vector<double> p = Probabilities({ChoiceLaw::kEntmax15}, {1.0F, 0.0F});
  EXPECT_NEAR(std::sqrt(p[0]) - std::sqrt(p[1]), 0.5, 1e-12);
  EXPECT_NEAR(p[0] + p[1], 1.0, 1e-12);
}

TEST(ChoiceTest, NothingIsOneMoreChoice) {
  base::Rng rng(1, base::Stream::kTest);
  for (const ChoiceLaw law : kLaws) {
    for (int trial = 0; trial < 50; ++trial) {
      std::vector<float> utilities = Draw(rng, 5, 1.0);
      const std::vector<double> with = Probabilities({law, -0.2F}, utilities);
      utilities.push_back(-0.2F);
      const std::vector<double> as_item = Probabilities({law}, utilities);
      for (std::size_t i = 0; i < with.size(); ++i) {
        EXPECT_DOUBLE_EQ(with[i], as_item[i]);
      }
      EXPECT_EQ(as_item.back(), 0.0);
      EXPECT_NEAR(std::accumulate(with.begin(), with.end(), 0.0), 1.0, 1e-12);
    }
  }
}

TEST(ChoiceTest, NoDistributionBeatsTheProbabilities) {
  constexpr int kSamples = 200'000;
  for (const ChoiceLaw law : kLaws) {
    base::Rng rng(2, base::Stream::kTest, static_cast<std::uint64_t>(law));
    const std::vector<float> utilities = Draw(rng, 4, 0.7);
    std::vector<double> p = Probabilities({law}, utilities);
    p.pop_back();
    const double best = Objective(law, p, utilities);
    double nearest = -std::numeric_limits<double>::infinity();
    std::vector<double> sample(utilities.size());
    for (int draw = 0; draw < kSamples; ++draw) {
      double sum = 0.0;  // of Gamma(1/2) draws, so that corners and edges are met too
      for (double& x : sample) {
        const double z = rng.Normal();
        sum += x = z * z;
      }
      for (double& x : sample) {
        x /= sum;
      }
      nearest = std::max(nearest, Objective(law, sample, utilities));
    }
    EXPECT_LE(nearest, best + 1e-12);
    EXPECT_GT(nearest, best - 0.01) << "the samples do not come near the optimum, so they test nothing";
    EXPECT_NEAR(ChoiceLoss({law}, utilities, 2), best - static_cast<double>(utilities[2]) + RegulariserOfCertainty(law),
                1e-12);
  }
}

TEST(ChoiceTest, TheDerivativeOfTheLossIsProbabilityMinusChoice) {
  base::Rng rng(3, base::Stream::kTest);
  constexpr float kStep = 0x1p-10F;  // utilities are floats: a step that adds exactly to the multiples of it below
  for (const ChoiceLaw law : kLaws) {
    for (int trial = 0; trial < 40; ++trial) {
      std::vector<float> utilities = Draw(rng, 6, 0.8);
      for (float& u : utilities) {
        u = std::round(u / kStep) * kStep;
      }
      const ChoiceRule rule{law, trial % 2 == 0 ? std::optional(0.125F) : std::nullopt};
      const std::int32_t choice = trial % 4 == 0 ? -1 : trial % 6;
      const std::vector<double> p = Probabilities(rule, utilities);
      for (std::int32_t i = 0; i < 6; ++i) {
        std::vector<float> moved = utilities;
        moved[i] = utilities[i] + kStep;
        const double above = ChoiceLoss(rule, moved, choice);
        moved[i] = utilities[i] - kStep;
        const double below = ChoiceLoss(rule, moved, choice);
        // Second-order in the step, but for sparsemax where an item enters or leaves the support.
        EXPECT_NEAR((above - below) / (2.0 * kStep), p[i] - (i == choice ? 1.0 : 0.0), kStep) << i;
      }
    }
  }
}

TEST(ChoiceTest, TheLossOfSoftmaxIsTheNegativeLogLikelihood) {
  const ChoiceRule rule{ChoiceLaw::kSoftmax, 0.5F};
  const std::vector<float> utilities = {1.0F, -2.0F, 0.25F};
  const std::vector<double> p = Probabilities(rule, utilities);
  EXPECT_NEAR(ChoiceLoss(rule, utilities, 1), -std::log(p[1]), 1e-12);
  EXPECT_NEAR(ChoiceLoss(rule, utilities, -1), -std::log(p[3]), 1e-12);
}

TEST(ChoiceTest, TheLossIsZeroExactlyWhereTheChoiceIsCertain) {
  const std::vector<float> sure = {3.0F, 0.0F, 0.5F};
  const std::vector<float> unsure = {1.0F, 0.5F, 0.0F};
  for (const ChoiceLaw law : {ChoiceLaw::kSparsemax, ChoiceLaw::kEntmax15}) {
    EXPECT_EQ(ChoiceLoss({law}, sure, 0), 0.0);
    EXPECT_GT(ChoiceLoss({law}, unsure, 0), 0.01);
    EXPECT_GT(ChoiceLoss({law}, sure, 2), 1.0);
  }
  EXPECT_NEAR(ChoiceLoss({ChoiceLaw::kSoftmax}, std::vector<float>{1e4F, 0.0F}, 0), 0.0, 1e-12);
}

TEST(ChoiceTest, LargeUtilitiesNeitherOverflowNorTie) {
  for (const ChoiceLaw law : kLaws) {
    const std::vector<float> utilities = {1e4F, -1e4F, 9'999.0F, -kInfinity};
    const std::vector<float> shifted = {1.0F, -19'999.0F, 0.0F, -kInfinity};
    const std::vector<double> p = Probabilities({law}, utilities);
    const std::vector<double> q = Probabilities({law}, shifted);
    for (std::size_t i = 0; i < p.size(); ++i) {
      EXPECT_NEAR(p[i], q[i], 1e-12);
    }
    EXPECT_EQ(p[1], 0.0);
    EXPECT_EQ(p[3], 0.0);
    EXPECT_NEAR(p[0] + p[2], 1.0, 1e-12);
    EXPECT_NEAR(ChoiceLoss({law}, utilities, 2), ChoiceLoss({law}, shifted, 2), 1e-9);
    EXPECT_NEAR(ChoiceLoss({law}, utilities, 1), 2e4, 2.0);
    EXPECT_EQ(ChoiceLoss({law}, utilities, 3), std::numeric_limits<double>::infinity());
  }
}

TEST(ChoiceTest, WhereEveryItemIsImpossibleNothingIsChosen) {
  for (const ChoiceLaw law : kLaws) {
    const ChoiceRule rule{law, -50.0F};
    const std::vector<double> p = Probabilities(rule, {-kInfinity, -kInfinity});
    EXPECT_EQ(p, (std::vector<double>{0.0, 0.0, 1.0}));
    EXPECT_EQ(Choose(rule, {{-kInfinity, -kInfinity}}, 0.999), -1);
    EXPECT_THROW(Probabilities({law}, {-kInfinity}), base::Error);
  }
}

TEST(ChoiceTest, AUniformNumberStandsForTheItemWhoseStretchItFallsInto) {
  const ChoiceRule rule{ChoiceLaw::kSparsemax};
  const std::vector<float> utilities = {-5.0F, 1.0F, 0.4F, -0.3F};  // probabilities 0, 0.8, 0.2, 0
  EXPECT_EQ(Choose(rule, utilities, 1e-9), 1);
  EXPECT_EQ(Choose(rule, utilities, 0.79), 1);
  EXPECT_EQ(Choose(rule, utilities, 0.81), 2);
  EXPECT_EQ(Choose(rule, utilities, 1.0 - 1e-10), 2);
  EXPECT_EQ(Choose({ChoiceLaw::kSoftmax, 0.0F}, {{0.0F}}, 0.49), 0);
  EXPECT_EQ(Choose({ChoiceLaw::kSoftmax, 0.0F}, {{0.0F}}, 0.51), -1);
}

TEST(ChoiceTest, FrequenciesOfAMillionChoicesAreTheProbabilities) {
  constexpr int kDraws = 1'000'000;
  // One in ten thousand chi-squares of so many degrees of freedom is larger.
  const std::vector<double> critical = {0.0, 15.14, 18.42, 21.11, 23.51, 25.74};
  const std::vector<float> utilities = {0.3F, -0.2F, 0.9F, -1.4F, 0.1F};
  for (const ChoiceLaw law : kLaws) {
    const ChoiceRule rule{law, 0.2F};
    const std::vector<double> p = Probabilities(rule, utilities);
    std::vector<int> count(p.size(), 0);
    base::Rng rng(4, base::Stream::kTest, static_cast<std::uint64_t>(law));
    for (int draw = 0; draw < kDraws; ++draw) {
      const std::int32_t choice = Choose(rule, utilities, rng.Uniform());
      ++count[choice < 0 ? p.size() - 1 : static_cast<std::size_t>(choice)];
    }
    double chi_square = 0.0;
    std::size_t possible = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (p[i] == 0.0) {
        EXPECT_EQ(count[i], 0);
        continue;
      }
      ++possible;
      chi_square += std::pow(count[i] - kDraws * p[i], 2) / (kDraws * p[i]);
    }
    EXPECT_LT(chi_square, critical[possible - 1]) << static_cast<int>(law);
    EXPECT_GE(possible, 3U);
  }
}

TEST(ChoiceTest, LawsAreKnownByName) {
  EXPECT_EQ(ParseChoiceLaw("shannon"), ChoiceLaw::kSoftmax);
  EXPECT_EQ(ParseChoiceLaw("l2"), ChoiceLaw::kSparsemax);
  EXPECT_EQ(ParseChoiceLaw("entmax15"), ChoiceLaw::kEntmax15);
  try {
    (void)ParseChoiceLaw("softmax");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    EXPECT_EQ(std::string(error.what()), "unknown law of choice: 'softmax'; expected shannon, l2 or entmax15");
  }
}

}  // namespace
}  // namespace recforce::core
