// SPDX-License-Identifier: Apache-2.0
// The gradient of the whole policy, from the inputs through the recurrent layer to both heads, against finite
// differences. In float64: the learner's own tensors are float32, in which a difference of losses has no digits left,
// but every part that it is made of takes both.
#include <gtest/gtest.h>

#include <cmath>

#include "algos/topk_reinforce/correction.h"
#include "algos/topk_reinforce/reference.h"
#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kItems = 9;
constexpr double kTolerance = 1e-5;  // of the largest slope of a tensor

void Draw(torch::Tensor& values, std::uint64_t number) {
  values = torch::empty(values.sizes(), torch::kFloat64);
  base::Rng rng(23, base::Stream::kTest, number);
  double* data = values.data_ptr<double>();
  for (std::int64_t at = 0; at < values.numel(); ++at) {
    data[at] = 0.7 * rng.Normal();
  }
}

// Four steps of three lanes; a user begins at every 0 of `keep`, the last lane ends early. Some states decide twice,
// some never.
struct Problem {
  explicit Problem(nn::Cell cell) {
    params = PolicyParams::Init({.items = kItems, .embedding = 3, .hidden = 4, .cell = cell}, 1, torch::kCPU);
    std::uint64_t number = 0;
    for (torch::Tensor* tensor : params.All()) {
      Draw(*tensor, number++);
    }
    Draw(state, number);
    lanes.steps = 4;
    lanes.lanes = 3;
    lanes.inputs = {9, 2, 5, 1, 2, 8, 9, 0, 3, 4, 7, -1};
    lanes.keep = {0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1};
    const LogProbabilities found = Graph().log_probability;
    for (std::size_t d = 0; d < decided.item.size(); ++d) {
      const ActionWeight weight = WeightOf({.top_k = 3, .cap = 2.0}, found.pi[d], found.beta[d]);
      coefficients.pi.push_back(weight.coefficient * (1.0 + static_cast<double>(d)) / 6.0);
      coefficients.beta.push_back(1.0 / 6.0);
    }
  }
  [[nodiscard]] PolicyGraph Graph() const {
    return MakePolicyGraph(params, 1.0, state, lanes, rows, {}, decided, nullptr, true);
  }
  // Of the heads that `parts` gives a weight: coefficients are constants.
  [[nodiscard]] double Loss(double pi_part, double beta_part) const {
    HeadCoefficients parts = coefficients;
    for (std::size_t d = 0; d < parts.pi.size(); ++d) {
      parts.pi[d] *= pi_part;
      parts.beta[d] *= beta_part;
    }
    return Graph().Loss(parts).item<double>();
  }

  PolicyParams params;
  torch::Tensor state = torch::empty({3, 4});
  LaneBatch lanes;
  std::vector<std::int64_t> rows = {0, 1, 4, 6, 8, 10};
  Decided decided = {{0, 1, 1, 2, 3, 5}, {3, 0, 7, 3, 8, 1}};
  HeadCoefficients coefficients;
};

// [tensors of All()] by central differences. What the behaviour head says of a state is not heard by the state: its
// part of the loss counts for its own tables only.
std::vector<torch::Tensor> Slopes(Problem& problem) {
  std::vector<torch::Tensor> slopes;
  for (torch::Tensor* tensor : problem.params.All()) {
    const bool of_beta = tensor == &problem.params.beta.weight || tensor == &problem.params.beta.bias;
    torch::Tensor slope = torch::zeros_like(*tensor);
    double* values = tensor->data_ptr<double>();
    for (std::int64_t at = 0; at < tensor->numel(); ++at) {
      const double kept = values[at];
      constexpr double kStep = 1e-5;
      values[at] = kept + kStep;
      const double more = problem.Loss(of_beta ? 0.0 : 1.0, of_beta ? 1.0 : 0.0);
      values[at] = kept - kStep;
      const double less = problem.Loss(of_beta ? 0.0 : 1.0, of_beta ? 1.0 : 0.0);
      values[at] = kept;
      slope.data_ptr<double>()[at] = (more - less) / (2.0 * kStep);
    }
    slopes.push_back(slope);
  }
  return slopes;
}

// [tensors of All()] as the learner computes it on the CPU.
std::vector<torch::Tensor> HandWritten(const Problem& problem) {
  const torch::NoGradGuard no_grad;
  const PolicyParams& params = problem.params;
  std::vector<std::int64_t> inputs;
  for (const std::int32_t input : problem.lanes.inputs) {
    inputs.push_back(std::max<std::int32_t>(input, 0));
  }
  const torch::Tensor numbers = torch::tensor(inputs, torch::kInt64);
  const torch::Tensor u = params.inputs.index_select(0, numbers);
  nn::RecurrentPass pass(params.shape.Layer());
  const torch::Tensor all = pass.Forward(params.layer, u, problem.state, problem.lanes.keep);
  const torch::Tensor rows = torch::tensor(problem.rows, torch::kInt64);
  const torch::Tensor states = all.index_select(0, rows);

  PolicyParams gradient = params.Clone();
  FullHeads heads;
  heads.Forward(states, params.pi, params.beta, problem.decided);
  const torch::Tensor d_states =
      heads.Backward(states, params.pi, params.beta, problem.decided, problem.coefficients, gradient.pi, gradient.beta);
  torch::Tensor d = torch::zeros_like(all).index_add(0, rows, d_states);
  torch::Tensor d_u = torch::empty_like(u);
  pass.Backward(params.layer, u, problem.lanes.keep, d, gradient.layer, d_u);
  gradient.inputs = torch::zeros_like(params.inputs).index_add(0, numbers, d_u);
  std::vector<torch::Tensor> gradients;
  for (const torch::Tensor* tensor : gradient.All()) {
    gradients.push_back(*tensor);
  }
  return gradients;
}

class PolicyGradient : public ::testing::TestWithParam<nn::Cell> {};

TEST_P(PolicyGradient, IsTheSlopeOfTheLoss) {
  Problem problem(GetParam());
  const std::vector<torch::Tensor> slopes = Slopes(problem);
  const PolicyGraph graph = problem.Graph();
  const auto by_autograd = torch::autograd::grad({graph.Loss(problem.coefficients)}, graph.leaves, {}, {}, false, true);
  const std::vector<torch::Tensor> by_hand = HandWritten(problem);
  ASSERT_EQ(slopes.size(), by_hand.size());
  for (std::size_t at = 0; at < slopes.size(); ++at) {
    const double largest = slopes[at].abs().max().item<double>();
    ASSERT_GT(largest, 1e-3) << at << ": nothing to compare";
    EXPECT_LT((by_autograd[at] - slopes[at]).abs().max().item<double>(), kTolerance * largest) << at;
    EXPECT_LT((by_hand[at] - slopes[at]).abs().max().item<double>(), kTolerance * largest) << at;
  }
}

// By the logits of a state it is the sum over what was decided there of coefficient (softmax - one-hot).
TEST_P(PolicyGradient, OfLogitsIsSoftmaxLessTheDecision) {
  const Problem problem(GetParam());
  torch::Tensor expected = torch::zeros({kItems}, torch::kFloat64);
  const PolicyGraph graph = problem.Graph();
  for (std::size_t d = 0; d < problem.decided.item.size(); ++d) {
    torch::Tensor part = graph.log_pi[problem.decided.state[d]].exp().clone().detach();
    part[problem.decided.item[d]] -= 1.0;
    expected += problem.coefficients.pi[d] * part;
  }
  EXPECT_LT((HandWritten(problem)[2] - expected).abs().max().item<double>(), 1e-13);
}

// Neither loss reaches what belongs to the other: exactly zero, not small.
TEST_P(PolicyGradient, LossesStopAtTheOtherHead) {
  Problem problem(GetParam());
  const HeadCoefficients both = problem.coefficients;
  problem.coefficients.beta.assign(both.beta.size(), 0.0);
  const std::vector<torch::Tensor> of_pi = HandWritten(problem);
  problem.coefficients = both;
  problem.coefficients.pi.assign(both.pi.size(), 0.0);
  const std::vector<torch::Tensor> of_beta = HandWritten(problem);
  for (std::size_t at = 0; at < of_pi.size(); ++at) {
    const bool belongs_to_beta = at == 3 || at == 4;  // PolicyParams::All()
    EXPECT_EQ((belongs_to_beta ? of_pi : of_beta)[at].abs().max().item<double>(), 0.0) << at;
    EXPECT_GT((belongs_to_beta ? of_beta : of_pi)[at].abs().max().item<double>(), 0.0) << at;
  }
}

std::string NameOf(const ::testing::TestParamInfo<nn::Cell>& info) {
  static const std::vector<std::string> names = {"gru", "gru_after", "cfn"};
  return names[static_cast<std::size_t>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(All, PolicyGradient, ::testing::Values(nn::Cell::kGru, nn::Cell::kGruAfter, nn::Cell::kCfn),
                         NameOf);

}  // namespace
}  // namespace recforce::algos
