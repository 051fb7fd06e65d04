// SPDX-License-Identifier: Apache-2.0
// The critic of the paper (RaCT spec, 1.3 to 1.5). Only the error among its features depends on the actor, so the
// gradient of -mean C by the actor is that of mean w_u error_u with w_u = -dC/d error_u held constant: no second pass
// through the critic's graph.
#include <algorithm>
#include <cmath>
#include <vector>

#include "algos/ract/critic_report.h"
#include "algos/ract/losses.h"
#include "recforce/base/error.h"

namespace recforce::algos {
namespace {

constexpr double kEmaShare = 0.01;

class UserCriticLoss final : public FinetuneLoss {
 public:
  UserCriticLoss(const UserCriticOptions& options, std::uint64_t seed, torch::Device device)
      : options_(options),
        critic_(static_cast<std::int64_t>(options.features.size()), IsBounded(options.target), options.xavier_normal,
                seed, device),
        adam_(critic_.parameters(), {.learning_rate = options.learning_rate}),
        statistics_(options.features.size()),
        normaliser_(options.scaling == CriticScaling::kNone ? CriticNormaliser::Authors(options.features.size())
                                                            : CriticNormaliser::Identity(options.features.size())) {}

  [[nodiscard]] bool has_critic() const override { return true; }

  void Measure(RowActor& actor, const nn::RowBatch& batch) override {
    statistics_.Add(FeaturesOf(batch, actor.Errors(batch), options_.features));
  }
  void EndMeasure() override {
    if (options_.scaling == CriticScaling::kFrozen || options_.scaling == CriticScaling::kEma) {
      normaliser_ = statistics_.Normaliser();
    }
    statistics_ = CriticStatistics(options_.features.size());
  }

  void LearnCritic(RowActor& actor, const nn::RowBatch& batch) override {
    const std::vector<double> omega = TargetsOf(actor, batch);
    const std::vector<double> features = FeaturesOf(batch, actor.Errors(batch), options_.features);
    if (options_.scaling == CriticScaling::kEma) {
      normaliser_.MoveTowards(features, kEmaShare);
    }
    const CriticStep step = StepCritic(critic_, &adam_, Look(features, omega, -1), normaliser_, options_.l2);
    report_.Add(step.value, omega);
  }

  void Gradient(RowActor& actor, const nn::RowBatch& batch) override {
    const std::vector<double> omega = TargetsOf(actor, batch);
    const std::vector<double> errors = actor.Errors(batch);
    const std::vector<double> features = FeaturesOf(batch, errors, options_.features);
    const auto place = std::find(options_.features.begin(), options_.features.end(), CriticFeature::kError);
    const CriticStep step =
        StepCritic(critic_, options_.learns_in_finetune ? &adam_ : nullptr,
                   Look(features, omega, place - options_.features.begin()), normaliser_, options_.l2);
    report_.Add(step.value, omega);
    std::vector<double> weight;  // w_u
    for (const double slope : step.slope) {
      weight.push_back(options_.positive_weights ? std::max(0.0, -slope) : -slope);
    }
    report_.AddWeights(errors, weight);
    const auto users = static_cast<double>(batch.rows());
    std::for_each(weight.begin(), weight.end(), [users](double& w) { w /= users; });
    actor.ErrorGradient(batch, weight);
  }

  core::Metrics TakeReport() override {
    core::Metrics metrics = report_.Result();
    report_ = {};
    return metrics;
  }

  void Export(base::TensorSet& set) const override { critic_.Save(set); }
  void Save(base::TensorSet& set) const override {
    critic_.Save(set);
    adam_.Save(set, "critic_adam");
    normaliser_.Save(set, "normaliser");
  }
  void Load(const base::TensorSet& set) override {
    critic_.Load(set);
    adam_.Load(set, "critic_adam");
    normaliser_.Load(set, "normaliser");
  }

 private:
  std::vector<double> TargetsOf(RowActor& actor, const nn::RowBatch& batch) const {
    std::vector<double> omega = Targets(options_.target, actor.logits(), actor.bias(), batch);
    for (std::size_t row = 0; options_.target_per_root && row < omega.size(); ++row) {
      omega[row] /=
          std::sqrt(std::max(1.0, static_cast<double>(batch.full.row(static_cast<std::int64_t>(row)).size())));
    }
    return omega;
  }
  [[nodiscard]] CriticLook Look(const std::vector<double>& features, const std::vector<double>& omega,
                                std::int64_t slope_of) const {
    return {features, omega, options_.scaling == CriticScaling::kBatch, slope_of};
  }

  UserCriticOptions options_;
  Critic critic_;
  nn::Adam adam_;
  CriticStatistics statistics_;
  CriticNormaliser normaliser_;
  CriticReport report_;
};

}  // namespace

std::unique_ptr<FinetuneLoss> MakeUserCriticLoss(const UserCriticOptions& options, std::uint64_t seed,
                                                 torch::Device device) {
  if (std::find(options.features.begin(), options.features.end(), CriticFeature::kError) == options.features.end()) {
    throw base::Error(base::ErrorKind::kUsage,
                      "ract.critic_features: nothing in them depends on the actor; expected 'error' among them");
  }
  return std::make_unique<UserCriticLoss>(options, seed, device);
}

}  // namespace recforce::algos
