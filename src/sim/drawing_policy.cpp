// SPDX-License-Identifier: Apache-2.0
#include "sim/drawing_policy.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "sim/score_users.h"

namespace recforce::sim {
namespace {

constexpr std::int64_t kUsersPerScoring = 512;
constexpr std::int64_t kUsersPerChunk = 16;

class DrawingPolicy : public core::SlatePolicy {
 public:
  explicit DrawingPolicy(core::ServingRule rule) : rule_(rule) {}

  void Choose(const core::Episodes& episodes, std::uint64_t seed,
              base::MatrixView<std::int32_t> slates) const override {
    RequireItems(slates.cols);
    ForEachUser(episodes, slates.rows, [&](std::int64_t row, std::span<const float> logits) {
      const auto at = static_cast<std::size_t>(row);
      base::Rng rng(seed, base::Stream::kPolicy, static_cast<std::uint64_t>(episodes.users()[at]),
                    static_cast<std::uint32_t>(episodes.steps()[at]));
      core::ServeSlate(rule_, logits, rng, slates.row(row), {});
    });
  }
  void Propensities(const core::Episodes& episodes, base::MatrixView<const std::int32_t> slates,
                    base::MatrixView<double> out) const override {
    ForEachUser(episodes, slates.rows, [&](std::int64_t row, std::span<const float> logits) {
      core::SlatePropensities(rule_, logits, slates.row(row), out.row(row));
    });
  }

 protected:
  [[nodiscard]] virtual std::int64_t NumItems() const = 0;
  // Of the users first, first + 1, ..; out: [users, I].
  virtual void Logits(const core::Episodes& episodes, std::int64_t first, base::MatrixView<float> out) const = 0;

 private:
  void RequireItems(std::int64_t places) const {
    if (places > NumItems()) {
      throw base::Error(base::ErrorKind::kUsage, "slate has more items than there are to choose from: '" +
                                                     std::to_string(places) + "'; expected at most " +
                                                     std::to_string(NumItems()));
    }
  }
  template <class Visit>
  void ForEachUser(const core::Episodes& episodes, std::int64_t users, const Visit& visit) const {
    const std::int64_t items = NumItems();
    std::vector<float> buffer(static_cast<std::size_t>(std::min(kUsersPerScoring, users) * items));
    for (std::int64_t first = 0; first < users; first += kUsersPerScoring) {
      const std::int64_t count = std::min(kUsersPerScoring, users - first);
      const base::MatrixView<float> logits{buffer.data(), count, items};
      Logits(episodes, first, logits);
      base::ParallelFor(0, count, kUsersPerChunk, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t at = begin; at < end; ++at) {
          visit(first + at, logits.row(at));
        }
      });
    }
  }

  core::ServingRule rule_;
};

class DrawnRecommender final : public DrawingPolicy {
 public:
  DrawnRecommender(std::shared_ptr<const core::Recommender> recommender, bool repeats, core::ServingRule rule)
      : DrawingPolicy(rule), recommender_(std::move(recommender)), repeats_(repeats) {}
  [[nodiscard]] std::int64_t memory() const override { return kRecommenderClicks; }

 private:
  [[nodiscard]] std::int64_t NumItems() const override { return recommender_->NumItems(); }
  void Logits(const core::Episodes& episodes, std::int64_t first, base::MatrixView<float> out) const override {
    ScoreUsers(*recommender_, repeats_, episodes, first, out);
  }

  std::shared_ptr<const core::Recommender> recommender_;
  bool repeats_;
};

class DrawnLogits final : public DrawingPolicy {
 public:
  DrawnLogits(std::vector<float> logits, core::ServingRule rule) : DrawingPolicy(rule), logits_(std::move(logits)) {}

 private:
  [[nodiscard]] std::int64_t NumItems() const override { return static_cast<std::int64_t>(logits_.size()); }
  void Logits(const core::Episodes& /*episodes*/, std::int64_t /*first*/, base::MatrixView<float> out) const override {
    for (std::int64_t row = 0; row < out.rows; ++row) {
      std::copy(logits_.begin(), logits_.end(), out.row(row).begin());
    }
  }

  std::vector<float> logits_;
};

}  // namespace

core::ServingRule ServingConfig::rule() const {
  return {.greedy = greedy,
          .candidates = candidates > 0 ? candidates : std::numeric_limits<std::int64_t>::max(),
          .temperature = temperature};
}

const config::FieldTable& ServingFields() {
  using C = ServingConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Real("greedy", &C::greedy, 0.0, 1.0,
                "Of policies that draw: share of a slate's places that the best items take; the others are drawn.")
          .Int("candidates", &C::candidates, 0, 100000000, "Items that are drawn from, the best; 0: all.")
          .Real("temperature", &C::temperature, 1e-6, 1e6, "Of the scores that are drawn by.")
          .Take();
  return table;
}

std::unique_ptr<core::SlatePolicy> MakeDrawingPolicy(std::shared_ptr<const core::Recommender> recommender, bool repeats,
                                                     core::ServingRule rule) {
  return std::make_unique<DrawnRecommender>(std::move(recommender), repeats, rule);
}

std::unique_ptr<core::SlatePolicy> MakeDrawingPolicy(std::vector<float> logits, core::ServingRule rule) {
  return std::make_unique<DrawnLogits>(std::move(logits), rule);
}

}  // namespace recforce::sim
