// SPDX-License-Identifier: Apache-2.0
#include "sim/policies.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

#include "recforce/base/idle_list.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "recforce/core/topk.h"
#include "sim/random_slate.h"
#include "sim/score_users.h"
#include "sim/slate_search.h"

namespace recforce::sim {
namespace {

using Slates = base::MatrixView<std::int32_t>;

constexpr std::int64_t kUsersPerChunk = 64;

// What a recommender is asked at once: enough for a matrix product, few enough to keep scores of large catalogues
// small.
constexpr std::int64_t kUsersPerScoring = 256;

// [B, I], kept from call to call.
struct Table {
  std::vector<float> values;
  base::MatrixView<float> Resize(std::int64_t rows, std::int64_t cols) {
    values.resize(static_cast<std::size_t>(rows * cols));
    return {values.data(), rows, cols};
  }
};

void SelectTop(base::MatrixView<const float> scores, Slates slates) {
  base::ParallelFor(0, slates.rows, kUsersPerChunk, [&](std::int64_t begin, std::int64_t end) {
    core::TopK top_k(scores.cols);
    for (std::int64_t row = begin; row < end; ++row) {
      const std::span<const std::int32_t> best = top_k.Select(scores.row(row), slates.cols, {});
      std::copy(best.begin(), best.end(), slates.row(row).begin());
    }
  });
}

class RandomPolicy final : public core::SlatePolicy {
 public:
  explicit RandomPolicy(std::int64_t num_items) : num_items_(num_items) {}

  void Choose(const core::Episodes& episodes, std::uint64_t seed, Slates slates) const override {
    base::ParallelFor(0, slates.rows, kUsersPerChunk, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const auto at = static_cast<std::size_t>(row);
        base::Rng rng(seed, base::Stream::kPolicy, static_cast<std::uint64_t>(episodes.users()[at]),
                      static_cast<std::uint32_t>(episodes.steps()[at]));
        DrawSlate(rng, num_items_, slates.row(row));
      }
    });
  }
  void Propensities(const core::Episodes& /*episodes*/, base::MatrixView<const std::int32_t> slates,
                    base::MatrixView<double> out) const override {
    for (std::int64_t row = 0; row < slates.rows; ++row) {
      for (std::int64_t place = 0; place < slates.cols; ++place) {
        out.row(row)[static_cast<std::size_t>(place)] = 1.0 / static_cast<double>(num_items_ - place);
      }
    }
  }

 private:
  std::int64_t num_items_;
};

class PopularityPolicy final : public core::SlatePolicy {
 public:
  explicit PopularityPolicy(std::span<const std::int64_t> counts) : order_(counts.size()) {
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(), [counts](std::int32_t a, std::int32_t b) {
      return counts[static_cast<std::size_t>(a)] > counts[static_cast<std::size_t>(b)];
    });
  }

  void Choose(const core::Episodes& /*episodes*/, std::uint64_t /*seed*/, Slates slates) const override {
    for (std::int64_t row = 0; row < slates.rows; ++row) {
      std::copy_n(order_.begin(), slates.cols, slates.row(row).begin());
    }
  }

 private:
  std::vector<std::int32_t> order_;
};

enum class Score : std::uint8_t { kReward, kUtility };

class TopPolicy final : public core::SlatePolicy {
 public:
  TopPolicy(std::int64_t num_items, Score score) : num_items_(num_items), score_(score) {}

  void Choose(const core::Episodes& episodes, std::uint64_t /*seed*/, Slates slates) const override {
    std::unique_ptr<Table> table = idle_.Take([] { return std::make_unique<Table>(); });
    const base::MatrixView<float> scores = table->Resize(slates.rows, num_items_);
    if (score_ == Score::kReward) {
      episodes.Rewards(scores);
    } else {
      episodes.Utilities(scores);
    }
    SelectTop({scores.data, scores.rows, scores.cols}, slates);
    idle_.Give(std::move(table));
  }

 private:
  std::int64_t num_items_;
  Score score_;
  mutable base::IdleList<Table> idle_;
};

using Search = void (SlateSearch::*)(std::span<const float>, std::span<const float>, std::span<std::int32_t>);

class MyopicPolicy final : public core::SlatePolicy {
 public:
  MyopicPolicy(const core::Environment& environment, Search search)
      : num_items_(environment.NumItems()), rule_(environment.choice()), search_(search) {}

  void Choose(const core::Episodes& episodes, std::uint64_t /*seed*/, Slates slates) const override {
    std::unique_ptr<Tables> tables = idle_.Take([] { return std::make_unique<Tables>(); });
    const base::MatrixView<float> utilities = tables->utilities.Resize(slates.rows, num_items_);
    const base::MatrixView<float> rewards = tables->rewards.Resize(slates.rows, num_items_);
    episodes.UtilitiesAndRewards(utilities, rewards);
    base::ParallelFor(0, slates.rows, kUsersPerChunk, [&](std::int64_t begin, std::int64_t end) {
      std::unique_ptr<SlateSearch> search = searches_.Take([this] { return std::make_unique<SlateSearch>(rule_); });
      for (std::int64_t row = begin; row < end; ++row) {
        if (episodes.left()[static_cast<std::size_t>(row)] != 0) {
          std::iota(slates.row(row).begin(), slates.row(row).end(), 0);
        } else {
          (search.get()->*search_)(utilities.row(row), rewards.row(row), slates.row(row));
        }
      }
      searches_.Give(std::move(search));
    });
    idle_.Give(std::move(tables));
  }

 private:
  struct Tables {
    Table utilities;
    Table rewards;
  };
  std::int64_t num_items_;
  core::ChoiceRule rule_;
  Search search_;
  mutable base::IdleList<Tables> idle_;
  mutable base::IdleList<SlateSearch> searches_;
};

class RecommenderPolicy final : public core::SlatePolicy {
 public:
  RecommenderPolicy(std::shared_ptr<const core::Recommender> recommender, bool repeats)
      : recommender_(std::move(recommender)), repeats_(repeats) {}

  [[nodiscard]] std::int64_t memory() const override { return kRecommenderClicks; }
  void Choose(const core::Episodes& episodes, std::uint64_t /*seed*/, Slates slates) const override {
    std::unique_ptr<Table> table = idle_.Take([] { return std::make_unique<Table>(); });
    for (std::int64_t begin = 0; begin < slates.rows; begin += kUsersPerScoring) {
      const std::int64_t end = std::min(begin + kUsersPerScoring, slates.rows);
      const base::MatrixView<float> scores = table->Resize(end - begin, recommender_->NumItems());
      ScoreUsers(*recommender_, repeats_, episodes, begin, scores);
      SelectTop({scores.data, scores.rows, scores.cols}, {slates.data + begin * slates.cols, end - begin, slates.cols});
    }
    idle_.Give(std::move(table));
  }

 private:
  std::shared_ptr<const core::Recommender> recommender_;
  bool repeats_;
  mutable base::IdleList<Table> idle_;
};

}  // namespace

std::unique_ptr<core::SlatePolicy> MakeRandomPolicy(std::int64_t num_items) {
  return std::make_unique<RandomPolicy>(num_items);
}

std::unique_ptr<core::SlatePolicy> MakePopularityPolicy(std::span<const std::int64_t> counts) {
  return std::make_unique<PopularityPolicy>(counts);
}

std::unique_ptr<core::SlatePolicy> MakeRecommenderPolicy(std::shared_ptr<const core::Recommender> recommender,
                                                         bool repeats) {
  return std::make_unique<RecommenderPolicy>(std::move(recommender), repeats);
}

std::unique_ptr<core::SlatePolicy> MakeTopRewardPolicy(std::int64_t num_items) {
  return std::make_unique<TopPolicy>(num_items, Score::kReward);
}

std::unique_ptr<core::SlatePolicy> MakeTopUtilityPolicy(std::int64_t num_items) {
  return std::make_unique<TopPolicy>(num_items, Score::kUtility);
}

std::unique_ptr<core::SlatePolicy> MakeGreedyPolicy(const core::Environment& environment) {
  return std::make_unique<MyopicPolicy>(environment, &SlateSearch::Greedy);
}

std::unique_ptr<core::SlatePolicy> MakeExactPolicy(const core::Environment& environment) {
  return std::make_unique<MyopicPolicy>(environment, &SlateSearch::Exact);
}

namespace {

using MakeImmediate = std::unique_ptr<core::SlatePolicy> (*)(const core::Environment&);
constexpr std::array<std::pair<std::string_view, MakeImmediate>, 4> kImmediate = {{
    {"top_k", [](const core::Environment& users) { return MakeTopRewardPolicy(users.NumItems()); }},
    {"top_utility", [](const core::Environment& users) { return MakeTopUtilityPolicy(users.NumItems()); }},
    {"greedy", &MakeGreedyPolicy},
    {"myopic", &MakeExactPolicy},
}};

}  // namespace

const std::vector<std::string>& ImmediatePolicyNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [name, make] : kImmediate) {
      all.emplace_back(name);
    }
    return all;
  }();
  return names;
}

std::unique_ptr<core::SlatePolicy> MakeImmediatePolicy(std::string_view name, const core::Environment& environment) {
  for (const auto& [known, make] : kImmediate) {
    if (name == known) {
      return make(environment);
    }
  }
  return nullptr;
}

}  // namespace recforce::sim
