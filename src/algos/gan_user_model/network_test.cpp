// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "algos/gan_user_model/layers.h"
#include "algos/gan_user_model/shard_pass.h"
#include "algos/gan_user_model/user_net.h"
#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

// Three users, twelve items. Choices before any click, without a click, and after more clicks than are remembered.
data::DisplaySet SmallDisplays() {
  data::DisplaySet displays;
  base::Rng rng(2, base::Stream::kTest);
  const std::vector<int> pages = {1, 3, 7};
  for (std::size_t user = 0; user < pages.size(); ++user) {
    for (int page = 0; page < pages[user]; ++page) {
      std::vector<std::int32_t> shown(12);
      std::iota(shown.begin(), shown.end(), 0);
      rng.Shuffle(std::span(shown));
      shown.resize(1 + rng.Below(5));
      displays.AddChoice(shown, page == 1 ? -1 : static_cast<std::int32_t>(rng.Below(shown.size())));
    }
    displays.AddUser(static_cast<std::int32_t>(user));
  }
  return displays;
}

UserShape SmallShape(StateKind state) {
  UserShape shape;
  shape.items = 12;
  shape.dim = 3;
  shape.features = 2;
  shape.state = state;
  shape.memory = 3;
  shape.positions = 2;
  shape.hidden = 4;
  shape.layers = {5, 6};
  shape.repeats = true;
  return shape;
}

// Everything that the network needs, in double.
struct Case {
  explicit Case(const UserShape& of_shape) : shape(of_shape), parts(shape, true), index(displays, shape.items, true) {
    const torch::NoGradGuard no_grad;
    const std::vector<torch::Tensor> init =
        InitParts(shape, parts, {.item_deviation = 0.7, .no_click = 0.2, .seed = 3}, torch::kCPU);
    base::Rng rng(7, base::Stream::kTest);
    for (std::size_t part = 0; part < init.size(); ++part) {
      torch::Tensor values = init[part].to(torch::kFloat64).clone();
      for (std::int64_t i = 0; i < values.numel(); ++i) {  // no part is left at zero
        values.data_ptr<double>()[i] += 0.2 * rng.Normal();
      }
      tensors.push_back(values);
    }
    features = torch::empty({shape.items, shape.features}, torch::kFloat64);
    for (std::int64_t i = 0; i < features.numel(); ++i) {
      features.data_ptr<double>()[i] = rng.Normal();
    }
    const std::vector<std::int32_t> users = {2, 0, 1};
    ShardBuilder(index, shape).Build(users, shard);
    rows = torch::tensor(std::vector<std::int64_t>(shard.items.begin(), shard.items.end()), torch::kInt64);
  }

  [[nodiscard]] std::vector<torch::Tensor> Leaves(bool with_gradient) const {
    std::vector<torch::Tensor> leaves;
    for (std::size_t part = 0; part < tensors.size(); ++part) {
      leaves.push_back(
          (ByItem(parts.list[part].kind) ? tensors[part].index_select(0, rows) : tensors[part].clone()).detach());
      leaves.back().requires_grad_(with_gradient);
    }
    return leaves;
  }
  [[nodiscard]] torch::Tensor Rewards(const std::vector<torch::Tensor>& leaves) const {
    return ShardRewards(shape, parts, leaves, features.index_select(0, rows), shard);
  }
  // The loss of all choices, and its gradient by the rewards.
  ChoiceSums Loss(const torch::Tensor& rewards, torch::Tensor& slope) const {
    const torch::Tensor values = rewards.detach().contiguous();
    slope = torch::zeros_like(values);
    const auto count = static_cast<std::size_t>(values.numel());
    return ChoiceGradient<double>({core::ChoiceLaw::kSoftmax, 1.3}, shard.sets(),
                                  std::span<const double>(values.data_ptr<double>(), count), no_click, 1.0,
                                  std::span<double>(slope.data_ptr<double>(), count));
  }

  UserShape shape;
  UserParts parts;
  data::DisplaySet displays = SmallDisplays();
  ClickIndex index;
  std::vector<torch::Tensor> tensors;
  torch::Tensor features;
  Shard shard;
  torch::Tensor rows;
  double no_click = 0.2;
};

struct Taped {
  torch::Tensor rewards, slope;
  std::vector<torch::Tensor> gradients;  // of all parts but choosing nothing, which is the last
};

// What autograd makes of the loss.
Taped TapeOf(const Case& small) {
  Taped taped;
  const std::vector<torch::Tensor> leaves = small.Leaves(true);
  taped.rewards = small.Rewards(leaves);
  small.Loss(taped.rewards, taped.slope);
  taped.gradients = torch::autograd::grad({taped.rewards}, {leaves.begin(), leaves.end() - 1}, {taped.slope});
  return taped;
}

void ExpectGradientsOfTheWholeModel(const UserShape& shape) {
  const Case small(shape);
  const Taped taped = TapeOf(small);
  const torch::NoGradGuard no_grad;
  constexpr double kStep = 1e-6;
  for (std::size_t part = 0; part < taped.gradients.size(); ++part) {
    std::vector<torch::Tensor> moved = small.Leaves(false);
    const torch::Tensor gradient = taped.gradients[part].contiguous();
    double* values = moved[part].data_ptr<double>();
    for (std::int64_t i = 0; i < moved[part].numel(); ++i) {
      const double kept = values[i];
      torch::Tensor unused;
      values[i] = kept + kStep;
      const double up = small.Loss(small.Rewards(moved), unused).loss;
      values[i] = kept - kStep;
      const double down = small.Loss(small.Rewards(moved), unused).loss;
      values[i] = kept;
      ASSERT_NEAR(gradient.data_ptr<double>()[i], (up - down) / (2.0 * kStep), 2e-6)
          << small.parts.list[part].name << " " << i;
    }
    if (static_cast<std::int64_t>(part) == small.parts.position) {
      EXPECT_GT(gradient.abs().min().item<double>(), 1e-6) << "every lag is learnt";
    }
    EXPECT_GT(gradient.abs().max().item<double>(), 1e-6) << small.parts.list[part].name;
  }
}

TEST(UserNetworkTest, GradientsAreThoseOfFiniteDifferences) {
  ExpectGradientsOfTheWholeModel(SmallShape(StateKind::kPositions));
  ExpectGradientsOfTheWholeModel(SmallShape(StateKind::kLstm));
  ExpectGradientsOfTheWholeModel(SmallShape(StateKind::kNone));
  UserShape plain = SmallShape(StateKind::kPositions);
  plain.squash = Squash::kTanh;
  plain.position_bias = false;
  plain.item_bias = false;
  ExpectGradientsOfTheWholeModel(plain);
}

// Rewards and gradients as they are written out against those of autograd.
void ExpectPassAgrees(const UserShape& shape) {
  const Case small(shape);
  const Taped taped = TapeOf(small);
  const torch::NoGradGuard no_grad;
  ShardPass<double> pass(shape, small.parts);
  for (int round = 0; round < 2; ++round) {  // nothing of the first is left in the second
    const std::span<const double> seen = pass.Forward(small.tensors, small.features, small.shard);
    ASSERT_EQ(static_cast<std::int64_t>(seen.size()), taped.rewards.size(0));
    for (std::size_t row = 0; row < seen.size(); ++row) {
      ASSERT_NEAR(seen[row], taped.rewards[static_cast<std::int64_t>(row)].item<double>(), 1e-12);
    }
    const std::vector<torch::Tensor> gradients =
        pass.Backward(small.shard, std::span<const double>(taped.slope.data_ptr<double>(), seen.size()));
    ASSERT_EQ(gradients.size(), taped.gradients.size());
    for (std::size_t part = 0; part < taped.gradients.size(); ++part) {
      ASSERT_EQ(gradients[part].sizes(), taped.gradients[part].sizes()) << small.parts.list[part].name;
      EXPECT_LT((gradients[part] - taped.gradients[part]).abs().max().item<double>(), 1e-12)
          << small.parts.list[part].name;
    }
  }
}

TEST(UserNetworkTest, PassWithoutTapeIsThatOfAutograd) {
  for (const Squash squash : {Squash::kElu, Squash::kTanh, Squash::kNone}) {
    UserShape shape = SmallShape(StateKind::kPositions);
    shape.squash = squash;
    ExpectPassAgrees(shape);
  }
  ExpectPassAgrees(SmallShape(StateKind::kNone));
  UserShape plain = SmallShape(StateKind::kPositions);
  plain.position_bias = false;
  plain.item_bias = false;
  plain.layers = {5};
  ExpectPassAgrees(plain);
}

// The kernel that is used against the network that is trained, choice by choice.
TEST(UserNetworkTest, KernelAndNetworkAgree) {
  const torch::NoGradGuard no_grad;
  for (const StateKind state : {StateKind::kPositions, StateKind::kLstm, StateKind::kNone}) {
    for (const Squash squash : {Squash::kElu, Squash::kTanh, Squash::kNone}) {
      UserShape shape = SmallShape(state);
      shape.squash = squash;
      const Case small(shape);
      const torch::Tensor expected = small.Rewards(small.Leaves(false));
      std::vector<torch::Tensor> single;
      for (const torch::Tensor& tensor : small.tensors) {
        single.push_back(tensor.to(torch::kFloat32));
      }
      base::TensorSet set;
      SaveParts(small.parts, single, set, "x.");
      const torch::Tensor features = small.features.to(torch::kFloat32);
      const UserNet net(shape, set, "x.", std::span<const float>(features.data_ptr<float>(), features.numel()));
      std::vector<float> traits(static_cast<std::size_t>(net.num_traits()));
      std::vector<float> carried(traits.size());
      UserNet::Scratch scratch;
      std::int64_t row = 0;
      for (const std::int64_t user : {2, 0, 1}) {
        std::vector<std::int32_t> recent(3, -1);
        net.AfterClicks(recent, carried.data());
        for (std::int64_t d = small.displays.user_offsets[user]; d < small.displays.user_offsets[user + 1]; ++d) {
          net.AfterClicks(recent, traits.data());
          EXPECT_EQ(traits, carried) << "a state that is carried is the one that is computed from the clicks";
          const std::span<const std::int32_t> shown = small.displays.shown(d);
          std::vector<float> out(shown.size());
          net.Rewards(std::vector<const float*>(shown.size(), traits.data()), shown, scratch, out.data());
          for (const float value : out) {
            ASSERT_NEAR(value, expected[row].item<double>(), 2e-6) << "row " << row;
            ++row;
          }
          if (const std::int32_t clicked = small.displays.chosen(d); clicked >= 0) {
            recent.insert(recent.begin(), clicked);
            recent.pop_back();
            net.Advance(recent, carried.data());
          }
        }
      }
      EXPECT_EQ(row, expected.size(0));
    }
  }
}

// By hand: identity layers are not there, so one hidden layer of one unit is the whole reward.
TEST(UserNetworkTest, PositionWeightsAndRepeatsByHand) {
  UserShape shape;
  shape.items = 2;
  shape.dim = 1;
  shape.memory = 2;
  shape.positions = 1;
  shape.layers = {1};
  shape.repeats = true;
  base::TensorSet set;
  set.AddOwned("item.embedding", std::vector<float>{1.0F, -2.0F}, {2, 1});
  set.AddOwned("item.bias", std::vector<float>{0.25F, 0.0F}, {2});
  set.AddOwned("repeat.weight", std::vector<float>{-0.5F, 0.75F}, {2});
  set.AddOwned("position.weight", std::vector<float>{0.5F, 3.0F}, {1, 2});
  set.AddOwned("position.bias", std::vector<float>{0.1F}, {1, 1});
  set.AddOwned("reward.0.state", std::vector<float>{2.0F}, {1, 1});
  set.AddOwned("reward.0.item", std::vector<float>{1.0F}, {1, 1});
  set.AddOwned("reward.0.bias", std::vector<float>{0.5F}, {1});
  set.AddOwned("reward.out.weight", std::vector<float>{4.0F}, {1});
  set.AddOwned("reward.out.bias", std::vector<float>{1.0F}, {1});
  const UserNet net(shape, set, "", {});
  std::vector<float> traits(static_cast<std::size_t>(net.num_traits()));
  UserNet::Scratch scratch;
  const auto reward = [&](std::vector<std::int32_t> recent, std::int32_t item) {
    net.AfterClicks(recent, traits.data());
    float out = 0.0F;
    net.Rewards(std::vector<const float*>{traits.data()}, std::vector<std::int32_t>{item}, scratch, &out);
    return static_cast<double>(out);
  };
  const auto elu = [](double x) { return x > 0.0 ? x : std::exp(x) - 1.0; };
  // Newest first: lag 0 has weight 0.5, lag 1 has 3.
  const double state = elu(0.5 * -2.0 + 3.0 * 1.0 + 0.1);
  EXPECT_NEAR(reward({1, 0}, 0), 4.0 * elu(2.0 * state + 1.0 + 0.5) + 1.0 + 0.25 + 0.75, 1e-5);
  EXPECT_NEAR(reward({1, -1}, 0), 4.0 * elu(2.0 * elu(-0.9) + 1.0 + 0.5) + 1.0 + 0.25, 1e-5) << "never clicked";
  // The latest of several clicks counts.
  EXPECT_NEAR(reward({1, 1}, 1), 4.0 * elu(2.0 * elu(-6.9) - 2.0 + 0.5) + 1.0 - 0.5, 1e-5);
  EXPECT_NEAR(reward({-1, -1}, 1), 4.0 * elu(2.0 * elu(0.1) - 2.0 + 0.5) + 1.0, 1e-5);
}

TEST(UserNetworkTest, PickedRowsAndWeightedRowsAreThoseOfLoops) {
  const torch::Tensor table = torch::arange(12, torch::kFloat64).view({4, 3});
  const torch::Tensor picked = RowsOf(table, torch::tensor(std::vector<std::int64_t>{2, -1, 2}, torch::kInt64));
  EXPECT_TRUE(torch::equal(picked[0], table[2]));
  EXPECT_TRUE(torch::equal(picked[1], torch::zeros({3}, torch::kFloat64)));
  EXPECT_TRUE(torch::equal(picked[2], table[2]));
  const torch::Tensor weight = torch::tensor(std::vector<double>{1.0, 10.0, -1.0, 0.5}, torch::kFloat64).view({2, 2});
  const torch::Tensor sums =
      WeightedRows(table, weight, torch::tensor(std::vector<std::int64_t>{3, 1, 0, -1}, torch::kInt64).view({2, 2}));
  EXPECT_TRUE(torch::equal(sums[0][0], table[3] + 10.0 * table[1]));
  EXPECT_TRUE(torch::equal(sums[0][1], -table[3] + 0.5 * table[1]));
  EXPECT_TRUE(torch::equal(sums[1][1], -table[0]));
}

TEST(UserNetworkTest, DisplaysOutOfRangeAreRefused) {
  data::DisplaySet displays = SmallDisplays();
  EXPECT_THROW(ClickIndex(displays, 5, true), base::Error);
  displays.choice.front() = 90;
  EXPECT_THROW(ClickIndex(displays, 12, true), base::Error);
}

}  // namespace
}  // namespace recforce::algos
