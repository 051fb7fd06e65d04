// SPDX-License-Identifier: Apache-2.0
// Targets against the table of the spec, hand-computed values, and a full sort of every row.
#include "algos/ract/target.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "nn/kernels.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"
#include "support/golden.h"

namespace recforce::algos {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::array kKinds = {TargetKind::kNdcg, TargetKind::kDcg, TargetKind::kRecall,   TargetKind::kAp,
                               TargetKind::kMrr,  TargetKind::kHit, TargetKind::kPrecision};

void AddRow(nn::RowBatch* batch, const std::vector<std::int32_t>& seen, const std::vector<std::int32_t>& unseen) {
  std::vector<std::int32_t> full = seen;
  full.insert(full.end(), unseen.begin(), unseen.end());
  std::sort(full.begin(), full.end());
  batch->full.AddRow(full);
  batch->seen.AddRow(seen);
  batch->unseen.AddRow(unseen);
}

// The toy of RaCT spec 7.1.
struct Toy {
  Toy() {
    AddRow(&batch, {0, 6}, {2, 3});
    AddRow(&batch, {1, 5}, {4, 7});
    AddRow(&batch, {7}, {0, 1, 5});
    AddRow(&batch, {2}, {});
  }
  nn::RowBatch batch;
  torch::Tensor bias = torch::zeros({8});
  torch::Tensor scores = torch::tensor({{.9, .8, .7, .6, .5, .4, .3, .2},
                                        {.1, .2, .3, .4, .5, .6, .7, .8},
                                        {.5, .1, .9, .3, .7, .2, .8, .4},
                                        {.2, .9, .1, .8, .3, .7, .4, .6}})
                             .to(torch::kFloat32);
};

struct Draw {
  nn::RowBatch batch;
  torch::Tensor logits;
  torch::Tensor bias;
};

// levels > 0: that many scores, so that there are ties; `odd`: some scores are infinite, NaN or a zero of either sign.
// Every fifth row hides nothing, every seventh shows nothing, the last one hides most of the catalogue.
Draw RandomDraw(std::int64_t rows, std::int32_t items, int levels, bool odd, unsigned seed) {
  std::mt19937 random(seed);
  Draw draw;
  std::vector<float> scores;
  for (std::int64_t row = 0; row < rows; ++row) {
    std::vector<std::int32_t> seen;
    std::vector<std::int32_t> unseen;
    const unsigned clicks = row == rows - 1 ? 90 : random() % 30;
    for (std::int32_t item = 0; item < items; ++item) {
      const float normal = std::normal_distribution<float>()(random);
      scores.push_back(levels > 0 ? static_cast<float>(random() % static_cast<unsigned>(levels)) : normal);
      if (odd && random() % 4 == 0) {
        scores.back() = std::array{kNan, -kInfinity, kInfinity, -0.0F, 0.0F}[random() % 5];
      }
      if (random() % 100 < clicks) {
        (random() % 5 < 2 ? seen : unseen).push_back(item);
      }
    }
    AddRow(&draw.batch, row % 7 == 6 ? std::vector<std::int32_t>{} : seen,
           row % 5 == 4 ? std::vector<std::int32_t>{} : unseen);
  }
  draw.logits = torch::tensor(scores).view({rows, items});
  draw.bias = levels > 0 ? torch::zeros({items}) : torch::arange(items).to(torch::kFloat32) * -0.01F;
  return draw;
}

// The slow twin of a row's ranks: sort everything that was not shown.
std::vector<std::int64_t> RanksBySorting(const Draw& draw, std::int64_t row) {
  const torch::Tensor scores = (draw.logits[row] + draw.bias).contiguous();
  const float* s = scores.data_ptr<float>();
  const auto in = [](std::span<const std::int32_t> items, std::int32_t item) {
    return std::find(items.begin(), items.end(), item) != items.end();
  };
  std::vector<std::int32_t> ranking;
  for (std::int32_t item = 0; item < scores.size(0); ++item) {
    if (!in(draw.batch.seen.row(row), item)) {
      ranking.push_back(item);
    }
  }
  std::stable_sort(ranking.begin(), ranking.end(), [&](std::int32_t a, std::int32_t b) {
    return s[a] > s[b] || (std::isnan(s[b]) && !std::isnan(s[a]));
  });
  std::vector<std::int64_t> ranks;
  for (std::size_t at = 0; at < ranking.size(); ++at) {
    if (in(draw.batch.unseen.row(row), ranking[at])) {
      ranks.push_back(static_cast<std::int64_t>(at) + 1);
    }
  }
  return ranks;
}

double Reference(TargetKind kind, std::int64_t k, const std::vector<std::int64_t>& ranks) {
  double hits = 0.0, dcg = 0.0, ideal = 0.0, precisions = 0.0;
  const auto most = std::min(k, static_cast<std::int64_t>(ranks.size()));
  for (std::int64_t rank = 1; rank <= most; ++rank) {
    ideal += 1.0 / std::log2(static_cast<double>(rank + 1));
  }
  for (const std::int64_t rank : ranks) {
    if (rank <= k) {
      hits += 1.0;
      dcg += 1.0 / std::log2(static_cast<double>(rank + 1));
      precisions += hits / static_cast<double>(rank);
    }
  }
  switch (kind) {
    case TargetKind::kNdcg:
      return most == 0 ? 0.0 : dcg / ideal;
    case TargetKind::kDcg:
      return dcg;
    case TargetKind::kRecall:
      return most == 0 ? 0.0 : hits / static_cast<double>(most);
    case TargetKind::kAp:
      return most == 0 ? 0.0 : precisions / static_cast<double>(most);
    case TargetKind::kMrr:
      return hits == 0.0 ? 0.0 : 1.0 / static_cast<double>(ranks[0]);
    case TargetKind::kHit:
      return hits == 0.0 ? 0.0 : 1.0;
    default:
      return hits / static_cast<double>(k);
  }
}

// Tells apart any two lists of ranks that matter here.
double Fingerprint(std::span<const std::int64_t> ranks, std::int64_t relevant) {
  double sum = static_cast<double>(relevant);
  for (std::size_t at = 0; at < ranks.size(); ++at) {
    sum += std::sqrt(static_cast<double>(at + 2)) * static_cast<double>(ranks[at]);
  }
  return sum;
}

void ExpectRows(const RankingTarget& target, const Draw& draw, const std::vector<double>& expected) {
  const std::vector<double> counted = Targets(target, draw.logits, draw.bias, draw.batch);
  const std::vector<double> by_ops = TargetsByTensorOps(target, draw.logits, draw.bias, draw.batch);
  ASSERT_EQ(counted.size(), expected.size());
  ASSERT_EQ(by_ops.size(), expected.size());
  for (std::size_t row = 0; row < expected.size(); ++row) {
    const int kind = static_cast<int>(target.kind);
    EXPECT_NEAR(counted[row], expected[row], 1e-12) << "kind " << kind << " k " << target.k << " row " << row;
    EXPECT_NEAR(by_ops[row], expected[row], 1e-12) << "ops, kind " << kind << " k " << target.k << " row " << row;
  }
}

void ExpectAllKinds(const Draw& draw, const std::vector<std::int64_t>& cutoffs) {
  std::vector<std::vector<std::int64_t>> ranks;
  std::vector<double> prints;
  for (std::int64_t row = 0; row < draw.batch.rows(); ++row) {
    ranks.push_back(RanksBySorting(draw, row));
    prints.push_back(ranks.back().empty()
                         ? 0.0
                         : Fingerprint(ranks.back(), static_cast<std::int64_t>(draw.batch.unseen.row(row).size())));
  }
  for (const std::int64_t k : cutoffs) {
    for (const TargetKind kind : kKinds) {
      std::vector<double> expected;
      for (const auto& row : ranks) {
        expected.push_back(Reference(kind, k, row));
      }
      ExpectRows({kind, k}, draw, expected);
    }
  }
  ExpectRows({TargetKind::kCustom, 1, Fingerprint, false}, draw, prints);
}

std::string MessageOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    return error.what();
  }
  return "";
}

TEST(Target, ToyTable) {
  const Toy toy;
  const Draw draw{toy.batch, toy.scores, toy.bias};
  ExpectRows({TargetKind::kDcg, 5}, draw, {1.0 / std::log2(3.0) + 0.5, 1.5, 1.0 / std::log2(5.0), 0.0});
  const std::vector<std::pair<RankingTarget, std::vector<double>>> table = {
      {{TargetKind::kNdcg, 1}, {0, 1, 0, 0}},
      {{TargetKind::kNdcg, 3}, {.693426, .919721, 0, 0}},
      {{TargetKind::kNdcg, 5}, {.693426, .919721, .202107, 0}},
      {{TargetKind::kDcg, 1}, {0, 1, 0, 0}},
      {{TargetKind::kDcg, 3}, {1.130930, 1.5, 0, 0}},
      {{TargetKind::kDcg, 5}, {1.130930, 1.5, .430677, 0}},
      {{TargetKind::kRecall, 1}, {0, 1, 0, 0}},
      {{TargetKind::kRecall, 3}, {1, 1, 0, 0}},
      {{TargetKind::kRecall, 5}, {1, 1, .333333, 0}},
      {{TargetKind::kAp, 1}, {0, 1, 0, 0}},
      {{TargetKind::kAp, 3}, {.583333, .833333, 0, 0}},
      {{TargetKind::kAp, 5}, {.583333, .833333, .083333, 0}}};
  for (const auto& [target, expected] : table) {
    const std::vector<double> omega = Targets(target, toy.scores, toy.bias, toy.batch);
    for (std::size_t row = 0; row < 4; ++row) {
      EXPECT_NEAR(omega[row], expected[row], 1e-6) << static_cast<int>(target.kind) << " k " << target.k;
    }
  }
  torch::Tensor logits = toy.scores.clone();
  const auto rows = nn::SoftmaxNll(logits, toy.bias, toy.batch.full.view());
  const std::vector<double> nll = {8.122204, 8.122203, 9.215460, 2.516613};
  for (std::size_t row = 0; row < 4; ++row) {
    EXPECT_NEAR(rows.nll[row], nll[row], 2e-6);
  }
}

// Ranks of H0 in the toy: {2, 3}, {1, 3}, {4, 6, 7} and none.
TEST(Target, FirstHitHitAndPrecisionByHand) {
  const Toy toy;
  const Draw draw{toy.batch, toy.scores, toy.bias};
  ExpectRows({TargetKind::kMrr, 1}, draw, {0, 1, 0, 0});
  ExpectRows({TargetKind::kMrr, 5}, draw, {0.5, 1, 0.25, 0});
  ExpectRows({TargetKind::kHit, 1}, draw, {0, 1, 0, 0});
  ExpectRows({TargetKind::kHit, 5}, draw, {1, 1, 1, 0});
  ExpectRows({TargetKind::kPrecision, 3}, draw, {2.0 / 3.0, 2.0 / 3.0, 0, 0});
  ExpectRows({TargetKind::kPrecision, 5}, draw, {0.4, 0.4, 0.2, 0});
  ExpectRows({TargetKind::kPrecision, 30}, draw, {2.0 / 30, 2.0 / 30, 3.0 / 30, 0});
}

TEST(Target, GoldenRankingsWithTies) {
  const nlohmann::json file = test::ReadGolden("ract_ndcg.json");
  for (const auto& golden : file["cases"]) {
    Draw draw;
    draw.logits = test::ToTensor(golden["scores"]).to(torch::kFloat32).unsqueeze(0);
    draw.bias = torch::zeros({draw.logits.size(1)});
    AddRow(&draw.batch, golden["seen"].get<std::vector<std::int32_t>>(),
           golden["relevant"].get<std::vector<std::int32_t>>());
    ExpectRows({TargetKind::kNdcg, golden["k"]}, draw, {golden["ndcg"].get<double>()});
  }
}

TEST(Target, EqualsAFullSort) {
  for (const std::int32_t items : {1, 7, 33, 64, 500}) {
    ExpectAllKinds(RandomDraw(20, items, 0, false, static_cast<unsigned>(items)), {1, 10, 100, 1'000'000'000});
  }
}

TEST(Target, EqualsAFullSortWithTies) {
  for (const std::int32_t items : {9, 65, 400}) {
    for (const int levels : {1, 3, 20}) {
      ExpectAllKinds(RandomDraw(20, items, levels, false, static_cast<unsigned>(items + levels)), {1, 5, 40, 1000});
    }
  }
}

TEST(Target, EqualsAFullSortWithInfinityNanAndBothZeros) {
  for (const std::int32_t items : {40, 300}) {
    for (const int levels : {0, 2}) {
      Draw draw = RandomDraw(20, items, levels, true, static_cast<unsigned>(items + levels));
      ExpectAllKinds(draw, {1, 20, 150, 1000});
      draw.logits.fill_(kNan);
      ExpectAllKinds(draw, {1, 20});
    }
  }
}

// More thresholds than are compared one by one, and a bar that rises many times.
TEST(Target, EqualsAFullSortOnLongRows) {
  Draw draw = RandomDraw(6, 5003, 0, false, 3);
  ExpectAllKinds(draw, {100, 2000});
  draw.logits = std::get<0>(draw.logits.sort(1));  // the best come last
  ExpectAllKinds(draw, {100, 2000});
}

TEST(Target, BiasCountsAndNothingIsChanged) {
  const Draw draw = RandomDraw(30, 200, 0, true, 11);
  const torch::Tensor logits = draw.logits.clone();
  const torch::Tensor bias = draw.bias.clone();
  for (const TargetKind kind : {TargetKind::kNdcg, TargetKind::kCustom}) {
    const RankingTarget target{kind, 20, Fingerprint, false};
    const std::vector<double> with_bias = Targets(target, draw.logits, draw.bias, draw.batch);
    EXPECT_EQ(with_bias, Targets(target, draw.logits + draw.bias, torch::zeros({200}), draw.batch));
    EXPECT_NE(with_bias, Targets(target, draw.logits, torch::zeros({200}), draw.batch));
    EXPECT_EQ(with_bias, Targets(target, draw.logits.t().contiguous().t(), draw.bias, draw.batch));
    (void)TargetsByTensorOps(target, draw.logits, draw.bias, draw.batch);
  }
  EXPECT_EQ(std::memcmp(logits.data_ptr(), draw.logits.data_ptr(), logits.nbytes()), 0);
  EXPECT_EQ(std::memcmp(bias.data_ptr(), draw.bias.data_ptr(), bias.nbytes()), 0);
}

TEST(Target, SameBytesForAnyNumberOfThreads) {
  const int before = base::Threads();
  const Draw draw = RandomDraw(70, 900, 50, false, 5);
  for (const TargetKind kind : {TargetKind::kNdcg, TargetKind::kAp, TargetKind::kCustom}) {
    const RankingTarget target{kind, 50, Fingerprint, false};
    base::SetThreads(1);
    const std::vector<double> one = Targets(target, draw.logits, draw.bias, draw.batch);
    base::SetThreads(2);
    EXPECT_EQ(one, Targets(target, draw.logits, draw.bias, draw.batch));
  }
  base::SetThreads(before);
}

TEST(Target, CustomFunctionsSeeAllRanksAndHaveNames) {
  const Toy toy;
  RegisterRankingTarget(
      "last_rank",
      [](std::span<const std::int64_t> ranks, std::int64_t relevant) {
        EXPECT_EQ(static_cast<std::int64_t>(ranks.size()), relevant);
        return 1.0 / static_cast<double>(ranks.back());
      },
      true);
  const RankingTarget target = ParseTarget("last_rank", 1);
  EXPECT_EQ(target.kind, TargetKind::kCustom);
  EXPECT_TRUE(IsBounded(target));
  ExpectRows(target, {toy.batch, toy.scores, toy.bias}, {1.0 / 3.0, 1.0 / 3.0, 1.0 / 7.0, 0.0});
  EXPECT_EQ(TargetNames().back(), "last_rank");
  EXPECT_EQ(MessageOf([] { RegisterRankingTarget("last_rank", Fingerprint, true); }),
            "ract.target: the name is empty or taken: 'last_rank'; expected a name beside ndcg, dcg, recall, ap, mrr, "
            "hit, precision, last_rank");
  EXPECT_NE(MessageOf([] { RegisterRankingTarget("", Fingerprint, true); }), "");
  EXPECT_EQ(MessageOf([] { RegisterRankingTarget("nothing", nullptr, true); }),
            "ract.target: no function for 'nothing'; expected one of ranks");
  EXPECT_EQ(TargetNames().back(), "last_rank");
}

TEST(Target, CustomValuesThatCannotBeLearnedAreRefused) {
  const Toy toy;
  const auto message = [&](double value, bool bounded) {
    const RankingTarget target{TargetKind::kCustom, 1, [value](auto, auto) { return value; }, bounded};
    const std::string counted = MessageOf([&] { (void)Targets(target, toy.scores, toy.bias, toy.batch); });
    EXPECT_EQ(counted, MessageOf([&] { (void)TargetsByTensorOps(target, toy.scores, toy.bias, toy.batch); }));
    return counted;
  };
  EXPECT_EQ(message(1.5, true),
            "ract.target: the custom function returned a bad value: '1.5'; expected a number in [0, 1]");
  EXPECT_EQ(message(kInfinity, false),
            "ract.target: the custom function returned a bad value: 'inf'; expected a finite number");
  EXPECT_EQ(message(1.5, false), "");
  EXPECT_EQ(message(1.0, true), "");
}

TEST(Target, NamesAndBounds) {
  const std::vector<std::string> names = {"ndcg", "dcg", "recall", "ap", "mrr", "hit", "precision"};
  const std::vector<std::string> known = TargetNames();
  ASSERT_GE(known.size(), names.size());
  for (std::size_t at = 0; at < names.size(); ++at) {
    EXPECT_EQ(known[at], names[at]);
    const RankingTarget target = ParseTarget(names[at], 7);
    EXPECT_EQ(target.kind, kKinds[at]);
    EXPECT_EQ(target.k, 7);
    EXPECT_EQ(IsBounded(target), names[at] != "dcg");
    EXPECT_EQ(IsBounded(target.kind), names[at] != "dcg");
  }
  EXPECT_FALSE(IsBounded(RankingTarget{TargetKind::kCustom, 1, Fingerprint, false}));
  EXPECT_THROW((void)IsBounded(TargetKind::kCustom), base::Error);
  const std::string message = MessageOf([] { (void)ParseTarget("ndgc"); });
  EXPECT_EQ(message.rfind("ract.target: no such choice: 'ndgc'; expected one of ndcg, dcg, recall, ap, mrr, hit, "
                          "precision",
                          0),
            0U)
      << message;
}

}  // namespace
}  // namespace recforce::algos
