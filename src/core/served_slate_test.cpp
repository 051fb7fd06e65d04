// SPDX-License-Identifier: Apache-2.0
#include "recforce/core/served_slate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <vector>

namespace recforce::core {
namespace {

const std::vector<float> kLogits = {0.1F, 1.2F, -0.4F, 0.9F, 0.0F, -2.0F};

TEST(ServedSlateTest, SlatesComeAsOftenAsTheySay) {
  const ServingRule rule = {.greedy = 0.34, .candidates = 5, .temperature = 0.8};
  base::Rng rng(1, base::Stream::kTest);
  std::map<std::vector<std::int32_t>, std::pair<double, double>> met;  // how often, and what was said
  constexpr int kDraws = 60000;
  for (int draw = 0; draw < kDraws; ++draw) {
    std::vector<std::int32_t> slate(3);
    std::vector<double> propensity(3);
    ServeSlate(rule, kLogits, rng, slate, propensity);
    EXPECT_EQ(slate[0], 1) << "the best item is certain";
    EXPECT_EQ(propensity[0], 1.0);
    EXPECT_EQ(std::set<std::int32_t>(slate.begin(), slate.end()).size(), 3U);
    EXPECT_EQ(std::count(slate.begin(), slate.end(), 5), 0) << "not among the candidates";
    auto& [count, said] = met[slate];
    count += 1.0;
    said = propensity[0] * propensity[1] * propensity[2];
  }
  EXPECT_EQ(met.size(), 12U);  // ordered pairs of the other four
  double total = 0.0;
  double chi_square = 0.0;
  for (const auto& [slate, row] : met) {
    total += row.second;
    const double expected = kDraws * row.second;
    chi_square += (row.first - expected) * (row.first - expected) / expected;
  }
  EXPECT_NEAR(total, 1.0, 1e-12);
  EXPECT_LT(chi_square, 31.3) << "p < 0.001 with 11 degrees of freedom";
}

TEST(ServedSlateTest, ProbabilitiesByHand) {
  const ServingRule rule = {.greedy = 0.0, .candidates = 3, .temperature = 1.0};
  std::vector<double> propensity(2);
  SlatePropensities(rule, kLogits, std::vector<std::int32_t>{3, 1}, propensity);
  const double a = std::exp(1.2);
  const double b = std::exp(0.9);
  const double c = std::exp(0.1);
  EXPECT_NEAR(propensity[0], b / (a + b + c), 1e-7);
  EXPECT_NEAR(propensity[1], a / (a + c), 1e-7);
}

TEST(ServedSlateTest, WhatIsNeverServedHasNoSupport) {
  std::vector<double> propensity(2, 7.0);
  SlatePropensities({.greedy = 0.0, .candidates = 3}, kLogits, std::vector<std::int32_t>{1, 2}, propensity);
  EXPECT_GT(propensity[0], 0.0);
  EXPECT_EQ(propensity[1], 0.0) << "behind the candidates";
  SlatePropensities({.greedy = 0.5, .candidates = 3}, kLogits, std::vector<std::int32_t>{3, 1}, propensity);
  EXPECT_EQ(propensity, (std::vector<double>{0.0, 0.0})) << "the best item comes first";
  SlatePropensities({.greedy = 0.0, .candidates = 3}, kLogits, std::vector<std::int32_t>{1, 1}, propensity);
  EXPECT_EQ(propensity[1], 0.0) << "shown twice";
}

TEST(ServedSlateTest, GreedySlatesAreTheBestItems) {
  base::Rng rng(1, base::Stream::kTest);
  std::vector<std::int32_t> slate(4);
  std::vector<double> propensity(4);
  ServeSlate({.greedy = 1.0}, kLogits, rng, slate, propensity);
  EXPECT_EQ(slate, (std::vector<std::int32_t>{1, 3, 0, 4}));
  EXPECT_EQ(propensity, std::vector<double>(4, 1.0));
}

TEST(ServedSlateTest, MaskedItemsAreNeverShown) {
  std::vector<float> logits = kLogits;
  logits[1] = -std::numeric_limits<float>::infinity();
  base::Rng rng(2, base::Stream::kTest);
  for (int draw = 0; draw < 200; ++draw) {
    std::vector<std::int32_t> slate(5);
    std::vector<double> propensity(5);
    ServeSlate({.greedy = 0.0}, logits, rng, slate, propensity);
    EXPECT_EQ(std::count(slate.begin(), slate.end(), 1), 0);
  }
}

}  // namespace
}  // namespace recforce::core
