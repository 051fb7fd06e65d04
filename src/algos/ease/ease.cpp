// SPDX-License-Identifier: Apache-2.0
#include "algos/ease/ease.h"

#include <algorithm>
#include <vector>

#include "algos/common/closed_form.h"
#include "nn/device.h"
#include "nn/gemm.h"
#include "nn/row_batch.h"
#include "nn/tensor_io.h"
#include "nn/torch.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

class EaseRecommender final : public core::Recommender {
 public:
  explicit EaseRecommender(torch::Tensor weights) : weights_(std::move(weights)) {}
  [[nodiscard]] std::int64_t NumItems() const override { return weights_.size(0); }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    const std::int64_t items = NumItems();
    const float* weights = weights_.data_ptr<float>();
    base::ParallelFor(0, users.size(), 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        float* row = out.data + r * items;
        std::fill(row, row + items, 0.0F);
        for (const std::int32_t item : users.history.row(r)) {
          const float* from = weights + item * items;
          for (std::int64_t j = 0; j < items; ++j) {
            row[j] += from[j];
          }
        }
      }
    });
  }

 private:
  torch::Tensor weights_;  // [I, I], on the CPU
};

// X'X, counted over sparse rows: entry (i, j) is how many users have both. Counts are exact in float up to 2^24.
template <class T>
void CountPairs(const core::TrainView& view, const nn::ItemMajor& by_item, T* gram, const base::StopFlag* stop) {
  const auto touched = static_cast<std::int64_t>(by_item.items.size());
  base::ParallelFor(0, touched, 16, [&](std::int64_t begin, std::int64_t end) {
    if (stop != nullptr) {
      stop->ThrowIfSet();
    }
    for (std::int64_t t = begin; t < end; ++t) {
      T* row = gram + by_item.items[static_cast<std::size_t>(t)] * view.num_items;
      const std::int64_t last = by_item.offsets[static_cast<std::size_t>(t) + 1];
      for (std::int64_t entry = by_item.offsets[static_cast<std::size_t>(t)]; entry < last; ++entry) {
        for (const std::int32_t other : view.interactions.row(by_item.rows[static_cast<std::size_t>(entry)])) {
          row[other] += T{1};
        }
      }
    }
  });
}

torch::Tensor SolveWeights(const core::TrainView& view, const EaseConfig& config, torch::Device device,
                           const base::StopFlag* stop) {
  const torch::NoGradGuard no_grad;
  const auto type = config.precision == "float64" ? torch::kFloat64 : torch::kFloat32;
  torch::Tensor gram = torch::zeros({view.num_items, view.num_items}, type);
  const nn::ItemMajor by_item = nn::ByItem(view.interactions, view.num_items);
  AT_DISPATCH_FLOATING_TYPES(gram.scalar_type(), "CountPairs",
                             [&] { CountPairs(view, by_item, gram.data_ptr<scalar_t>(), stop); });
  gram.diagonal().add_(config.l2);
  const nn::ManyBlasThreads threads;
  const auto [factor, info] = torch::linalg_cholesky_ex(gram.to(device));
  if (info.item<int>() != 0) {
    throw base::Error(base::ErrorKind::kDiverged, "ease: X'X + l2 I is not positive definite in " + config.precision +
                                                      "; use a larger ease.l2 or ease.precision=float64");
  }
  torch::Tensor inverse = torch::cholesky_inverse(factor);
  torch::Tensor weights = inverse.div_(-inverse.diagonal().clone().unsqueeze(0));
  weights.diagonal().zero_();
  return weights.to(torch::kCPU, torch::kFloat32).contiguous();
}

std::unique_ptr<core::Recommender> Load(const base::TensorSet& tensors, std::int64_t num_items) {
  return std::make_unique<EaseRecommender>(
      nn::GetTensor(tensors, "weights", {num_items, num_items}, torch::Device(torch::kCPU)));
}

}  // namespace

const config::FieldTable& EaseFields() {
  static const config::FieldTable table =
      config::Fields<EaseConfig>()
          .Real("l2", &EaseConfig::l2, 1e-9, 1e12, "Ridge added to the diagonal of X'X; tune it per dataset.")
          .Alias("reg_weight")
          .Choice("precision", &EaseConfig::precision, {"float32", "float64"},
                  "Type of the inversion; float64 takes 8 bytes times the square of the items, twice.")
          .Take();
  return table;
}

core::AlgorithmSpec EaseSpec() {
  core::AlgorithmSpec spec;
  spec.name = "ease";
  spec.summary = "Linear item-item model in closed form; hard to beat on dense logs.";
  spec.paper = "Steck, WWW 2019";
  spec.learns_by_epoch = false;
  spec.make_config = [] { return config::Section::Make<EaseConfig>("ease", EaseFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) -> std::unique_ptr<core::Trainer> {
    const EaseConfig config = section.As<EaseConfig>();
    const torch::Device device = nn::ParseDevice(context.device);
    return std::make_unique<ClosedFormTrainer>(
        [view, config, device](const core::EpochContext& epoch) {
          base::TensorSet tensors;
          nn::AddTensor(tensors, "weights",
                        nn::Guarded([&] { return SolveWeights(view, config, device, epoch.stop); }));
          return tensors;
        },
        [view](const base::TensorSet& tensors) { return Load(tensors, view.num_items); });
  };
  spec.load = [](const config::Section&, const base::TensorSet& tensors, std::int64_t num_items, const std::string&) {
    return Load(tensors, num_items);
  };
  return spec;
}

}  // namespace recforce::algos
