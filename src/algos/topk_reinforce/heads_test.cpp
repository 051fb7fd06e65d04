// SPDX-License-Identifier: Apache-2.0
#include "algos/topk_reinforce/heads.h"

#include <gtest/gtest.h>

#include <cmath>

#include "algos/common/proposal.h"
#include "algos/topk_reinforce/correction.h"
#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

torch::Tensor Drawn(torch::IntArrayRef shape, std::uint64_t number, double scale = 0.7) {
  torch::Tensor values = torch::empty(shape, torch::kFloat64);
  base::Rng rng(17, base::Stream::kTest, number);
  double* data = values.data_ptr<double>();
  for (std::int64_t at = 0; at < values.numel(); ++at) {
    data[at] = scale * rng.Normal();
  }
  return values;
}

struct Problem {
  torch::Tensor states = Drawn({4, 5}, 1);
  HeadTable pi = {Drawn({11, 5}, 2), Drawn({11}, 3)};
  HeadTable beta = {Drawn({11, 5}, 4), Drawn({11}, 5)};
  // State 2 decided twice, state 3 never.
  Decided decided = {{0, 1, 2, 2}, {3, 10, 0, 7}};
  HeadCoefficients coefficients = {{.7, -.2, 1.3, .4}, {.5, .25, 1.0, .1}, 0.0};
  SampledHeads::Draws draws;

  Problem() {
    draws.items = {3, 1, 3, 9, 0, 8, 7};
    for (std::size_t at = 0; at < draws.items.size(); ++at) {
      draws.log_expected.push_back(-.3 + .2 * static_cast<double>(at));
    }
    draws.decided_log_expected = {.1, -.5, .2, .7};
  }
};

// Sum of coefficient times -log softmax, with respect to everything, by finite differences of `loss`.
void ExpectSlope(torch::Tensor& at, const torch::Tensor& gradient, const std::function<double()>& loss,
                 const std::string& what) {
  double* values = at.data_ptr<double>();
  const torch::Tensor dense = gradient.contiguous();
  for (std::int64_t place = 0; place < at.numel(); ++place) {
    const double kept = values[place];
    values[place] = kept + 1e-6;
    const double more = loss();
    values[place] = kept - 1e-6;
    const double less = loss();
    values[place] = kept;
    ASSERT_NEAR(dense.data_ptr<double>()[place], (more - less) / 2e-6, 1e-7) << what << " " << place;
  }
}

double FullLoss(Problem& p, double temperature, double pi_part, double beta_part) {
  const torch::Tensor log_pi = torch::log_softmax(torch::addmm(p.pi.bias, p.states, p.pi.weight.t()) / temperature, 1);
  const torch::Tensor log_beta =
      torch::log_softmax(torch::addmm(p.beta.bias, p.states, p.beta.weight.t()) / temperature, 1);
  double loss = 0.0;
  for (std::size_t d = 0; d < p.decided.item.size(); ++d) {
    loss -= pi_part * p.coefficients.pi[d] * log_pi[p.decided.state[d]][p.decided.item[d]].item<double>();
    loss -= beta_part * p.coefficients.beta[d] * log_beta[p.decided.state[d]][p.decided.item[d]].item<double>();
  }
  return loss + pi_part * p.coefficients.entropy * (log_pi.exp() * log_pi).sum().item<double>();
}

TEST(FullHeadsTest, GradientsAreThoseOfTheLossAndStopWhereTheyShould) {
  for (const double temperature : {1.0, 1.7}) {
    for (const double entropy : {0.0, 0.3}) {
      Problem p;
      p.coefficients.entropy = entropy;
      FullHeads heads(temperature);
      const LogProbabilities found = heads.Forward(p.states, p.pi, p.beta, p.decided);
      const torch::Tensor log_pi =
          torch::log_softmax(torch::addmm(p.pi.bias, p.states, p.pi.weight.t()) / temperature, 1);
      EXPECT_NEAR(found.pi[3], log_pi[2][7].item<double>(), 1e-12);
      HeadTable d_pi = {torch::empty({11, 5}, torch::kFloat64), torch::empty({11}, torch::kFloat64)};
      HeadTable d_beta = {torch::empty({11, 5}, torch::kFloat64), torch::empty({11}, torch::kFloat64)};
      const torch::Tensor d = heads.Backward(p.states, p.pi, p.beta, p.decided, p.coefficients, d_pi, d_beta);
      const auto whole = [&] { return FullLoss(p, temperature, 1.0, 1.0); };
      ExpectSlope(p.pi.weight, d_pi.weight, whole, "pi");
      ExpectSlope(p.pi.bias, d_pi.bias, whole, "bias of pi");
      ExpectSlope(p.beta.weight, d_beta.weight, whole, "beta");
      ExpectSlope(p.beta.bias, d_beta.bias, whole, "bias of beta");
      // The state hears of pi's loss alone.
      ExpectSlope(
          p.states, d, [&] { return FullLoss(p, temperature, 1.0, 0.0); }, "states");
    }
  }
}

// More scores than are kept between the passes: they are computed again, block by block, to what two halves give that
// are small enough to be kept.
TEST(FullHeadsTest, BlocksAddUpToTheWhole) {
  constexpr std::int64_t kItems = 70000;
  constexpr std::int64_t kStates = 500;
  const auto floats = [](torch::IntArrayRef shape, std::uint64_t number) {
    return Drawn(shape, number).to(torch::kFloat32);
  };
  const torch::Tensor states = floats({kStates, 2}, 41);
  const HeadTable pi = {floats({kItems, 2}, 42), floats({kItems}, 43)};
  const HeadTable beta = {floats({kItems, 2}, 44), floats({kItems}, 45)};
  struct Found {
    LogProbabilities log_probability;
    torch::Tensor d_states;
    HeadTable d_pi, d_beta;
  };
  const auto of = [&](std::int64_t begin, std::int64_t end) {
    Decided decided;
    HeadCoefficients coefficients;
    for (std::int64_t state = begin; state < end; ++state) {
      decided.state.push_back(state - begin);
      decided.item.push_back(static_cast<std::int32_t>(state * 137 % kItems));
      coefficients.pi.push_back(1.0 + 0.01 * static_cast<double>(state));
      coefficients.beta.push_back(0.5);
    }
    Found found;
    for (HeadTable* head : {&found.d_pi, &found.d_beta}) {
      *head = {torch::empty_like(pi.weight), torch::empty_like(pi.bias)};
    }
    FullHeads heads;
    const torch::Tensor part = states.narrow(0, begin, end - begin).contiguous();
    found.log_probability = heads.Forward(part, pi, beta, decided);
    found.d_states = heads.Backward(part, pi, beta, decided, coefficients, found.d_pi, found.d_beta);
    return found;
  };
  const Found whole = of(0, kStates);
  const Found first = of(0, kStates / 2);
  const Found second = of(kStates / 2, kStates);
  const auto expect_equal = [](const torch::Tensor& a, const torch::Tensor& b, const std::string& what) {
    EXPECT_LT((a - b).abs().max().item<double>(), 1e-5 * b.abs().max().item<double>()) << what;
  };
  EXPECT_NEAR(whole.log_probability.pi.back(), second.log_probability.pi.back(), 1e-5);
  EXPECT_NEAR(whole.log_probability.beta.front(), first.log_probability.beta.front(), 1e-5);
  expect_equal(whole.d_states, torch::cat({first.d_states, second.d_states}), "states");
  expect_equal(whole.d_pi.weight, first.d_pi.weight + second.d_pi.weight, "pi");
  expect_equal(whole.d_pi.bias, first.d_pi.bias + second.d_pi.bias, "bias of pi");
  expect_equal(whole.d_beta.weight, first.d_beta.weight + second.d_beta.weight, "beta");
  expect_equal(whole.d_beta.bias, first.d_beta.bias + second.d_beta.bias, "bias of beta");
}

// A step along the gradient lifts the logit of an item that brought something, however small its probability; with a
// weight that is differentiated, too, it is pushed down.
TEST(FullHeadsTest, AGoodItemRises) {
  Problem p;
  p.decided = {{0}, {3}};
  FullHeads heads;
  const LogProbabilities found = heads.Forward(p.states, p.pi, p.beta, p.decided);
  ASSERT_LT(found.pi[0], -1.0) << "below 1 / e";
  for (const auto& [kind, sign] :
       {std::pair(CorrectionKind::kPaper, -1.0), std::pair(CorrectionKind::kNoDetach, 1.0)}) {
    p.coefficients = {
        {WeightOf({.kind = kind, .top_k = 4, .cap = 0.0}, found.pi[0], found.beta[0]).coefficient}, {1.0}, 0.0};
    HeadTable d_pi = {torch::empty({11, 5}, torch::kFloat64), torch::empty({11}, torch::kFloat64)};
    HeadTable d_beta = {torch::empty({11, 5}, torch::kFloat64), torch::empty({11}, torch::kFloat64)};
    heads.Forward(p.states, p.pi, p.beta, p.decided);
    heads.Backward(p.states, p.pi, p.beta, p.decided, p.coefficients, d_pi, d_beta);
    EXPECT_GT(sign * d_pi.bias[3].item<double>(), 0.0);
  }
}

// Sums over the draws without hits, as the header has them.
double SampledLogShare(const Problem& p, const HeadTable& table, double temperature, std::size_t d, bool corrected) {
  const std::int64_t state = p.decided.state[d];
  const auto score = [&](std::int32_t item) {
    return ((p.states[state] * table.weight[item]).sum() + table.bias[item]).item<double>() / temperature;
  };
  const double own = score(p.decided.item[d]) - (corrected ? p.draws.decided_log_expected[d] : 0.0);
  double sum = std::exp(own);
  for (std::size_t at = 0; at < p.draws.items.size(); ++at) {
    if (p.draws.items[at] != p.decided.item[d]) {
      sum += std::exp(score(p.draws.items[at]) - p.draws.log_expected[at]);
    }
  }
  return own - std::log(sum);
}

TEST(SampledHeadsTest, GradientsAreThoseOfTheSampledLoss) {
  for (const double temperature : {1.0, 1.7}) {
    Problem p;
    SampledHeads heads(temperature);
    const LogProbabilities estimated = heads.Forward(p.states, p.pi, p.beta, p.decided, p.draws, false);
    EXPECT_NEAR(estimated.pi[2], SampledLogShare(p, p.pi, temperature, 2, false), 1e-12);
    EXPECT_NEAR(estimated.beta[0], SampledLogShare(p, p.beta, temperature, 0, false), 1e-12);
    const LogProbabilities exact = heads.Forward(p.states, p.pi, p.beta, p.decided, p.draws, true);
    const torch::Tensor log_pi =
        torch::log_softmax(torch::addmm(p.pi.bias, p.states, p.pi.weight.t()) / temperature, 1);
    EXPECT_NEAR(exact.pi[2], log_pi[2][0].item<double>(), 1e-12);

    SampledHeads::Gradient d_pi;
    SampledHeads::Gradient d_beta;
    const torch::Tensor d = heads.Backward(p.states, p.pi, p.beta, p.decided, p.draws, p.coefficients, d_pi, d_beta);
    const auto spread = [&](const SampledHeads::Gradient& gradient, bool bias) {
      torch::Tensor whole = torch::zeros({11, bias ? 1 : 5}, torch::kFloat64);
      for (std::size_t at = 0; at < p.draws.items.size(); ++at) {
        whole[p.draws.items[at]] += (bias ? gradient.drawn_bias : gradient.drawn)[static_cast<std::int64_t>(at)];
      }
      for (std::size_t at = 0; at < p.decided.item.size(); ++at) {
        whole[p.decided.item[at]] += (bias ? gradient.decided_bias : gradient.decided)[static_cast<std::int64_t>(at)];
      }
      return whole;
    };
    const auto loss = [&](double pi_part, double beta_part) {
      double sum = 0.0;
      for (std::size_t at = 0; at < p.decided.item.size(); ++at) {
        sum -= pi_part * p.coefficients.pi[at] * SampledLogShare(p, p.pi, temperature, at, true);
        sum -= beta_part * p.coefficients.beta[at] * SampledLogShare(p, p.beta, temperature, at, true);
      }
      return sum;
    };
    ExpectSlope(
        p.pi.weight, spread(d_pi, false), [&] { return loss(1.0, 1.0); }, "pi");
    ExpectSlope(
        p.pi.bias, spread(d_pi, true), [&] { return loss(1.0, 1.0); }, "bias of pi");
    ExpectSlope(
        p.beta.weight, spread(d_beta, false), [&] { return loss(1.0, 1.0); }, "beta");
    ExpectSlope(
        p.states, d, [&] { return loss(1.0, 0.0); }, "states");
  }
}

// The mean gradient by the state over draws nears the exact one as they grow, and the correction matters. A catalogue
// of 1,000 items with popular ones, as in the specification.
TEST(SampledHeadsTest, NearsTheExactGradient) {
  constexpr std::int64_t kItems = 1000;
  constexpr std::int64_t kUnits = 16;
  const torch::Tensor states = Drawn({1, kUnits}, 21, 1.0);
  HeadTable table = {Drawn({kItems, kUnits}, 22, 0.3), torch::empty({kItems}, torch::kFloat64)};
  std::vector<double> counts;
  for (std::int64_t item = 0; item < kItems; ++item) {
    table.bias[item] = -0.8 * std::log(static_cast<double>(item + 1));
    counts.push_back(static_cast<double>(kItems - item));
  }
  const Decided decided = {{0}, {40}};
  FullHeads full;
  full.Forward(states, table, table, decided);
  HeadTable unused = {torch::empty_like(table.weight), torch::empty_like(table.bias)};
  const torch::Tensor exact = full.Backward(states, table, table, decided, {{1.0}, {0.0}, 0.0}, unused, unused);
  const auto error = [&](const std::string& law, std::int64_t drawn, bool corrected) {
    const Proposal proposal(law, counts, 1.0);
    torch::Tensor mean = torch::zeros_like(exact);
    constexpr int kRounds = 400;
    for (int round = 0; round < kRounds; ++round) {
      base::Rng rng(5, base::Stream::kNegatives, static_cast<std::uint64_t>(round));
      SampledHeads::Draws draws;
      const std::int64_t count = proposal.Draw(drawn, true, rng, draws.items);
      for (const std::int32_t item : draws.items) {
        draws.log_expected.push_back(corrected ? proposal.LogExpected(item, count, true) : 0.0);
      }
      draws.decided_log_expected = {corrected ? proposal.LogExpected(40, count, true) : 0.0};
      SampledHeads heads;
      heads.Forward(states, table, table, decided, draws, false);
      SampledHeads::Gradient a;
      SampledHeads::Gradient b;
      mean += heads.Backward(states, table, table, decided, draws, {{1.0}, {0.0}, 0.0}, a, b) / kRounds;
    }
    return ((mean - exact).norm() / exact.norm()).item<double>();
  };
  const double hundred = error("log_uniform", 100, true);
  const double five_hundred = error("log_uniform", 500, true);
  EXPECT_LT(hundred, .1);
  EXPECT_LT(five_hundred, .02);
  EXPECT_LT(hundred, error("log_uniform", 20, true));
  EXPECT_LT(hundred, error("log_uniform", 100, false));
  EXPECT_LT(five_hundred, error("log_uniform", 500, false));
}

TEST(StreamedLogSumTest, IsTheWholeSum) {
  const torch::Tensor states = Drawn({3, 4}, 31);
  const HeadTable table = {Drawn({20000, 4}, 32), Drawn({20000}, 33)};
  const std::vector<double> found = StreamedLogSum(states, table, 1.3);
  const torch::Tensor expected = torch::logsumexp(torch::addmm(table.bias, states, table.weight.t()) / 1.3, 1);
  for (std::int64_t row = 0; row < 3; ++row) {
    EXPECT_NEAR(found[static_cast<std::size_t>(row)], expected[row].item<double>(), 1e-10);
  }
}

}  // namespace
}  // namespace recforce::algos
