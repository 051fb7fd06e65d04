// SPDX-License-Identifier: Apache-2.0
// One elastic net an item, by coordinate descent over sparse columns (Friedman, Hastie, Tibshirani, JSS 2010): the
// residual of every user is kept, so that a coordinate costs the number of its users.
#include "algos/slim/slim.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "algos/common/closed_form.h"
#include "algos/common/item_weights.h"
#include "recforce/base/idle_list.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

struct Coordinate {
  std::int32_t item;
  float weight = 0.0F;
};

// Solves one column after the other in the same memory; one per thread.
class ColumnSolver {
 public:
  ColumnSolver(const core::TrainView& view, const data::Csr& users_of, const SlimConfig& config)
      : view_(view),
        users_of_(users_of),
        config_(config),
        residual_(static_cast<std::size_t>(view.interactions.rows()), 0.0F),
        both_(static_cast<std::size_t>(view.num_items), 0) {}

  ItemColumn Solve(std::int32_t target) {
    FindCandidates(target);
    for (const std::int32_t user : users_of_.row(target)) {
      residual_[static_cast<std::size_t>(user)] = 1.0F;
    }
    Descend();
    ItemColumn column;
    for (const Coordinate& coordinate : candidates_) {
      if (coordinate.weight != 0.0F) {
        column.emplace_back(coordinate.item, coordinate.weight);
      }
    }
    // Only users of the target and of items with a weight have been touched.
    for (const std::int32_t user : users_of_.row(target)) {
      residual_[static_cast<std::size_t>(user)] = 0.0F;
    }
    for (const std::int32_t item : moved_) {
      for (const std::int32_t user : users_of_.row(item)) {
        residual_[static_cast<std::size_t>(user)] = 0.0F;
      }
    }
    return column;
  }

 private:
  // Which items may have a weight, by index. With positive weights a residual never exceeds the target's own column,
  // so an item that shares at most l1 users with it has weight 0 in the exact solution.
  void FindCandidates(std::int32_t target) {
    std::vector<std::int32_t> touched;
    for (const std::int32_t user : users_of_.row(target)) {
      for (const std::int32_t item : view_.interactions.row(user)) {
        if (both_[static_cast<std::size_t>(item)]++ == 0) {
          touched.push_back(item);
        }
      }
    }
    candidates_.clear();
    if (!config_.positive && config_.neighbours == 0) {
      for (std::int32_t item = 0; item < static_cast<std::int32_t>(view_.num_items); ++item) {
        if (item != target && !users_of_.row(item).empty()) {
          candidates_.push_back({item});
        }
      }
    } else {
      for (const std::int32_t item : touched) {
        if (item != target && (!config_.positive || both_[static_cast<std::size_t>(item)] > config_.l1)) {
          candidates_.push_back({item});
        }
      }
      KeepNearest();
    }
    for (const std::int32_t item : touched) {
      both_[static_cast<std::size_t>(item)] = 0;
    }
  }

  // The `neighbours` candidates of the largest cosine; then all by index.
  void KeepNearest() {
    const auto keep = static_cast<std::size_t>(config_.neighbours);
    if (keep > 0 && candidates_.size() > keep) {
      const auto cosine = [&](std::int32_t item) {
        const double both = both_[static_cast<std::size_t>(item)];
        return both / std::sqrt(static_cast<double>(users_of_.row(item).size()));
      };
      std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(keep), candidates_.end(),
                       [&](const Coordinate& left, const Coordinate& right) {
                         const double a = cosine(left.item);
                         const double b = cosine(right.item);
                         return a != b ? a > b : left.item < right.item;
                       });
      candidates_.resize(keep);
    }
    std::sort(candidates_.begin(), candidates_.end(),
              [](const Coordinate& left, const Coordinate& right) { return left.item < right.item; });
  }

  // Sweeps over all candidates, and between two of those over the ones with a weight until they rest.
  void Descend() {
    moved_.clear();
    std::int64_t sweeps = 0;
    while (sweeps < config_.max_sweeps) {
      double largest = 0.0;
      for (Coordinate& coordinate : candidates_) {
        largest = std::max(largest, Update(coordinate));
      }
      ++sweeps;
      if (largest <= config_.tolerance) {
        return;
      }
      for (largest = 1.0; largest > config_.tolerance && sweeps < config_.max_sweeps; ++sweeps) {
        largest = 0.0;
        for (Coordinate& coordinate : candidates_) {
          if (coordinate.weight != 0.0F) {
            largest = std::max(largest, Update(coordinate));
          }
        }
      }
    }
  }

  // The best weight given all others. Returns how far it moved.
  double Update(Coordinate& coordinate) {
    const std::span<const std::int32_t> users = users_of_.row(coordinate.item);
    const auto count = static_cast<double>(users.size());
    const double pull = SumResiduals(users) + count * coordinate.weight;
    double best = std::max(0.0, pull - config_.l1);
    if (!config_.positive) {
      best += std::min(0.0, pull + config_.l1);
    }
    const auto weight = static_cast<float>(best / (count + config_.l2));
    const float change = weight - coordinate.weight;
    if (change == 0.0F) {
      return 0.0;
    }
    if (coordinate.weight == 0.0F) {
      moved_.push_back(coordinate.item);
    }
    coordinate.weight = weight;
    for (const std::int32_t user : users) {
      residual_[static_cast<std::size_t>(user)] -= change;
    }
    return std::abs(change);
  }

  // Four sums side by side hide the latency of additions.
  [[nodiscard]] double SumResiduals(std::span<const std::int32_t> users) const {
    float sums[4] = {};
    std::size_t at = 0;
    for (; at + 4 <= users.size(); at += 4) {
      for (std::size_t lane = 0; lane < 4; ++lane) {
        sums[lane] += residual_[static_cast<std::size_t>(users[at + lane])];
      }
    }
    for (; at < users.size(); ++at) {
      sums[0] += residual_[static_cast<std::size_t>(users[at])];
    }
    return static_cast<double>(sums[0] + sums[1]) + (sums[2] + sums[3]);
  }

  const core::TrainView& view_;
  const data::Csr& users_of_;
  const SlimConfig& config_;
  std::vector<float> residual_;     // [users] x_j - X w; 0 between columns
  std::vector<std::int32_t> both_;  // [I] users shared with the target; 0 between columns
  std::vector<Coordinate> candidates_;
  std::vector<std::int32_t> moved_;  // items that had a weight at some time
};

base::TensorSet Solve(const core::TrainView& view, const SlimConfig& config, const core::EpochContext& context) {
  const data::Csr users_of = Transpose(view.interactions, view.num_items);
  std::vector<ItemColumn> columns(static_cast<std::size_t>(view.num_items));
  const std::int64_t slice = std::max<std::int64_t>(1, (view.num_items + 63) / 64);
  base::IdleList<ColumnSolver> solvers;
  for (std::int64_t first = 0; first < view.num_items; first += slice) {
    base::ParallelFor(first, std::min(view.num_items, first + slice), 4, [&](std::int64_t begin, std::int64_t end) {
      if (context.stop != nullptr) {
        context.stop->ThrowIfSet();
      }
      std::unique_ptr<ColumnSolver> solver =
          solvers.Take([&] { return std::make_unique<ColumnSolver>(view, users_of, config); });
      for (std::int64_t item = begin; item < end; ++item) {
        columns[static_cast<std::size_t>(item)] = solver->Solve(static_cast<std::int32_t>(item));
      }
      solvers.Give(std::move(solver));
    });
    if (context.progress) {
      context.progress(std::min(view.num_items, first + slice), view.num_items);
    }
  }
  return ExportItemWeights(WeightsFromColumns(columns));
}

std::unique_ptr<core::Recommender> Load(const base::TensorSet& tensors, std::int64_t num_items) {
  return std::make_unique<ItemWeightsRecommender>(LoadItemWeights(tensors, num_items));
}

}  // namespace

const config::FieldTable& SlimFields() {
  using C = SlimConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Real("l1", &C::l1, 0.0, 1e9, "Weight of the sum of the weights; larger is sparser.")
          .Search(0.1, 30.0, config::Scale::kLog)
          .Real("l2", &C::l2, 0.0, 1e9, "Weight of half the sum of their squares.")
          .Search(1.0, 3000.0, config::Scale::kLog)
          .Bool("positive", &C::positive, "Weights are not negative, as in the paper.")
          .Int("neighbours", &C::neighbours, 0, 1000000000,
               "Only this many items of the largest cosine may have a weight; 0: all items.")
          .Alias("k")
          .Int("max_sweeps", &C::max_sweeps, 1, 1000000, "Most sweeps of coordinate descent for an item.")
          .Real("tolerance", &C::tolerance, 0.0, 1.0, "An item is solved when no weight moves further in a sweep.")
          .Take();
  return table;
}

core::AlgorithmSpec SlimSpec() {
  core::AlgorithmSpec spec;
  spec.name = "slim";
  spec.summary = "Sparse linear item-item model by elastic nets.";
  spec.paper = "Ning and Karypis, ICDM 2011";
  spec.learns_by_epoch = false;
  spec.make_config = [] { return config::Section::Make<SlimConfig>("slim", SlimFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext&) -> std::unique_ptr<core::Trainer> {
    const SlimConfig config = section.As<SlimConfig>();
    return std::make_unique<ClosedFormTrainer>(
        [view, config](const core::EpochContext& context) { return Solve(view, config, context); },
        [view](const base::TensorSet& tensors) { return Load(tensors, view.num_items); });
  };
  spec.load = [](const config::Section&, const base::TensorSet& tensors, std::int64_t num_items, const std::string&) {
    return Load(tensors, num_items);
  };
  return spec;
}

}  // namespace recforce::algos
