// SPDX-License-Identifier: Apache-2.0
// Four decimals everywhere: finer ones are noise for any number of users that one evaluates.
#include "report/words.h"

#include "recforce/base/text.h"

namespace recforce::report {
namespace {

constexpr int kDecimals = 4;

}  // namespace

std::string Signed(double value) {
  const std::string text = base::FormatFixed(value, kDecimals);
  std::string zero = base::FormatFixed(0.0, kDecimals);
  if (text == zero || text == "-" + zero) {
    return zero;
  }
  return value > 0.0 ? "+" + text : text;
}

std::string MeanText(const Estimate& estimate) {
  return base::FormatFixed(estimate.mean, kDecimals) + " +- " + base::FormatFixed(estimate.half_width, kDecimals);
}

std::string WinsText(const eval::Comparison& comparison, bool more_is_better) {
  const std::int64_t ties = comparison.users - comparison.users_where_a_wins - comparison.users_where_b_wins;
  return (more_is_better ? "better for " : "higher for ") + base::FormatCount(comparison.users_where_a_wins) +
         (more_is_better ? " users, worse for " : " users, lower for ") +
         base::FormatCount(comparison.users_where_b_wins) + ", equal for " + base::FormatCount(ties);
}

}  // namespace recforce::report
