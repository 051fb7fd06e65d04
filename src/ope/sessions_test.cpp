// SPDX-License-Identifier: Apache-2.0
// Estimators of sessions, held to the exact values of a process of two states and two actions over three steps, whose
// 32 sessions are enumerated.
#include "recforce/ope/sessions.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "recforce/base/rng.h"
#include "support/error_of.h"

namespace recforce::ope {
namespace {

using test::ErrorOf;
using Column = std::vector<double>;
using Table = std::array<std::array<double, 2>, 2>;  // [state][action]

constexpr double kDiscount = 0.9;
constexpr double kNext[2][2][2] = {{{0.9, 0.1}, {0.2, 0.8}}, {{0.7, 0.3}, {0.1, 0.9}}};  // [state][action][next]
constexpr Table kReward = {{{1.0, 0.0}, {0.0, 2.0}}};
constexpr Table kLogging = {{{0.7, 0.3}, {0.6, 0.4}}};
constexpr double kValueOfPolicy = 1.9533722;
constexpr double kValueOfLogging = 1.9557853;

Table Policy() {
  const Table theta = {{{0.2, -0.1}, {0.3, 0.5}}};
  Table policy{};
  for (int s = 0; s < 2; ++s) {
    const double total = std::exp(theta[s][0]) + std::exp(theta[s][1]);
    policy[s] = {std::exp(theta[s][0]) / total, std::exp(theta[s][1]) / total};
  }
  return policy;
}

// Q(t, s, a) of the policy with `steps` steps to go.
double TrueQ(const Table& policy, int steps, int s, int a) {
  double q = kReward[s][a];
  for (int next = 0; steps > 1 && next < 2; ++next) {
    for (int action = 0; action < 2; ++action) {
      q += kDiscount * kNext[s][a][next] * policy[next][action] * TrueQ(policy, steps - 1, next, action);
    }
  }
  return q;
}

// Every session a0 s1 a1 s2 a2 from state 0, with its chance under logging.
struct AllSessions {
  // Predictions are the truth plus `error` times a number of the step, the state and the action.
  explicit AllSessions(double error) {
    for (int bits = 0; bits < 32; ++bits) {
      const int state[3] = {0, bits & 1, (bits >> 1) & 1};
      const int action[3] = {(bits >> 2) & 1, (bits >> 3) & 1, (bits >> 4) & 1};
      double p = 1.0;
      for (int t = 0; t < 3; ++t) {
        const int s = state[t];
        const int a = action[t];
        p *= kLogging[s][a] * (t < 2 ? kNext[s][a][state[t + 1]] : 1.0);
        const auto predicted = [&](int other) {
          return TrueQ(policy, 3 - t, s, other) + error * std::sin(1.0 + 5.0 * t + 3.0 * s + 2.0 * other);
        };
        reward.push_back(kReward[s][a]);
        ratio.push_back(policy[s][a] / kLogging[s][a]);
        q_logged.push_back(predicted(a));
        value.push_back(policy[s][0] * predicted(0) + policy[s][1] * predicted(1));
        states.push_back(s);
      }
      chance.push_back(p);
      offsets.push_back(static_cast<std::int64_t>(reward.size()));
    }
  }
  [[nodiscard]] Sessions sessions() const { return {offsets, reward, ratio, q_logged, value, kDiscount}; }
  [[nodiscard]] double Expected(const Column& terms, double power = 1.0) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < chance.size(); ++i) {
      sum += chance[i] * std::pow(terms[i], power);
    }
    return sum;
  }
  [[nodiscard]] Column TermsOf(SessionEstimator estimator) const {
    return EstimateSessions(estimator, sessions()).ratios.front().numerator;
  }

  Table policy = Policy();
  std::vector<std::int64_t> offsets = {0};
  Column reward, ratio, q_logged, value, chance;
  std::vector<std::int32_t> states;
};

// Sessions that the logging policy would have.
struct DrawnSessions {
  DrawnSessions(const AllSessions& world, int count, std::uint64_t seed) {
    base::Rng rng(seed, base::Stream::kTest);
    const auto draw = [&](double chance_of_one) { return rng.Uniform() < chance_of_one ? 1 : 0; };
    for (int session = 0; session < count; ++session) {
      std::array<int, 3> state{};
      std::array<int, 3> action{};
      for (int t = 0; t < 3; ++t) {
        action[t] = draw(kLogging[state[t]][1]);
        if (t < 2) {
          state[t + 1] = draw(kNext[state[t]][action[t]][1]);
        }
      }
      const int kind = state[1] + 2 * state[2] + 4 * action[0] + 8 * action[1] + 16 * action[2];
      for (int t = 0; t < 3; ++t) {
        const auto step = static_cast<std::size_t>(3 * kind + t);
        reward.push_back(world.reward[step]);
        ratio.push_back(world.ratio[step]);
        q_logged.push_back(world.q_logged[step]);
        value.push_back(world.value[step]);
        states.push_back(state[t]);
      }
      offsets.push_back(static_cast<std::int64_t>(reward.size()));
    }
  }
  [[nodiscard]] Sessions sessions() const { return {offsets, reward, ratio, q_logged, value, kDiscount, states}; }
  [[nodiscard]] double Value(SessionEstimator estimator) const {
    return EstimateSessions(estimator, sessions()).Value();
  }

  std::vector<std::int64_t> offsets = {0};
  Column reward, ratio, q_logged, value;
  std::vector<std::int32_t> states;
};

TEST(OpeSessions, ExactByEnumeration) {
  const AllSessions world(0.0);
  EXPECT_NEAR(std::accumulate(world.chance.begin(), world.chance.end(), 0.0), 1.0, 1e-12);
  EXPECT_NEAR(world.Expected(world.TermsOf(SessionEstimator::kTis)), kValueOfPolicy, 5e-8);
  EXPECT_NEAR(world.Expected(world.TermsOf(SessionEstimator::kPdis)), kValueOfPolicy, 5e-8);
  // With all ratios 1, the value of the logging policy.
  const Column ones(world.ratio.size(), 1.0);
  Sessions logged = world.sessions();
  logged.step_ratio = ones;
  EXPECT_NEAR(world.Expected(EstimateSessions(SessionEstimator::kTis, logged).ratios.front().numerator),
              kValueOfLogging, 5e-8);
}

TEST(OpeSessions, DoublyRobustWithAnyPredictions) {
  const AllSessions right(0.0);
  const AllSessions wrong(2.0);
  EXPECT_NEAR(right.Expected(right.TermsOf(SessionEstimator::kDr)), kValueOfPolicy, 5e-8);
  EXPECT_NEAR(wrong.Expected(wrong.TermsOf(SessionEstimator::kDr)), kValueOfPolicy, 5e-8);
  // Right predictions leave the chance of the transitions only.
  const auto second_moment = [](const AllSessions& world, SessionEstimator estimator) {
    return world.Expected(world.TermsOf(estimator), 2.0);
  };
  EXPECT_LT(second_moment(right, SessionEstimator::kDr), second_moment(right, SessionEstimator::kPdis));
  EXPECT_LT(second_moment(right, SessionEstimator::kPdis), second_moment(right, SessionEstimator::kTis));
  EXPECT_GT(second_moment(wrong, SessionEstimator::kDr), second_moment(right, SessionEstimator::kDr));
}

// Doubly robust the other way: the estimate is V_0 + sum_t discount^t w_{1:t} (r_t + discount V_{t+1} - Q_t), and with
// the true Q every bracket averages to 0 whatever the weights.
TEST(OpeSessions, RightPredictionsWithWrongRatios) {
  const AllSessions world(0.0);
  Column wrong = world.ratio;
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    wrong[i] *= world.reward[i] > 0.5 ? 1.3 : 0.6;
  }
  Sessions sessions = world.sessions();
  sessions.step_ratio = wrong;
  EXPECT_NEAR(world.Expected(EstimateSessions(SessionEstimator::kDr, sessions).ratios.front().numerator),
              kValueOfPolicy, 5e-8);
  EXPECT_GT(std::abs(world.Expected(EstimateSessions(SessionEstimator::kPdis, sessions).ratios.front().numerator) -
                     kValueOfPolicy),
            0.05);
}

// 200,000 sessions drawn from the logging policy: every estimator within four standard errors of the truth, those that
// normalise themselves, whose bias is of the order of 1 / n, by the errors of their linearised terms.
TEST(OpeSessions, FromDrawnSessions) {
  constexpr int kSessions = 200000;
  const AllSessions world(0.5);
  const DrawnSessions drawn(world, kSessions, 4);
  const Sessions sessions = drawn.sessions();
  for (const SessionEstimatorInfo& info : SessionEstimators()) {
    const Terms terms = EstimateSessions(info.estimator, sessions);
    const double mean = terms.Value();
    double squares = 0.0;
    for (const double term : terms.Linearised()) {
      squares += (term - mean) * (term - mean);
    }
    const double error = std::sqrt(squares) / kSessions;
    EXPECT_NEAR(mean, kValueOfPolicy, 4.0 * error) << info.name;
    EXPECT_LT(error, 0.01) << info.name;
  }
}

// Mean squared errors over 400 logs of 50 sessions.
double ErrorOver(const AllSessions& world, SessionEstimator estimator) {
  double squares = 0.0;
  for (int log = 0; log < 400; ++log) {
    const double found = DrawnSessions(world, 50, 100 + static_cast<std::uint64_t>(log)).Value(estimator);
    squares += (found - kValueOfPolicy) * (found - kValueOfPolicy);
  }
  return squares / 400.0;
}

TEST(OpeSessions, MagicTrustsPredictionsWhereTheyAreGood) {
  const AllSessions right(0.0);
  EXPECT_LT(ErrorOver(right, SessionEstimator::kMagic), 0.5 * ErrorOver(right, SessionEstimator::kPdis));
  EXPECT_LE(ErrorOver(right, SessionEstimator::kMagic), ErrorOver(right, SessionEstimator::kWeightedDr));
  // Predictions that are far off are found out, but for what is still within wdr's own interval.
  const AllSessions wrong(4.0);
  EXPECT_LT(ErrorOver(wrong, SessionEstimator::kMagic), 1.6 * ErrorOver(wrong, SessionEstimator::kWeightedDr));
  const double model = right.policy[0][0] * (TrueQ(right.policy, 3, 0, 0) + 4.0 * std::sin(1.0)) +
                       right.policy[0][1] * (TrueQ(right.policy, 3, 0, 1) + 4.0 * std::sin(3.0));
  EXPECT_GT((model - kValueOfPolicy) * (model - kValueOfPolicy), 2.0 * ErrorOver(wrong, SessionEstimator::kMagic));
}

// One state: nothing that was done before matters, and weights of single steps are all that is needed.
TEST(OpeSessions, MarginalisedWeightsDoNotMultiply) {
  constexpr int kSteps = 40;
  constexpr int kSessions = 2000;
  std::vector<std::int64_t> offsets = {0};
  Column reward, ratio;
  base::Rng rng(5, base::Stream::kTest);
  for (int session = 0; session < kSessions; ++session) {
    for (int t = 0; t < kSteps; ++t) {
      const bool second = rng.Uniform() < 0.5;
      reward.push_back(second ? 1.0 : 0.0);
      ratio.push_back(second ? 1.6 : 0.4);  // the policy takes the second action in four fifths of the steps
    }
    offsets.push_back(static_cast<std::int64_t>(reward.size()));
  }
  const std::vector<std::int32_t> states(reward.size(), 7);
  const Sessions sessions = {.offsets = offsets, .reward = reward, .step_ratio = ratio, .state = states};
  EXPECT_NEAR(EstimateSessions(SessionEstimator::kMarginalised, sessions).Value(), 0.8 * kSteps, 0.4);
  EXPECT_GT(std::abs(EstimateSessions(SessionEstimator::kPdis, sessions).Value() - 0.8 * kSteps), 1.0);
}

TEST(OpeSessions, ByHandWithSessionsOfDifferentLengths) {
  const std::vector<std::int64_t> offsets = {0, 2, 2, 3};
  const Column reward = {1.0, 2.0, 4.0};
  const Column ratio = {2.0, 3.0, 0.5};
  const Column q = {0.5, 1.0, 2.0};
  const Column v = {0.25, 0.75, 3.0};
  const std::vector<std::int32_t> states = {0, 1, 0};
  const Sessions sessions = {offsets, reward, ratio, q, v, 0.5, states};
  const auto value = [&](SessionEstimator estimator) { return EstimateSessions(estimator, sessions).Value(); };
  EXPECT_DOUBLE_EQ(value(SessionEstimator::kTis), (6.0 * 2.0 + 0.0 + 0.5 * 4.0) / 3.0);
  EXPECT_DOUBLE_EQ(value(SessionEstimator::kPdis), (2.0 + 0.5 * 6.0 * 2.0 + 0.0 + 2.0) / 3.0);
  // The session without a step weighs 1, the third keeps .5 at the second step.
  EXPECT_DOUBLE_EQ(value(SessionEstimator::kSelfNormalisedTis), 14.0 / 7.5);
  EXPECT_DOUBLE_EQ(value(SessionEstimator::kSelfNormalisedPdis), (2.0 + 2.0) / 3.5 + 6.0 / 7.5);
  const double first = (2.0 * 0.5 + 0.25) + 0.5 * (6.0 * 1.0 + 2.0 * 0.75);
  const double third = 0.5 * 2.0 + 3.0;
  EXPECT_DOUBLE_EQ(value(SessionEstimator::kDr), (first + third) / 3.0);
  // First steps: 2 (1 + .5 x .75 - .5) and .5 (4 - 2) over 3.5; the second .5 x 6 (2 - 1) over 7.5.
  EXPECT_DOUBLE_EQ(value(SessionEstimator::kWeightedDr), (0.25 + 3.0) / 3.0 + (1.75 + 1.0) / 3.5 + 3.0 / 7.5);
  // Both first steps in one state; the second step carries the weight of the first.
  EXPECT_DOUBLE_EQ(value(SessionEstimator::kMarginalised), (2.0 * 1.0 + 0.5 * 4.0 + 0.5 * 2.0 * 3.0 * 2.0) / 3.0);
}

TEST(OpeSessions, OneStepIsASingleAction) {
  const std::vector<std::int64_t> offsets = {0, 1, 2, 3};
  const Column reward = {1.0, 0.0, 1.0};
  const Column ratio = {0.5, 2.0, 1.5};
  const Sessions sessions = {.offsets = offsets, .reward = reward, .step_ratio = ratio, .discount = 0.0};
  EXPECT_DOUBLE_EQ(EstimateSessions(SessionEstimator::kTis, sessions).Value(), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(EstimateSessions(SessionEstimator::kPdis, sessions).Value(), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(EstimateSessions(SessionEstimator::kSelfNormalisedPdis, sessions).Value(), 0.5);
}

TEST(OpeSessions, SelfNormalisedStaysWithinTheReturns) {
  const AllSessions world(0.0);
  const Column ones(world.reward.size(), 1.0);
  Sessions sessions = world.sessions();
  sessions.reward = ones;
  // Every session returns 1 + .9 + .81.
  EXPECT_NEAR(EstimateSessions(SessionEstimator::kSelfNormalisedTis, sessions).Value(), 2.71, 1e-12);
  EXPECT_NEAR(EstimateSessions(SessionEstimator::kSelfNormalisedPdis, sessions).Value(), 2.71, 1e-12);
}

TEST(OpeSessions, SessionsWithoutStepsAreWorthNothing) {
  const std::vector<std::int64_t> offsets = {0, 0, 0};
  for (const SessionEstimatorInfo& info : SessionEstimators()) {
    const Terms terms = EstimateSessions(info.estimator, {.offsets = offsets});
    EXPECT_EQ(terms.Value(), 0.0) << info.name;
    EXPECT_EQ(terms.rounds(), 2U) << info.name;
  }
}

TEST(OpeSessions, Horizon) {
  const std::vector<std::int64_t> offsets = {0, 3, 5};
  const Column reward(5, 0.0);
  const Column ratio = {2.0, 2.0, 4.0, 2.0, 0.5};
  const Sessions sessions = {.offsets = offsets, .reward = reward, .step_ratio = ratio, .discount = 0.5};
  const Horizon horizon = EffectiveHorizon(sessions, 1.5);
  EXPECT_DOUBLE_EQ(horizon.discounted, (1.75 + 1.5) / 2.0);
  ASSERT_EQ(horizon.effective_sample_size.size(), 3U);
  EXPECT_DOUBLE_EQ(horizon.effective_sample_size[0], 2.0);            // 2, 2
  EXPECT_DOUBLE_EQ(horizon.effective_sample_size[1], 25.0 / 17.0);    // 4, 1
  EXPECT_DOUBLE_EQ(horizon.effective_sample_size[2], 289.0 / 257.0);  // 16, 1
  EXPECT_EQ(horizon.supported, 1);
  EXPECT_EQ(EffectiveHorizon(sessions, 1.0).supported, 3);
  EXPECT_EQ(EffectiveHorizon(sessions).supported, 0);
}

TEST(OpeSessions, NamesAreFound) {
  std::set<std::string_view> names;
  for (const SessionEstimatorInfo& info : SessionEstimators()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(FindSessionEstimator(info.name), info.estimator);
  }
  EXPECT_EQ(FindSessionEstimator("ips"), std::nullopt);
}

TEST(OpeSessions, RefuseBadInput) {
  const std::vector<std::int64_t> offsets = {0, 2};
  const Column two = {1.0, 1.0};
  const auto error = [&](const Sessions& sessions, SessionEstimator estimator = SessionEstimator::kTis) {
    return ErrorOf([&] { (void)EstimateSessions(estimator, sessions); });
  };
  EXPECT_EQ(error({}), "Data: off-policy evaluation: offsets of sessions: 0; expected at least 2");
  EXPECT_EQ(error({.offsets = std::vector<std::int64_t>{0, 2, 1}}),
            "Data: off-policy evaluation: offsets of sessions: 1 after 2; expected numbers that do not fall");
  EXPECT_EQ(error({.offsets = std::vector<std::int64_t>{1, 2}}),
            "Data: off-policy evaluation: the first offset of sessions: 1; expected 0");
  EXPECT_EQ(error({.offsets = offsets, .reward = Column{1.0}, .step_ratio = two}),
            "Data: off-policy evaluation: rewards of steps: 1 values; expected 2, the last offset");
  EXPECT_EQ(error({.offsets = offsets, .reward = two, .step_ratio = Column{1.0, -1.0}}),
            "Data: off-policy evaluation: ratios of steps: -1 at index 1; expected finite numbers from 0 on");
  EXPECT_EQ(error({.offsets = offsets, .reward = two, .step_ratio = two, .discount = 1.5}),
            "Data: off-policy evaluation: discount: 1.5; expected a number from 0 to 1");
  EXPECT_EQ(error({.offsets = offsets, .reward = two, .step_ratio = two}, SessionEstimator::kDr),
            "Data: off-policy evaluation: predicted rewards of logged steps: 0 values; expected 2, one for each step");
  const std::vector<std::int32_t> states = {0, -1};
  EXPECT_EQ(
      error({.offsets = offsets, .reward = two, .step_ratio = two, .state = states}, SessionEstimator::kMarginalised),
      "Data: off-policy evaluation: states of steps: -1 at index 1; expected numbers from 0 on");
  EXPECT_EQ(error({.offsets = offsets, .reward = two, .step_ratio = Column{1e200, 1e200}}),
            "Data: off-policy evaluation: weighted rewards of sessions: inf at index 0; expected finite numbers");
}

}  // namespace
}  // namespace recforce::ope
