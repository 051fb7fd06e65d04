// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/learner.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "algos/common/elementwise.h"
#include "algos/common/finite.h"
#include "nn/device.h"
#include "nn/gemm.h"
#include "nn/tensor_io.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kShardChoices = 64;  // of a batch that one thread takes at once

std::vector<torch::Tensor> Copies(std::span<const torch::Tensor> tensors) {
  std::vector<torch::Tensor> copies;
  for (const torch::Tensor& tensor : tensors) {
    copies.push_back(tensor.clone());
  }
  return copies;
}

}  // namespace

void EpochSums::Add(const EpochSums& other) {
  loss += other.loss;
  value += other.value;
  reward += other.reward;
  choices += other.choices;
  shown += other.shown;
}

UserLearner::UserLearner(const ClickIndex& index, const LearnerOptions& options, const core::TrainerContext& context)
    : index_(index),
      options_(options),
      seed_(context.seed),
      device_(nn::ParseDevice(context.device)),
      parts_(options.shape, options.no_click != NoClick::kAbsent) {
  const torch::NoGradGuard no_grad;
  reward_ = MakePlayer(InitParts(options_.shape, parts_, options_.init, device_), options_.learning_rate,
                       options_.no_click != NoClick::kFixed);
  base::Rng rng(seed_, base::Stream::kEnsemble, static_cast<std::uint64_t>(options_.member));
  for (std::int64_t at = 0; at < index_.num_users(); ++at) {
    const auto user =
        options_.bootstrap ? static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(index_.num_users()))) : at;
    if (index_.choices_of(user) > 0) {
      users_.push_back(static_cast<std::int32_t>(user));
    }
  }
}

std::unique_ptr<Player> UserLearner::MakePlayer(std::vector<torch::Tensor> tensors, double learning_rate,
                                                bool no_click_moves) const {
  // Steps descend the mean loss of choices.
  const double each = 1.0 / static_cast<double>(std::max<std::int64_t>(1, index_.choices()));
  return std::make_unique<Player>(parts_, std::move(tensors),
                                  PlayerOptions{.learning_rate = learning_rate,
                                                .weight_decay = options_.weight_decay * each,
                                                .popularity_decay = options_.popularity_decay * each,
                                                .no_click_moves = no_click_moves});
}

std::vector<UserLearner::Users> UserLearner::Batches(std::int64_t epoch) const {
  Users order = users_;
  base::Rng rng(seed_, base::Stream::kShuffle, static_cast<std::uint64_t>(epoch),
                static_cast<std::uint32_t>(options_.member));
  std::vector<Users> batches;
  if (options_.users_drawn > 0) {
    const std::size_t size = std::min(order.size(), static_cast<std::size_t>(options_.users_drawn));
    for (std::size_t drawn = 0; drawn < order.size(); drawn += size) {
      for (std::size_t at = 0; at < size; ++at) {
        std::swap(order[at], order[at + static_cast<std::size_t>(rng.Below(order.size() - at))]);
      }
      batches.emplace_back(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(size));
    }
    return batches;
  }
  rng.Shuffle(std::span(order));
  std::int64_t choices = 0;
  for (const std::int32_t user : order) {
    const std::int64_t count = index_.choices_of(user);
    if (batches.empty() || choices + count > options_.batch_size) {
      batches.emplace_back();
      choices = 0;
    }
    batches.back().push_back(user);
    choices += count;
  }
  return batches;
}

std::int64_t UserLearner::BatchesOf(std::int64_t epoch) const {
  return static_cast<std::int64_t>(Batches(epoch).size());
}

std::vector<UserLearner::Users> UserLearner::ShardsOf(const Users& batch) const {
  if (!device_.is_cpu()) {
    return {batch};
  }
  std::vector<Users> shards;
  std::int64_t choices = kShardChoices;
  for (const std::int32_t user : batch) {
    if (choices >= kShardChoices) {
      shards.emplace_back();
      choices = 0;
    }
    shards.back().push_back(user);
    choices += index_.choices_of(user);
  }
  return shards;
}

std::vector<ShardResult> UserLearner::Sweep(const Player& player, const std::vector<Users>& shards, const Judge& judge,
                                            bool with_gradient) {
  std::vector<ShardResult> results(shards.size());
  base::ParallelFor(0, static_cast<std::int64_t>(shards.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    nn::PrepareWorker();
    for (std::int64_t number = begin; number < end; ++number) {
      const auto at = static_cast<std::size_t>(number);
      std::unique_ptr<ShardWorker> worker = workers_.Take(
          [&] { return std::make_unique<ShardWorker>(index_, options_.shape, parts_, options_.features, device_); });
      results[at] = worker->Run(player.tensors(), at, shards[at], judge, with_gradient);
      workers_.Give(std::move(worker));
    }
  });
  return results;
}

UserLearner::Gradients UserLearner::Merge(std::vector<ShardResult> results) const {
  Gradients merged;
  for (const ShardResult& result : results) {
    merged.items.insert(merged.items.end(), result.items.begin(), result.items.end());
    merged.sums.Add(
        {.loss = result.sums.loss, .reward = result.reward, .choices = result.choices, .shown = result.shown});
  }
  std::sort(merged.items.begin(), merged.items.end());
  merged.items.erase(std::unique(merged.items.begin(), merged.items.end()), merged.items.end());
  for (std::size_t index = 0; index < parts_.list.size(); ++index) {
    const bool by_item = ByItem(parts_.list[index].kind);
    std::vector<std::int64_t> extents = parts_.list[index].shape;
    if (by_item) {
      extents[0] = static_cast<std::int64_t>(merged.items.size());
    }
    merged.parts.push_back(torch::zeros(extents, torch::TensorOptions().device(device_)));
  }
  for (ShardResult& result : results) {
    for (std::int32_t& item : result.items) {  // from an item to its row here
      item = static_cast<std::int32_t>(std::lower_bound(merged.items.begin(), merged.items.end(), item) -
                                       merged.items.begin());
    }
    for (std::size_t index = 0; index < parts_.list.size(); ++index) {
      if (!result.gradients[index].defined()) {
        continue;
      }
      torch::Tensor& sum = merged.parts[index];
      if (!ByItem(parts_.list[index].kind)) {
        sum.add_(result.gradients[index]);
      } else if (sum.is_cpu()) {
        const torch::Tensor from = result.gradients[index].contiguous();
        const std::int64_t width = from.dim() == 1 ? 1 : from.size(1);
        for (std::size_t r = 0; r < result.items.size(); ++r) {
          AddScaled(from.data_ptr<float>() + static_cast<std::int64_t>(r) * width, width, 1.0F,
                    sum.data_ptr<float>() + result.items[r] * width);
        }
      } else {
        sum.index_add_(0, RowIndex(result.items, device_), result.gradients[index]);
      }
    }
  }
  return merged;
}

void UserLearner::Clip(std::vector<torch::Tensor>& gradients) const {
  if (options_.clip <= 0.0) {
    return;
  }
  double square = 0.0;
  for (const torch::Tensor& gradient : gradients) {
    square += gradient.square().sum().item<double>();
  }
  const double norm = std::sqrt(square);
  CheckFinite(norm, "gradient");
  if (norm > options_.clip) {
    for (torch::Tensor& gradient : gradients) {
      gradient.mul_(options_.clip / norm);
    }
  }
}

EpochSums UserLearner::Descend(Player& player, const std::vector<Users>& shards, const Judge& judge) {
  Gradients gradients = Merge(Sweep(player, shards, judge, true));
  CheckFinite(gradients.sums.loss, "loss");
  Clip(gradients.parts);
  player.Step(gradients.items, gradients.parts);
  return gradients.sums;
}

EpochSums UserLearner::ForBatches(const core::EpochContext& context,
                                  const std::function<EpochSums(const std::vector<Users>&, double)>& body) {
  const torch::NoGradGuard no_grad;
  const std::vector<Users> batches = Batches(context.epoch);
  EpochSums sums;
  for (std::size_t number = 0; number < batches.size(); ++number) {
    if (context.stop != nullptr) {
      context.stop->ThrowIfSet();
    }
    std::int64_t choices = 0;
    for (const std::int32_t user : batches[number]) {
      choices += index_.choices_of(user);
    }
    sums.Add(body(ShardsOf(batches[number]), 1.0 / static_cast<double>(choices)));
    if (context.progress) {
      context.progress(static_cast<std::int64_t>(number) + 1, static_cast<std::int64_t>(batches.size()));
    }
  }
  return sums;
}

EpochSums UserLearner::Epoch(const core::EpochContext& context) {
  return ForBatches(context, [this](const std::vector<Users>& shards, double weight) {
    const std::optional<float> no_click = reward_->NoClickReward();
    return Descend(*reward_, shards,
                   [&](std::size_t, const ChoiceSets& sets, std::span<const float> rewards, std::span<float> d) {
                     return ChoiceGradient<float>(options_.terms, sets, rewards, no_click, weight, d);
                   });
  });
}

void UserLearner::BeginGame() {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> tensors = Copies(reward_->tensors());
  // Logits eta r: what is added up in the end is scaled, the rest stays.
  for (const std::int64_t part : {parts_.out, parts_.out_bias, parts_.item_bias, parts_.repeat, parts_.no_click}) {
    if (part >= 0) {
      tensors[static_cast<std::size_t>(part)].mul_(options_.terms.eta);
    }
  }
  // Behaviour is free, even where what choosing nothing is worth is not.
  behaviour_ = MakePlayer(std::move(tensors), options_.game_learning_rate, true);
}

EpochSums UserLearner::GameEpoch(const core::EpochContext& context) {
  return ForBatches(context,
                    [this](const std::vector<Users>& shards, double weight) { return GameStep(shards, weight); });
}

EpochSums UserLearner::GameStep(const std::vector<Users>& shards, double weight) {
  const auto look = [&](const Player& player) {
    std::vector<std::vector<float>> seen(shards.size());
    Sweep(
        player, shards,
        [&](std::size_t number, const ChoiceSets&, std::span<const float> values, std::span<float>) {
          seen[number].assign(values.begin(), values.end());
          return ChoiceSums{};
        },
        false);
    return seen;
  };
  const std::optional<float> no_click = reward_->NoClickReward();
  const std::vector<std::vector<float>> rewards = look(*reward_);
  for (std::int64_t step = 0; step < options_.game_steps; ++step) {
    const std::optional<float> logit = behaviour_->NoClickReward();
    Descend(*behaviour_, shards,
            [&](std::size_t number, const ChoiceSets& sets, std::span<const float> logits, std::span<float> d) {
              return BehaviourGradient<float>(options_.terms, sets, rewards[number], no_click, logits, logit, weight,
                                              d);
            });
  }
  const std::optional<float> logit = behaviour_->NoClickReward();
  const std::vector<std::vector<float>> logits = look(*behaviour_);
  std::vector<double> losses(shards.size());
  EpochSums sums = Descend(
      *reward_, shards, [&](std::size_t number, const ChoiceSets& sets, std::span<const float> r, std::span<float> d) {
        losses[number] = ChoiceGradient<float>(options_.terms, sets, r, no_click, weight, d).loss;
        return RewardGradient<float>(options_.terms, sets, r, no_click, logits[number], logit, weight, d);
      });
  sums.value = sums.loss;
  sums.loss = std::accumulate(losses.begin(), losses.end(), 0.0);
  return sums;
}

void UserLearner::KeepBest() { best_ = Copies(reward_->tensors()); }

void UserLearner::RestoreBest() {
  if (!best_.empty()) {
    reward_->Assign(best_);
  }
}

void UserLearner::Export(base::TensorSet& set, const std::string& prefix) const {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> tensors = Copies(reward_->tensors());
  torch::Tensor table = tensors[static_cast<std::size_t>(parts_.embedding)].to(torch::kCPU);
  const std::vector<std::uint8_t>& shown = index_.shown();
  const auto count = std::count(shown.begin(), shown.end(), 1);
  const std::int64_t width = options_.shape.dim;
  float* rows = table.data_ptr<float>();
  std::vector<double> sum(static_cast<std::size_t>(width), 0.0);
  for (std::size_t item = 0; item < shown.size(); ++item) {
    for (std::int64_t i = 0; shown[item] != 0 && i < width; ++i) {
      sum[static_cast<std::size_t>(i)] += static_cast<double>(rows[static_cast<std::int64_t>(item) * width + i]);
    }
  }
  for (std::size_t item = 0; count > 0 && item < shown.size(); ++item) {
    for (std::int64_t i = 0; shown[item] == 0 && i < width; ++i) {
      rows[static_cast<std::int64_t>(item) * width + i] =
          static_cast<float>(sum[static_cast<std::size_t>(i)] / static_cast<double>(count));
    }
  }
  tensors[static_cast<std::size_t>(parts_.embedding)] = table;
  SaveParts(parts_, tensors, set, prefix);
}

void UserLearner::Save(base::TensorSet& set, const std::string& prefix) const {
  reward_->Save(set, prefix + "reward.");
  if (behaviour_) {
    behaviour_->Save(set, prefix + "behaviour.");
  }
  if (!best_.empty()) {
    SaveParts(parts_, best_, set, prefix + "best.");
  }
}

void UserLearner::Load(const base::TensorSet& set, const std::string& prefix) {
  const torch::NoGradGuard no_grad;
  reward_->Load(set, prefix + "reward.");
  behaviour_.reset();
  if (set.Has(prefix + "behaviour.item.embedding")) {
    BeginGame();
    behaviour_->Load(set, prefix + "behaviour.");
  }
  best_.clear();
  if (set.Has(prefix + "best.item.embedding")) {
    best_ = LoadParts(parts_, set, prefix + "best.", device_);
  }
}

}  // namespace recforce::algos
