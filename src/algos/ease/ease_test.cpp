// SPDX-License-Identifier: Apache-2.0
#include "algos/ease/ease.h"

#include <gtest/gtest.h>

#include "support/golden.h"

namespace recforce::algos {
namespace {

void ExpectGolden(const std::string& name, const std::string& precision) {
  const auto golden = test::ReadGolden(name);
  const data::Csr rows = test::ToCsr(golden["x"]);
  const core::AlgorithmSpec spec = EaseSpec();
  config::Section section = spec.make_config();
  section.As<EaseConfig>() = {.l2 = golden["l2"], .precision = precision, .dropout = golden.value("dropout", 0.0)};
  const auto trainer = spec.make_trainer(section, {rows.view(), 9}, {});
  trainer->Epoch({});
  const auto weights = trainer->Export().Get("weights").As<float>();
  const torch::Tensor flat = test::ToTensor(golden["weights"]).flatten();
  for (std::size_t at = 0; at < weights.size(); ++at) {
    EXPECT_NEAR(weights[at], flat[static_cast<std::int64_t>(at)].item<double>(), 2e-6) << precision << " " << at;
  }
  std::vector<float> scores(3 * 9);
  trainer->Current().ScoreBatch({rows.view().Slice(0, 3)}, {scores.data(), 3, 9});
  const torch::Tensor expected = test::ToTensor(golden["scores"]).flatten();
  for (std::size_t at = 0; at < scores.size(); ++at) {
    EXPECT_NEAR(scores[at], expected[static_cast<std::int64_t>(at)].item<double>(), 1e-5);
  }
}

TEST(Ease, WeightsAndScoresAreTheClosedForm) {
  ExpectGolden("ease.json", "float64");
  ExpectGolden("ease.json", "float32");
}

// The golden file solves a ridge regression for each item; one of them nobody has.
TEST(Ease, WithDropoutItIsEdlae) {
  ExpectGolden("edlae.json", "float64");
  ExpectGolden("edlae.json", "float32");
}

// More items than a tile and a block: mirrored, narrowed in place, and without a diagonal.
TEST(Ease, LargerThanATile) {
  constexpr std::int64_t kItems = 601;
  data::Csr rows;
  for (std::int32_t user = 0; user < 900; ++user) {
    std::vector<std::int32_t> row;
    for (std::int32_t item = user % 7; item < kItems; item += 3 + user % 41) {
      row.push_back(item);
    }
    rows.AddRow(row);
  }
  torch::Tensor x = torch::zeros({rows.rows(), kItems}, torch::kFloat64);
  for (std::int64_t user = 0; user < rows.rows(); ++user) {
    for (const std::int32_t item : rows.row(user)) {
      x[user][item] = 1.0;
    }
  }
  const torch::Tensor inverse = (x.t().mm(x) + 20.0 * torch::eye(kItems, torch::kFloat64)).inverse();
  torch::Tensor expected = -inverse / inverse.diagonal().unsqueeze(0);
  expected.diagonal().zero_();
  for (const std::string precision : {"float64", "float32"}) {
    const core::AlgorithmSpec spec = EaseSpec();
    config::Section section = spec.make_config();
    section.As<EaseConfig>() = {.l2 = 20.0, .precision = precision};
    const auto trainer = spec.make_trainer(section, {rows.view(), kItems}, {});
    trainer->Epoch({});
    const base::TensorSet tensors = trainer->Export();
    const auto weights = tensors.Get("weights").As<float>();
    const torch::Tensor found =
        torch::tensor(std::vector<float>(weights.begin(), weights.end())).view({kItems, kItems});
    EXPECT_LT(test::Distance(found, expected), precision == "float64" ? 1e-7 : 1e-4) << precision;
  }
}

}  // namespace
}  // namespace recforce::algos
