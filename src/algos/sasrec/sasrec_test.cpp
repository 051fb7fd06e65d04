// SPDX-License-Identifier: Apache-2.0
// The hand-written pass against the ATen form and its autograd; the ATen form of the losses by hand.
#include "algos/sasrec/sasrec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "algos/sasrec/learner.h"
#include "algos/sasrec/reference.h"
#include "recforce/base/threads.h"
#include "support/golden.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kItems = 37;

// Users of 0, 1, 2 and many events, some longer than a sequence may be and than a block of attention rows.
data::Csr Events() {
  data::Csr events;
  std::int32_t item = 0;
  for (const int length : {5, 1, 0, 2, 130, 61, 12}) {
    std::vector<std::int32_t> row;
    for (int at = 0; at < length; ++at) {
      item = (item * 7 + 11 + at) % static_cast<std::int32_t>(kItems);
      row.push_back(item);
    }
    events.AddRow(row);
  }
  return events;
}

Sequences Pairs(const data::Csr& events, std::int64_t max_length) {
  Sequences sequences;
  for (std::int64_t user = 0; user < events.rows(); ++user) {
    sequences.AddPairs(events.row(user), max_length, static_cast<std::uint32_t>(user));
  }
  return sequences;
}

TEST(Sequences, PairsAreTheLastAndTheirSuccessors) {
  Sequences sequences;
  sequences.AddPairs(std::vector<std::int32_t>{4, 5, 6, 7}, 2, 9);
  sequences.AddPairs(std::vector<std::int32_t>{8}, 2, 10);
  sequences.AddPairs(std::vector<std::int32_t>{1, 2}, 2, 11);
  EXPECT_EQ(sequences.inputs, (std::vector<std::int32_t>{5, 6, 1}));
  EXPECT_EQ(sequences.targets, (std::vector<std::int32_t>{6, 7, 2}));
  EXPECT_EQ(sequences.offsets, (std::vector<std::int64_t>{0, 2, 2, 3}));
  EXPECT_EQ(sequences.users, (std::vector<std::uint32_t>{9, 10, 11}));
}

TEST(Sequences, MasksBelongToTheUserAndKeepTheirShare) {
  const data::Csr events = Events();
  const MaskShape shape{.hidden = 6, .blocks = 2, .heads = 2};
  KeepMasks all;
  DrawMasks(Pairs(events, 100), shape, 0.75, 3, 5, all);
  Sequences alone;
  alone.AddPairs(events.row(5), 100, 5);
  KeepMasks one;
  DrawMasks(alone, shape, 0.75, 3, 5, one);
  const auto begin = all.input.begin() + static_cast<std::ptrdiff_t>(Pairs(events, 100).begin(5) * 6);
  EXPECT_TRUE(std::equal(one.input.begin(), one.input.end(), begin));
  double kept = 0.0;
  for (const std::uint8_t bit : all.input) {
    kept += bit;
  }
  const auto count = static_cast<double>(all.input.size());
  EXPECT_NEAR(kept / count, 0.75, 4.0 * std::sqrt(0.75 * 0.25 / count));
}

TEST(Sequences, NegativesOfAPositionAreNotTheUsers) {
  const data::Csr events = Events();
  Sequences sequences = Pairs(events, 100);
  DrawNegatives(sequences, SasrecLoss::kBinaryCrossEntropy, 3, kItems, events.view(), 1, 0);
  ASSERT_EQ(sequences.negatives.size(), static_cast<std::size_t>(3 * sequences.positions()));
  for (std::int64_t user = 0; user < events.rows(); ++user) {
    const auto row = events.row(user);
    for (std::int64_t at = 3 * sequences.begin(user); at < 3 * (sequences.begin(user) + sequences.length(user)); ++at) {
      EXPECT_EQ(std::find(row.begin(), row.end(), sequences.negatives[static_cast<std::size_t>(at)]), row.end());
    }
  }
}

struct Variant {
  std::string name;
  SasrecShape shape;
  SasrecLoss loss = SasrecLoss::kFullCrossEntropy;
  double keep = 1.0;
};

class SasrecGradients : public testing::TestWithParam<Variant> {};

TEST_P(SasrecGradients, AreThoseOfAutograd) {
  const Variant& variant = GetParam();
  SasrecShape shape = variant.shape;
  shape.items = kItems;
  const SasrecLayout layout(shape);
  torch::manual_seed(3);
  torch::Tensor flat = torch::randn({layout.size}, torch::kFloat64) * 0.3;
  const data::Csr events = Events();
  Sequences sequences = Pairs(events, shape.max_length);
  DrawNegatives(sequences, variant.loss, 9, kItems, events.view(), 1, 0);
  KeepMasks masks;
  const KeepMasks* used = nullptr;
  if (variant.keep < 1.0) {
    DrawMasks(sequences, {shape.hidden, shape.blocks, shape.heads}, variant.keep, 1, 0, masks);
    used = &masks;
  }
  constexpr double kWeight = 0.37;

  SasrecPass<double> pass(shape);
  const double* params = flat.data_ptr<double>();
  const double* hidden = pass.Forward(params, sequences, used);
  const torch::Tensor states =
      torch::from_blob(const_cast<double*>(hidden), {sequences.positions(), shape.hidden}, torch::kFloat64).clone();
  torch::Tensor gradient = torch::zeros_like(flat);
  std::vector<double> d_hidden(static_cast<std::size_t>(sequences.positions() * shape.hidden));
  NextItemLoss<double> next(variant.loss);
  const double loss = next.Backward(sequences, hidden, params, kItems, shape.hidden, kWeight, d_hidden.data(),
                                    gradient.data_ptr<double>());
  pass.Backward(params, sequences, used, d_hidden.data(), gradient.data_ptr<double>());

  const torch::Tensor leaf = flat.clone().requires_grad_(true);
  const torch::Tensor expected_states = ReferenceForward(shape, leaf, sequences, used);
  const torch::Tensor expected_loss = ReferenceLoss(shape, leaf, expected_states, sequences, variant.loss);
  const torch::Tensor expected = torch::autograd::grad({expected_loss * kWeight}, {leaf})[0];
  EXPECT_LT(test::Distance(states, expected_states), 1e-9);
  EXPECT_NEAR(loss, expected_loss.item<double>(), 1e-8 * std::abs(loss));
  for (const Piece& piece : layout.pieces) {
    EXPECT_LT(test::Distance(PieceOf(gradient, layout, piece.name), PieceOf(expected, layout, piece.name)), 1e-8)
        << piece.name;
  }
}

constexpr SasrecShape kSmall = {.hidden = 12, .inner = 12, .blocks = 2, .heads = 1, .max_length = 100};

INSTANTIATE_TEST_SUITE_P(
    Variants, SasrecGradients,
    testing::Values(Variant{"plain", kSmall}, Variant{"dropout", kSmall, SasrecLoss::kFullCrossEntropy, 0.7},
                    Variant{"heads",
                            {.hidden = 12, .inner = 20, .blocks = 1, .heads = 3, .max_length = 50, .gelu = true},
                            SasrecLoss::kFullCrossEntropy,
                            0.7},
                    Variant{"norm_last",
                            {.hidden = 12, .inner = 8, .blocks = 2, .heads = 2, .max_length = 100, .norm_last = true},
                            SasrecLoss::kFullCrossEntropy,
                            0.7},
                    Variant{"sampled", kSmall, SasrecLoss::kSampledCrossEntropy},
                    Variant{"binary", kSmall, SasrecLoss::kBinaryCrossEntropy}),
    [](const auto& param) { return param.param.name; });

TEST(SasrecLosses, ByHand) {
  // One position, D = 1, hidden state 1: scores are the items themselves.
  const SasrecShape shape = {.items = 3, .hidden = 1, .inner = 1, .blocks = 1, .heads = 1, .max_length = 1};
  torch::Tensor flat = torch::zeros({SasrecLayout(shape).size}, torch::kFloat64);
  const std::vector<double> items = {0.0, std::log(2.0), std::log(5.0)};
  std::copy(items.begin(), items.end(), flat.data_ptr<double>());
  Sequences sequences;
  sequences.AddPairs(std::vector<std::int32_t>{0, 1}, 1, 0);
  const torch::Tensor hidden = torch::ones({1, 1}, torch::kFloat64);
  const auto loss = [&](SasrecLoss kind) { return ReferenceLoss(shape, flat, hidden, sequences, kind).item<double>(); };
  EXPECT_NEAR(loss(SasrecLoss::kFullCrossEntropy), std::log(8.0 / 2.0), 1e-12);
  sequences.negatives = {2, 1};
  sequences.negatives_each = 2;
  EXPECT_NEAR(loss(SasrecLoss::kSampledCrossEntropy), std::log(7.0 / 2.0), 1e-12);  // the target itself is left out
  sequences.negatives = {2, -1};
  EXPECT_NEAR(loss(SasrecLoss::kBinaryCrossEntropy), std::log(3.0 / 2.0) + std::log(6.0) / 2.0, 1e-12);
}

// A step of a whole batch, cut into shards and chunks, is the step that autograd takes.
TEST(Sasrec, AnEpochOfOneBatchIsOneStepOfAdam) {
  const data::Csr events = Events();
  SasrecOptions options;
  options.shape = kSmall;
  options.shape.items = kItems;
  options.keep = 0.8;
  SasrecLearner learner({.interactions = events.view(), .num_items = kItems}, options, {.seed = 2});
  const torch::Tensor before = learner.params().flat.clone();
  const double loss = learner.Epoch({}).at(0).second;

  Sequences sequences = Pairs(events, options.shape.max_length);
  KeepMasks masks;
  DrawMasks(sequences, {12, 2, 1}, 0.8, 2, 0, masks);
  const torch::Tensor leaf = before.clone().requires_grad_(true);
  const torch::Tensor hidden = ReferenceForward(options.shape, leaf, sequences, &masks);
  const torch::Tensor mean =
      ReferenceLoss(options.shape, leaf, hidden, sequences, options.loss) / static_cast<double>(sequences.positions());
  mean.backward();
  EXPECT_NEAR(loss, mean.item<double>(), 1e-5);
  torch::optim::Adam adam({leaf}, torch::optim::AdamOptions(1e-3).betas({0.9, 0.98}));
  const torch::Tensor gradient = leaf.grad().clone();
  adam.step();
  // Adam's first step is the sign of the gradient; where that is rounding alone, signs may differ.
  const torch::Tensor clear = gradient.abs() > 1e-5;
  EXPECT_LT(test::Distance(learner.params().flat.masked_select(clear), leaf.masked_select(clear)), 1e-5);
  EXPECT_GT(clear.sum().item<double>(), 500.0);
}

TEST(Sasrec, ReadsRepeatsAndOrder) {
  const data::Csr distinct = [] {
    data::Csr csr;
    csr.AddRow(std::vector<std::int32_t>{1, 2, 3});
    csr.AddRow(std::vector<std::int32_t>{3, 2, 1});
    return csr;
  }();
  const data::Csr repeated = [] {
    data::Csr csr;
    csr.AddRow(std::vector<std::int32_t>{1, 2, 3, 1});
    csr.AddRow(std::vector<std::int32_t>{3, 2, 1});
    return csr;
  }();
  SasrecShape shape = kSmall;
  shape.items = 5;
  const SasrecRecommender recommender(SasrecParams::Init(shape, 1, torch::kCPU));
  const auto scores = [&](const core::UserBatch& users) {
    std::vector<float> out(static_cast<std::size_t>(users.size() * 5));
    recommender.ScoreBatch(users, {out.data(), users.size(), 5});
    return torch::tensor(out).view({-1, 5});
  };
  const torch::Tensor plain = scores({.history = distinct.view()});
  const torch::Tensor with_repeats = scores({.history = distinct.view(), .sequence = repeated.view()});
  EXPECT_GT((plain[0] - plain[1]).abs().max().item<double>(), 1e-4);
  EXPECT_GT((plain[0] - with_repeats[0]).abs().max().item<double>(), 1e-4);
  EXPECT_LT((plain[1] - with_repeats[1]).abs().max().item<double>(), 1e-6);
}

TEST(Sasrec, HeadsMustDivideTheWidth) {
  const data::Csr events = Events();
  const core::AlgorithmSpec spec = SasrecSpec();
  config::Section section = spec.make_config();
  section.As<SasrecConfig>().heads = 3;
  try {
    spec.make_trainer(section, {.interactions = events.view(), .num_items = kItems}, {});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "sasrec.heads: does not divide sasrec.hidden: '3'; expected a divisor of 64");
  }
}

}  // namespace
}  // namespace recforce::algos
