// SPDX-License-Identifier: Apache-2.0
#include "algos/itemknn/itemknn.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "algos/common/closed_form.h"
#include "algos/common/item_weights.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

// Similarities between the columns of the user-item matrix.
class Similarity {
 public:
  Similarity(const core::TrainView& view, const data::Csr& users_of, const ItemKnnConfig& config)
      : config_(config), items_(static_cast<double>(view.num_items)) {
    for (std::int64_t user = 0; user < view.interactions.rows(); ++user) {
      const double weight = UserWeight(static_cast<double>(view.interactions.row(user).size()));
      squared_.push_back(static_cast<float>(weight * weight));
    }
    const double mean = std::max(1.0, static_cast<double>(users_of.nnz()) / std::max(1.0, items_));
    for (std::int64_t item = 0; item < view.num_items; ++item) {
      const auto count = static_cast<double>(users_of.row(item).size());
      double norm = 0.0;
      for (const std::int32_t user : users_of.row(item)) {
        norm += squared(user);
      }
      norm_.push_back(std::sqrt(norm));
      count_.push_back(count);
      const double length = 1.0 - config.bm25_b + config.bm25_b * count / mean;
      saturation_.push_back((config.bm25_k1 + 1.0) / (config.bm25_k1 * length + 1.0));
    }
  }

  // What one user who has both items adds to their product.
  [[nodiscard]] float squared(std::int32_t user) const { return squared_[static_cast<std::size_t>(user)]; }

  // product: of the two weighted columns; both: how many users have both.
  [[nodiscard]] double operator()(std::int32_t i, std::int32_t j, double product, double both) const {
    const auto at_i = static_cast<std::size_t>(i);
    const auto at_j = static_cast<std::size_t>(j);
    double similarity = product;
    if (config_.similarity == "jaccard") {
      similarity = both / (count_[at_i] + count_[at_j] - both);
    } else if (config_.similarity == "bm25") {
      similarity *= saturation_[at_i] * saturation_[at_j];
    } else if (product > 0.0) {
      similarity /= norm_[at_i] * norm_[at_j];
    }
    return similarity * both / (both + config_.shrink);
  }

 private:
  // Users are the terms by which items are described: one who has everything tells little.
  [[nodiscard]] double UserWeight(double count) const {
    if (config_.similarity == "tf_idf") {
      return std::log(1.0 + items_ / std::max(1.0, count));
    }
    if (config_.similarity == "bm25") {
      return std::log(1.0 + (items_ - count + 0.5) / (count + 0.5));
    }
    return 1.0;
  }

  ItemKnnConfig config_;
  double items_;
  std::vector<float> squared_;      // [users]
  std::vector<double> norm_;        // [I]
  std::vector<double> count_;       // [I]
  std::vector<double> saturation_;  // [I] of BM25: term frequency 1 in an item of this many users
};

// The nearest items of one item. Reuses its memory; one per thread.
class Neighbourhood {
 public:
  explicit Neighbourhood(const core::TrainView& view)
      : view_(view),
        products_(static_cast<std::size_t>(view.num_items), 0.0F),
        both_(static_cast<std::size_t>(view.num_items), 0) {}

  ItemColumn Of(std::int32_t item, const data::Csr& users_of, const Similarity& similarity,
                const ItemKnnConfig& config) {
    for (const std::int32_t user : users_of.row(item)) {
      const float add = similarity.squared(user);
      for (const std::int32_t other : view_.interactions.row(user)) {
        const auto at = static_cast<std::size_t>(other);
        if (both_[at]++ == 0) {
          touched_.push_back(other);
        }
        products_[at] += add;
      }
    }
    ItemColumn column;
    for (const std::int32_t other : touched_) {
      const auto at = static_cast<std::size_t>(other);
      const double value = similarity(other, item, products_[at], both_[at]);
      if (other != item && value > 0.0) {
        column.emplace_back(other, static_cast<float>(value));
      }
      products_[at] = 0.0F;
      both_[at] = 0;
    }
    touched_.clear();
    KeepNearest(column, config);
    return column;
  }

 private:
  static void KeepNearest(ItemColumn& column, const ItemKnnConfig& config) {
    const auto keep = std::min(column.size(), static_cast<std::size_t>(config.neighbours));
    std::partial_sort(column.begin(), column.begin() + static_cast<std::ptrdiff_t>(keep), column.end(),
                      [](const auto& left, const auto& right) {
                        return left.second != right.second ? left.second > right.second : left.first < right.first;
                      });
    column.resize(keep);
    column.shrink_to_fit();
    if (config.normalize) {
      double sum = 0.0;
      for (const auto& [source, value] : column) {
        sum += value;
      }
      for (auto& [source, value] : column) {
        value = static_cast<float>(value / sum);
      }
    }
  }

  const core::TrainView& view_;
  std::vector<float> products_;
  std::vector<std::int32_t> both_;
  std::vector<std::int32_t> touched_;
};

base::TensorSet Solve(const core::TrainView& view, const ItemKnnConfig& config, const base::StopFlag* stop) {
  const data::Csr users_of = Transpose(view.interactions, view.num_items);
  const Similarity similarity(view, users_of, config);
  std::vector<ItemColumn> columns(static_cast<std::size_t>(view.num_items));
  base::ParallelFor(0, view.num_items, 64, [&](std::int64_t begin, std::int64_t end) {
    if (stop != nullptr) {
      stop->ThrowIfSet();
    }
    Neighbourhood neighbourhood(view);
    for (std::int64_t item = begin; item < end; ++item) {
      columns[static_cast<std::size_t>(item)] =
          neighbourhood.Of(static_cast<std::int32_t>(item), users_of, similarity, config);
    }
  });
  return ExportItemWeights(WeightsFromColumns(columns));
}

std::unique_ptr<core::Recommender> Load(const base::TensorSet& tensors, std::int64_t num_items,
                                        const ItemKnnConfig& config) {
  return std::make_unique<ItemWeightsRecommender>(LoadItemWeights(tensors, num_items), config.decay);
}

}  // namespace

const config::FieldTable& ItemKnnFields() {
  using C = ItemKnnConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Int("neighbours", &C::neighbours, 1, 1000000, "How many similar items speak for each item.")
          .Alias("k")
          .Search(10, 1000, config::Scale::kLog)
          .Choice("similarity", &C::similarity, {"cosine", "jaccard", "tf_idf", "bm25"},
                  "How alike the users of two items are.")
          .SearchChoices({"cosine", "jaccard", "tf_idf", "bm25"})
          .Real("shrink", &C::shrink, 0.0, 1e9, "A similarity counts c / (c + this) where c users have both items.")
          .Search(0.0, 100.0)
          .Bool("normalize", &C::normalize, "The similarities that speak for an item are divided by their sum.")
          .Real("decay", &C::decay, 0.0, 1.0,
                "An item counts this to the power of the events after it; 1: all alike, 0: the last alone.")
          .Real("bm25_k1", &C::bm25_k1, 0.0, 1e6, "BM25 alone: how slowly a term's weight saturates.")
          .Real("bm25_b", &C::bm25_b, 0.0, 1.0, "BM25 alone: how much an item's popularity counts against it.")
          .Take();
  return table;
}

core::AlgorithmSpec ItemKnnSpec() {
  core::AlgorithmSpec spec;
  spec.name = "itemknn";
  spec.summary = "Items that share users with what the user has.";
  spec.paper = "Sarwar et al., WWW 2001; Deshpande and Karypis, TOIS 2004";
  spec.learns_by_epoch = false;
  spec.make_config = [] { return config::Section::Make<ItemKnnConfig>("itemknn", ItemKnnFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext&) -> std::unique_ptr<core::Trainer> {
    const ItemKnnConfig config = section.As<ItemKnnConfig>();
    return std::make_unique<ClosedFormTrainer>(
        [view, config](const core::EpochContext& epoch) { return Solve(view, config, epoch.stop); },
        [view, config](const base::TensorSet& tensors) { return Load(tensors, view.num_items, config); });
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string&) { return Load(tensors, num_items, section.As<ItemKnnConfig>()); };
  return spec;
}

}  // namespace recforce::algos
