// SPDX-License-Identifier: Apache-2.0
#include "algos/common/proposal.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "recforce/base/error.h"

namespace recforce::algos {
namespace {

std::vector<double> Weights(const std::string& kind, const std::vector<double>& counts, double exponent) {
  std::vector<double> weights(counts.size(), 1.0);
  if (kind == "unigram") {
    for (std::size_t item = 0; item < counts.size(); ++item) {
      weights[item] = std::pow(std::max(counts[item], 1.0), exponent);
    }
  } else if (kind == "log_uniform") {
    std::vector<std::size_t> order(counts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
      weights[order[rank]] = std::log1p(1.0 / static_cast<double>(rank + 1));
    }
  } else {
    RECFORCE_CHECK(kind == "uniform", "no law is called " + kind);
  }
  return weights;
}

}  // namespace

Proposal::Proposal(const std::string& kind, const std::vector<double>& counts, double exponent)
    : weights_(Weights(kind, counts, exponent)) {
  for (std::size_t item = 0; item < weights_.size(); ++item) {
    total_ += weights_[item];
  }
}

std::int64_t Proposal::Draw(std::int64_t count, bool unique, base::Rng& rng, std::vector<std::int32_t>& out) const {
  const std::size_t last = weights_.size() - 1;
  const auto draw = [&] { return static_cast<std::int32_t>(std::min(weights_.At(rng.Uniform()), last)); };
  if (!unique) {
    for (std::int64_t at = 0; at < count; ++at) {
      out.push_back(draw());
    }
    return count;
  }
  count = std::min(count, static_cast<std::int64_t>(weights_.size()));
  std::unordered_set<std::int32_t> met;
  std::int64_t draws = 0;
  while (static_cast<std::int64_t>(met.size()) < count) {
    const std::int32_t item = draw();
    ++draws;
    if (met.insert(item).second) {
      out.push_back(item);
    }
  }
  return draws;
}

double Proposal::LogExpected(std::int32_t item, std::int64_t draws, bool unique) const {
  const double p = Probability(item);
  return std::log(unique ? -std::expm1(static_cast<double>(draws) * std::log1p(-p)) : static_cast<double>(draws) * p);
}

}  // namespace recforce::algos
