// SPDX-License-Identifier: Apache-2.0
#include "algos/bpr/bpr.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace recforce::algos {
namespace {

using Overrides = std::map<std::string, std::string>;

// One user who has item 1 of two: every sample is (user, 1, 0).
std::unique_ptr<core::Trainer> Make(const data::Csr& train, std::int64_t items, const Overrides& set) {
  const core::AlgorithmSpec spec = BprSpec();
  config::Section section = spec.make_config();
  for (const auto& [key, value] : set) {
    EXPECT_EQ(section.Set(*section.Find(key), value), "");
  }
  return spec.make_trainer(section, {train.view(), items}, {});
}

data::Csr OneUser() {
  data::Csr train;
  train.AddRow(std::vector<std::int32_t>{1});
  return train;
}

std::vector<double> Values(const core::Trainer& trainer, const std::string& name) {
  const base::TensorSet set = trainer.Export();
  const auto values = set.Get(name).As<float>();
  return {values.begin(), values.end()};
}

struct ByHand {
  std::vector<double> w, h, bias = {0.0, 0.0};
  double loss = 0.0;
};

// One step of Rendle et al. on -log sigmoid(x) + l2 / 2 (|w|^2 + |h_i|^2 + |h_j|^2) and the same for the biases.
// squares: of Adagrad, or null.
void StepByHand(ByHand& model, double rate, double l2, double bias_l2, std::map<std::string, double>* squares) {
  const std::size_t dim = model.w.size();
  double x = model.bias[1] - model.bias[0];
  for (std::size_t k = 0; k < dim; ++k) {
    x += model.w[k] * (model.h[dim + k] - model.h[k]);
  }
  model.loss = std::log1p(std::exp(-x));
  const double g = 1.0 / (1.0 + std::exp(x));
  const auto move = [&](double& value, double gradient, double decay, const std::string& name) {
    const double full = gradient - decay * value;
    if (squares == nullptr) {
      value += rate * full;
    } else {
      (*squares)[name] += full * full;
      value += rate * full / std::sqrt((*squares)[name]);
    }
  };
  for (std::size_t k = 0; k < dim; ++k) {
    const double w = model.w[k];
    move(model.w[k], g * (model.h[dim + k] - model.h[k]), l2, "w" + std::to_string(k));
    move(model.h[dim + k], g * w, l2, "i" + std::to_string(k));
    move(model.h[k], -g * w, l2, "j" + std::to_string(k));
  }
  move(model.bias[1], g, bias_l2, "bi");
  move(model.bias[0], -g, bias_l2, "bj");
}

void ExpectSteps(const std::string& optimizer) {
  const data::Csr train = OneUser();
  const auto trainer = Make(train, 2,
                            {{"dim", "3"},
                             {"optimizer", optimizer},
                             {"init_stdev", "1"},
                             {"negative_exponent", "0"},
                             {"learning_rate", "0.2"},
                             {"learning_rate_decay", "0.5"},
                             {"l2", "0.1"},
                             {"bias_l2", "0.3"}});
  ByHand model{Values(*trainer, "user_factors"), Values(*trainer, "item_factors")};
  std::map<std::string, double> squares;
  double rate = 0.2;
  for (int epoch = 0; epoch < 3; ++epoch, rate *= 0.5) {
    const core::Metrics metrics = trainer->Epoch({.epoch = epoch});
    StepByHand(model, rate, 0.1, 0.3, optimizer == "adagrad" ? &squares : nullptr);
    EXPECT_NEAR(metrics[0].second, model.loss, 1e-5);
  }
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(Values(*trainer, "user_factors")[k], model.w[k], 1e-5);
  }
  for (std::size_t k = 0; k < 6; ++k) {
    EXPECT_NEAR(Values(*trainer, "item_factors")[k], model.h[k], 1e-5);
  }
  EXPECT_NEAR(Values(*trainer, "item_bias")[0], model.bias[0], 1e-5);
  EXPECT_NEAR(Values(*trainer, "item_bias")[1], model.bias[1], 1e-5);
}

TEST(Bpr, StepsByHand) { ExpectSteps("sgd"); }
TEST(Bpr, AdagradByHand) { ExpectSteps("adagrad"); }

TEST(Bpr, WhoHasEverythingTeachesNothing) {
  data::Csr train;
  train.AddRow(std::vector<std::int32_t>{0, 1});
  const auto trainer = Make(train, 2, {{"dim", "2"}});
  const std::vector<double> before = Values(*trainer, "item_factors");
  EXPECT_EQ(trainer->Epoch({})[0].second, 0.0);
  EXPECT_EQ(Values(*trainer, "item_factors"), before);
}

// Nobody has items 2 and 3; with exponent 1 they are never drawn, with 0 they are.
TEST(Bpr, NegativesFollowPopularity) {
  data::Csr train;
  for (int user = 0; user < 40; ++user) {
    train.AddRow(std::vector<std::int32_t>{user % 2});
  }
  for (const std::string exponent : {"1", "0"}) {
    const auto trainer = Make(train, 4, {{"dim", "2"}, {"negative_exponent", exponent}});
    const std::vector<double> before = Values(*trainer, "item_bias");
    trainer->Epoch({});
    const std::vector<double> after = Values(*trainer, "item_bias");
    EXPECT_EQ(after[2] == 0.0 && after[3] == 0.0, exponent == "1");
    EXPECT_NE(after[0], before[0]);
  }
}

TEST(Bpr, SaysWhenItDiverges) {
  data::Csr train;
  for (int user = 0; user < 20; ++user) {
    train.AddRow(std::vector<std::int32_t>{user % 3});
  }
  const auto trainer = Make(train, 5, {{"dim", "4"}, {"learning_rate", "10"}, {"l2", "100"}});
  try {
    for (int epoch = 0; epoch < 50; ++epoch) {
      trainer->Epoch({.epoch = epoch});
    }
    FAIL() << "it stayed finite";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kDiverged);
    EXPECT_STREQ(error.what(),
                 "bpr: the loss or the vectors are not finite; use a smaller bpr.learning_rate or a larger bpr.l2");
  }
}

}  // namespace
}  // namespace recforce::algos
