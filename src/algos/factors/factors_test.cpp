// SPDX-License-Identifier: Apache-2.0
#include "algos/factors/factors.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "support/npy.h"
#include "support/temp_dir.h"

namespace recforce::algos {
namespace {

class Factors : public testing::Test {
 protected:
  void SetUp() override {
    rows_.AddRow(std::vector<std::int32_t>{0});
    rows_.AddRow(std::vector<std::int32_t>{1, 0});
    view_.interactions = rows_.view();
    view_.num_items = 2;
    view_.user_id = [](std::int64_t row) { return row == 0 ? std::string_view("2") : std::string_view("0"); };
    view_.item_id = [](std::int64_t item) { return item == 0 ? std::string_view("1") : std::string_view("0"); };
    Set("users", dir_.Write("u.npy", test::NpyFile(3, 2, {1, 2, 3, 4, 5, 6})).string());
    Set("items", dir_.Write("i.npy", test::NpyFile(2, 2, {1, 0, 1, -1})).string());
  }
  void Set(const std::string& key, const std::string& value) {
    EXPECT_EQ(section_.Set(*section_.Find(key), value), "");
  }
  std::unique_ptr<core::Trainer> Train() {
    auto trainer = FactorsSpec().make_trainer(section_, view_, {});
    trainer->Epoch({});
    return trainer;
  }
  // The message without the folder of the test.
  std::string Refused() {
    try {
      Train();
    } catch (const base::Error& error) {
      std::string text = error.what();
      const std::string folder = (dir_ / "").string();
      for (std::size_t at = text.find(folder); at != std::string::npos; at = text.find(folder)) {
        text.erase(at, folder.size());
      }
      return text;
    }
    return "accepted";
  }

  test::TempDir dir_;
  data::Csr rows_;
  core::TrainView view_;
  config::Section section_ = FactorsSpec().make_config();
};

TEST_F(Factors, RowsAreFoundById) {
  Set("item_bias", dir_.Write("b.npy", test::NpyFile(2, 1, {10, 20})).string());
  const auto trainer = Train();
  std::vector<float> scores(4);
  const std::vector<std::int32_t> train_rows = {0, 1};
  trainer->Current().ScoreBatch({.history = rows_.view(), .rows = train_rows}, {scores.data(), 2, 2});
  // Users (5, 6) and (1, 2); items (1, -1) with bias 20 and (1, 0) with bias 10.
  EXPECT_EQ(scores, (std::vector<float>{-1 + 20, 5 + 10, -1 + 20, 1 + 10}));
}

TEST_F(Factors, WithoutUsersEveryoneIsFoldedIn) {
  Set("users", "");
  Set("fold_in_unobserved_weight", "0");
  Set("fold_in_reg", "1");
  const auto trainer = Train();
  std::vector<float> scores(2);
  const std::vector<std::int32_t> train_rows = {0};
  trainer->Current().ScoreBatch({.history = rows_.view().Slice(0, 1), .rows = train_rows}, {scores.data(), 1, 2});
  // (w . (1, -1) - 1)^2 + |w|^2 is least at w = (1, -1) / 3.
  EXPECT_NEAR(scores[0], 2.0 / 3, 1e-6);
  EXPECT_NEAR(scores[1], 1.0 / 3, 1e-6);
}

TEST_F(Factors, SaysWhatDoesNotFit) {
  view_.user_id = [](std::int64_t) { return std::string_view("three"); };
  EXPECT_EQ(Refused(), "u.npy: no row for user 'three'; expected ids in [0, 2], the rows of the file");
  view_.user_id = {};
  view_.item_id = [](std::int64_t) { return std::string_view("2"); };
  EXPECT_EQ(Refused(), "i.npy: no row for item '2'; expected ids in [0, 1], the rows of the file");
  view_.item_id = {};
  Set("item_bias", dir_.Write("b.npy", test::NpyFile(1, 2, {10, 20})).string());
  EXPECT_EQ(Refused(), "b.npy: rows of '2' numbers; expected 1");
  Set("item_bias", "");
  Set("users", dir_.Write("u1.npy", test::NpyFile(3, 1, {1, 2, 3})).string());
  EXPECT_EQ(Refused(), "u1.npy: rows of '1' numbers; expected 2, as in 'i.npy'");
  Set("items", "");
  EXPECT_EQ(Refused(), "factors.items: is ''; expected the path of a .npy file of item vectors");
}

}  // namespace
}  // namespace recforce::algos
