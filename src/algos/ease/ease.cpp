// SPDX-License-Identifier: Apache-2.0
#include "algos/ease/ease.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "algos/common/closed_form.h"
#include "nn/device.h"
#include "nn/row_batch.h"
#include "nn/spd_inverse.h"
#include "nn/tensor_io.h"
#include "nn/torch.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kTile = 256;  // rows and columns that are mirrored at once

// Scores from the weights where they lie: in a mapped bundle they are never copied.
class EaseRecommender final : public core::Recommender {
 public:
  EaseRecommender(const base::TensorSet& tensors, std::int64_t num_items)
      : tensors_(tensors),
        items_(num_items),
        weights_(nn::CheckedView(tensors_, "weights", {num_items, num_items}).As<float>().data()) {}
  [[nodiscard]] std::int64_t NumItems() const override { return items_; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    base::ParallelFor(0, users.size(), 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        float* row = out.data + r * items_;
        std::fill(row, row + items_, 0.0F);
        for (const std::int32_t item : users.history.row(r)) {
          const float* from = weights_ + item * items_;
          for (std::int64_t j = 0; j < items_; ++j) {
            row[j] += from[j];
          }
        }
      }
    });
  }

 private:
  base::TensorSet tensors_;  // keeps the weights alive
  std::int64_t items_;
  const float* weights_;  // [I, I]
};

// An items x items matrix of zeros that can give back the half of its memory that float32 does not need.
class ItemMatrix {
 public:
  ItemMatrix(std::int64_t items, torch::ScalarType type)
      : items_(items), memory_(std::calloc(static_cast<std::size_t>(items * items), torch::elementSize(type))) {
    if (memory_ == nullptr) {
      const auto bytes =
          static_cast<double>(items) * static_cast<double>(items) * static_cast<double>(torch::elementSize(type));
      throw base::Error(base::ErrorKind::kUnavailable,
                        "ease: no memory for a matrix of items x items: " + std::to_string(items) + " items need " +
                            std::to_string(static_cast<std::int64_t>(bytes * 1e-6)) +
                            " MB; a model with factors needs less");
    }
    tensor = torch::from_blob(memory_.get(), {items, items}, type);
  }

  // Its numbers as float32, in the memory that they have.
  base::TensorSet Take() && {
    if (tensor.scalar_type() == torch::kFloat64) {
      Narrow();
    }
    base::TensorSet set;
    set.Add("weights", {base::DType::kF32, {items_, items_}, static_cast<const std::byte*>(memory_.get())});
    set.Hold(std::shared_ptr<void>(std::move(memory_)));
    return set;
  }

  torch::Tensor tensor;  // [I, I]

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  // From the front: a row's floats end before the doubles of the next row begin.
  void Narrow() {
    const auto* from = tensor.data_ptr<double>();
    auto* to = static_cast<std::byte*>(memory_.get());
    std::vector<float> row(static_cast<std::size_t>(items_));
    for (std::int64_t r = 0; r < items_; ++r) {
      std::transform(from + r * items_, from + (r + 1) * items_, row.begin(),
                     [](double value) { return static_cast<float>(value); });
      std::memcpy(to + static_cast<std::size_t>(r) * row.size() * sizeof(float), row.data(),
                  row.size() * sizeof(float));
    }
    const auto bytes = static_cast<std::size_t>(items_ * items_) * sizeof(float);
    tensor.reset();
    void* whole = memory_.release();
    void* half = std::realloc(whole, bytes);  // gives pages back, moves nothing
    memory_.reset(half == nullptr ? whole : half);
  }

  std::int64_t items_;
  std::unique_ptr<void, Free> memory_;
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

// From the lower triangle of -P to all of B, in place.
template <class T>
void WeightsFromInverse(torch::Tensor& matrix) {
  const std::int64_t items = matrix.size(0);
  T* values = matrix.data_ptr<T>();
  std::vector<T> factor;  // -1 over the diagonal
  for (std::int64_t item = 0; item < items; ++item) {
    factor.push_back(T{-1} / values[item * items + item]);
  }
  const std::int64_t tiles = (items + kTile - 1) / kTile;
  base::ParallelFor(0, tiles, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first * kTile; row < std::min(last * kTile, items); row += kTile) {
      for (std::int64_t column = 0; column <= row; column += kTile) {
        for (std::int64_t i = row; i < std::min(row + kTile, items); ++i) {
          for (std::int64_t j = column; j < std::min(column + kTile, i); ++j) {
            const T shared = values[i * items + j];
            values[i * items + j] = shared * factor[static_cast<std::size_t>(j)];
            values[j * items + i] = shared * factor[static_cast<std::size_t>(i)];
          }
        }
      }
    }
  });
  matrix.diagonal().zero_();
}

// matrix := -matrix^-1, in its lower triangle at least. False: not positive definite.
bool Invert(torch::Tensor& matrix, torch::Device device, const base::StopFlag* stop) {
  if (device.is_cpu()) {
    return nn::NegativeInverseInPlace(matrix, [stop] {
      if (stop != nullptr) {
        stop->ThrowIfSet();
      }
    });
  }
  const auto [factor, info] = torch::linalg_cholesky_ex(matrix.to(device));
  if (info.item<int>() != 0) {
    return false;
  }
  matrix.copy_(torch::cholesky_inverse(factor).neg_());
  return true;
}

base::TensorSet Solve(const core::TrainView& view, const EaseConfig& config, torch::Device device,
                      const base::StopFlag* stop) {
  const torch::NoGradGuard no_grad;
  ItemMatrix memory(view.num_items, config.precision == "float64" ? torch::kFloat64 : torch::kFloat32);
  torch::Tensor& matrix = memory.tensor;
  {
    const nn::ItemMajor by_item = nn::ByItem(view.interactions, view.num_items);
    AT_DISPATCH_FLOATING_TYPES(matrix.scalar_type(), "CountPairs",
                               [&] { CountPairs(view, by_item, matrix.data_ptr<scalar_t>(), stop); });
  }
  matrix.diagonal().mul_(1.0 / (1.0 - config.dropout)).add_(config.l2);
  if (!Invert(matrix, device, stop)) {
    throw base::Error(base::ErrorKind::kDiverged, "ease: X'X + Lambda is not positive definite in " + config.precision +
                                                      "; use a larger ease.l2 or ease.precision=float64");
  }
  AT_DISPATCH_FLOATING_TYPES(matrix.scalar_type(), "Weights", [&] { WeightsFromInverse<scalar_t>(matrix); });
  return std::move(memory).Take();
}

std::unique_ptr<core::Recommender> Load(const base::TensorSet& tensors, std::int64_t num_items) {
  return std::make_unique<EaseRecommender>(tensors, num_items);
}

}  // namespace

const config::FieldTable& EaseFields() {
  static const config::FieldTable table =
      config::Fields<EaseConfig>()
          .Real("l2", &EaseConfig::l2, 1e-9, 1e12, "Ridge added to the diagonal of X'X; tune it per dataset.")
          .Alias("reg_weight")
          .Search(1.0, 10000.0, config::Scale::kLog)
          .Choice("precision", &EaseConfig::precision, {"float32", "float64"},
                  "Type of the inversion; float64 takes 8 bytes times the square of the items while it solves.")
          .Real("dropout", &EaseConfig::dropout, 0.0, 0.999,
                "Probability p of dropping an interaction, in closed form (EDLAE); 0: EASE.")
          .Search(0.0, 0.8)
          .Take();
  return table;
}

core::AlgorithmSpec EaseSpec() {
  core::AlgorithmSpec spec;
  spec.name = "ease";
  spec.summary = "Linear item-item model in closed form; hard to beat on dense logs.";
  spec.paper = "Steck, WWW 2019";
  spec.uses_device = true;
  spec.learns_by_epoch = false;
  spec.make_config = [] { return config::Section::Make<EaseConfig>("ease", EaseFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) -> std::unique_ptr<core::Trainer> {
    const EaseConfig config = section.As<EaseConfig>();
    const torch::Device device = nn::ParseDevice(context.device);
    return std::make_unique<ClosedFormTrainer>(
        [view, config, device](const core::EpochContext& epoch) {
          return nn::Guarded([&] { return Solve(view, config, device, epoch.stop); });
        },
        [view](const base::TensorSet& tensors) { return Load(tensors, view.num_items); });
  };
  spec.load = [](const config::Section&, const base::TensorSet& tensors, std::int64_t num_items, const std::string&) {
    return Load(tensors, num_items);
  };
  return spec;
}

}  // namespace recforce::algos
