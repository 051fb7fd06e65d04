// SPDX-License-Identifier: Apache-2.0
// Slates are enumerated state by state; what is kept is a chain of S states, solved as S linear equations.
#include "sim/solve.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"

namespace recforce::sim {
namespace {

// x of a x = b by Gaussian elimination with the largest pivot. a: [n, n].
std::vector<double> SolveLinear(std::vector<double> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t column = 0; column < n; ++column) {
    std::size_t pivot = column;
    for (std::size_t row = column + 1; row < n; ++row) {
      pivot = std::abs(a[row * n + column]) > std::abs(a[pivot * n + column]) ? row : pivot;
    }
    std::swap_ranges(&a[column * n], &a[column * n] + n, &a[pivot * n]);
    std::swap(b[column], b[pivot]);
    for (std::size_t row = column + 1; row < n; ++row) {
      const double factor = a[row * n + column] / a[column * n + column];
      for (std::size_t at = column; factor != 0.0 && at < n; ++at) {
        a[row * n + at] -= factor * a[column * n + at];
      }
      b[row] -= factor * b[column];
    }
  }
  for (std::size_t row = n; row-- > 0;) {
    for (std::size_t at = row + 1; at < n; ++at) {
      b[row] -= a[row * n + at] * b[at];
    }
    b[row] /= a[row * n + row];
  }
  return b;
}

// The chain that a policy makes of the states is worth the x of (1 - discount P) x = reward.
std::vector<double> ChainValue(const std::vector<double>& transition, std::vector<double> reward, double discount) {
  RECFORCE_CHECK(discount >= 0.0 && discount < 1.0, "for ever needs a discount below 1");
  const std::size_t n = reward.size();
  std::vector<double> a(n * n);
  for (std::size_t row = 0; row < n; ++row) {
    for (std::size_t column = 0; column < n; ++column) {
      a[row * n + column] = (row == column ? 1.0 : 0.0) - discount * transition[row * n + column];
    }
  }
  return SolveLinear(std::move(a), std::move(reward));
}

}  // namespace

// Where a policy leads and what it brings, in the mean over its slates. Rows of states are written by one thread each.
struct TabularProblem::Chain {
  explicit Chain(std::int64_t states)
      : transition(static_cast<std::size_t>(states * states)), reward(static_cast<std::size_t>(states)) {}
  std::vector<double> transition;  // [S, S]
  std::vector<double> reward;      // [S]
};

// What a slate offers to users of a state.
struct TabularProblem::Odds {
  std::vector<float> rewards;  // [k] utilities too
  std::vector<double> p;       // [k]
  double nothing = 0.0;
};

double CountSubsets(std::int64_t n, std::int64_t k) {
  double result = 1.0;
  for (std::int64_t i = 1; i <= std::min(k, n - k); ++i) {
    result *= static_cast<double>(n - i + 1) / static_cast<double>(i);
  }
  return std::round(result);
}

void ForEachSubset(std::int64_t n, std::int64_t k, const std::function<void(std::span<const std::int32_t>)>& body) {
  std::vector<std::int32_t> subset(static_cast<std::size_t>(k));
  std::iota(subset.begin(), subset.end(), 0);
  for (;;) {
    body(subset);
    std::int64_t at = k - 1;
    while (at >= 0 && subset[static_cast<std::size_t>(at)] == n - k + at) {
      --at;
    }
    if (at < 0) {
      return;
    }
    std::iota(subset.begin() + at, subset.end(), subset[static_cast<std::size_t>(at)] + 1);
  }
}

TabularProblem::TabularProblem(std::int64_t num_items, core::ChoiceRule choice, std::vector<float> rewards)
    : num_items_(num_items), choice_(choice), rewards_(std::move(rewards)) {
  RECFORCE_CHECK(static_cast<std::int64_t>(rewards_.size()) == num_states() * num_items_, "a reward a state and item");
}

std::span<const float> TabularProblem::rewards(std::int64_t state) const {
  return std::span(rewards_).subspan(static_cast<std::size_t>(state * num_items_),
                                     static_cast<std::size_t>(num_items_));
}

double TabularProblem::NumSlates(std::int64_t k) const {
  return CountSubsets(num_items_, k) * static_cast<double>(num_states());
}

void TabularProblem::RequireFewSlates(std::int64_t k) const {
  if (k < 1 || k > num_items_) {
    throw base::Error(base::ErrorKind::kUsage, "solving a world: items of a slate: '" + std::to_string(k) +
                                                   "'; expected 1 to " + std::to_string(num_items_));
  }
  if (NumSlates(k) > kMostSlates) {
    throw base::Error(base::ErrorKind::kUsage, "solving a world: slates of all states: '" +
                                                   base::FormatReal(NumSlates(k)) + "'; expected at most " +
                                                   std::to_string(static_cast<std::int64_t>(kMostSlates)));
  }
}

// In memory of the thread, which its next call writes again: slates come by the million.
const TabularProblem::Odds& TabularProblem::Look(std::int64_t state, std::span<const std::int32_t> slate) const {
  thread_local Odds odds;
  const std::span<const float> reward = rewards(state);
  odds.rewards.clear();
  for (const std::int32_t item : slate) {
    odds.rewards.push_back(reward[static_cast<std::size_t>(item)]);
  }
  odds.p.resize(slate.size());
  odds.nothing = core::ChoiceProbabilities(choice_, odds.rewards, odds.p);
  return odds;
}

double TabularProblem::SlateValue(std::int64_t state, std::span<const std::int32_t> slate,
                                  std::span<const double> value, double discount) const {
  const Odds& odds = Look(state, slate);
  double sum = odds.nothing * discount * value[static_cast<std::size_t>(state)];
  for (std::size_t i = 0; i < slate.size(); ++i) {
    const auto item = static_cast<std::size_t>(slate[i]);
    sum += odds.p[i] * (static_cast<double>(odds.rewards[i]) + discount * value[item]);
  }
  return sum;
}

void TabularProblem::AddSlate(std::int64_t state, std::span<const std::int32_t> slate, double weight,
                              Chain& chain) const {
  const Odds& odds = Look(state, slate);
  const auto row = static_cast<std::size_t>(state * num_states());
  const auto s = static_cast<std::size_t>(state);
  chain.transition[row + s] += weight * odds.nothing;
  for (std::size_t i = 0; i < slate.size(); ++i) {
    chain.transition[row + static_cast<std::size_t>(slate[i])] += weight * odds.p[i];
    chain.reward[s] += weight * odds.p[i] * static_cast<double>(odds.rewards[i]);
  }
}

SolvedSlates TabularProblem::BestSlates(std::int64_t k, std::span<const double> value, double discount) const {
  RequireFewSlates(k);
  SolvedSlates best;
  best.slates.resize(static_cast<std::size_t>(num_states() * k));
  best.value.assign(static_cast<std::size_t>(num_states()), -std::numeric_limits<double>::infinity());
  base::ParallelFor(0, num_states(), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t state = first; state < last; ++state) {
      double& most = best.value[static_cast<std::size_t>(state)];
      ForEachSubset(num_items_, k, [&](std::span<const std::int32_t> slate) {
        const double q = SlateValue(state, slate, value, discount);
        if (q > most) {
          most = q;
          std::copy(slate.begin(), slate.end(), best.slates.begin() + state * k);
        }
      });
    }
  });
  return best;
}

double TabularProblem::PrefixValue(std::int64_t state, std::span<const std::int32_t> prefix, std::int64_t k,
                                   std::span<const double> value, double discount) const {
  RequireFewSlates(k);
  std::vector<std::int32_t> rest;
  for (std::int32_t item = 0; item < num_items_; ++item) {
    if (std::find(prefix.begin(), prefix.end(), item) == prefix.end()) {
      rest.push_back(item);
    }
  }
  const auto held = static_cast<std::int64_t>(prefix.size());
  RECFORCE_CHECK(held <= k && static_cast<std::int64_t>(rest.size()) == num_items_ - held, "a prefix of a slate");
  std::vector<std::int32_t> slate(prefix.begin(), prefix.end());
  double most = -std::numeric_limits<double>::infinity();
  ForEachSubset(num_items_ - held, k - held, [&](std::span<const std::int32_t> places) {
    slate.resize(prefix.size());
    for (const std::int32_t place : places) {
      slate.push_back(rest[static_cast<std::size_t>(place)]);
    }
    most = std::max(most, SlateValue(state, slate, value, discount));
  });
  return most;
}

std::vector<double> TabularProblem::ValueOf(base::MatrixView<const std::int32_t> slates, double discount) const {
  RECFORCE_CHECK(slates.rows == num_states(), "a slate a state");
  Chain chain(num_states());
  for (std::int64_t state = 0; state < num_states(); ++state) {
    AddSlate(state, slates.row(state), 1.0, chain);
  }
  return ChainValue(chain.transition, chain.reward, discount);
}

std::vector<double> TabularProblem::ValueOfRandom(std::int64_t k, double discount) const {
  RequireFewSlates(k);
  Chain chain(num_states());
  const double weight = 1.0 / CountSubsets(num_items_, k);
  base::ParallelFor(0, num_states(), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t state = first; state < last; ++state) {
      ForEachSubset(num_items_, k, [&](std::span<const std::int32_t> slate) { AddSlate(state, slate, weight, chain); });
    }
  });
  return ChainValue(chain.transition, chain.reward, discount);
}

SolvedSlates TabularProblem::SolveMyopic(std::int64_t k, double discount) const {
  SolvedSlates myopic = BestSlates(k, std::vector<double>(static_cast<std::size_t>(num_states())), 0.0);
  myopic.value = ValueOf({myopic.slates.data(), num_states(), k}, discount);
  return myopic;
}

SolvedSlates TabularProblem::Solve(std::int64_t k, double discount) const {
  SolvedSlates policy = SolveMyopic(k, discount);
  for (bool changed = true; changed;) {
    changed = false;
    const SolvedSlates better = BestSlates(k, policy.value, discount);
    for (std::int64_t state = 0; state < num_states(); ++state) {
      const auto s = static_cast<std::size_t>(state);
      // Gains of the size of rounding would let equal slates take turns for ever.
      if (better.value[s] > policy.value[s] + 1e-11 * (1.0 + std::abs(policy.value[s]))) {
        std::copy_n(better.slates.begin() + state * k, k, policy.slates.begin() + state * k);
        changed = true;
      }
    }
    policy.value = ValueOf({policy.slates.data(), num_states(), k}, discount);
  }
  return policy;
}

std::vector<double> TabularProblem::OptimalReturn(std::int64_t k, std::int64_t horizon, double discount) const {
  std::vector<double> value(static_cast<std::size_t>(num_states()), 0.0);
  for (std::int64_t step = 0; step < horizon; ++step) {
    std::vector<double> longer = BestSlates(k, value, discount).value;
    const bool settled = longer == value;  // a discount below 1 gets there long before a far horizon
    value = std::move(longer);
    if (settled) {
      break;
    }
  }
  return value;
}

}  // namespace recforce::sim
