// SPDX-License-Identifier: Apache-2.0
#include "algos/gru4rec/gru4rec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "algos/gru4rec/columns.h"
#include "algos/gru4rec/learner.h"
#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kItems = 30;

data::Csr Sessions(std::int64_t count) {
  data::Csr rows;
  for (std::int64_t session = 0; session < count; ++session) {
    base::Rng rng(5, base::Stream::kTest, static_cast<std::uint64_t>(session));
    std::vector<std::int32_t> row = {static_cast<std::int32_t>(rng.Below(kItems))};
    for (std::uint64_t left = rng.Below(7); left > 0; --left) {
      row.push_back(static_cast<std::int32_t>((row.back() * 3 + static_cast<std::int32_t>(rng.Below(2))) % kItems));
    }
    rows.AddRow(row);
  }
  return rows;
}

struct Case {
  std::string name;
  Gru4recOptions options;
};

std::vector<Case> Cases() {
  Gru4recOptions plain;
  plain.shape.items = kItems;
  plain.shape.layers = {6};
  plain.batch_size = 5;
  plain.columns = {.negatives = 12, .exponent = 0.5, .logq = 1.0};
  plain.loss.mask_hits = true;
  std::vector<Case> cases = {{"plain", plain}};
  const auto add = [&](std::string name, const std::function<void(Gru4recOptions&)>& change) {
    cases.push_back({std::move(name), plain});
    change(cases.back().options);
  };
  add("momentum and dropout", [](Gru4recOptions& o) {
    o.momentum = 0.4;
    o.keep_embedding = 0.8;
    o.keep_hidden = 0.7;
  });
  add("two layers, vectors of their own", [](Gru4recOptions& o) {
    o.shape.layers = {7, 6};
    o.shape.embedding = 4;
    o.keep_hidden = 0.7;
  });
  add("reset after", [](Gru4recOptions& o) { o.shape.cell = nn::Cell::kGruAfter; });
  add("counts", [](Gru4recOptions& o) { o.columns.expected_counts = false; });
  add("bpr-max", [](Gru4recOptions& o) {
    o.loss = {.kind = SessionLossKind::kBprMax, .bpreg = 0.5, .elu = 1.0};
    o.columns.logq = 0.0;
  });
  add("top1-max", [](Gru4recOptions& o) { o.loss.kind = SessionLossKind::kTop1Max; });
  add("bpr", [](Gru4recOptions& o) { o.loss.kind = SessionLossKind::kBpr; });
  add("top1", [](Gru4recOptions& o) { o.loss.kind = SessionLossKind::kTop1; });
  return cases;
}

// Two epochs, with lanes that end and are dropped, arrive where autograd arrives.
TEST(Gru4recTest, HandWrittenStepsAreThoseOfAutograd) {
  const data::Csr rows = Sessions(40);
  const core::TrainView view = {.interactions = rows.view(), .num_items = kItems};
  for (Case& now : Cases()) {
    std::vector<base::TensorSet> sets;
    std::vector<double> losses;
    std::vector<std::unique_ptr<Gru4recLearner>> learners;
    for (const bool autograd : {false, true}) {
      now.options.autograd = autograd;
      learners.push_back(std::make_unique<Gru4recLearner>(view, now.options, core::TrainerContext{}));
      for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
        losses.push_back(learners.back()->Epoch({.epoch = epoch})[0].second);
      }
      sets.emplace_back();
      learners.back()->Export(sets.back());
    }
    EXPECT_NEAR(losses[1], losses[3], 1e-4) << now.name;
    for (const auto& [name, tensor] : sets[0].tensors()) {
      const auto ours = tensor.As<float>();
      const auto theirs = sets[1].Get(name).As<float>();
      for (std::size_t at = 0; at < ours.size(); ++at) {
        ASSERT_NEAR(ours[at], theirs[at], 2e-4) << now.name << ": " << name << " " << at;
      }
    }
  }
}

// Behind the last epoch the rate is what is left of it: half of it moves as half a rate does, nothing moves nothing.
TEST(Gru4recTest, StepsShrinkToWhatIsLeftOfTheRate) {
  const data::Csr rows = Sessions(40);
  const core::TrainView view = {.interactions = rows.view(), .num_items = kItems};
  const auto after = [&](double rate, double left, std::int64_t epoch) {
    Gru4recOptions options = Cases()[0].options;
    options.learning_rate = rate;
    options.rate_left = left;
    options.epochs = 1;
    Gru4recLearner learner(view, options, {});
    base::TensorSet before, trained;
    learner.Export(before);
    const std::vector<float> start(before.Get("item.weight").As<float>().begin(),
                                   before.Get("item.weight").As<float>().end());
    learner.Epoch({.epoch = epoch});
    learner.Export(trained);
    const auto items = trained.Get("item.weight").As<float>();
    double moved = 0.0;
    for (std::size_t at = 0; at < start.size(); ++at) {
      moved += std::abs(static_cast<double>(items[at] - start[at]));
    }
    return std::pair(moved, std::vector<float>(items.begin(), items.end()));
  };
  EXPECT_EQ(after(0.08, 0.5, 1).second, after(0.04, 1.0, 1).second);
  EXPECT_EQ(after(0.08, 0.0, 1).first, 0.0);
  EXPECT_LT(after(0.08, 0.0, 0).first, after(0.08, 1.0, 0).first);
  EXPECT_GT(after(0.08, 0.0, 0).first, 0.0);
}

TEST(Gru4recTest, ColumnsComeAsOftenAsExpected) {
  const data::Csr rows = Sessions(300);
  const Columns columns(rows.view(), kItems, {.negatives = 50, .exponent = 0.7, .logq = 1.0});
  std::map<std::int32_t, double> targets;
  double pairs = 0.0;
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    for (std::size_t at = 1; at < rows.row(r).size(); ++at) {
      targets[rows.row(r)[at]] += 1.0;
      pairs += 1.0;
    }
  }
  // Batches of ten targets drawn as the log has them.
  std::vector<double> met(kItems, 0.0);
  std::vector<float> shift;
  std::vector<std::int32_t> now;
  base::Rng rng(9, base::Stream::kTest);
  constexpr int kSteps = 4000;
  std::vector<double> expected(kItems, 0.0);
  for (int step = 0; step < kSteps; ++step) {
    std::vector<std::int32_t> batch;
    while (batch.size() < 10) {
      const auto row = rows.row(static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(rows.rows()))));
      if (row.size() > 1) {
        const auto target = row[1 + rng.Below(row.size() - 1)];
        batch.push_back(target);
      }
    }
    columns.Draw(batch, 3, 0, step, now);
    columns.Shift(now, 10, shift);
    ASSERT_EQ(now.size(), 60U);
    for (std::size_t at = 0; at < now.size(); ++at) {
      if (at >= 10) {
        met[static_cast<std::size_t>(now[at])] += 1.0 / kSteps;
      }
      expected[static_cast<std::size_t>(now[at])] = std::exp(-static_cast<double>(shift[at]));
    }
  }
  for (const auto& [item, count] : targets) {
    const double of_draws = expected[static_cast<std::size_t>(item)] - 10.0 * count / pairs;
    EXPECT_NEAR(met[static_cast<std::size_t>(item)], of_draws, 0.15 * of_draws + 0.02) << item;
  }
}

TEST(Gru4recTest, ItIsRefusedWithoutALayer) {
  const core::AlgorithmSpec spec = Gru4recSpec();
  config::Section section = spec.make_config();
  ASSERT_EQ(section.Set(*section.Find("layers"), "[]"), "");
  const data::Csr rows = Sessions(5);
  try {
    (void)spec.make_trainer(section, {.interactions = rows.view(), .num_items = kItems}, {});
    FAIL() << "it was accepted";
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "gru4rec.layers: is empty; expected the units of one layer or more");
  }
}

}  // namespace
}  // namespace recforce::algos
