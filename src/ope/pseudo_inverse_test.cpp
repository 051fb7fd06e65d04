// SPDX-License-Identifier: Apache-2.0
// The general pseudo-inverse, its closed forms, and why the second moment may not be taken from marginals.
#include "recforce/ope/pseudo_inverse.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "support/all_slates.h"
#include "support/error_of.h"

namespace recforce::ope {
namespace {

using test::AllSlates;
using test::ErrorOf;
using test::Flat;
using test::Sequential;
using test::Slate;
using Column = std::vector<double>;

Column Times(const Column& a, const Column& b, std::size_t n) {
  Column out(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      for (std::size_t j = 0; j < n; ++j) {
        out[i * n + j] += a[i * n + k] * b[k * n + j];
      }
    }
  }
  return out;
}

double LargestDifference(const Column& a, const Column& b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

TEST(OpePseudoInverse, KnownMatrices) {
  EXPECT_LT(LargestDifference(SymmetricPseudoInverse(Column{2, 0, 0, -4}, 2), {0.5, 0, 0, -0.25}), 1e-15);
  // Rank 1: (v v^T)^+ = v v^T / |v|^4 with v = (1, 2).
  EXPECT_LT(LargestDifference(SymmetricPseudoInverse(Column{1, 2, 2, 4}, 2), {0.04, 0.08, 0.08, 0.16}), 1e-15);
  EXPECT_EQ(SymmetricPseudoInverse(Column{0, 0, 0, 0}, 2), (Column{0, 0, 0, 0}));
  // [[2, 1], [1, 2]]^-1 = [[2, -1], [-1, 2]] / 3
  EXPECT_LT(LargestDifference(SymmetricPseudoInverse(Column{2, 1, 1, 2}, 2), {2 / 3., -1 / 3., -1 / 3., 2 / 3.}),
            1e-15);
}

TEST(OpePseudoInverse, PenroseConditions) {
  const bool holds = rc::check("A P A = A, P A P = P, A P symmetric, for A of any rank", [] {
    const auto n = *rc::gen::inRange<std::size_t>(1, 9);
    const auto rank = *rc::gen::inRange<std::size_t>(0, n + 1);
    Column a(n * n, 0.0);
    for (std::size_t term = 0; term < rank; ++term) {
      // Integers in a small range: eigenvalues that are not 0 stay far from the tolerance.
      const auto v = *rc::gen::container<std::vector<int>>(n, rc::gen::inRange(-3, 4));
      for (std::size_t i = 0; i < n * n; ++i) {
        a[i] += (term % 2 == 0 ? 1.0 : -1.0) * v[i / n] * v[i % n];
      }
    }
    const Column p = SymmetricPseudoInverse(a, static_cast<std::int64_t>(n));
    const Column ap = Times(a, p, n);
    double scale = 1.0;
    for (const double value : p) {
      scale = std::max(scale, std::abs(value));
    }
    RC_ASSERT(LargestDifference(Times(ap, a, n), a) < 1e-9 * scale);
    RC_ASSERT(LargestDifference(Times(p, ap, n), p) < 1e-9 * scale * scale);
    for (std::size_t i = 0; i < n * n; ++i) {
      RC_ASSERT(std::abs(ap[i] - ap[i % n * n + i / n]) < 1e-9 * scale);
    }
  });
  EXPECT_TRUE(holds);
}

TEST(OpePseudoInverse, GramsInClosedForm) {
  for (const auto& [m, length] : {std::pair{4, 2}, {5, 3}, {4, 4}, {3, 1}, {1, 1}}) {
    const std::vector<Slate> slates = AllSlates(m, length);
    const Column equal(slates.size(), 1.0 / static_cast<double>(slates.size()));
    EXPECT_LT(LargestDifference(SlateGram({length, m, Flat(slates), equal}), UniformGram(length, m)), 1e-12);
  }
  // Two slots of two items each, filled independently: all four slates, with repetition.
  const Slate flat = {0, 0, 0, 1, 1, 0, 1, 1};
  const Column chances = {0.3 * 0.6, 0.3 * 0.4, 0.7 * 0.6, 0.7 * 0.4};
  const Column marginals = {0.3, 0.7, 0.6, 0.4};
  EXPECT_LT(LargestDifference(SlateMarginals({2, 2, flat, chances}), marginals), 1e-15);
  EXPECT_LT(LargestDifference(SlateGram({2, 2, flat, chances}), ProductGram(marginals, 2)), 1e-15);
}

TEST(OpePseudoInverse, UniformLoggingInClosedForm) {
  for (const auto& [m, length] : {std::pair{4, 2}, {5, 3}, {6, 3}, {10, 2}, {4, 4}, {5, 5}, {3, 1}}) {
    const std::vector<Slate> slates = AllSlates(m, length);
    const Slate& target = slates[slates.size() / 3];
    const Column always = {1.0};
    const Column target_marginals = SlateMarginals({length, m, target, always});
    const Column gram = UniformGram(length, m);
    const Column scores = PseudoInverseScores(SymmetricPseudoInverse(gram, std::int64_t{length} * m), target_marginals);
    EXPECT_LT(PseudoInverseGap(gram, scores, target_marginals), 1e-12);
    double mean = 0.0;
    for (const Slate& slate : slates) {
      const double closed = UniformPseudoInverseWeight(slate, target, m);
      EXPECT_NEAR(PseudoInverseWeight(scores, slate, m), closed, 1e-10) << m << " " << length;
      mean += closed / static_cast<double>(slates.size());
    }
    EXPECT_NEAR(mean, 1.0, 1e-12);
  }
}

TEST(OpePseudoInverse, ProductLoggingInClosedForm) {
  const Column mu = {0.5, 0.3, 0.2, 0.1, 0.6, 0.3};
  const Column pi = {0.1, 0.1, 0.8, 0.4, 0.4, 0.2};
  const Column scores = PseudoInverseScores(SymmetricPseudoInverse(ProductGram(mu, 3), 6), pi);
  double mean = 0.0;
  for (std::int32_t first = 0; first < 3; ++first) {
    for (std::int32_t second = 0; second < 3; ++second) {
      const double closed = ProductPseudoInverseWeight(Column{pi[first] / mu[first], pi[3 + second] / mu[3 + second]});
      EXPECT_NEAR(PseudoInverseWeight(scores, Slate{first, second}, 3), closed, 1e-10);
      mean += mu[first] * mu[3 + second] * closed;
    }
  }
  EXPECT_NEAR(mean, 1.0, 1e-12);
}

// Rewards that are sums over (slot, item), logged without replacement by a law that prefers some items.
TEST(OpePseudoInverse, TheOuterProductOfMarginalsIsWrong) {
  const std::vector<Slate> slates = AllSlates(4, 2);
  const Slate flat = Flat(slates);
  const Column logged = Sequential{{0.4, 0.3, 0.2, 0.1}}.Chances(slates);
  const Column target_marginals = SlateMarginals({2, 4, Slate{3, 1}, Column{1.0}});
  const Column value = {0.9, 0.2, 0.5, 0.1, 0.3, 0.05, 0.8, 0.6};
  const double truth = value[3] + value[4 + 1];
  const Column marginals = SlateMarginals({2, 4, flat, logged});
  Column outer(64);
  for (std::size_t i = 0; i < 64; ++i) {
    outer[i] = marginals[i / 8] * marginals[i % 8];
  }
  const auto expected = [&](const Column& gram) {
    const Column scores = PseudoInverseScores(SymmetricPseudoInverse(gram, 8), target_marginals);
    double sum = 0.0;
    for (std::size_t i = 0; i < slates.size(); ++i) {
      const Slate& slate = slates[i];
      sum += logged[i] * PseudoInverseWeight(scores, slate, 4) * (value[slate[0]] + value[4 + slate[1]]);
    }
    return sum;
  };
  EXPECT_NEAR(expected(SlateGram({2, 4, flat, logged})), truth, 1e-10);
  EXPECT_GT(std::abs(expected(outer) - truth), 0.1);
}

TEST(OpePseudoInverse, GapTellsOfMissingSupport) {
  // Logging never shows item 2, the policy always does.
  const std::vector<Slate> slates = AllSlates(2, 2);
  const Column gram = SlateGram({2, 3, Flat(slates), Column{0.5, 0.5}});
  const Column wanted = SlateMarginals({2, 3, Slate{2, 0}, Column{1.0}});
  const Column scores = PseudoInverseScores(SymmetricPseudoInverse(gram, 6), wanted);
  EXPECT_GT(PseudoInverseGap(gram, scores, wanted), 0.5);
}

TEST(OpePseudoInverse, RefusesBadInput) {
  EXPECT_EQ(ErrorOf([] {
              (void)SymmetricPseudoInverse(Column{1, 2, 3, 4}, 2);
            }),
            "Data: off-policy evaluation: a matrix: row 1 differs from its column; expected a symmetric matrix");
  EXPECT_EQ(ErrorOf([] {
              (void)SymmetricPseudoInverse(Column{1, 2}, 2);
            }),
            "Data: off-policy evaluation: a matrix: 2 values; expected 4, a square");
  EXPECT_EQ(ErrorOf([] { (void)SymmetricPseudoInverse({}, 1025); }),
            "Data: off-policy evaluation: size of a matrix: 1025; expected 1 to 1024");
  EXPECT_EQ(ErrorOf([] { (void)UniformGram(3, 2); }),
            "Data: off-policy evaluation: slots of a slate: 3; expected at most the 2 items");
  EXPECT_EQ(ErrorOf([] {
              (void)UniformPseudoInverseWeight(Slate{1, 1}, Slate{0, 1}, 3);
            }),
            "Data: off-policy evaluation: the logged slate: item 1 twice; expected different items");
  EXPECT_EQ(ErrorOf([] {
              (void)PseudoInverseWeight(Column(6, 0.0), Slate{1, 3}, 3);
            }),
            "Data: off-policy evaluation: items of a slate: 3 at index 1; expected numbers from 0 to 2");
  EXPECT_EQ(ErrorOf([] {
              (void)SlateGram({1, 2, Slate{0, 1}, Column{0.5, 0.4}});
            }),
            "Data: off-policy evaluation: probabilities of slates: row 0 sums to 0.9; expected rows that sum to 1");
}

}  // namespace
}  // namespace recforce::ope
