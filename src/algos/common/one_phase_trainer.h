// SPDX-License-Identifier: Apache-2.0
// The trainer of networks that learn in one go: one phase, "train", around a learner.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "nn/device.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

// Learner: constructed from (view, options, context), with Epoch(context), recommender(), KeepBest(), RestoreBest(),
// Export(set): the model, Save(set) and Load(set): all that is needed to go on. With Validate(stop), too, a learner
// measures itself.
template <class Learner>
class OnePhaseTrainer final : public core::Trainer {
 public:
  template <class Options>
  OnePhaseTrainer(const core::TrainView& view, const Options& options, const core::TrainerContext& context,
                  std::int64_t epochs, std::int64_t patience)
      : learner_(view, options, context), epochs_(epochs), patience_(patience) {}

  [[nodiscard]] std::vector<core::Phase> Phases() const override {
    return {{.name = "train", .epochs = epochs_, .patience = patience_}};
  }
  void BeginPhase(std::int64_t /*phase*/) override {}
  core::Metrics Epoch(const core::EpochContext& context) override {
    return nn::Guarded([&] { return learner_.Epoch(context); });
  }
  [[nodiscard]] const core::Recommender& Current() const override { return learner_.recommender(); }
  [[nodiscard]] std::optional<double> Validate(const base::StopFlag* stop) override {
    if constexpr (requires(Learner & learner) { learner.Validate(stop); }) {
      return nn::Guarded([&] { return learner_.Validate(stop); });
    } else {
      return std::nullopt;
    }
  }
  void KeepBest() override {
    nn::Guarded([&] { learner_.KeepBest(); });
  }
  void EndPhase() override {
    nn::Guarded([&] { learner_.RestoreBest(); });
  }
  [[nodiscard]] base::TensorSet Export() const override {
    base::TensorSet set;
    nn::Guarded([&] { learner_.Export(set); });
    return set;
  }
  [[nodiscard]] base::TensorSet SaveState() const override {
    base::TensorSet set;
    nn::Guarded([&] { learner_.Save(set); });
    return set;
  }
  void LoadState(const base::TensorSet& state, std::int64_t /*phase*/) override {
    nn::Guarded([&] { learner_.Load(state); });
  }

 private:
  Learner learner_;
  std::int64_t epochs_;
  std::int64_t patience_;
};

template <class Learner, class Options>
std::unique_ptr<core::Trainer> MakeOnePhaseTrainer(const core::TrainView& view, const Options& options,
                                                   const core::TrainerContext& context, std::int64_t epochs,
                                                   std::int64_t patience) {
  return std::make_unique<OnePhaseTrainer<Learner>>(view, options, context, epochs, patience);
}

}  // namespace recforce::algos
