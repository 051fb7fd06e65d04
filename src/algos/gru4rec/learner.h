// SPDX-License-Identifier: Apache-2.0
// One optimiser step of GRU4Rec after the other, over session-parallel batches. A step scores its columns alone and
// moves their rows of the tables alone. Back-propagation goes through one step, as in the papers. On the CPU gradients
// are written by hand; other devices have autograd over the same draws.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "algos/common/lanes.h"
#include "algos/gru4rec/columns.h"
#include "algos/gru4rec/distinct.h"
#include "algos/gru4rec/loss.h"
#include "algos/gru4rec/network.h"
#include "nn/adagrad.h"
#include "nn/row_gradients.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

struct Gru4recOptions {
  Gru4recShape shape;
  std::int64_t batch_size = 48;  // lanes
  double learning_rate = 0.07;
  double momentum = 0.0;
  double rate_left = 1.0;       // share of the learning rate at the end of all epochs, to which it falls evenly
  std::int64_t epochs = 10;     // all of them
  double keep_embedding = 1.0;  // of dropout
  double keep_hidden = 1.0;
  SessionLoss loss;
  ColumnOptions columns;
  bool shuffle = false;   // sessions anew each epoch; else in the order in which they began
  bool autograd = false;  // on the CPU, too: for tests
};

class Gru4recLearner {
 public:
  Gru4recLearner(const core::TrainView& view, const Gru4recOptions& options, const core::TrainerContext& context);

  // The mean loss of a pair.
  core::Metrics Epoch(const core::EpochContext& context);

  void KeepBest();
  void RestoreBest();
  void Export(base::TensorSet& set) const { params_.Save(set, ""); }
  void Save(base::TensorSet& set) const;
  void Load(const base::TensorSet& set);
  [[nodiscard]] const core::Recommender& recommender() const { return recommender_; }

 private:
  // What a step draws: its columns and what dropout keeps, already divided by its probability.
  struct Draws {
    std::vector<std::int32_t> columns;       // [C]
    std::vector<float> shift;                // [C] or empty
    torch::Tensor keep_input;                // [B, M], undefined without dropout
    std::vector<torch::Tensor> keep_hidden;  // of each layer, [B, N], likewise
  };
  void Draw(const LaneBatch& batch, std::uint64_t epoch, std::int64_t step);
  // Both move the parameters and the states, and return the sum of the losses.
  double StepOnCpu(const LaneBatch& batch);
  double StepByAutograd(const LaneBatch& batch);
  // Leaves the columns' items in distinct_ and the gradients by their scores in d_scores_.
  double LossOnCpu(const torch::Tensor& hidden, torch::Tensor& d_hidden);
  // From d_scores_, what scored and the gradient of the input rows.
  void UpdateTables(const LaneBatch& batch, const torch::Tensor& hidden, const torch::Tensor& d_input);
  // inputs: of each layer.
  void UpdateLayers(const std::vector<torch::Tensor>& inputs);

  core::TrainView view_;
  std::vector<std::int32_t> by_start_;  // rows, those that began first in front
  Gru4recOptions options_;
  std::uint64_t seed_;
  torch::Device device_;
  Gru4recParams params_;
  Gru4recRecommender recommender_;
  nn::Adagrad adagrad_;  // of Gru4recParams::All()
  Columns columns_;
  std::optional<Gru4recParams> best_;
  std::vector<nn::RecurrentPass> passes_;
  std::vector<nn::RecurrentParams> gradients_;
  std::vector<torch::Tensor> states_;  // of each layer, [B, N]
  Draws draws_;
  Distinct distinct_;
  std::vector<std::int32_t> places_;                     // in distinct_: of the columns [C], later of the inputs [B]
  torch::Tensor d_scores_;                               // [B, distinct items of the columns]
  torch::Tensor rows_buffer_, scores_buffer_;            // memory that steps use again
  nn::RowGradients item_rows_, bias_rows_, input_rows_;  // by autograd, and of tables of inputs
};

}  // namespace recforce::algos
