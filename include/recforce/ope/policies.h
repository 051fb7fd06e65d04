// SPDX-License-Identifier: Apache-2.0
// What a policy would do at each round of a log, and the policies for which that needs no model.
//
// A round is a row of the slot columns of a data::DecisionLog: in a log of single actions round r is decision r.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "recforce/base/matrix_view.h"
#include "recforce/data/decision_log.h"

namespace recforce::ope {

// Thread-safe.
struct ActionDistribution {
  virtual ~ActionDistribution() = default;
  // Fills out[item], [items of the log], with the probability of each item in this slot, given the slots before it as
  // they were logged. None is below 0, their sum is 1.
  virtual void Probabilities(std::int64_t round, std::span<double> out) const = 0;
  // The same for out.rows rounds from `first` on, [rounds, items of the log]. One by one, where it is not faster at
  // once.
  virtual void ProbabilitiesOf(std::int64_t first, base::MatrixView<double> out) const;
};

// Every candidate of the decision alike, but for those that the slots before it show. Refers to `log`.
std::unique_ptr<ActionDistribution> Uniform(const data::DecisionLog& log);

// A policy in factors: matrix factorisation, two towers, the last layer of a network. Views outlive the policy, but for
// `items` and `bias`, which are copied.
struct SoftmaxFactors {
  base::MatrixView<const float> users;     // [rows, d]
  std::span<const std::int64_t> user_row;  // [decisions] row of each; or empty: row r for decision r
  base::MatrixView<const float> items;     // [items of the log, d]
  std::span<const float> bias;             // [items], or empty
  double temperature = 1.0;                // above 0
};

// exp((users . items + bias) / temperature) over its sum, among the candidates of the decision but for those that the
// slots before it show. In double. Memory: that of `items`; nothing of the size of decisions x items. Refers to `log`.
// Error(Data): factors of sizes that do not fit each other or the log, or that are not finite, rows out of range;
// Error(Usage): a temperature that is not above 0.
std::unique_ptr<ActionDistribution> Softmax(const SoftmaxFactors& factors, const data::DecisionLog& log);

// A policy that is known by its own log alone, such as the BTS policy of Open Bandit: how often it showed each item at
// each position, whatever the context. Positions are those of the log, or the places of a slate, from 0, where it has
// none.
struct Marginal {
  std::vector<std::int32_t> positions;  // [P] rising
  std::vector<double> probability;      // [P, items of its log], rows sum to 1
};

// Exact means over the decisions at a position, without smoothing: of the whole law where the log has it for all
// decisions (candidate_probability), else of what was shown. The mean of the logged propensities of an item would not
// do: it is taken over the rounds in which the item was likely, and too large. REQUIRES: Check(log) passes.
Marginal MarginalTable(const data::DecisionLog& log);

// The marginal of `other` as a policy for `log`, whose items and positions may be others: items go by their ids. What
// only `other` has is left out, what it never showed has probability 0, and the rest of each position is divided by its
// sum. The same happens among the candidates of a decision; where no candidate has any mass they are all alike. In a
// slate the slots before are not looked at. Refers to `log`.
// Error(Data) when `log` has a position that `other` has not, or nothing is left at one.
std::unique_ptr<ActionDistribution> MarginalOf(const data::DecisionLog& other, const data::DecisionLog& log);
// A log's own marginal.
std::unique_ptr<ActionDistribution> MarginalOf(const data::DecisionLog& log);

}  // namespace recforce::ope
