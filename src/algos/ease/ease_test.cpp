// SPDX-License-Identifier: Apache-2.0
#include "algos/ease/ease.h"

#include <gtest/gtest.h>

#include "support/golden.h"

namespace recforce::algos {
namespace {

TEST(Ease, WeightsAndScoresAreTheClosedForm) {
  const auto golden = test::ReadGolden("ease.json");
  const data::Csr rows = test::ToCsr(golden["x"]);
  for (const std::string precision : {"float64", "float32"}) {
    const core::AlgorithmSpec spec = EaseSpec();
    config::Section section = spec.make_config();
    section.As<EaseConfig>() = {.l2 = golden["l2"], .precision = precision};
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
}

}  // namespace
}  // namespace recforce::algos
