// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/choice_gradient.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "nn/adam.h"
#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

using core::ChoiceLaw;
constexpr float kNever = -std::numeric_limits<float>::infinity();

// phi by definition, with loops that share nothing with the library: softmax, or the threshold found by bisection.
std::vector<double> NaivePhi(ChoiceLaw law, const std::vector<double>& u) {
  const double top = *std::max_element(u.begin(), u.end());
  std::vector<double> p(u.size());
  const auto fill = [&](double tau) {
    double sum = 0.0;
    for (std::size_t i = 0; i < u.size(); ++i) {
      const double over = (law == ChoiceLaw::kEntmax15 ? 0.5 : 1.0) * (u[i] - top) - tau;
      p[i] = law == ChoiceLaw::kSoftmax     ? std::exp(u[i] - top)
             : over <= 0.0                  ? 0.0
             : law == ChoiceLaw::kSparsemax ? over
                                            : over * over;
      sum += p[i];
    }
    return sum;
  };
  if (law == ChoiceLaw::kSoftmax) {
    const double sum = fill(0.0);
    for (double& x : p) {
      x /= sum;
    }
    return p;
  }
  double low = -1.0;
  double high = 0.0;
  for (int step = 0; step < 100; ++step) {
    const double middle = 0.5 * (low + high);
    (fill(middle) > 1.0 ? low : high) = middle;
  }
  return p;
}

double NaiveR(ChoiceLaw law, const std::vector<double>& p) {
  double sum = 0.0;
  for (const double x : p) {
    sum += law == ChoiceLaw::kSparsemax  ? 0.5 * (x * x - x)
           : law == ChoiceLaw::kEntmax15 ? (std::pow(x, 1.5) - x) / 0.75
           : x > 0.0                     ? x * std::log(x)
                                         : 0.0;
  }
  return sum;  // 0 at certainty
}

// A batch of ragged sets: sizes 1 to 12, now and then 80; ordinary, huge and impossible rewards.
struct Batch {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> choice;
  std::vector<float> rewards;
  std::optional<float> no_click;
  [[nodiscard]] ChoiceSets sets() const { return {offsets, choice}; }
};

Batch RandomBatch(std::uint32_t number) {
  base::Rng rng(5, base::Stream::kTest, number);
  Batch batch;
  if (rng.Below(2) == 0) {
    batch.no_click = static_cast<float>(rng.Normal());
  }
  const std::size_t sets = 1 + rng.Below(6);
  for (std::size_t e = 0; e < sets; ++e) {
    const std::size_t size = rng.Below(20) == 0 ? 80 : 1 + rng.Below(12);
    const double spread = rng.Below(4) == 0 ? 1e4 : 1.5;
    const std::size_t begin = batch.rewards.size();
    for (std::size_t i = 0; i < size; ++i) {
      batch.rewards.push_back(static_cast<float>(spread * (2.0 * rng.Uniform() - 1.0)));
    }
    const auto choice = static_cast<std::int32_t>(rng.Below(size));
    for (std::size_t i = 0; i < size; ++i) {
      if (static_cast<std::int32_t>(i) != choice && rng.Below(8) == 0) {
        batch.rewards[begin + i] = kNever;
      }
    }
    batch.choice.push_back(batch.no_click && rng.Below(4) == 0 ? -1 : choice);
    batch.offsets.push_back(static_cast<std::int64_t>(batch.rewards.size()));
  }
  return batch;
}

TEST(ChoiceGradientTest, EqualsANaiveLoopOnRaggedSets) {
  for (const ChoiceLaw law : {ChoiceLaw::kSoftmax, ChoiceLaw::kSparsemax, ChoiceLaw::kEntmax15}) {
    for (std::uint32_t number = 0; number < 1000; ++number) {
      const Batch batch = RandomBatch(number);
      const double eta = number % 3 == 0 ? 0.5 : 1.0;
      std::vector<float> d(batch.rewards.size(), std::nanf(""));
      const ChoiceSums sums = ChoiceGradient<float>({law, eta}, batch.sets(), batch.rewards, batch.no_click, 1.0, d);
      double loss = 0.0;
      double d_no_click = 0.0;
      for (std::size_t e = 0; e < batch.choice.size(); ++e) {
        std::vector<double> u;
        for (std::int64_t at = batch.offsets[e]; at < batch.offsets[e + 1]; ++at) {
          u.push_back(eta * static_cast<double>(batch.rewards[static_cast<std::size_t>(at)]));
        }
        if (batch.no_click) {
          u.push_back(eta * static_cast<double>(*batch.no_click));
        }
        std::vector<double> p = NaivePhi(law, u);
        const std::size_t chosen = batch.choice[e] < 0 ? u.size() - 1 : static_cast<std::size_t>(batch.choice[e]);
        double value = -NaiveR(law, p) - u[chosen];
        for (std::size_t i = 0; i < u.size(); ++i) {
          value += p[i] > 0.0 ? p[i] * u[i] : 0.0;
        }
        loss += value / eta;
        p[chosen] -= 1.0;
        for (std::int64_t at = batch.offsets[e]; at < batch.offsets[e + 1]; ++at) {
          ASSERT_NEAR(d[static_cast<std::size_t>(at)], p[static_cast<std::size_t>(at - batch.offsets[e])], 1e-6);
        }
        d_no_click += batch.no_click ? p.back() : 0.0;
      }
      ASSERT_NEAR(sums.loss, loss, 1e-6 * (1.0 + std::abs(loss)));
      ASSERT_NEAR(sums.d_no_click, d_no_click, 1e-6);
    }
  }
}

TEST(ChoiceGradientTest, SparsemaxExampleByHand) {
  const std::vector<double> r = {1.0, 0.4, -0.3, 0.0};
  const std::vector<std::int64_t> offsets = {0, 4};
  const std::vector<std::int32_t> choice = {0};
  std::vector<double> d(4);
  const ChoiceSums sums =
      ChoiceGradient<double>({ChoiceLaw::kSparsemax, 1.0}, {offsets, choice}, r, std::nullopt, 1.0, d);
  const std::vector<double> expected = {-0.2, 0.2, 0.0, 0.0};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(d[i], expected[i], 1e-12);
  }
  EXPECT_NEAR(sums.loss, 0.54 - 1.0 + 0.5, 1e-12) << "max <p, r> - |p|^2 / 2 is 0.54";
}

// Central differences of the three losses, in double.
template <class Loss>
void ExpectSlope(std::vector<double> at, const std::vector<double>& slope, const Loss& loss) {
  constexpr double kStep = 1e-6;
  for (std::size_t i = 0; i < at.size(); ++i) {
    const double kept = at[i];
    at[i] = kept + kStep;
    const double up = loss(at);
    at[i] = kept - kStep;
    const double down = loss(at);
    at[i] = kept;
    EXPECT_NEAR(slope[i], (up - down) / (2.0 * kStep), 1e-6) << i;
  }
}

TEST(ChoiceGradientTest, SlopesAreThoseOfTheLosses) {
  const std::vector<std::int64_t> offsets = {0, 3, 4, 9};
  const std::vector<std::int32_t> choice = {1, -1, 4};
  const ChoiceSets sets{offsets, choice};
  base::Rng rng(8, base::Stream::kTest);
  std::vector<double> rewards(9);
  std::vector<double> logits(9);
  for (std::size_t i = 0; i < 9; ++i) {
    rewards[i] = rng.Normal();
    logits[i] = 0.7 * rng.Normal();
  }
  for (const ChoiceLaw law : {ChoiceLaw::kSoftmax, ChoiceLaw::kSparsemax, ChoiceLaw::kEntmax15}) {
    const ChoiceTerms terms{law, 1.7};
    std::vector<double> d(9);
    std::vector<double> unused(9);
    const ChoiceSums exact = ChoiceGradient<double>(terms, sets, rewards, 0.3, 1.0, d);
    ExpectSlope(rewards, d, [&](const std::vector<double>& r) {
      return ChoiceGradient<double>(terms, sets, r, 0.3, 1.0, unused).loss;
    });
    ExpectSlope({0.3}, {exact.d_no_click}, [&](const std::vector<double>& rho) {
      return ChoiceGradient<double>(terms, sets, rewards, rho[0], 1.0, unused).loss;
    });
    BehaviourGradient<double>(terms, sets, rewards, 0.3, logits, 0.1, 1.0, d);
    ExpectSlope(logits, d, [&](const std::vector<double>& l) {
      return BehaviourGradient<double>(terms, sets, rewards, 0.3, l, 0.1, 1.0, unused).loss;
    });
    RewardGradient<double>(terms, sets, rewards, 0.3, logits, 0.1, 1.0, d);
    ExpectSlope(rewards, d, [&](const std::vector<double>& r) {
      return RewardGradient<double>(terms, sets, r, 0.3, logits, 0.1, 1.0, unused).loss;
    });
  }
}

TEST(ChoiceGradientTest, NoDistributionBeatsTheClosedForm) {
  const std::vector<double> r = {0.9, -0.2, 0.5, 0.1, -1.0};
  const std::vector<std::int64_t> offsets = {0, 5};
  const std::vector<std::int32_t> choice = {0};
  std::vector<double> d(5);
  for (const ChoiceLaw law : {ChoiceLaw::kSoftmax, ChoiceLaw::kSparsemax, ChoiceLaw::kEntmax15}) {
    const double best = ChoiceGradient<double>({law, 1.0}, {offsets, choice}, r, std::nullopt, 1.0, d).loss + r[0];
    base::Rng rng(3, base::Stream::kTest, static_cast<std::uint64_t>(law));
    double top = -1e9;
    for (int sample = 0; sample < 200000; ++sample) {
      std::vector<double> p(5);  // Dirichlet(1)
      double sum = 0.0;
      for (double& x : p) {
        x = -std::log(rng.Uniform());
        sum += x;
      }
      double value = 0.0;
      for (std::size_t i = 0; i < 5; ++i) {
        p[i] /= sum;
        value += p[i] * r[i];
      }
      top = std::max(top, value - NaiveR(law, p));
    }
    EXPECT_LE(top, best + 1e-12);
    EXPECT_GE(top, best - 0.02) << "the samples came near";
  }
}

// A table of logits that plays against fixed rewards.
TEST(ChoiceGradientTest, TabularBehaviourClimbsToTheClosedForm) {
  const torch::NoGradGuard no_grad;
  const std::vector<double> r = {0.9, 0.2, 0.5, 0.4};
  const std::vector<std::int64_t> offsets = {0, 4};
  const std::vector<std::int32_t> choice = {2};
  const ChoiceSets sets{offsets, choice};
  for (const ChoiceLaw law : {ChoiceLaw::kSoftmax, ChoiceLaw::kSparsemax, ChoiceLaw::kEntmax15}) {
    const ChoiceTerms terms{law, 1.0};
    torch::Tensor logits = torch::zeros({4}, torch::kFloat64);
    torch::Tensor d = torch::zeros({4}, torch::kFloat64);
    const std::span<double> slope(d.data_ptr<double>(), 4);
    const std::span<const double> values(logits.data_ptr<double>(), 4);
    nn::Adam adam(std::vector<torch::Tensor>{logits}, {.learning_rate = 0.01});
    for (int step = 0; step < 8000; ++step) {
      BehaviourGradient<double>(terms, sets, r, std::nullopt, values, std::nullopt, 1.0, slope);
      adam.BeginStep();
      adam.Update(0, logits, d);
    }
    const torch::Tensor phi = torch::softmax(logits, 0);
    const std::vector<double> expected = NaivePhi(law, r);
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(phi[static_cast<std::int64_t>(i)].item<double>(), expected[i], 1e-3) << i;
    }
    std::vector<double> unused(4);
    const double value = RewardGradient<double>(terms, sets, r, std::nullopt, values, std::nullopt, 1.0, unused).loss;
    const double exact = ChoiceGradient<double>(terms, sets, r, std::nullopt, 1.0, unused).loss;
    EXPECT_NEAR(value, exact, 1e-3);
    EXPECT_LE(value, exact + 1e-12) << "the exact loss is the best that behaviour can do";
  }
}

// Both move: clicks 5, 3, 2 out of 10 from three items. The game ends where behaviour repeats them, and its value is
// the least that the exact loss can be.
TEST(ChoiceGradientTest, TheTabularGameEndsAtTheFenchelYoungLoss) {
  const torch::NoGradGuard no_grad;
  std::vector<std::int64_t> offsets = {0};
  std::vector<std::int32_t> choice;
  for (int e = 0; e < 10; ++e) {
    offsets.push_back(3 * (e + 1));
    choice.push_back(e < 5 ? 0 : e < 8 ? 1 : 2);
  }
  const ChoiceSets sets{offsets, choice};
  const auto spread = [](const torch::Tensor& table) { return table.repeat({10}); };
  const auto gather = [](const torch::Tensor& d) { return d.view({10, 3}).sum(0); };
  const auto span = [](const torch::Tensor& t) { return std::span<double>(t.data_ptr<double>(), t.numel()); };
  torch::Tensor rewards = torch::zeros({3}, torch::kFloat64);
  torch::Tensor logits = torch::zeros({3}, torch::kFloat64);
  nn::Adam by_reward(std::vector<torch::Tensor>{rewards}, {.learning_rate = 1e-3});
  nn::Adam by_user(std::vector<torch::Tensor>{logits}, {.learning_rate = 1e-2});
  const torch::Tensor d = torch::zeros({30}, torch::kFloat64);
  const ChoiceTerms terms{ChoiceLaw::kSoftmax, 1.0};
  double value = 0.0;
  for (int step = 0; step < 5000; ++step) {
    torch::Tensor all_rewards = spread(rewards);
    for (int move = 0; move < 2; ++move) {
      const torch::Tensor all_logits = spread(logits);
      BehaviourGradient<double>(terms, sets, span(all_rewards), std::nullopt, span(all_logits), std::nullopt, 0.1,
                                span(d));
      by_user.BeginStep();
      by_user.Update(0, logits, gather(d));
    }
    const torch::Tensor all_logits = spread(logits);
    value = RewardGradient<double>(terms, sets, span(all_rewards), std::nullopt, span(all_logits), std::nullopt, 0.1,
                                   span(d))
                .loss /
            10.0;
    by_reward.BeginStep();
    by_reward.Update(0, rewards, gather(d));
  }
  const torch::Tensor phi = torch::softmax(logits, 0);
  const std::vector<double> clicks = {0.5, 0.3, 0.2};
  double entropy = 0.0;
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(phi[i].item<double>(), clicks[static_cast<std::size_t>(i)], 1e-3);
    entropy -= clicks[static_cast<std::size_t>(i)] * std::log(clicks[static_cast<std::size_t>(i)]);
  }
  EXPECT_NEAR(value, entropy, 1e-3);
}

}  // namespace
}  // namespace recforce::algos
