// SPDX-License-Identifier: Apache-2.0
// What the one-step correction leaves of the exact off-policy gradient (Chen et al. 2019, section 4.1), in a process of
// two states and two actions over three steps that begins in state 0: by enumeration of its 32 sessions, and from
// sessions that are drawn.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "algos/topk_reinforce/correction.h"
#include "algos/topk_reinforce/policy_log.h"
#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

constexpr double kDiscount = 0.9;
constexpr double kNext[2][2][2] = {{{0.9, 0.1}, {0.2, 0.8}}, {{0.7, 0.3}, {0.1, 0.9}}};  // [state][action][next]
constexpr double kReward[2][2] = {{1.0, 0.0}, {0.0, 2.0}};
constexpr double kBeta[2][2] = {{0.7, 0.3}, {0.6, 0.4}};
using Logits = std::array<std::array<double, 2>, 2>;  // [state][action]
constexpr Logits kTheta = {{{0.2, -0.1}, {0.3, 0.5}}};
using Gradient = std::array<double, 2>;  // by the logits of action 0 in both states

double Pi(const Logits& theta, int state, int action) {
  const double total = std::exp(theta[state][0]) + std::exp(theta[state][1]);
  return std::exp(theta[state][action]) / total;
}

struct Session {
  int state[3], action[3];
  [[nodiscard]] double Reward(int t) const { return kReward[state[t]][action[t]]; }
};

std::vector<Session> AllSessions() {
  std::vector<Session> sessions;
  for (int bits = 0; bits < 32; ++bits) {
    sessions.push_back({{0, bits & 1, (bits >> 1) & 1}, {(bits >> 2) & 1, (bits >> 3) & 1, (bits >> 4) & 1}});
  }
  return sessions;
}

double Chance(const Session& session, const std::function<double(int, int)>& policy) {
  double chance = 1.0;
  for (int t = 0; t < 3; ++t) {
    const int s = session.state[t];
    const int a = session.action[t];
    chance *= policy(s, a) * (t < 2 ? kNext[s][a][session.state[t + 1]] : 1.0);
  }
  return chance;
}
double ChanceInLog(const Session& session) {
  return Chance(session, [](int s, int a) { return kBeta[s][a]; });
}

double ValueOf(const std::function<double(int, int)>& policy) {
  double value = 0.0;
  for (const Session& session : AllSessions()) {
    for (int t = 0; t < 3; ++t) {
      value += Chance(session, policy) * std::pow(kDiscount, t) * session.Reward(t);
    }
  }
  return value;
}

enum class Rule { kFull, kPerDecision, kPrefix, kOneStep, kUncorrected, kLearner };
const std::vector<Rule> kRules = {Rule::kFull,    Rule::kPerDecision, Rule::kPrefix,
                                  Rule::kOneStep, Rule::kUncorrected, Rule::kLearner};

// Returns as the learner has them: 0 where the event brought nothing itself.
std::vector<float> LoggedReturns(const Session& session) {
  data::Csr rows;
  rows.AddRow(std::vector<std::int32_t>(session.action, session.action + 3));
  std::vector<float> values;
  for (int t = 0; t < 3; ++t) {
    values.push_back(static_cast<float>(session.Reward(t)));
  }
  core::TrainView view = {.interactions = rows.view(), .num_items = 2};
  view.values = values;
  return MakePolicyLog(view, {.discount = kDiscount}).ret;
}

// Sum over steps of discount^t coefficient grad log pi(a_t | s_t).
Gradient EstimateOf(Rule rule, const Session& session) {
  std::array<double, 3> weight{};
  std::array<double, 3> to_go{};
  double whole = 1.0;
  for (int t = 2; t >= 0; --t) {
    const int s = session.state[t];
    const int a = session.action[t];
    const CorrectionKind kind = rule == Rule::kUncorrected ? CorrectionKind::kNone : CorrectionKind::kPaper;
    weight[t] =
        WeightOf({.kind = kind, .top_k = 1, .cap = 0.0}, std::log(Pi(kTheta, s, a)), std::log(kBeta[s][a])).coefficient;
    whole *= weight[t];
    to_go[t] = session.Reward(t) + (t < 2 ? kDiscount * to_go[t + 1] : 0.0);
  }
  const std::vector<float> logged = rule == Rule::kLearner ? LoggedReturns(session) : std::vector<float>();
  Gradient gradient{};
  double prefix = 1.0;
  for (int t = 0; t < 3; ++t) {
    prefix *= weight[t];
    double coefficient = 0.0;
    switch (rule) {
      case Rule::kFull:
        coefficient = whole * to_go[t];
        break;
      case Rule::kPerDecision: {
        double product = prefix;
        for (int later = t; later < 3; ++later) {
          product *= later > t ? weight[later] : 1.0;
          coefficient += product * std::pow(kDiscount, later - t) * session.Reward(later);
        }
        break;
      }
      case Rule::kPrefix:
        coefficient = prefix * to_go[t];
        break;
      case Rule::kOneStep:
      case Rule::kUncorrected:
        coefficient = weight[t] * to_go[t];
        break;
      case Rule::kLearner:
        coefficient = weight[t] * static_cast<double>(logged[t]);
        break;
    }
    const int s = session.state[t];
    gradient[s] += std::pow(kDiscount, t) * coefficient * ((session.action[t] == 0 ? 1.0 : 0.0) - Pi(kTheta, s, 0));
  }
  return gradient;
}

Gradient ExpectedOf(Rule rule) {
  Gradient sum{};
  for (const Session& session : AllSessions()) {
    const Gradient one = EstimateOf(rule, session);
    sum[0] += ChanceInLog(session) * one[0];
    sum[1] += ChanceInLog(session) * one[1];
  }
  return sum;
}

Gradient TrueGradient() {
  Gradient gradient{};
  for (int s = 0; s < 2; ++s) {
    const auto value = [&](double step) {
      Logits theta = kTheta;
      theta[s][0] += step;
      return ValueOf([&](int state, int action) { return Pi(theta, state, action); });
    };
    gradient[s] = (value(1e-5) - value(-1e-5)) / 2e-5;
  }
  return gradient;
}

double Cosine(const Gradient& a, const Gradient& b) {
  return (a[0] * b[0] + a[1] * b[1]) / (std::hypot(a[0], a[1]) * std::hypot(b[0], b[1]));
}

void ExpectNear(const Gradient& found, double first, double second, const std::string& what) {
  EXPECT_NEAR(found[0], first, 1e-6) << what;
  EXPECT_NEAR(found[1], second, 1e-6) << what;
}

TEST(OffPolicyGradientTest, ByEnumeration) {
  EXPECT_NEAR(ValueOf([](int s, int a) { return Pi(kTheta, s, a); }), 1.9533722, 5e-8);
  EXPECT_NEAR(ValueOf([](int s, int a) { return kBeta[s][a]; }), 1.9557853, 5e-8);
  const Gradient truth = TrueGradient();
  ExpectNear(truth, .336262, -.398972, "by differences");
  ExpectNear(ExpectedOf(Rule::kFull), truth[0], truth[1], "weights of whole sessions");
  ExpectNear(ExpectedOf(Rule::kPerDecision), truth[0], truth[1], "weights up to each reward");
  ExpectNear(ExpectedOf(Rule::kPrefix), .450941, -.378619, "weights up to each action");
  ExpectNear(ExpectedOf(Rule::kOneStep), .490624, -.294736, "one weight");
  ExpectNear(ExpectedOf(Rule::kUncorrected), .816953, -.186953, "no weight");
  EXPECT_NEAR(Cosine(ExpectedOf(Rule::kOneStep), truth), .946, 5e-4);
  EXPECT_NEAR(Cosine(ExpectedOf(Rule::kUncorrected), truth), .799, 5e-4);
}

// The learner's rule credits actions that brought something themselves. Here it loses what leads to the rich state by
// an action of reward 0, and still points where the value rises.
TEST(OffPolicyGradientTest, CreditForRewardedActionsAlone) {
  const Gradient truth = TrueGradient();
  const Gradient learner = ExpectedOf(Rule::kLearner);
  EXPECT_GT(learner[0] * truth[0] + learner[1] * truth[1], 0.0);
  EXPECT_LT(Cosine(learner, truth), Cosine(ExpectedOf(Rule::kOneStep), truth));
  EXPECT_EQ(LoggedReturns({{0, 1, 1}, {1, 0, 1}}), (std::vector<float>{0.0F, 0.0F, 2.0F}));
  EXPECT_EQ(LoggedReturns({{0, 0, 1}, {0, 0, 1}}), (std::vector<float>{1.0F + 0.9F * 1.0F + 0.81F * 2.0F, 2.8F, 2.0F}));
}

int DrawOf(double chance_of_one, base::Rng& rng) { return rng.Uniform() < chance_of_one ? 1 : 0; }

Session DrawSession(base::Rng& rng) {
  Session session{};
  for (int t = 0; t < 3; ++t) {
    const int s = session.state[t];
    const int a = DrawOf(kBeta[s][1], rng);
    session.action[t] = a;
    if (t < 2) {
      session.state[t + 1] = DrawOf(kNext[s][a][1], rng);
    }
  }
  return session;
}

// 200,000 sessions: every component within four standard errors of its expectation. The errors are small enough to tell
// the uncorrected gradient from the true one.
TEST(OffPolicyGradientTest, FromDrawnSessions) {
  constexpr int kSessions = 200000;
  std::array<std::int64_t, 32> count{};  // sessions of a kind are worth the same
  const std::vector<Session> kinds = AllSessions();
  base::Rng rng(3, base::Stream::kTest);
  for (int draw = 0; draw < kSessions; ++draw) {
    const Session one = DrawSession(rng);
    ++count[one.state[1] + 2 * one.state[2] + 4 * one.action[0] + 8 * one.action[1] + 16 * one.action[2]];
  }
  const Gradient truth = TrueGradient();
  for (const Rule rule : kRules) {
    const Gradient expected = ExpectedOf(rule);
    for (int part = 0; part < 2; ++part) {
      double sum = 0.0;
      double square = 0.0;
      for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
        const double value = EstimateOf(rule, kinds[kind])[part];
        sum += static_cast<double>(count[kind]) * value;
        square += static_cast<double>(count[kind]) * value * value;
      }
      const double mean = sum / kSessions;
      const double error = std::sqrt((square / kSessions - mean * mean) / kSessions);
      EXPECT_NEAR(mean, expected[part], 4.0 * error) << static_cast<int>(rule) << " " << part;
      EXPECT_LT(error, 0.01);
      if (rule == Rule::kUncorrected) {
        EXPECT_GT(std::abs(mean - truth[part]), 20.0 * error) << part;
      }
    }
  }
}

}  // namespace
}  // namespace recforce::algos
