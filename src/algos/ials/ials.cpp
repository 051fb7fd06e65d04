// SPDX-License-Identifier: Apache-2.0
#include "algos/ials/ials.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "algos/common/factor_trainer.h"
#include "algos/common/item_weights.h"
#include "algos/common/least_squares.h"
#include "algos/common/simd.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kSlices = 4;  // of a side: how often progress is told; threads wait for each other after each
constexpr const char* kHint = "use a larger ials.reg";

FoldIn FoldInOf(const IalsConfig& config) {
  return {.unobserved_weight = config.unobserved_weight,
          .reg = config.reg,
          .reg_exponent = config.reg_exponent,
          .grown = config.refold,
          .hint = kHint};
}

class IalsTrainer final : public FactorTrainer {
 public:
  IalsTrainer(const core::TrainView& view, const IalsConfig& config, const core::TrainerContext& context)
      : FactorTrainer(
            view,
            {.epochs = config.epochs, .patience = config.patience, .dim = config.dim, .init_stdev = config.init_stdev},
            FoldInOf(config), context),
        config_(config),
        users_of_(Transpose(view.interactions, view.num_items)) {}

  // Items first: the users' vectors are then exact for the items' that go with them, as a stranger's is.
  core::Metrics Epoch(const core::EpochContext& context) override {
    SolveSide(users_of_.view(), tables().users, tables().items, 0, context);
    const double users = SolveSide(view().interactions, tables().items, tables().users, kSlices, context);
    Refresh();
    const double loss = users + Penalty(users_of_.view(), tables().items);
    return {{"loss", loss / std::max<double>(1.0, static_cast<double>(view().interactions.nnz()))}};
  }

 private:
  // The weight of a row's squared length: reg (n + unobserved_weight N)^reg_exponent, N: rows of the other side.
  [[nodiscard]] double Ridge(std::int64_t count, std::int64_t others) const {
    return FoldInOf(config_).Ridge(count, others);
  }

  // Solves every row of `target` against `fixed`. Returns the loss without the penalty on `fixed`.
  double SolveSide(data::CsrView rows, const std::vector<float>& fixed, std::vector<float>& target, std::int64_t done,
                   const core::EpochContext& context) {
    const std::int64_t dim = config_.dim;
    const std::int64_t others = static_cast<std::int64_t>(fixed.size()) / dim;
    const std::vector<float> gram = WeightedGram(fixed, dim, config_.unobserved_weight);
    std::vector<double> losses(static_cast<std::size_t>(rows.rows()));
    const std::int64_t slice = std::max<std::int64_t>(1, (rows.rows() + kSlices - 1) / kSlices);
    for (std::int64_t first = 0; first < rows.rows(); first += slice) {
      base::ParallelFor(first, std::min(rows.rows(), first + slice), 16, [&](std::int64_t begin, std::int64_t end) {
        if (context.stop != nullptr) {
          context.stop->ThrowIfSet();
        }
        LeastSquares solver(fixed, dim, gram);
        for (std::int64_t row = begin; row < end; ++row) {
          const std::span<const std::int32_t> history = rows.row(row);
          const auto loss = solver.Solve(
              history, Ridge(static_cast<std::int64_t>(history.size()), others),
              std::span(target).subspan(static_cast<std::size_t>(row * dim), static_cast<std::size_t>(dim)));
          if (!loss || !std::isfinite(*loss)) {
            throw base::Error(
                base::ErrorKind::kDiverged,
                std::string("ials: a least-squares problem is not positive definite in float32; ") + kHint);
          }
          losses[static_cast<std::size_t>(row)] = *loss;
        }
      });
      if (context.progress) {
        context.progress(done + first / slice + 1, 2 * kSlices);
      }
    }
    double sum = 0.0;
    for (const double loss : losses) {
      sum += loss;
    }
    return sum;
  }

  [[nodiscard]] double Penalty(data::CsrView rows, const std::vector<float>& table) const {
    double sum = 0.0;
    for (std::int64_t row = 0; row < rows.rows(); ++row) {
      const float* vector = table.data() + row * config_.dim;
      sum += Ridge(static_cast<std::int64_t>(rows.row(row).size()), view().interactions.rows()) *
             Dot(vector, vector, config_.dim);
    }
    return sum;
  }

  IalsConfig config_;
  data::Csr users_of_;
};

}  // namespace

const config::FieldTable& IalsFields() {
  using C = IalsConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Int("epochs", &C::epochs, 1, 1000000, "Sweeps: all items are solved once, then all users.")
          .Int("dim", &C::dim, 1, 4096, "Length of the vectors.")
          .Alias("embedding_size")
          .SearchChoices({"32", "64", "128", "256"})
          .Real("reg", &C::reg, 0.0, 1e9, "Weight of the squared length of the vectors, before frequency scaling.")
          .Search(0.0003, 0.1, config::Scale::kLog)
          .Real("reg_exponent", &C::reg_exponent, 0.0, 1.0,
                "reg is times (interactions + unobserved_weight x rows of the other side) to this power.")
          .Real("unobserved_weight", &C::unobserved_weight, 0.0, 1e6,
                "Weight of the squared score of every pair (alpha_0); observed pairs have weight 1 besides.")
          .Search(0.003, 1.0, config::Scale::kLog)
          .Real("init_stdev", &C::init_stdev, 1e-9, 1e3, "Initial entries have this deviation over sqrt(dim).")
          .Bool("refold", &C::refold,
                "Training users whose history has grown are solved anew; false: they keep their vector.")
          .Int("patience", &C::patience, 0, 1000000,
               "Stop after this many epochs without a better validation value; 0: run all epochs.")
          .Alias("stopping_step")
          .Take();
  return table;
}

core::AlgorithmSpec IalsSpec() {
  core::AlgorithmSpec spec;
  spec.name = "ials";
  spec.summary = "Matrix factorisation by implicit alternating least squares.";
  spec.paper = "Hu et al., ICDM 2008; Rendle et al., RecSys 2022";
  spec.make_config = [] { return config::Section::Make<IalsConfig>("ials", IalsFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) -> std::unique_ptr<core::Trainer> {
    return std::make_unique<IalsTrainer>(view, section.As<IalsConfig>(), context);
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string&) -> std::unique_ptr<core::Recommender> {
    const auto& config = section.As<IalsConfig>();
    auto tables = std::make_shared<FactorTables>(FactorTables::Load(tensors, "", num_items, config.dim));
    return std::make_unique<FactorRecommender>(std::move(tables), num_items, FoldInOf(config));
  };
  return spec;
}

}  // namespace recforce::algos
