// SPDX-License-Identifier: Apache-2.0
#include "nn/recurrent.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/recurrent_reference.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::nn {
namespace {

torch::Tensor Drawn(torch::IntArrayRef shape, std::uint64_t number) {
  torch::Tensor values = torch::empty(shape, torch::kFloat64);
  base::Rng rng(7, base::Stream::kTest, number);
  double* data = values.data_ptr<double>();
  for (std::int64_t at = 0; at < values.numel(); ++at) {
    data[at] = 0.7 * rng.Normal();
  }
  return values;
}

RecurrentParams DrawnParams(const RecurrentShape& shape) {
  RecurrentParams params = ZeroRecurrent(shape, torch::kFloat64);
  std::uint64_t number = 100;
  for (torch::Tensor* tensor : params.All()) {
    tensor->copy_(Drawn(tensor->sizes(), number++));
  }
  return params;
}

// Of the specification of the CFN.
TEST(RecurrentTest, GoldenCfn) {
  const RecurrentShape shape = {.cell = Cell::kCfn, .inputs = 2, .units = 2};
  RecurrentParams params;
  params.recurrent = torch::tensor({.1, -.2, .3, .4, -.5, .2, .1, .1}, torch::kFloat64).view({4, 2});
  params.input = torch::tensor({.2, .1, -.1, .3, .4, -.3, .2, .2, 1., .5, -.5, .25}, torch::kFloat64).view({6, 2});
  params.bias = torch::tensor({1., 1., 0., -.5, 0., 0.}, torch::kFloat64);
  const torch::Tensor u = torch::tensor({1., 0., 0., 1., .5, -.5}, torch::kFloat64).view({3, 2});
  RecurrentPass pass(shape);
  const torch::Tensor states = pass.Forward(params, u, torch::zeros({1, 2}, torch::kFloat64), {0, 1, 1});
  const std::vector<double> expected = {.455957, -.196657, .494065, -.048664, .472142, -.173921};
  for (std::size_t at = 0; at < expected.size(); ++at) {
    EXPECT_NEAR(states.data_ptr<double>()[at], expected[at], 1e-6);
  }
}

TEST(RecurrentTest, StateOfTheCfnFadesWithoutInput) {
  const RecurrentShape shape = {.cell = Cell::kCfn, .inputs = 3, .units = 4};
  RecurrentParams params = DrawnParams(shape);
  params.input.narrow(0, 8, 4).zero_();
  const torch::Tensor u = Drawn({200, 3}, 1);
  RecurrentPass pass(shape);
  const torch::Tensor states =
      pass.Forward(params, u, torch::ones({1, 4}, torch::kFloat64), std::vector<std::uint8_t>(200, 1));
  EXPECT_LT(states[199].abs().max().item<double>(), 1e-3);
  EXPECT_GT(states[0].abs().max().item<double>(), 1e-2);
}

// gru_after is the GRU of libtorch.
TEST(RecurrentTest, ResetAfterIsLibtorchsGru) {
  const RecurrentShape shape = {.cell = Cell::kGruAfter, .inputs = 3, .units = 5};
  const RecurrentParams params = DrawnParams(shape);
  torch::nn::GRU gru(torch::nn::GRUOptions(3, 5));
  gru->to(torch::kFloat64);
  torch::NoGradGuard no_grad;
  auto named = gru->named_parameters();
  named["weight_ih_l0"].copy_(params.input);
  named["weight_hh_l0"].copy_(params.recurrent);
  named["bias_ih_l0"].copy_(params.bias);
  named["bias_hh_l0"].zero_();
  named["bias_hh_l0"].narrow(0, 10, 5).copy_(params.inner);
  const torch::Tensor u = Drawn({4 * 2, 3}, 2);
  const torch::Tensor state = Drawn({2, 5}, 3);
  RecurrentPass pass(shape);
  const torch::Tensor states = pass.Forward(params, u, state, std::vector<std::uint8_t>(8, 1));
  const torch::Tensor expected = std::get<0>(gru->forward(u.view({4, 2, 3}), state.unsqueeze(0))).reshape({8, 5});
  EXPECT_LT((states - expected).abs().max().item<double>(), 1e-12);
}

class Cells : public ::testing::TestWithParam<Cell> {};

TEST_P(Cells, GradientIsThatOfAutograd) {
  const RecurrentShape shape = {.cell = GetParam(), .inputs = 3, .units = 4};
  const RecurrentParams params = DrawnParams(shape);
  const torch::Tensor u = Drawn({5 * 3, 3}, 4);
  const torch::Tensor state = Drawn({3, 4}, 5);
  const std::vector<std::uint8_t> keep = {1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1};
  torch::Tensor weights = Drawn({15, 4}, 6);  // the loss is their product with the states

  std::vector<torch::Tensor> leaves;
  RecurrentParams copy = params;
  for (torch::Tensor* tensor : copy.All()) {
    *tensor = tensor->clone().requires_grad_(true);
    leaves.push_back(*tensor);
  }
  leaves.push_back(u.clone().requires_grad_(true));
  const torch::Tensor expected_states = RecurrentReference(shape, copy, leaves.back(), state, keep);
  const auto expected = torch::autograd::grad({(expected_states * weights).sum()}, leaves);

  RecurrentPass pass(shape);
  const torch::Tensor states = pass.Forward(params, u, state, keep);
  EXPECT_LT((states - expected_states).abs().max().item<double>(), 1e-13);
  RecurrentParams gradient = ZeroRecurrent(shape, torch::kFloat64);
  torch::Tensor d_u = torch::empty_like(u);
  pass.Backward(params, u, keep, weights, gradient, d_u);
  std::size_t number = 0;
  for (const torch::Tensor* tensor : gradient.All()) {
    EXPECT_LT((*tensor - expected[number]).abs().max().item<double>(), 1e-12) << number;
    ++number;
  }
  EXPECT_LT((d_u - expected[number]).abs().max().item<double>(), 1e-12);
}

// A lane is computed as if it were alone, and a sequence as if nothing had come before it.
TEST_P(Cells, LanesAndSequencesAreApart) {
  const RecurrentShape shape = {.cell = GetParam(), .inputs = 3, .units = 4};
  const RecurrentParams params = DrawnParams(shape);
  const torch::Tensor u = Drawn({6, 3}, 8);
  RecurrentPass pass(shape);
  const torch::Tensor both = pass.Forward(params, u, Drawn({2, 4}, 9), {0, 0, 1, 1, 0, 1}).clone();
  const torch::Tensor first = u.index_select(0, torch::tensor({0, 2}));
  const torch::Tensor alone = pass.Forward(params, first, torch::zeros({1, 4}, torch::kFloat64), {1, 1}).clone();
  EXPECT_LT((both[2] - alone[1]).abs().max().item<double>(), 1e-14);
  const torch::Tensor third = pass.Forward(params, u.narrow(0, 4, 1), torch::zeros({1, 4}, torch::kFloat64), {1});
  EXPECT_LT((both[4] - third[0]).abs().max().item<double>(), 1e-14);
}

std::string NameOf(const ::testing::TestParamInfo<Cell>& info) {
  static const std::vector<std::string> names = {"gru", "gru_after", "cfn"};
  return names[static_cast<std::size_t>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(All, Cells, ::testing::Values(Cell::kGru, Cell::kGruAfter, Cell::kCfn), NameOf);

}  // namespace
}  // namespace recforce::nn
