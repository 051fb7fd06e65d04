// SPDX-License-Identifier: Apache-2.0
// A policy of factors, one round at a time.
#include <algorithm>
#include <cmath>
#include <string>

#include "ope/checks.h"
#include "ope/row_products.h"
#include "ope/vector_math.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/ope/policies.h"

namespace recforce::ope {
namespace {

using data::DecisionLog;

std::size_t AsIndex(std::int64_t value) { return static_cast<std::size_t>(value); }

void RequireFiniteFactors(std::string_view what, std::span<const float> values) {
  const auto found = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (found != values.end()) {
    Fail(what, base::FormatReal(*found) + " at index " + std::to_string(found - values.begin()), "finite numbers");
  }
}

void Check(const SoftmaxFactors& factors, const DecisionLog& log) {
  if (!(factors.temperature > 0.0) || !std::isfinite(factors.temperature)) {
    throw base::Error(
        base::ErrorKind::kUsage,
        "softmax policy: temperature is '" + base::FormatReal(factors.temperature) + "'; expected a number above 0");
  }
  const auto size = [](const base::MatrixView<const float>& m) { return AsIndex(m.rows * m.cols); };
  RequireSize("factors of items", AsIndex(factors.items.rows), AsIndex(log.num_items()), "one row for each item");
  RequireSize("factors of users", AsIndex(factors.users.cols), AsIndex(factors.items.cols), "as many as of items");
  if (!factors.bias.empty()) {
    RequireSize("biases of items", factors.bias.size(), AsIndex(log.num_items()), "one for each item");
  }
  if (factors.user_row.empty()) {
    RequireSize("factors of users", AsIndex(factors.users.rows), AsIndex(log.size()), "one row for each decision");
  } else {
    RequireSize("rows of users", factors.user_row.size(), AsIndex(log.size()), "one for each decision");
    for (const std::int64_t row : factors.user_row) {
      if (row < 0 || row >= factors.users.rows) {
        Fail("rows of users", std::to_string(row), "numbers from 0 to " + std::to_string(factors.users.rows - 1));
      }
    }
  }
  RequireFiniteFactors("factors of users", {factors.users.data, size(factors.users)});
  RequireFiniteFactors("factors of items", {factors.items.data, size(factors.items)});
  RequireFiniteFactors("biases of items", factors.bias);
}

// [items, d + 1] with the bias as the last column, divided by the temperature.
std::vector<double> ItemRows(const SoftmaxFactors& factors) {
  std::vector<double> rows;
  for (std::int64_t item = 0; item < factors.items.rows; ++item) {
    for (const float value : factors.items.row(item)) {
      rows.push_back(value / factors.temperature);
    }
    rows.push_back(factors.bias.empty() ? 0.0 : factors.bias[AsIndex(item)] / factors.temperature);
  }
  return rows;
}

class SoftmaxPolicy final : public ActionDistribution {
 public:
  SoftmaxPolicy(const SoftmaxFactors& factors, const DecisionLog& log)
      : log_(log),
        users_(factors.users),
        user_row_(factors.user_row),
        decision_(log.DecisionOfSlots()),
        items_(ItemRows(factors), AsIndex(factors.items.cols + 1)) {}

  void Probabilities(std::int64_t round, std::span<double> out) const override {
    ProbabilitiesOf(round, {out.data(), 1, static_cast<std::int64_t>(out.size())});
  }

  void ProbabilitiesOf(std::int64_t first, base::MatrixView<double> out) const override {
    const auto width = AsIndex(users_.cols) + 1;
    std::vector<double> vectors(AsIndex(out.rows) * width, 1.0);
    std::vector<const double*> xs;
    std::vector<double*> logits;
    for (std::int64_t row = 0; row < out.rows; ++row) {
      const std::int64_t decision = decision_[AsIndex(first + row)];
      const std::span<const float> user = users_.row(user_row_.empty() ? decision : user_row_[AsIndex(decision)]);
      xs.push_back(vectors.data() + AsIndex(row) * width);
      std::copy(user.begin(), user.end(), vectors.begin() + row * static_cast<std::int64_t>(width));
      logits.push_back(out.row(row).data());
    }
    items_.Multiply(xs, logits);
    for (std::int64_t row = 0; row < out.rows; ++row) {
      const std::int64_t decision = decision_[AsIndex(first + row)];
      const std::int64_t opens = log_.first[AsIndex(decision)];
      if (log_.candidates.rows() == 0 && opens == first + row) {
        SoftmaxInPlace(out.row(row));
      } else {
        AmongFree(decision, std::span(log_.item).subspan(AsIndex(opens), AsIndex(first + row - opens)), out.row(row));
      }
    }
  }

 private:
  // The same among the candidates that are not `shown`; `out` has the logits of all.
  void AmongFree(std::int64_t decision, std::span<const std::int32_t> shown, std::span<double> out) const {
    std::vector<std::int32_t> free;
    std::vector<double> law;
    const auto add = [&](std::int32_t item) {
      if (std::find(shown.begin(), shown.end(), item) == shown.end()) {
        free.push_back(item);
        law.push_back(out[AsIndex(item)]);
      }
    };
    if (log_.candidates.rows() > 0) {
      const std::span<const std::int32_t> candidates = log_.candidates.row(decision);
      std::for_each(candidates.begin(), candidates.end(), add);
    } else {
      for (std::int32_t item = 0; item < static_cast<std::int32_t>(out.size()); ++item) {
        add(item);
      }
    }
    SoftmaxInPlace(law);
    std::fill(out.begin(), out.end(), 0.0);
    for (std::size_t at = 0; at < free.size(); ++at) {
      out[AsIndex(free[at])] = law[at];
    }
  }

  const DecisionLog& log_;
  base::MatrixView<const float> users_;
  std::span<const std::int64_t> user_row_;
  std::vector<std::int64_t> decision_;  // by round
  RowProducts items_;
};

}  // namespace

std::unique_ptr<ActionDistribution> Softmax(const SoftmaxFactors& factors, const DecisionLog& log) {
  Check(factors, log);
  return std::make_unique<SoftmaxPolicy>(factors, log);
}

}  // namespace recforce::ope
