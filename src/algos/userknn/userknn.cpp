// SPDX-License-Identifier: Apache-2.0
#include "algos/userknn/userknn.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "algos/common/closed_form.h"
#include "algos/common/item_weights.h"
#include "recforce/base/idle_list.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

struct Neighbour {
  std::int32_t row;
  float similarity;
};

class UserKnnRecommender final : public core::Recommender {
 public:
  UserKnnRecommender(data::Csr rows, std::int64_t num_items, UserKnnConfig config)
      : config_(std::move(config)), rows_(std::move(rows)), users_of_(Transpose(rows_.view(), num_items)) {
    const auto users = static_cast<double>(rows_.rows());
    for (std::int64_t item = 0; item < num_items; ++item) {
      const auto count = static_cast<double>(users_of_.row(item).size());
      const double weight = config_.similarity == "tf_idf" ? std::log(1.0 + users / std::max(1.0, count)) : 1.0;
      squared_.push_back(static_cast<float>(weight * weight));
    }
    for (std::int64_t row = 0; row < rows_.rows(); ++row) {
      double norm = 0.0;
      for (const std::int32_t item : rows_.row(row)) {
        norm += squared_[static_cast<std::size_t>(item)];
      }
      norm_.push_back(static_cast<float>(std::sqrt(norm)));
    }
  }
  [[nodiscard]] std::int64_t NumItems() const override { return users_of_.rows(); }

  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    base::ParallelFor(0, users.size(), 16, [&](std::int64_t begin, std::int64_t end) {
      std::unique_ptr<Search> search = searches_.Take([&] { return std::make_unique<Search>(*this); });
      for (std::int64_t user = begin; user < end; ++user) {
        const std::span<float> scores = out.row(user);
        std::fill(scores.begin(), scores.end(), 0.0F);
        const std::span<const std::int32_t> history = users.history.row(user);
        const std::vector<float> x = RecencyWeights(history, users.events().row(user), config_.decay);
        for (const Neighbour& neighbour : search->Nearest(history, x, users.TrainRow(user))) {
          for (const std::int32_t item : rows_.row(neighbour.row)) {
            scores[static_cast<std::size_t>(item)] += neighbour.similarity;
          }
        }
      }
      searches_.Give(std::move(search));
    });
  }

 private:
  // Finds the nearest rows through the lists of who has each item. Reuses its memory; for one thread at a time.
  class Search {
   public:
    explicit Search(const UserKnnRecommender& model)
        : model_(model),
          products_(static_cast<std::size_t>(model.rows_.rows()), 0.0F),
          both_(static_cast<std::size_t>(model.rows_.rows()), 0) {}

    // x: weight of each item of the history; self: the user's own row, which is nobody's neighbour, or -1.
    std::span<const Neighbour> Nearest(std::span<const std::int32_t> history, std::span<const float> x,
                                       std::int32_t self) {
      const double norm = Collect(history, x);
      TakeMostRecent();
      nearest_.clear();
      for (const std::int32_t row : touched_) {
        const auto at = static_cast<std::size_t>(row);
        const double both = both_[at];
        const double cosine = products_[at] / (norm * model_.norm_[at]);
        if (row != self && cosine > 0.0) {
          nearest_.push_back({row, static_cast<float>(cosine * both / (both + model_.config_.shrink))});
        }
        products_[at] = 0.0F;
        both_[at] = 0;
      }
      touched_.clear();
      const auto keep = std::min(nearest_.size(), static_cast<std::size_t>(model_.config_.neighbours));
      std::partial_sort(nearest_.begin(), nearest_.begin() + static_cast<std::ptrdiff_t>(keep), nearest_.end(),
                        [](const Neighbour& left, const Neighbour& right) {
                          return left.similarity != right.similarity ? left.similarity > right.similarity
                                                                     : left.row > right.row;
                        });
      nearest_.resize(keep);
      return nearest_;
    }

   private:
    // Returns the length of the user's own vector.
    double Collect(std::span<const std::int32_t> history, std::span<const float> x) {
      double norm = 0.0;
      for (std::size_t at = 0; at < history.size(); ++at) {
        const float squared = model_.squared_[static_cast<std::size_t>(history[at])];
        norm += static_cast<double>(x[at]) * x[at] * squared;
        if (x[at] == 0.0F) {
          continue;
        }
        for (const std::int32_t row : model_.users_of_.row(history[at])) {
          if (both_[static_cast<std::size_t>(row)]++ == 0) {
            touched_.push_back(row);
          }
          products_[static_cast<std::size_t>(row)] += x[at] * squared;
        }
      }
      return std::sqrt(norm);
    }

    // Leaves the `sample` last rows of those that share an item.
    void TakeMostRecent() {
      const auto sample = static_cast<std::size_t>(model_.config_.sample);
      if (sample == 0 || touched_.size() <= sample) {
        return;
      }
      std::nth_element(touched_.begin(), touched_.begin() + static_cast<std::ptrdiff_t>(sample), touched_.end(),
                       std::greater<>());
      for (std::size_t at = sample; at < touched_.size(); ++at) {
        products_[static_cast<std::size_t>(touched_[at])] = 0.0F;
        both_[static_cast<std::size_t>(touched_[at])] = 0;
      }
      touched_.resize(sample);
    }

    const UserKnnRecommender& model_;
    std::vector<float> products_;        // [training rows]
    std::vector<std::int32_t> both_;     // [training rows] items in common
    std::vector<std::int32_t> touched_;  // rows with an item in common
    std::vector<Neighbour> nearest_;
  };

  UserKnnConfig config_;
  data::Csr rows_;
  data::Csr users_of_;
  std::vector<float> squared_;  // [I] squared weight of an item
  std::vector<float> norm_;     // [training rows]
  mutable base::IdleList<Search> searches_;
};

base::TensorSet Solve(const core::TrainView& view) {
  data::Csr rows;
  for (std::int64_t row = 0; row < view.interactions.rows(); ++row) {
    rows.AddRow(view.interactions.row(row));
  }
  base::TensorSet tensors;
  tensors.AddOwned("offsets", std::move(rows.offsets));
  tensors.AddOwned("items", std::move(rows.items));
  tensors.AddOwned("num_items", std::vector<std::int64_t>{view.num_items});
  return tensors;
}

std::unique_ptr<core::Recommender> Load(const base::TensorSet& tensors, std::int64_t num_items,
                                        const UserKnnConfig& config) {
  const auto offsets = tensors.Get("offsets").As<std::int64_t>();
  const auto items = tensors.Get("items").As<std::int32_t>();
  const auto stored_items = tensors.Get("num_items").As<std::int64_t>();
  if (stored_items.size() != 1 || stored_items[0] != num_items) {
    throw base::Error(base::ErrorKind::kData, tensors.where() +
                                                  ": the rows are of another catalogue; expected one of " +
                                                  std::to_string(num_items) + " items");
  }
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != static_cast<std::int64_t>(items.size()) ||
      !std::is_sorted(offsets.begin(), offsets.end()) ||
      std::any_of(items.begin(), items.end(), [&](std::int32_t item) { return item < 0 || item >= num_items; })) {
    throw base::Error(base::ErrorKind::kData, tensors.where() + ": 'offsets' and 'items' are not rows over " +
                                                  std::to_string(num_items) + " items");
  }
  data::Csr rows{{offsets.begin(), offsets.end()}, {items.begin(), items.end()}};
  return std::make_unique<UserKnnRecommender>(std::move(rows), num_items, config);
}

}  // namespace

const config::FieldTable& UserKnnFields() {
  using C = UserKnnConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Int("neighbours", &C::neighbours, 1, 1000000, "How many similar users vote.")
          .Alias("k")
          .Search(10, 1000, config::Scale::kLog)
          .Choice("similarity", &C::similarity, {"cosine", "tf_idf"},
                  "Cosine of the items that two users have, plain or with rare items counting more.")
          .SearchChoices({"cosine", "tf_idf"})
          .Real("shrink", &C::shrink, 0.0, 1e9, "A similarity counts c / (c + this) where two users share c items.")
          .Search(0.0, 100.0)
          .Int("sample", &C::sample, 0, 1000000000,
               "Only this many of the last training rows that share an item may be neighbours; 0: all of them.")
          .Real("decay", &C::decay, 0.0, 1.0,
                "An item counts this to the power of the events after it; 1: all alike, 0: the last alone.")
          .Take();
  return table;
}

core::AlgorithmSpec UserKnnSpec() {
  core::AlgorithmSpec spec;
  spec.name = "userknn";
  spec.summary = "What the most similar users have; over sessions, session-kNN.";
  spec.paper = "Resnick et al., CSCW 1994; Jannach and Ludewig, RecSys 2017";
  spec.learns_by_epoch = false;
  spec.make_config = [] { return config::Section::Make<UserKnnConfig>("userknn", UserKnnFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext&) -> std::unique_ptr<core::Trainer> {
    const UserKnnConfig config = section.As<UserKnnConfig>();
    return std::make_unique<ClosedFormTrainer>(
        [view](const core::EpochContext&) { return Solve(view); },
        [view, config](const base::TensorSet& tensors) { return Load(tensors, view.num_items, config); });
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string&) { return Load(tensors, num_items, section.As<UserKnnConfig>()); };
  return spec;
}

}  // namespace recforce::algos
