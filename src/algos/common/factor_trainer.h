// SPDX-License-Identifier: Apache-2.0
// What trainers of matrix factorisations have in common: the tables, their best so far, and keeping both in files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "algos/common/factor_model.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

struct FactorTrainerOptions {
  std::int64_t epochs = 1;
  std::int64_t patience = 0;
  std::int64_t dim = 64;
  double init_stdev = 0.1;  // of a vector's length; each number gets this over sqrt(dim)
  bool bias = false;        // whether items have one
};

// A subclass implements Epoch on `tables()` and calls Refresh when it has changed them.
class FactorTrainer : public core::Trainer {
 public:
  FactorTrainer(const core::TrainView& view, const FactorTrainerOptions& options, const FoldIn& fold_in,
                const core::TrainerContext& context)
      : view_(view),
        options_(options),
        tables_(std::make_shared<FactorTables>(Init(context.seed))),
        model_(tables_, view.num_items, fold_in) {}

  [[nodiscard]] std::vector<core::Phase> Phases() const override {
    return {{.name = "train", .epochs = options_.epochs, .patience = options_.patience}};
  }
  void BeginPhase(std::int64_t /*phase*/) override {}
  [[nodiscard]] const core::Recommender& Current() const override { return model_; }
  void KeepBest() override { best_ = *tables_; }
  void EndPhase() override {
    if (best_) {
      *tables_ = *best_;
      Refresh();
    }
  }
  [[nodiscard]] base::TensorSet Export() const override {
    base::TensorSet set;
    tables_->Save(set, "");
    return set;
  }
  [[nodiscard]] base::TensorSet SaveState() const override {
    base::TensorSet set = Export();
    if (best_) {
      best_->Save(set, "best.");
    }
    return set;
  }
  void LoadState(const base::TensorSet& state, std::int64_t /*phase*/) override {
    *tables_ = LoadOwn(state, "");
    best_.reset();
    if (state.Has("best.item_factors")) {
      best_ = LoadOwn(state, "best.");
    }
    Refresh();
  }

 protected:
  [[nodiscard]] const core::TrainView& view() const { return view_; }
  [[nodiscard]] FactorTables& tables() { return *tables_; }
  void Refresh() { model_.Refresh(); }

 private:
  [[nodiscard]] FactorTables Init(std::uint64_t seed) const;
  // Error(Data) when the tables are of other training users or settings.
  [[nodiscard]] FactorTables LoadOwn(const base::TensorSet& state, const std::string& prefix) const;

  core::TrainView view_;
  FactorTrainerOptions options_;
  std::shared_ptr<FactorTables> tables_;
  FactorRecommender model_;
  std::optional<FactorTables> best_;
};

}  // namespace recforce::algos
