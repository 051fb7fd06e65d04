// SPDX-License-Identifier: Apache-2.0
#include "algos/gru4rec/learner.h"

#include <algorithm>
#include <numeric>

#include "algos/common/finite.h"
#include "algos/gru4rec/reference.h"
#include "nn/device.h"
#include "nn/gather_rows.h"
#include "nn/gemm.h"
#include "nn/row_batch.h"
#include "recforce/base/threads.h"
#include "recforce/data/session_order.h"

namespace recforce::algos {
namespace {

std::vector<torch::Tensor> TensorsOf(Gru4recParams params) {
  std::vector<torch::Tensor> tensors;
  for (const torch::Tensor* tensor : params.All()) {
    tensors.push_back(*tensor);
  }
  return tensors;
}

// mask := 0 or 1 / keep.
void FillDropoutMask(double keep, base::Rng& rng, torch::Tensor& mask) {
  float* data = mask.data_ptr<float>();
  const auto value = static_cast<float>(1.0 / keep);
  const auto limit = static_cast<std::uint32_t>(keep * 4294967296.0);
  for (std::int64_t at = 0; at < mask.numel(); ++at) {
    data[at] = rng.Next() < limit ? value : 0.0F;
  }
}

// [rows, width] at the beginning of a buffer that grows as it must.
torch::Tensor Part(torch::Tensor& buffer, std::int64_t rows, std::int64_t width) {
  if (!buffer.defined() || buffer.numel() < rows * width) {
    buffer = torch::empty({rows * width}, torch::kFloat32);
  }
  return buffer.narrow(0, 0, rows * width).view({rows, width});
}

}  // namespace

Gru4recLearner::Gru4recLearner(const core::TrainView& view, const Gru4recOptions& options,
                               const core::TrainerContext& context)
    : view_(view),
      by_start_(data::SessionOrder(view.events(), view.times, view.user_id)),
      options_(options),
      seed_(context.seed),
      device_(nn::ParseDevice(context.device)),
      params_(Gru4recParams::Init(options.shape, context.seed, device_)),
      recommender_(params_),
      adagrad_(TensorsOf(params_), {.learning_rate = options.learning_rate, .momentum = options.momentum}),
      columns_(view.events(), view.num_items, options.columns),
      distinct_(view.num_items),
      item_rows_(options.shape.output()),
      bias_rows_(1),
      input_rows_(options.shape.input()) {
  for (std::size_t number = 0; number < options.shape.layers.size(); ++number) {
    passes_.emplace_back(options.shape.Layer(number));
    gradients_.push_back(nn::ZeroRecurrent(options.shape.Layer(number), torch::kFloat32));
  }
}

void Gru4recLearner::Draw(const LaneBatch& batch, std::uint64_t epoch, std::int64_t step) {
  if (options_.keep_embedding < 1.0) {
    draws_.keep_input = torch::empty({batch.lanes, options_.shape.input()}, torch::kFloat32);
  }
  draws_.keep_hidden.clear();
  if (options_.keep_hidden < 1.0) {
    for (const std::int64_t width : options_.shape.layers) {
      draws_.keep_hidden.push_back(torch::empty({batch.lanes, width}, torch::kFloat32));
    }
  }
  base::ParallelFor(0, 2, 1, [&](std::int64_t half, std::int64_t) {
    if (half == 0) {
      columns_.Draw(batch.targets, seed_, epoch, step, draws_.columns);
      columns_.Shift(draws_.columns, batch.lanes, draws_.shift);
      return;
    }
    base::Rng rng(seed_, base::Stream::kDropout, epoch, static_cast<std::uint32_t>(step));
    if (draws_.keep_input.defined()) {
      FillDropoutMask(options_.keep_embedding, rng, draws_.keep_input);
    }
    for (torch::Tensor& mask : draws_.keep_hidden) {
      FillDropoutMask(options_.keep_hidden, rng, mask);
    }
  });
}

double Gru4recLearner::LossOnCpu(const torch::Tensor& hidden, torch::Tensor& d_hidden) {
  const std::int64_t lanes = hidden.size(0);
  distinct_.Clear();
  distinct_.Add(draws_.columns, places_);
  const auto items = static_cast<std::int64_t>(distinct_.items().size());
  torch::Tensor rows = Part(rows_buffer_, items, hidden.size(1));
  nn::GatherRows(params_.items, distinct_.items(), rows);
  d_scores_ = Part(scores_buffer_, lanes, items);
  nn::MatMul(d_scores_, hidden, rows.t());
  const std::size_t width = draws_.columns.size();
  std::vector<float> bias(width);
  for (std::size_t at = 0; at < width; ++at) {
    bias[at] = params_.bias.data_ptr<float>()[draws_.columns[at]];
  }
  const auto weight = static_cast<float>(1.0 / static_cast<double>(options_.batch_size));
  std::vector<double> losses(static_cast<std::size_t>(lanes));
  base::ParallelFor(0, lanes, 4, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> row(width);
    for (std::int64_t lane = begin; lane < end; ++lane) {
      float* of_items = d_scores_.data_ptr<float>() + lane * items;
      for (std::size_t at = 0; at < width; ++at) {
        row[at] = of_items[places_[at]] + bias[at];
      }
      losses[static_cast<std::size_t>(lane)] =
          SessionLossRow<float>(options_.loss, draws_.columns, draws_.shift, lane, weight, row.data());
      std::fill_n(of_items, items, 0.0F);
      for (std::size_t at = 0; at < width; ++at) {
        of_items[places_[at]] += row[at];
      }
    }
  });
  d_hidden = nn::MatMul(d_scores_, rows);
  return std::accumulate(losses.begin(), losses.end(), 0.0);
}

double Gru4recLearner::StepOnCpu(const LaneBatch& batch) {
  const torch::Tensor input = nn::GatherRows(params_.InputTable(), batch.inputs);
  if (draws_.keep_input.defined()) {
    input.mul_(draws_.keep_input);
  }
  std::vector<torch::Tensor> inputs = {input};
  for (std::size_t number = 0; number < passes_.size(); ++number) {
    const torch::Tensor& state =
        passes_[number].Forward(params_.layers[number], inputs.back(), states_[number], batch.keep);
    inputs.push_back(draws_.keep_hidden.empty() ? state : state * draws_.keep_hidden[number]);
  }
  torch::Tensor d;
  const double loss = LossOnCpu(inputs.back(), d);
  for (std::size_t number = passes_.size(); number-- > 0;) {
    if (!draws_.keep_hidden.empty()) {
      d.mul_(draws_.keep_hidden[number]);
    }
    torch::Tensor d_input = torch::empty_like(inputs[number]);
    passes_[number].BackwardToInputs(params_.layers[number], inputs[number], batch.keep, d, d_input);
    d = d_input;
  }
  if (draws_.keep_input.defined()) {
    d.mul_(draws_.keep_input);
  }
  for (std::size_t number = 0; number < passes_.size(); ++number) {
    states_[number].copy_(passes_[number].states());
  }
  UpdateTables(batch, inputs.back(), d);
  UpdateLayers(inputs);
  return loss;
}

void Gru4recLearner::UpdateTables(const LaneBatch& batch, const torch::Tensor& hidden, const torch::Tensor& d_input) {
  const std::vector<std::int32_t>& items = distinct_.items();
  adagrad_.UpdateProduct(1, params_.bias, {.left = d_scores_, .right = torch::ones({batch.lanes, 1}), .rows = items});
  if (params_.inputs.defined()) {
    adagrad_.UpdateProduct(0, params_.items, {.left = d_scores_, .right = hidden, .rows = items});
    input_rows_.Clear();
    input_rows_.Add(batch.inputs, d_input);
    input_rows_.Group();
    adagrad_.UpdateRows(2, params_.inputs, input_rows_);
    return;
  }
  distinct_.Add(batch.inputs, places_);
  adagrad_.UpdateProduct(0, params_.items,
                         {.left = d_scores_, .right = hidden, .rows = items, .more = d_input, .places = places_});
}

void Gru4recLearner::UpdateLayers(const std::vector<torch::Tensor>& inputs) {
  std::size_t index = params_.inputs.defined() ? 3 : 2;
  for (std::size_t number = 0; number < passes_.size(); ++number) {
    nn::RecurrentParams& layer = params_.layers[number];
    for (const nn::RecurrentProduct& product : passes_[number].Products(inputs[number])) {
      adagrad_.UpdateProduct(product.recurrent ? index + 2 : index, product.recurrent ? layer.recurrent : layer.input,
                             {.left = product.left, .right = product.right, .first = product.first});
    }
    passes_[number].BiasGradients(gradients_[number]);
    adagrad_.Update(index + 1, layer.bias, gradients_[number].bias);
    if (layer.inner.defined()) {
      adagrad_.Update(index + 3, layer.inner, gradients_[number].inner);
    }
    index += layer.All().size();
  }
}

double Gru4recLearner::StepByAutograd(const LaneBatch& batch) {
  const torch::AutoGradMode with_gradients(true);
  const Gru4recReference found = Gru4recStep(params_, options_.loss, states_,
                                             {.keep = batch.keep,
                                              .inputs = batch.inputs,
                                              .columns = draws_.columns,
                                              .shift = draws_.shift,
                                              .keep_input = draws_.keep_input,
                                              .keep_hidden = draws_.keep_hidden});
  const torch::Tensor mean = found.loss / static_cast<double>(options_.batch_size);
  const auto gradients = torch::autograd::grad({mean}, found.leaves);
  const torch::NoGradGuard no_grad;
  for (std::size_t number = 0; number < states_.size(); ++number) {
    states_[number] = found.states[number].clone();
  }
  const torch::Tensor d_columns = gradients[0].to(torch::kCPU).contiguous();
  const torch::Tensor d_bias = gradients[1].to(torch::kCPU).contiguous();
  const torch::Tensor d_input = gradients[2].to(torch::kCPU).contiguous();
  item_rows_.Clear();
  item_rows_.Add(draws_.columns, d_columns);
  std::size_t index = 2;
  if (params_.inputs.defined()) {
    input_rows_.Clear();
    input_rows_.Add(batch.inputs, d_input);
    input_rows_.Group();
    adagrad_.UpdateRows(index++, params_.inputs, input_rows_);
  } else {
    item_rows_.Add(batch.inputs, d_input);
  }
  item_rows_.Group();
  adagrad_.UpdateRows(0, params_.items, item_rows_);
  bias_rows_.Clear();
  bias_rows_.Add(draws_.columns, d_bias);
  bias_rows_.Group();
  adagrad_.UpdateRows(1, params_.bias, bias_rows_);
  std::size_t at = 3;
  for (nn::RecurrentParams& layer : params_.layers) {
    for (torch::Tensor* tensor : layer.All()) {
      adagrad_.Update(index++, *tensor, gradients[at++]);
    }
  }
  return found.loss.item<double>();
}

core::Metrics Gru4recLearner::Epoch(const core::EpochContext& context) {
  const torch::NoGradGuard no_grad;
  const auto epoch = static_cast<std::uint64_t>(context.epoch);
  Lanes lanes(view_.events(), options_.shuffle ? nn::EpochOrder(view_.events().rows(), seed_, epoch) : by_start_,
              options_.batch_size, 1);
  states_.clear();
  for (const std::int64_t width : options_.shape.layers) {
    states_.push_back(torch::zeros({options_.batch_size, width}, torch::TensorOptions(device_)));
  }
  LaneBatch batch;
  double loss_sum = 0.0;
  std::int64_t done = 0;
  for (std::int64_t step = 0; lanes.Next(batch); ++step) {
    if (context.stop != nullptr) {
      context.stop->ThrowIfSet();
    }
    if (batch.lanes < states_[0].size(0)) {  // lanes were dropped
      const std::vector<std::int64_t> before(batch.before.begin(), batch.before.end());
      for (torch::Tensor& state : states_) {
        state = state.index_select(0, torch::tensor(before, torch::kInt64).to(device_));
      }
    }
    const double epochs_done =
        static_cast<double>(epoch) + static_cast<double>(done) / static_cast<double>(lanes.pairs());
    const double share = std::min(1.0, epochs_done / static_cast<double>(options_.epochs));
    adagrad_.SetLearningRate(options_.learning_rate * (1.0 - (1.0 - options_.rate_left) * share));
    Draw(batch, epoch, step);
    const double loss = device_.is_cpu() && !options_.autograd ? StepOnCpu(batch) : StepByAutograd(batch);
    CheckFinite(loss, "loss");
    loss_sum += loss;
    done += batch.pairs;
    if (context.progress) {
      context.progress(done, lanes.pairs());
    }
  }
  return {{"loss", done == 0 ? 0.0 : loss_sum / static_cast<double>(done)}};
}

void Gru4recLearner::KeepBest() {
  if (best_) {
    best_->CopyFrom(params_);
  } else {
    best_ = params_.Clone();
  }
}

void Gru4recLearner::RestoreBest() {
  if (best_) {
    params_.CopyFrom(*best_);
  }
}

void Gru4recLearner::Save(base::TensorSet& set) const {
  params_.Save(set, "model.");
  if (best_) {
    best_->Save(set, "best.");
  }
  adagrad_.Save(set, "adagrad");
}

void Gru4recLearner::Load(const base::TensorSet& set) {
  params_.CopyFrom(Gru4recParams::Load(params_.shape, set, "model.", device_));
  best_.reset();
  if (set.Has("best.item.weight")) {
    best_ = Gru4recParams::Load(params_.shape, set, "best.", device_);
  }
  adagrad_.Load(set, "adagrad");
}

}  // namespace recforce::algos
