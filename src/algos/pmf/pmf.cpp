// SPDX-License-Identifier: Apache-2.0
#include "algos/pmf/pmf.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "algos/common/rating_tables.h"
#include "algos/common/simd.h"
#include "algos/pmf/rating_rows.h"
#include "algos/pmf/rating_solver.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kSlices = 4;  // of a side: how often progress is told; threads wait for each other after each

FoldIn FoldInOf(const PmfConfig& config) {
  return {.unobserved_weight = config.fold_in_unobserved_weight,
          .reg = config.fold_in_reg,
          .hint = "use a larger pmf.fold_in_reg"};
}

// Ratings as predicted: FactorRecommender's scores and what all items of a user have in common.
class PmfRecommender final : public core::Recommender {
 public:
  PmfRecommender(std::shared_ptr<const RatingTables> tables, std::int64_t num_items, FoldIn fold_in)
      : tables_(std::move(tables)), factors_({tables_, &tables_->factors}, num_items, std::move(fold_in)) {}
  [[nodiscard]] std::int64_t NumItems() const override { return factors_.NumItems(); }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    factors_.ScoreBatch(users, out);
    for (std::int64_t user = 0; user < users.size(); ++user) {
      const std::int32_t row = users.TrainRow(user);
      const bool own = row >= 0 && row < static_cast<std::int64_t>(tables_->user_bias.size());
      const float common = tables_->mean + (own ? tables_->user_bias[static_cast<std::size_t>(row)] : 0.0F);
      for (float& score : out.row(user)) {
        score += common;
      }
    }
  }
  // To be called when the tables have changed.
  void Refresh() { factors_.Refresh(); }

 private:
  std::shared_ptr<const RatingTables> tables_;
  FactorRecommender factors_;
};

class PmfTrainer final : public core::Trainer {
 public:
  PmfTrainer(const core::TrainView& view, const PmfConfig& config, const core::TrainerContext& context)
      : view_(view),
        config_(config),
        by_user_(RatingsOf(view)),
        by_item_(by_user_, view.num_items),
        tables_(std::make_shared<RatingTables>(Init(context.seed))),
        model_(tables_, view.num_items, FoldInOf(config)) {}

  [[nodiscard]] std::vector<core::Phase> Phases() const override {
    return {{.name = "train", .epochs = config_.epochs, .patience = config_.patience}};
  }
  void BeginPhase(std::int64_t /*phase*/) override {}

  // Items first: the users' vectors are then exact for the items' that go with them.
  core::Metrics Epoch(const core::EpochContext& context) override {
    FactorTables& factors = tables_->factors;
    const RatingRows by_item = by_item_.view();
    SolveSide(by_item, {factors.users, tables_->user_bias}, {factors.items, factors.item_bias}, 0, context);
    const double squared =
        SolveSide(by_user_, {factors.items, factors.item_bias}, {factors.users, tables_->user_bias}, kSlices, context);
    const double loss = squared + Penalty(by_item.rows, factors.items, factors.item_bias) +
                        Penalty(by_user_.rows, factors.users, tables_->user_bias);
    if (!std::isfinite(loss)) {
      throw base::Error(base::ErrorKind::kDiverged, "pmf: the loss is NaN or infinite; use a larger pmf.reg");
    }
    factors.fold_in_scale = CalibrateFoldIn(factors, view_.interactions, FoldInOf(config_));
    model_.Refresh();
    const double count = std::max<double>(1.0, static_cast<double>(by_user_.rows.nnz()));
    return {{"loss", loss / count}, {"rmse", std::sqrt(squared / count)}};
  }

  [[nodiscard]] const core::Recommender& Current() const override { return model_; }
  void KeepBest() override { best_ = *tables_; }
  void EndPhase() override {
    if (best_) {
      *tables_ = *best_;
      model_.Refresh();
    }
  }
  [[nodiscard]] base::TensorSet Export() const override {
    base::TensorSet set;
    tables_->Save(set, "");
    return set;
  }
  [[nodiscard]] base::TensorSet SaveState() const override {
    base::TensorSet set = Export();
    if (best_) {
      best_->Save(set, "best.");
    }
    return set;
  }
  void LoadState(const base::TensorSet& state, std::int64_t /*phase*/) override {
    *tables_ = LoadOwn(state, "");
    best_.reset();
    if (state.Has("best.item_factors")) {
      best_ = LoadOwn(state, "best.");
    }
    model_.Refresh();
  }

 private:
  struct Side {
    std::vector<float>& vectors;
    std::vector<float>& biases;
  };

  static RatingRows RatingsOf(const core::TrainView& view) {
    if (view.values.empty()) {
      throw base::Error(base::ErrorKind::kData,
                        "pmf: the log has no values: ratings are what it learns; expected a log with a column of "
                        "values (data convert --value-col)");
    }
    RECFORCE_CHECK(view.values.size() == view.events().items.size(), "values of events have another length");
    return {view.events(), view.values};
  }

  [[nodiscard]] RatingTables Init(std::uint64_t seed) const {
    const double stdev = config_.init_stdev / std::sqrt(static_cast<double>(config_.dim));
    const std::int64_t users = view_.interactions.rows();
    RatingTables tables;
    tables.factors.dim = config_.dim;
    tables.factors.users = NormalTable(users, config_.dim, stdev, seed, 0);
    tables.factors.items = NormalTable(view_.num_items, config_.dim, stdev, seed, 1);
    tables.factors.item_bias.assign(static_cast<std::size_t>(view_.num_items), 0.0F);
    tables.user_bias.assign(static_cast<std::size_t>(users), 0.0F);
    for (std::int64_t user = 0; user < users; ++user) {
      tables.factors.user_counts.push_back(static_cast<std::int32_t>(view_.interactions.row(user).size()));
    }
    double sum = 0.0;
    for (const float value : by_item_.values) {
      sum += value;
    }
    const auto [low, high] = std::minmax_element(by_item_.values.begin(), by_item_.values.end());
    tables.mean = static_cast<float>(sum / static_cast<double>(by_item_.values.size()));
    tables.rating_low = *low;
    tables.rating_high = *high;
    return tables;
  }

  [[nodiscard]] RatingTables LoadOwn(const base::TensorSet& state, const std::string& prefix) const {
    RatingTables tables = RatingTables::Load(state, view_.num_items, prefix);
    if (tables.factors.user_counts != tables_->factors.user_counts || tables.factors.dim != config_.dim ||
        tables.mean != tables_->mean) {
      throw base::Error(base::ErrorKind::kData, state.where() + ": the state is of another training log or settings");
    }
    return tables;
  }

  // The weight of a row's squared length.
  [[nodiscard]] double Ridge(std::size_t ratings) const {
    return config_.reg * std::pow(static_cast<double>(ratings), config_.reg_exponent);
  }

  // Solves every row of `target` against `fixed`. Returns the sum of squared errors.
  double SolveSide(const RatingRows& ratings, Side fixed, Side target, std::int64_t done,
                   const core::EpochContext& context) {
    const std::int64_t dim = config_.dim;
    const std::int64_t rows = ratings.rows.rows();
    std::vector<double> errors(static_cast<std::size_t>(rows));
    const std::int64_t slice = std::max<std::int64_t>(1, (rows + kSlices - 1) / kSlices);
    for (std::int64_t first = 0; first < rows; first += slice) {
      base::ParallelFor(first, std::min(rows, first + slice), 16, [&](std::int64_t begin, std::int64_t end) {
        if (context.stop != nullptr) {
          context.stop->ThrowIfSet();
        }
        RatingSolver solver(fixed.vectors, fixed.biases, dim);
        for (std::int64_t row = begin; row < end; ++row) {
          const RatingSolver::Ratings own = ratings.Row(row, tables_->mean);
          const std::span<float> vector(target.vectors.data() + row * dim, static_cast<std::size_t>(dim));
          float& bias = target.biases[static_cast<std::size_t>(row)];
          if (!solver.Solve(own, Ridge(own.rows.size()), config_.bias_reg, vector, bias)) {
            throw base::Error(base::ErrorKind::kDiverged,
                              "pmf: a least-squares problem is not positive definite; use a larger pmf.reg and "
                              "pmf.bias_reg");
          }
          errors[static_cast<std::size_t>(row)] = solver.SquaredError(own, vector, bias);
        }
      });
      if (context.progress) {
        context.progress(done + first / slice + 1, 2 * kSlices);
      }
    }
    double sum = 0.0;
    for (const double error : errors) {
      sum += error;
    }
    return sum;
  }

  [[nodiscard]] double Penalty(data::CsrView rows, const std::vector<float>& vectors,
                               const std::vector<float>& biases) const {
    double sum = 0.0;
    for (std::int64_t row = 0; row < rows.rows(); ++row) {
      const float* vector = vectors.data() + row * config_.dim;
      const double bias = biases[static_cast<std::size_t>(row)];
      sum += Ridge(rows.row(row).size()) * Dot(vector, vector, config_.dim) + config_.bias_reg * bias * bias;
    }
    return sum;
  }

  core::TrainView view_;
  PmfConfig config_;
  RatingRows by_user_;
  ItemRatings by_item_;
  std::shared_ptr<RatingTables> tables_;
  PmfRecommender model_;
  std::optional<RatingTables> best_;
};

}  // namespace

const config::FieldTable& PmfFields() {
  using C = PmfConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Int("epochs", &C::epochs, 1, 1000000, "Sweeps: all items are solved once, then all users.")
          .Int("dim", &C::dim, 1, 4096, "Length of the vectors.")
          .Alias("embedding_size")
          .SearchChoices({"16", "32", "64", "128"})
          .Real("reg", &C::reg, 0.0, 1e9, "Weight of the squared length of the vectors, before frequency scaling.")
          .Search(0.3, 10.0, config::Scale::kLog)
          .Real("reg_exponent", &C::reg_exponent, 0.0, 1.0, "reg is times (ratings of the row) to this power.")
          .Real("bias_reg", &C::bias_reg, 0.0, 1e9, "Weight of the squared biases; not scaled.")
          .Search(0.3, 30.0, config::Scale::kLog)
          .Real("init_stdev", &C::init_stdev, 1e-9, 1e3, "Initial entries have this deviation over sqrt(dim).")
          .Real("fold_in_unobserved_weight", &C::fold_in_unobserved_weight, 0.0, 1e6,
                "Strangers: weight of the squared score of every item in their least-squares problem.")
          .Real("fold_in_reg", &C::fold_in_reg, 0.0, 1e9,
                "Strangers: weight of the squared length, times (items of the history + unobserved_weight x all).")
          .Int("patience", &C::patience, 0, 1000000,
               "Stop after this many epochs without a better validation value; 0: run all epochs.")
          .Alias("stopping_step")
          .Take();
  return table;
}

core::AlgorithmSpec PmfSpec() {
  core::AlgorithmSpec spec;
  spec.name = "pmf";
  spec.summary = "Factorisation of ratings with biases, by alternating least squares.";
  spec.paper = "Salakhutdinov and Mnih, NIPS 2007; Koren et al., IEEE Computer 2009";
  spec.reads_columns = true;
  spec.make_config = [] { return config::Section::Make<PmfConfig>("pmf", PmfFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) -> std::unique_ptr<core::Trainer> {
    return std::make_unique<PmfTrainer>(view, section.As<PmfConfig>(), context);
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string&) -> std::unique_ptr<core::Recommender> {
    auto tables = std::make_shared<RatingTables>(RatingTables::Load(tensors, num_items));
    return std::make_unique<PmfRecommender>(std::move(tables), num_items, FoldInOf(section.As<PmfConfig>()));
  };
  return spec;
}

}  // namespace recforce::algos
