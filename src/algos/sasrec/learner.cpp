// SPDX-License-Identifier: Apache-2.0
#include "algos/sasrec/learner.h"

#include <algorithm>
#include <cmath>

#include "algos/common/finite.h"
#include "algos/sasrec/reference.h"
#include "nn/device.h"
#include "nn/gemm.h"
#include "nn/row_batch.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kShards = 16;            // of a batch: each has a gradient of its own
constexpr std::int64_t kChunkPositions = 1024;  // of a shard that run together, so that they stay in the cache
constexpr std::int64_t kUsersScored = 8;        // by one thread at once

}  // namespace

torch::Tensor SasrecRecommender::LastStates(data::CsrView events) const {
  const std::int64_t width = params_.shape.hidden;
  if (!params_.flat.is_cpu()) {
    Sequences sequences;
    std::vector<std::int64_t> rows;
    std::vector<std::int64_t> last;
    for (std::int64_t u = 0; u < events.rows(); ++u) {
      if (!events.row(u).empty()) {
        sequences.AddInput(events.row(u), params_.shape.max_length);
        rows.push_back(u);
        last.push_back(sequences.positions() - 1);
      }
    }
    torch::Tensor states = torch::zeros({events.rows(), width}, params_.flat.options());
    if (!rows.empty()) {
      const torch::Tensor hidden = ReferenceForward(params_.shape, params_.flat, sequences, nullptr);
      const auto index = [&](const std::vector<std::int64_t>& at) {
        return torch::tensor(at, torch::kInt64).to(states.device());
      };
      states.index_copy_(0, index(rows), hidden.index_select(0, index(last)));
    }
    return states;
  }
  torch::Tensor states = torch::zeros({events.rows(), width}, torch::kFloat32);
  float* to = states.data_ptr<float>();
  const float* params = params_.flat.data_ptr<float>();
  base::ParallelFor(0, events.rows(), kUsersScored, [&](std::int64_t begin, std::int64_t end) {
    Sequences sequences;
    for (std::int64_t u = begin; u < end; ++u) {
      sequences.AddInput(events.row(u), params_.shape.max_length);
    }
    SasrecPass<float> pass(params_.shape);
    const float* hidden = pass.Forward(params, sequences, nullptr);
    for (std::int64_t u = begin; u < end; ++u) {
      if (sequences.length(u - begin) > 0) {
        const std::int64_t last = sequences.begin(u - begin) + sequences.length(u - begin) - 1;
        std::copy_n(hidden + last * width, width, to + u * width);
      }
    }
  });
  return states;
}

void SasrecRecommender::ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const {
  nn::Guarded([&] {
    const torch::NoGradGuard no_grad;
    RECFORCE_CHECK(out.rows == users.size() && out.cols == NumItems(), "scores have another shape");
    const torch::Tensor states = LastStates(users.events());
    const torch::Tensor items = params_.flat.narrow(0, 0, NumItems() * params_.shape.hidden).view({NumItems(), -1});
    torch::Tensor scores = torch::from_blob(out.data, {out.rows, out.cols}, torch::kFloat32);
    if (states.is_cpu()) {
      nn::MatMul(scores, states, items.t());
    } else {
      scores.copy_(states.mm(items.t()));
    }
  });
}

SasrecLearner::SasrecLearner(const core::TrainView& view, const SasrecOptions& options,
                             const core::TrainerContext& context)
    : view_(view),
      options_(options),
      seed_(context.seed),
      device_(nn::ParseDevice(context.device)),
      params_(SasrecParams::Init(options.shape, context.seed, device_)),
      recommender_(params_),
      adam_(std::vector<torch::Tensor>{params_.flat}, {.learning_rate = options.learning_rate, .beta2 = 0.98}),
      gradient_(torch::zeros_like(params_.flat)) {}

const KeepMasks* SasrecLearner::Prepare(std::span<const std::int32_t> users, std::uint64_t epoch, Sequences& sequences,
                                        KeepMasks& masks) const {
  sequences = {};
  for (const std::int32_t user : users) {
    sequences.AddPairs(view_.events().row(user), options_.shape.max_length, static_cast<std::uint32_t>(user));
  }
  DrawNegatives(sequences, options_.loss, options_.negatives, view_.num_items, view_.events(), seed_, epoch);
  if (options_.keep >= 1.0) {
    return nullptr;
  }
  DrawMasks(sequences, {options_.shape.hidden, options_.shape.blocks, options_.shape.heads}, options_.keep, seed_,
            epoch, masks);
  return &masks;
}

// Longest first, dealt forth and back, so that shards are about equally long.
std::vector<std::vector<std::int32_t>> SasrecLearner::Shards(std::vector<std::int32_t> users) const {
  std::stable_sort(users.begin(), users.end(), [this](std::int32_t a, std::int32_t b) {
    return PairsOf(view_.events().row(a), options_.shape.max_length) >
           PairsOf(view_.events().row(b), options_.shape.max_length);
  });
  const auto count = static_cast<std::size_t>(std::min<std::int64_t>(kShards, static_cast<std::int64_t>(users.size())));
  std::vector<std::vector<std::int32_t>> shards(count);
  for (std::size_t at = 0; at < users.size(); ++at) {
    const std::size_t place = at % (2 * count);
    shards[place < count ? place : 2 * count - 1 - place].push_back(users[at]);
  }
  return shards;
}

double SasrecLearner::RunShard(std::span<const std::int32_t> users, std::int64_t positions, std::uint64_t epoch,
                               Worker& worker, float* gradient) const {
  const SasrecShape& shape = options_.shape;
  const float* params = params_.flat.data_ptr<float>();
  double loss = 0.0;
  std::fill(gradient, gradient + params_.flat.numel(), 0.0F);
  for (std::size_t begin = 0; begin < users.size();) {
    std::size_t end = begin;
    for (std::int64_t size = 0; end < users.size() && (end == begin || size < kChunkPositions); ++end) {
      size += PairsOf(view_.events().row(users[end]), shape.max_length);
    }
    const KeepMasks* masks = Prepare(users.subspan(begin, end - begin), epoch, worker.sequences, worker.masks);
    const float* hidden = worker.pass.Forward(params, worker.sequences, masks);
    worker.d_hidden.resize(static_cast<std::size_t>(worker.sequences.positions() * shape.hidden));
    loss += worker.loss.Backward(worker.sequences, hidden, params, shape.items, shape.hidden,
                                 1.0F / static_cast<float>(positions), worker.d_hidden.data(), gradient);
    worker.pass.Backward(params, worker.sequences, masks, worker.d_hidden.data(), gradient);
    begin = end;
  }
  return loss;
}

double SasrecLearner::GradientOnCpu(std::vector<std::int32_t> users, std::int64_t positions, std::uint64_t epoch) {
  const std::vector<std::vector<std::int32_t>> shards = Shards(std::move(users));
  const auto count = static_cast<std::int64_t>(shards.size());
  const std::int64_t size = params_.flat.numel();
  if (!shard_gradients_.defined() || shard_gradients_.size(0) < count) {
    shard_gradients_ = torch::empty({count, size}, torch::kFloat32);
  }
  float* partial = shard_gradients_.data_ptr<float>();
  std::vector<double> losses(shards.size());
  base::ParallelFor(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t shard = begin; shard < end; ++shard) {
      std::unique_ptr<Worker> worker = workers_.Take([&] { return std::make_unique<Worker>(options_); });
      const auto at = static_cast<std::size_t>(shard);
      losses[at] = RunShard(shards[at], positions, epoch, *worker, partial + shard * size);
      workers_.Give(std::move(worker));
    }
  });
  float* sum = gradient_.data_ptr<float>();
  base::ParallelFor(0, size, 16384, [&](std::int64_t begin, std::int64_t end) {
    std::copy(partial + begin, partial + end, sum + begin);
    for (std::int64_t shard = 1; shard < count; ++shard) {
      const float* from = partial + shard * size;
      for (std::int64_t at = begin; at < end; ++at) {
        sum[at] += from[at];
      }
    }
  });
  double loss = 0.0;
  for (const double value : losses) {
    loss += value;
  }
  return loss;
}

double SasrecLearner::GradientOnDevice(const std::vector<std::int32_t>& users, std::int64_t positions,
                                       std::uint64_t epoch) {
  Sequences sequences;
  KeepMasks memory;
  const KeepMasks* masks = Prepare(users, epoch, sequences, memory);
  const torch::AutoGradMode with_gradients(true);
  const torch::Tensor leaf = params_.flat.detach().requires_grad_(true);
  const torch::Tensor hidden = ReferenceForward(options_.shape, leaf, sequences, masks);
  const torch::Tensor loss = ReferenceLoss(options_.shape, leaf, hidden, sequences, options_.loss);
  gradient_ = torch::autograd::grad({loss / static_cast<double>(positions)}, {leaf})[0];
  return loss.item<double>();
}

core::Metrics SasrecLearner::Epoch(const core::EpochContext& context) {
  const torch::NoGradGuard no_grad;
  const auto epoch = static_cast<std::uint64_t>(context.epoch);
  std::vector<std::int32_t> order = nn::EpochOrder(view_.events().rows(), seed_, epoch);
  const auto pairs = [this](std::int32_t user) { return PairsOf(view_.events().row(user), options_.shape.max_length); };
  order.erase(std::remove_if(order.begin(), order.end(), [&](std::int32_t user) { return pairs(user) == 0; }),
              order.end());
  const auto batch = static_cast<std::size_t>(options_.batch_size);
  const std::size_t batches = (order.size() + batch - 1) / batch;
  double loss_sum = 0.0;
  std::int64_t position_sum = 0;
  for (std::size_t number = 0; number < batches; ++number) {
    if (context.stop != nullptr) {
      context.stop->ThrowIfSet();
    }
    const std::vector<std::int32_t> users(
        order.begin() + static_cast<std::ptrdiff_t>(number * batch),
        order.begin() + static_cast<std::ptrdiff_t>(std::min(order.size(), (number + 1) * batch)));
    std::int64_t positions = 0;
    for (const std::int32_t user : users) {
      positions += pairs(user);
    }
    const double loss =
        device_.is_cpu() ? GradientOnCpu(users, positions, epoch) : GradientOnDevice(users, positions, epoch);
    CheckFinite(loss, "loss");
    loss_sum += loss;
    position_sum += positions;
    adam_.BeginStep();
    adam_.Update(0, params_.flat, gradient_);
    if (context.progress) {
      context.progress(static_cast<std::int64_t>(number) + 1, static_cast<std::int64_t>(batches));
    }
  }
  return {{"loss", position_sum == 0 ? 0.0 : loss_sum / static_cast<double>(position_sum)}};
}

void SasrecLearner::KeepBest() {
  if (best_.defined()) {
    best_.copy_(params_.flat);
  } else {
    best_ = params_.flat.clone();
  }
}

void SasrecLearner::RestoreBest() {
  if (best_.defined()) {
    params_.flat.copy_(best_);
  }
}

void SasrecLearner::Save(base::TensorSet& set) const {
  params_.Save(set, "model.");
  if (best_.defined()) {
    SasrecParams{params_.shape, best_}.Save(set, "best.");
  }
  adam_.Save(set, "adam");
}

void SasrecLearner::Load(const base::TensorSet& set) {
  params_.flat.copy_(SasrecParams::Load(params_.shape, set, "model.", device_).flat);
  best_ = torch::Tensor();
  if (set.Has("best.item.weight")) {
    best_ = SasrecParams::Load(params_.shape, set, "best.", device_).flat;
  }
  adam_.Load(set, "adam");
}

}  // namespace recforce::algos
