// SPDX-License-Identifier: Apache-2.0
// The trainer of methods that are solved, not iterated: one phase of one epoch, nothing to keep or to resume.
#pragma once

#include <functional>
#include <memory>

#include "recforce/core/trainer.h"

namespace recforce::algos {

// `solve` learns once and returns the model's tensors; `load` makes a recommender that reads them.
class ClosedFormTrainer final : public core::Trainer {
 public:
  using Solve = std::function<base::TensorSet(const core::EpochContext&)>;
  using Load = std::function<std::unique_ptr<core::Recommender>(const base::TensorSet&)>;
  ClosedFormTrainer(Solve solve, Load load) : solve_(std::move(solve)), load_(std::move(load)) {}

  [[nodiscard]] std::vector<core::Phase> Phases() const override { return {{.name = "solve", .epochs = 1}}; }
  void BeginPhase(std::int64_t /*phase*/) override {}
  core::Metrics Epoch(const core::EpochContext& context) override {
    tensors_ = solve_(context);
    model_ = load_(tensors_);
    return {};
  }
  [[nodiscard]] const core::Recommender& Current() const override {
    RECFORCE_CHECK(model_ != nullptr, "nothing is solved yet");
    return *model_;
  }
  void KeepBest() override {}
  void EndPhase() override {}
  [[nodiscard]] base::TensorSet Export() const override { return tensors_; }
  [[nodiscard]] base::TensorSet SaveState() const override { return tensors_; }
  void LoadState(const base::TensorSet& state, std::int64_t /*phase*/) override {
    tensors_ = state;
    model_ = tensors_.tensors().empty() ? nullptr : load_(tensors_);
  }

 private:
  Solve solve_;
  Load load_;
  base::TensorSet tensors_;
  std::unique_ptr<core::Recommender> model_;
};

}  // namespace recforce::algos
