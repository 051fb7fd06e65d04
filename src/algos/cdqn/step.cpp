// SPDX-License-Identifier: Apache-2.0
#include "algos/cdqn/step.h"

#include <algorithm>
#include <cmath>

#include "algos/cdqn/reference.h"
#include "algos/common/dense.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kShardRows = 32;

// With e = Q - y: e^2 / 2, or Huber's, which is |e| - 1/2 beyond 1. Returns the loss; its slope goes to `slope`.
double LossOf(CdqnLoss loss, float error, float* slope) {
  const auto e = static_cast<double>(error);
  if (loss == CdqnLoss::kSquared || std::abs(e) <= 1.0) {
    *slope = error;
    return 0.5 * e * e;
  }
  *slope = error > 0.0F ? 1.0F : -1.0F;
  return std::abs(e) - 0.5;
}

}  // namespace

double CdqnStep::Slope(const float* q, const CdqnRows& rows, std::int64_t begin, std::int64_t end,
                       std::span<const float> targets, float* dq) const {
  const std::int64_t batch = rows.items.rows;
  const std::int64_t slots = rows.items.cols;
  const std::int64_t count = end - begin;
  const float scale = 1.0F / static_cast<float>(batch);
  double loss = 0.0;
  for (std::int64_t r = 0; r < count; ++r) {
    float sum = 0.0F;
    for (std::int64_t slot = 0; slot < slots; ++slot) {
      sum += q[slot * count + r];
    }
    float slope = 0.0F;
    if (summed_) {
      loss += LossOf(loss_, sum - targets[static_cast<std::size_t>(begin + r)], &slope);
    }
    for (std::int64_t slot = 0; slot < slots; ++slot) {
      if (!summed_) {
        const float target = targets[static_cast<std::size_t>(slot * batch + begin + r)];
        loss += LossOf(loss_, q[slot * count + r] - target, &slope);
      }
      dq[slot * count + r] = slope * scale;
    }
  }
  return loss;
}

double CdqnStep::ByLoops(const CdqnParams& params, const CdqnRows& rows, std::span<const float> targets) {
  const CdqnLayout layout(params.shape);
  const CdqnNumbers<float> numbers = NumbersOf(params, layout);
  const std::int64_t batch = rows.items.rows;
  const std::int64_t shards = (batch + kShardRows - 1) / kShardRows;
  const std::int64_t layers = layout.size - layout.networks;
  const std::int64_t state = params.shape.state_width();
  const std::int64_t items = rows.items.cols * params.shape.item_width();
  float* partial = Sized(partial_, shards * layers);
  float* d_states = Sized(d_states_, batch * state);
  float* d_items = Sized(d_items_, batch * items);
  std::vector<double> losses(static_cast<std::size_t>(shards));
  base::ParallelFor(0, shards, 1, [&](std::int64_t first, std::int64_t last) {
    std::unique_ptr<Worker> worker = workers_.Take([] { return std::make_unique<Worker>(); });
    for (std::int64_t shard = first; shard < last; ++shard) {
      const std::int64_t begin = shard * kShardRows;
      const std::int64_t end = std::min(batch, begin + kShardRows);
      const CdqnRows part = rows.Slice(begin, end);
      const float* q = worker->pass.Forward(numbers, part);
      float* dq = Sized(worker->dq, part.items.rows * part.items.cols);
      losses[static_cast<std::size_t>(shard)] = Slope(q, rows, begin, end, targets, dq);
      std::fill_n(partial + shard * layers, layers, 0.0F);
      worker->pass.Backward(numbers, part, dq, partial + shard * layers);
      std::copy(worker->pass.d_states().begin(), worker->pass.d_states().end(), d_states + begin * state);
      std::copy(worker->pass.d_items().begin(), worker->pass.d_items().end(), d_items + begin * items);
    }
    workers_.Give(std::move(worker));
  });
  float* sum = gradient_.data_ptr<float>();
  std::fill_n(sum, layout.networks, 0.0F);
  base::ParallelFor(0, layers, 16384, [&](std::int64_t begin, std::int64_t end) {
    std::copy(partial + begin, partial + end, sum + layout.networks + begin);
    for (std::int64_t shard = 1; shard < shards; ++shard) {
      for (std::int64_t at = begin; at < end; ++at) {
        sum[layout.networks + at] += partial[shard * layers + at];
      }
    }
  });
  AddInputGradient(numbers, rows, d_states, d_items, sum);
  double loss = 0.0;
  for (const double value : losses) {
    loss += value;
  }
  return loss / static_cast<double>(batch);
}

double CdqnStep::ByAten(const CdqnParams& params, const CdqnRows& rows, std::span<const float> targets) {
  const torch::AutoGradMode with_gradients(true);
  const torch::Tensor leaf = params.flat.detach().requires_grad_(true);
  const torch::Tensor q = ReferenceRows(params.shape, leaf, params.features, rows);
  const torch::Tensor host = q.detach().to(torch::kCPU).contiguous();
  torch::Tensor dq = torch::empty_like(host);
  const double loss = Slope(host.data_ptr<float>(), rows, 0, rows.items.rows, targets, dq.data_ptr<float>());
  gradient_ = torch::autograd::grad({q}, {leaf}, {dq.to(q.device())})[0];
  return loss / static_cast<double>(rows.items.rows);
}

void CdqnStep::Clip(double clip) {
  double square = 0.0;
  if (gradient_.is_cpu()) {
    const float* values = gradient_.data_ptr<float>();
    square = nn::LaneSum<double>(gradient_.numel(), [values](std::int64_t at) {
      return static_cast<double>(values[at]) * static_cast<double>(values[at]);
    });
  } else {
    square = gradient_.square().sum().item<double>();
  }
  const double norm = std::sqrt(square);
  if (norm > clip) {
    gradient_.mul_(clip / norm);
  }
}

double CdqnStep::Run(const CdqnParams& params, const CdqnRows& rows, std::span<const float> targets, double clip) {
  if (!gradient_.defined()) {
    gradient_ = torch::zeros_like(params.flat);
  }
  const bool aten = aten_ || !params.flat.is_cpu();
  const double loss = aten ? ByAten(params, rows, targets) : ByLoops(params, rows, targets);
  if (clip > 0.0) {
    Clip(clip);
  }
  return loss;
}

}  // namespace recforce::algos
