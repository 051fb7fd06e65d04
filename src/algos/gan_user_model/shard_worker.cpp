// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/shard_worker.h"

#include <numeric>
#include <utility>

#include "algos/common/finite.h"

namespace recforce::algos {

torch::Tensor RowIndex(const std::vector<std::int32_t>& items, torch::Device device) {
  return torch::tensor(std::vector<std::int64_t>(items.begin(), items.end()), torch::kInt64).to(device);
}

ShardWorker::ShardWorker(const ClickIndex& index, const UserShape& shape, const UserParts& parts,
                         torch::Tensor features, torch::Device device)
    : shape_(shape),
      parts_(parts),
      features_(std::move(features)),
      device_(device),
      builder_(index, shape),
      pass_(shape, parts) {}

void ShardWorker::Consider(std::size_t number, std::span<const float> rewards, const Judge& judge,
                           std::span<float> slope, ShardResult& result) const {
  result.shown = static_cast<std::int64_t>(rewards.size());
  result.reward = std::accumulate(rewards.begin(), rewards.end(), 0.0);
  CheckFinite(result.reward, "reward");
  result.sums = judge(number, shard_.sets(), rewards, slope);
}

ShardResult ShardWorker::RunPass(std::span<const torch::Tensor> tensors, std::size_t number, const Judge& judge,
                                 bool with_gradient) {
  ShardResult result;
  const std::span<const float> rewards = pass_.Forward(tensors, features_, shard_);
  std::vector<float> slope(rewards.size(), 0.0F);
  Consider(number, rewards, judge, slope, result);
  if (with_gradient) {
    result.gradients = pass_.Backward(shard_, slope);
  }
  return result;
}

ShardResult ShardWorker::RunTape(std::span<const torch::Tensor> tensors, std::size_t number, const Judge& judge,
                                 bool with_gradient) const {
  const torch::AutoGradMode mode(with_gradient);
  const torch::Tensor rows = RowIndex(shard_.items, device_);
  std::vector<torch::Tensor> leaves;
  std::vector<torch::Tensor> inputs;
  for (std::size_t index = 0; index < parts_.list.size(); ++index) {
    const PartKind kind = parts_.list[index].kind;
    leaves.push_back((ByItem(kind) ? tensors[index].index_select(0, rows) : tensors[index]).detach());
    if (kind != PartKind::kNoClick) {
      leaves.back().requires_grad_(with_gradient);
      inputs.push_back(leaves.back());
    }
  }
  const torch::Tensor features = features_.defined() ? features_.index_select(0, rows) : torch::Tensor();
  const torch::Tensor rewards = ShardRewards(shape_, parts_, leaves, features, shard_);
  const torch::Tensor host = rewards.detach().to(torch::kCPU).contiguous();
  const torch::Tensor slope = torch::zeros_like(host);
  const auto count = static_cast<std::size_t>(host.numel());
  ShardResult result;
  Consider(number, std::span<const float>(host.data_ptr<float>(), count), judge,
           std::span(slope.data_ptr<float>(), count), result);
  if (with_gradient) {
    result.gradients = torch::autograd::grad({rewards}, inputs, {slope.to(device_)}, false, false, true);
  }
  return result;
}

ShardResult ShardWorker::Run(std::span<const torch::Tensor> tensors, std::size_t number,
                             std::span<const std::int32_t> users, const Judge& judge, bool with_gradient) {
  builder_.Build(users, shard_);
  const bool taped = shape_.state == StateKind::kLstm || !device_.is_cpu();
  ShardResult result =
      taped ? RunTape(tensors, number, judge, with_gradient) : RunPass(tensors, number, judge, with_gradient);
  if (with_gradient && parts_.no_click >= 0) {  // the last part
    result.gradients.push_back(torch::full({1}, result.sums.d_no_click, torch::TensorOptions().device(device_)));
  }
  result.choices = shard_.choices();
  result.items = shard_.items;
  return result;
}

}  // namespace recforce::algos
