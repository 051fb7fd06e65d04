// SPDX-License-Identifier: Apache-2.0
#include "algos/popularity/popularity.h"

#include <algorithm>
#include <vector>

#include "algos/common/closed_form.h"

namespace recforce::algos {
namespace {

class PopularityRecommender final : public core::Recommender {
 public:
  explicit PopularityRecommender(std::span<const float> scores) : scores_(scores.begin(), scores.end()) {}
  [[nodiscard]] std::int64_t NumItems() const override { return static_cast<std::int64_t>(scores_.size()); }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t r = 0; r < users.size(); ++r) {
      std::copy(scores_.begin(), scores_.end(), out.row(r).begin());
    }
  }

 private:
  std::vector<float> scores_;
};

std::unique_ptr<core::Recommender> Load(const base::TensorSet& tensors, std::int64_t num_items) {
  const auto scores = tensors.Get("scores").As<float>();
  if (static_cast<std::int64_t>(scores.size()) != num_items) {
    throw base::Error(base::ErrorKind::kData, tensors.where() + ": tensor 'scores' has " +
                                                  std::to_string(scores.size()) + " entries; expected " +
                                                  std::to_string(num_items));
  }
  return std::make_unique<PopularityRecommender>(scores);
}

// Share of users who have each item.
base::TensorSet Solve(const core::TrainView& view, const PopularityConfig& config) {
  std::vector<double> counts(static_cast<std::size_t>(view.num_items), config.smoothing);
  for (std::int64_t user = 0; user < view.interactions.rows(); ++user) {
    for (const std::int32_t item : view.interactions.row(user)) {
      counts[static_cast<std::size_t>(item)] += 1.0;
    }
  }
  const double users = std::max<double>(1.0, static_cast<double>(view.interactions.rows()));
  std::vector<float> scores;
  for (const double count : counts) {
    scores.push_back(static_cast<float>(count / users));
  }
  base::TensorSet tensors;
  tensors.AddOwned("scores", std::move(scores));
  return tensors;
}

}  // namespace

const config::FieldTable& PopularityFields() {
  static const config::FieldTable table =
      config::Fields<PopularityConfig>()
          .Real("smoothing", &PopularityConfig::smoothing, 0.0, 1e9, "Added to the count of every item.")
          .Take();
  return table;
}

core::AlgorithmSpec PopularitySpec() {
  core::AlgorithmSpec spec;
  spec.name = "popularity";
  spec.summary = "The items that most users have, the same for everyone.";
  spec.paper = "the usual non-personalised baseline";
  spec.learns_by_epoch = false;
  spec.make_config = [] { return config::Section::Make<PopularityConfig>("popularity", PopularityFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext&) -> std::unique_ptr<core::Trainer> {
    const PopularityConfig config = section.As<PopularityConfig>();
    return std::make_unique<ClosedFormTrainer>(
        [view, config](const core::EpochContext&) { return Solve(view, config); },
        [view](const base::TensorSet& tensors) { return Load(tensors, view.num_items); });
  };
  spec.load = [](const config::Section&, const base::TensorSet& tensors, std::int64_t num_items, const std::string&) {
    return Load(tensors, num_items);
  };
  return spec;
}

}  // namespace recforce::algos
