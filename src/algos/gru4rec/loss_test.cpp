// SPDX-License-Identifier: Apache-2.0
#include "algos/gru4rec/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kTarget = 2;
const std::vector<std::int32_t> kColumns = {4, 7, 5, 9, 5, 1, 7, 3};  // item 5, the target, stands there twice

double Logistic(double x) { return 1.0 / (1.0 + std::exp(-x)); }

bool IsNegative(const SessionLoss& loss, std::size_t at) {
  return at != kTarget && !(loss.mask_hits && kColumns[at] == kColumns[kTarget]);
}

// The equations of loss.h as they are written, one loop each.
double ByTheBook(const SessionLoss& loss, const std::vector<double>& shift, std::vector<double> r) {
  if (loss.kind == SessionLossKind::kCrossEntropy) {
    double sum = 0.0;
    for (std::size_t at = 0; at < r.size(); ++at) {
      r[at] += shift.empty() ? 0.0 : shift[at];
      sum += at == kTarget || IsNegative(loss, at) ? std::exp(r[at]) : 0.0;
    }
    return std::log(sum) - r[kTarget];
  }
  for (double& value : r) {
    value = loss.elu > 0.0 && value < 0.0 ? loss.elu * (std::exp(value) - 1.0) : value;
  }
  double sum = 0.0;
  double count = 0.0;
  for (std::size_t j = 0; j < r.size(); ++j) {
    sum += IsNegative(loss, j) ? std::exp(r[j]) : 0.0;
    count += IsNegative(loss, j) ? 1.0 : 0.0;
  }
  double inner = 0.0;
  double squares = 0.0;
  for (std::size_t j = 0; j < r.size(); ++j) {
    if (!IsNegative(loss, j)) {
      continue;
    }
    const double s = std::exp(r[j]) / sum;
    switch (loss.kind) {
      case SessionLossKind::kBpr:
        inner -= std::log(Logistic(r[kTarget] - r[j])) / count;
        break;
      case SessionLossKind::kTop1:
        inner += (Logistic(r[j] - r[kTarget]) + Logistic(r[j] * r[j])) / count;
        break;
      case SessionLossKind::kBprMax:
        inner += s * Logistic(r[kTarget] - r[j]);
        squares += s * r[j] * r[j];
        break;
      default:
        inner += s * (Logistic(r[j] - r[kTarget]) + Logistic(r[j] * r[j]));
    }
  }
  return loss.kind == SessionLossKind::kBprMax ? -std::log(inner) + loss.bpreg * squares : inner;
}

std::vector<SessionLoss> AllLosses() {
  std::vector<SessionLoss> all;
  for (const SessionLossKind kind : {SessionLossKind::kCrossEntropy, SessionLossKind::kBpr, SessionLossKind::kTop1,
                                     SessionLossKind::kBprMax, SessionLossKind::kTop1Max}) {
    for (const double elu : {0.0, 0.5}) {
      for (const bool mask : {false, true}) {
        all.push_back({.kind = kind, .bpreg = 0.7, .elu = elu, .mask_hits = mask});
      }
    }
  }
  return all;
}

TEST(SessionLossTest, ValueAndGradientAreThoseOfTheEquations) {
  base::Rng rng(3, base::Stream::kTest);
  std::vector<double> scores(kColumns.size());
  std::vector<double> shift(kColumns.size());
  for (std::size_t at = 0; at < scores.size(); ++at) {
    scores[at] = 1.5 * rng.Normal();
    shift[at] = rng.Normal();
  }
  for (const SessionLoss& loss : AllLosses()) {
    std::vector<double> gradient = scores;
    const double value =
        SessionLossRow<double>(loss, kColumns, std::span<const double>(shift), kTarget, 2.0, gradient.data());
    EXPECT_NEAR(value, ByTheBook(loss, shift, scores), 1e-12) << static_cast<int>(loss.kind);
    for (std::size_t at = 0; at < scores.size(); ++at) {
      const double h = 1e-6;
      std::vector<double> more = scores;
      std::vector<double> less = scores;
      more[at] += h;
      less[at] -= h;
      const double slope = (ByTheBook(loss, shift, more) - ByTheBook(loss, shift, less)) / (2.0 * h);
      EXPECT_NEAR(gradient[at], 2.0 * slope, 1e-7) << static_cast<int>(loss.kind) << ", column " << at;
    }
  }
}

TEST(SessionLossTest, NothingOverflows) {
  for (const SessionLoss& loss : AllLosses()) {
    for (const float size : {60.0F, 3000.0F}) {
      for (const float sign : {-1.0F, 1.0F}) {
        std::vector<float> scores(kColumns.size(), -sign * size);
        scores[kTarget] = sign * size;
        const double value = SessionLossRow<float>(loss, kColumns, {}, kTarget, 1.0F, scores.data());
        EXPECT_TRUE(std::isfinite(value)) << static_cast<int>(loss.kind) << ", " << size;
        for (const float slope : scores) {
          EXPECT_TRUE(std::isfinite(slope)) << static_cast<int>(loss.kind) << ", " << size;
        }
      }
    }
  }
}

// The target is not among its negatives: alone it has nothing to learn from.
TEST(SessionLossTest, WithoutNegativesThereIsNoGradient) {
  const std::vector<std::int32_t> columns = {5, 5};
  for (SessionLoss loss : AllLosses()) {
    loss.mask_hits = true;
    std::vector<double> scores = {0.3, -0.2};
    EXPECT_EQ(SessionLossRow<double>(loss, columns, {}, 0, 1.0, scores.data()), 0.0);
    EXPECT_EQ(scores, (std::vector<double>{0.0, 0.0}));
  }
}

}  // namespace
}  // namespace recforce::algos
