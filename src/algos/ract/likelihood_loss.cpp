// SPDX-License-Identifier: Apache-2.0
// Stage 3 without a critic: the controls that say what a critic is worth, and pairwise losses.
#include <algorithm>
#include <vector>

#include "algos/common/finite.h"
#include "algos/ract/losses.h"
#include "algos/ract/pairwise.h"

namespace recforce::algos {
namespace {

std::vector<double> Shares(std::int64_t rows) {
  return std::vector<double>(static_cast<std::size_t>(rows), 1.0 / static_cast<double>(rows));
}

// A mean over users.
class Mean {
 public:
  void Add(double sum, std::int64_t rows) {
    sum_ += sum;
    rows_ += static_cast<double>(rows);
    CheckFinite(sum_, "fine-tuning loss");
  }
  core::Metrics Take(const std::string& name) {
    core::Metrics metrics;
    if (rows_ > 0.0) {
      metrics = {{name, sum_ / rows_}};
    }
    sum_ = rows_ = 0.0;
    return metrics;
  }

 private:
  double sum_ = 0.0, rows_ = 0.0;
};

// The actor's own error of the whole row, every user alike or every click alike.
class OwnError final : public FinetuneLoss {
 public:
  explicit OwnError(bool per_click) : per_click_(per_click) {}

  void Gradient(RowActor& actor, const nn::RowBatch& batch) override {
    std::vector<double> weight = Shares(batch.rows());
    for (std::int64_t row = 0; per_click_ && row < batch.rows(); ++row) {
      weight[static_cast<std::size_t>(row)] /= std::max(1.0, static_cast<double>(batch.full.row(row).size()));
    }
    double sum = 0.0;
    for (const double error : actor.Errors(batch)) {
      sum += error;
    }
    mean_.Add(sum, batch.rows());
    actor.ErrorGradient(batch, weight);
  }
  core::Metrics TakeReport() override { return mean_.Take("error"); }

 private:
  bool per_click_;
  Mean mean_;
};

class UnseenLikelihood final : public FinetuneLoss {
 public:
  void Gradient(RowActor& actor, const nn::RowBatch& batch) override {
    double sum = 0.0;
    for (const double nll : UnseenNllGradient(actor.logits(), actor.bias(), batch, Shares(batch.rows()))) {
      sum += nll;
    }
    mean_.Add(sum, batch.rows());
  }
  core::Metrics TakeReport() override { return mean_.Take("unseen_nll"); }

 private:
  Mean mean_;
};

class Pairwise final : public FinetuneLoss {
 public:
  Pairwise(bool warp, std::int64_t k) : warp_(warp), k_(k) {}

  void Gradient(RowActor& actor, const nn::RowBatch& batch) override {
    const double scale = 1.0 / static_cast<double>(batch.rows());
    const PairwiseReport report =
        warp_ ? WarpGradient(actor.logits(), actor.bias(), batch.unseen.view(), batch.seen.view(), scale)
              : LambdaRankGradient(actor.logits(), actor.bias(), batch.unseen.view(), batch.seen.view(), scale,
                                   {.k = k_});
    mean_.Add(report.loss, batch.rows());
  }
  core::Metrics TakeReport() override { return mean_.Take(warp_ ? "warp" : "pairs"); }

 private:
  bool warp_;
  std::int64_t k_;
  Mean mean_;
};

}  // namespace

std::unique_ptr<FinetuneLoss> MakeOwnErrorLoss(bool per_click) { return std::make_unique<OwnError>(per_click); }
std::unique_ptr<FinetuneLoss> MakeUnseenLikelihoodLoss() { return std::make_unique<UnseenLikelihood>(); }
std::unique_ptr<FinetuneLoss> MakePairwiseLoss(bool warp, std::int64_t k) {
  return std::make_unique<Pairwise>(warp, k);
}

}  // namespace recforce::algos
