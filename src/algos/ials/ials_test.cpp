// SPDX-License-Identifier: Apache-2.0
#include "algos/ials/ials.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

using Overrides = std::map<std::string, std::string>;

std::unique_ptr<core::Trainer> Make(const data::Csr& train, std::int64_t items, const Overrides& set) {
  const core::AlgorithmSpec spec = IalsSpec();
  config::Section section = spec.make_config();
  for (const auto& [key, value] : set) {
    EXPECT_EQ(section.Set(*section.Find(key), value), "");
  }
  return spec.make_trainer(section, {train.view(), items}, {});
}

TEST(Ials, OneUserAndOneItemByHand) {
  data::Csr train;
  train.AddRow(std::vector<std::int32_t>{0});
  const auto trainer = Make(train, 1, {{"dim", "1"}, {"reg", "0.1"}, {"unobserved_weight", "0.5"}});
  // Each side: least (w h - 1)^2 + 0.5 (w h)^2 + 0.1 x 1.5 w^2, so w = h / (1.5 h^2 + 0.15).
  const base::TensorSet start = trainer->Export();
  const double user = start.Get("user_factors").As<float>()[0];
  const core::Metrics metrics = trainer->Epoch({});
  const double item = user / (1.5 * user * user + 0.15);
  const double again = item / (1.5 * item * item + 0.15);
  const base::TensorSet end = trainer->Export();
  EXPECT_NEAR(end.Get("item_factors").As<float>()[0], item, 1e-5);
  EXPECT_NEAR(end.Get("user_factors").As<float>()[0], again, 1e-5);
  const double score = item * again;
  EXPECT_NEAR(metrics[0].second, std::pow(score - 1, 2) + 0.5 * score * score + 0.15 * (again * again + item * item),
              1e-5);
}

data::Csr RandomRows(std::int64_t users, std::int32_t items) {
  base::Rng rng(9, base::Stream::kTest);
  data::Csr train;
  for (std::int64_t user = 0; user < users; ++user) {
    std::vector<std::int32_t> row;
    for (std::int32_t item = 0; item < items; ++item) {
      if (rng.Uniform() < 0.2) {
        row.push_back(item);
      }
    }
    train.AddRow(row);
  }
  return train;
}

// The whole objective, over every pair.
double Objective(const data::Csr& train, std::int64_t items, const base::TensorSet& tensors, double reg,
                 double exponent, double unobserved) {
  const auto w = tensors.Get("user_factors").As<float>();
  const auto h = tensors.Get("item_factors").As<float>();
  const std::int64_t dim = tensors.Get("item_factors").shape[1];
  std::vector<double> item_counts(static_cast<std::size_t>(items), 0.0);
  double loss = 0.0;
  for (std::int64_t user = 0; user < train.rows(); ++user) {
    std::vector<bool> has(static_cast<std::size_t>(items), false);
    for (const std::int32_t item : train.row(user)) {
      has[static_cast<std::size_t>(item)] = true;
      item_counts[static_cast<std::size_t>(item)] += 1.0;
    }
    double length = 0.0;
    for (std::int64_t k = 0; k < dim; ++k) {
      length += std::pow(w[static_cast<std::size_t>(user * dim + k)], 2);
    }
    const auto count = static_cast<double>(train.row(user).size());
    loss += reg * std::pow(count + unobserved * static_cast<double>(items), exponent) * length;
    for (std::int64_t item = 0; item < items; ++item) {
      double score = 0.0;
      for (std::int64_t k = 0; k < dim; ++k) {
        score += static_cast<double>(w[static_cast<std::size_t>(user * dim + k)]) *
                 h[static_cast<std::size_t>(item * dim + k)];
      }
      loss += unobserved * score * score + (has[static_cast<std::size_t>(item)] ? std::pow(score - 1, 2) : 0.0);
    }
  }
  for (std::int64_t item = 0; item < items; ++item) {
    double length = 0.0;
    for (std::int64_t k = 0; k < dim; ++k) {
      length += std::pow(h[static_cast<std::size_t>(item * dim + k)], 2);
    }
    loss += reg *
            std::pow(item_counts[static_cast<std::size_t>(item)] + unobserved * static_cast<double>(train.rows()),
                     exponent) *
            length;
  }
  return loss;
}

TEST(Ials, LossIsTheObjectiveAndFallsEverySweep) {
  const data::Csr train = RandomRows(50, 30);
  const auto trainer =
      Make(train, 30, {{"dim", "6"}, {"reg", "0.05"}, {"reg_exponent", "0.5"}, {"unobserved_weight", "0.2"}});
  double before = 1e30;
  for (int epoch = 0; epoch < 6; ++epoch) {
    const double loss = trainer->Epoch({.epoch = epoch})[0].second;
    const double expected = Objective(train, 30, trainer->Export(), 0.05, 0.5, 0.2) / static_cast<double>(train.nnz());
    EXPECT_NEAR(loss, expected, 1e-5);
    EXPECT_LT(loss, before);
    before = loss;
  }
}

// After a sweep a training user's own vector is what folding in gives, unless the history has grown.
TEST(Ials, StrangersAreSolvedExactly) {
  const data::Csr train = RandomRows(40, 30);
  const auto trainer = Make(train, 30, {{"dim", "8"}});
  trainer->Epoch({});
  std::vector<std::int32_t> rows(40);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    rows[row] = static_cast<std::int32_t>(row);
  }
  std::vector<float> own(40 * 30);
  std::vector<float> folded(40 * 30);
  trainer->Current().ScoreBatch({.history = train.view(), .rows = rows}, {own.data(), 40, 30});
  trainer->Current().ScoreBatch({.history = train.view()}, {folded.data(), 40, 30});
  EXPECT_EQ(own, folded);
}

TEST(Ials, WithoutRegularisationItSaysSo) {
  data::Csr train;
  train.AddRow(std::vector<std::int32_t>{0});
  train.AddRow(std::vector<std::int32_t>{0});
  const auto trainer = Make(train, 2, {{"dim", "4"}, {"reg", "0"}, {"unobserved_weight", "0"}});
  try {
    trainer->Epoch({});
    FAIL() << "it was solved";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kDiverged);
    EXPECT_STREQ(error.what(),
                 "ials: a least-squares problem is not positive definite in float32; use a larger ials.reg");
  }
}

}  // namespace
}  // namespace recforce::algos
