// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/target.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/kernels.h"
#include "support/golden.h"

namespace recforce::algos {
namespace {

// The toy of RaCT spec 7.1.
struct Toy {
  Toy() {
    const std::vector<std::vector<int>> x = {
        {1, 0, 1, 1, 0, 0, 1, 0}, {0, 1, 0, 0, 1, 1, 0, 1}, {1, 1, 0, 0, 0, 1, 0, 1}, {0, 0, 1, 0, 0, 0, 0, 0}};
    const std::vector<std::vector<int>> b = {
        {1, 0, 0, 0, 0, 0, 1, 1}, {0, 1, 1, 0, 0, 1, 0, 0}, {0, 0, 1, 1, 0, 0, 0, 1}, {1, 1, 1, 0, 1, 0, 1, 0}};
    for (std::size_t r = 0; r < x.size(); ++r) {
      std::vector<std::int32_t> full, seen, unseen;
      for (std::int32_t item = 0; item < 8; ++item) {
        const auto at = static_cast<std::size_t>(item);
        if (x[r][at] == 1) {
          full.push_back(item);
          (b[r][at] == 1 ? seen : unseen).push_back(item);
        }
      }
      batch.full.AddRow(full);
      batch.seen.AddRow(seen);
      batch.unseen.AddRow(unseen);
    }
  }
  nn::RowBatch batch;
  torch::Tensor scores = torch::tensor({{.9, .8, .7, .6, .5, .4, .3, .2},
                                        {.1, .2, .3, .4, .5, .6, .7, .8},
                                        {.5, .1, .9, .3, .7, .2, .8, .4},
                                        {.2, .9, .1, .8, .3, .7, .4, .6}})
                             .to(torch::kFloat32);
};

TEST(Target, ToyTable) {
  const Toy toy;
  const std::vector<std::size_t> seen = {2, 2, 1, 1};
  const std::vector<std::size_t> unseen = {2, 2, 3, 0};
  for (std::int64_t r = 0; r < 4; ++r) {
    EXPECT_EQ(toy.batch.seen.row(r).size(), seen[static_cast<std::size_t>(r)]);
    EXPECT_EQ(toy.batch.unseen.row(r).size(), unseen[static_cast<std::size_t>(r)]);
  }
  const std::vector<std::pair<std::int64_t, std::vector<double>>> table = {
      {1, {0.0, 1.0, 0.0, 0.0}}, {3, {.693426, .919721, 0.0, 0.0}}, {5, {.693426, .919721, .202107, 0.0}}};
  for (const auto& [k, expected] : table) {
    const std::vector<double> omega = NdcgTargets(toy.scores, torch::zeros({8}), toy.batch, k);
    for (std::size_t r = 0; r < 4; ++r) {
      EXPECT_NEAR(omega[r], expected[r], 1e-6) << "k " << k << " row " << r;
    }
  }
  // DCG is NDCG times the ideal of |H0| hits; the table gives 1.130930, 1.5 and 0.430677 for k = 5.
  const std::vector<double> omega = NdcgTargets(toy.scores, torch::zeros({8}), toy.batch, 5);
  const double second = 1.0 / std::log2(3.0);
  EXPECT_NEAR(omega[0] * (1.0 + second), 1.130930, 1e-6);
  EXPECT_NEAR(omega[1] * (1.0 + second), 1.5, 1e-6);
  EXPECT_NEAR(omega[2] * (1.0 + second + 0.5), 0.430677, 1e-6);
  torch::Tensor logits = toy.scores.clone();
  const auto rows = nn::SoftmaxNll(logits, torch::zeros({8}), toy.batch.full.view());
  const std::vector<double> nll = {8.122204, 8.122203, 9.215460, 2.516613};
  for (std::size_t r = 0; r < 4; ++r) {
    EXPECT_NEAR(rows.nll[r], nll[r], 2e-6);
  }
}

TEST(Target, BiasCountsAndNothingIsChanged) {
  const Toy toy;
  const torch::Tensor before = toy.scores.clone();
  const torch::Tensor bias = torch::randn({8});
  const auto with_bias = NdcgTargets(toy.scores, bias, toy.batch, 5);
  EXPECT_TRUE(toy.scores.equal(before));
  EXPECT_EQ(with_bias, NdcgTargets((toy.scores + bias).contiguous(), torch::zeros({8}), toy.batch, 5));
}

TEST(Target, GoldenRankingsWithTies) {
  const nlohmann::json file = test::ReadGolden("ract_ndcg.json");
  for (const auto& golden : file["cases"]) {
    const torch::Tensor scores = test::ToTensor(golden["scores"]).to(torch::kFloat32).unsqueeze(0);
    nn::RowBatch batch;
    batch.seen.AddRow(golden["seen"].get<std::vector<std::int32_t>>());
    batch.unseen.AddRow(golden["relevant"].get<std::vector<std::int32_t>>());
    batch.full.AddRow(std::vector<std::int32_t>{});
    EXPECT_NEAR(NdcgTargets(scores, torch::zeros({scores.size(1)}), batch, golden["k"])[0],
                golden["ndcg"].get<double>(), 1e-12);
  }
}

}  // namespace
}  // namespace recforce::algos
