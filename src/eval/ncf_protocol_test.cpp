// SPDX-License-Identifier: Apache-2.0
// The protocol of Neural Collaborative Filtering on its own files: the published weights have to give the published
// numbers. Real data, skipped where it is not there.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "recforce/data/convert.h"
#include "recforce/data/split.h"
#include "recforce/eval/evaluator.h"
#include "support/temp_dir.h"

namespace recforce::eval {
namespace {

constexpr std::size_t kFactors = 8;

// The float32 numbers of an .npy file of version 1.
std::vector<float> ReadNpy(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::size_t header = 10 + static_cast<unsigned char>(bytes[8]) + 256 * static_cast<unsigned char>(bytes[9]);
  std::vector<float> values((bytes.size() - header) / sizeof(float));
  std::memcpy(values.data(), bytes.data() + header, values.size() * sizeof(float));
  return values;
}

// score = dot product of the rows that ids name.
class FactorRecommender : public core::Recommender {
 public:
  FactorRecommender(const data::Dataset& dataset, const data::Split& split, const std::filesystem::path& folder)
      : dataset_(dataset),
        split_(split),
        users_(ReadNpy(folder / "gmf8_user_factors.npy")),
        items_(ReadNpy(folder / "gmf8_item_factors.npy")) {}
  [[nodiscard]] std::int64_t NumItems() const override { return split_.num_items(); }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t row = 0; row < users.size(); ++row) {
      const std::int32_t user = split_.train_users[users.TrainRow(row)];
      const float* of_user = users_.data() + kFactors * std::stoul(std::string(dataset_.user_ids()[user]));
      for (std::int64_t item = 0; item < NumItems(); ++item) {
        const std::string id(dataset_.item_ids()[split_.catalogue[item]]);
        const float* of_item = items_.data() + kFactors * std::stoul(id);
        float sum = 0.0F;
        for (std::size_t factor = 0; factor < kFactors; ++factor) {
          sum += of_user[factor] * of_item[factor];
        }
        out.row(row)[item] = sum;
      }
    }
  }

 private:
  const data::Dataset& dataset_;
  const data::Split& split_;
  std::vector<float> users_;
  std::vector<float> items_;
};

TEST(NcfProtocol, PublishedWeightsGiveThePublishedNumbers) {
  const std::filesystem::path folder = test::RealData().value_or("") / "ml-1m-ncf";
  if (!std::filesystem::exists(folder / "gmf8_user_factors.npy")) {
    GTEST_SKIP() << "no ml-1m-ncf in RECFORCE_DATA or ../shared/data";
  }
  const test::TempDir dir;
  (void)data::Convert(base::RealFileSystem(), folder, {.format = "ncf"}, dir / "data");
  const data::Dataset dataset = data::Dataset::Open(dir / "data");
  data::SplitConfig config;
  config.kind = "given";
  config.validation_from = "none";
  const data::Split split = data::MakeSplit(dataset, config);
  EXPECT_EQ(split.num_items(), 3706);
  EXPECT_EQ(split.train.rows(), 6040);
  EXPECT_EQ(split.train.nnz(), 994169);
  EXPECT_EQ(split.test.rows(), 6040);
  EXPECT_EQ(split.test.target.nnz(), 6040);
  EXPECT_EQ(split.users_without_targets, 0);
  EXPECT_EQ(split.cold_targets_dropped, 0);
  EXPECT_EQ(split.test.candidates.nnz(), 6040 * 100 - 156);  // 156 listed negatives equal the target
  EvalOptions options;
  options.ties = core::Ties::kRelevantFirst;
  const std::vector<std::string> names = {"hr@10", "ndcg@10"};
  const EvalResult result =
      Evaluate(FactorRecommender(dataset, split, folder), split.test, ParseMetrics(names), options);
  EXPECT_NEAR(result.Mean(0), 0.6368, 0.00005);
  EXPECT_NEAR(result.Mean(1), 0.3691, 0.00005);
  // With the whole training set for validation targets the split is as strict.
  config.validation_from = "last";
  const data::Split tuned = data::MakeSplit(dataset, config);
  EXPECT_EQ(tuned.validation.rows(), 6040);
  EXPECT_EQ(tuned.train.nnz(), 994169 - 6040);
  EXPECT_EQ(tuned.test.candidates.items.size(), split.test.candidates.items.size());
}

}  // namespace
}  // namespace recforce::eval
