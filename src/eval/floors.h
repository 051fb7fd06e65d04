// SPDX-License-Identifier: Apache-2.0
// What a model's metrics are to be compared with before anything is concluded from them: rankings of the same
// candidates that know nothing of the user at hand. Internal.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "recforce/eval/evaluator.h"

namespace recforce::eval {

// Mean and interval over rows, in which the rows of one user move together; with a row a user those of Summarize.
// Its `users` are rows.
Summary SummarizeByUser(std::span<const double> values, std::span<const std::int32_t> users);

struct FloorRow {
  std::string name;
  std::vector<Summary> own;         // [metrics]
  std::vector<Summary> difference;  // [metrics] the model less this row, row by row; empty of the model itself
};

struct FloorTable {
  std::vector<Metric> metrics;  // those that have a value for each row
  // The model; "popularity", by the users of training that have an item; "mean user", the model's scores averaged over
  // all rows; and, where there are several users, "shuffled user": each is scored as another one, by a fixed exchange
  // that the seed draws. What is ranked and what is masked stays the row's own.
  std::vector<FloorRow> rows;
  // A metric of targets by which the model's ranking is no better than that of another user's scores: the first
  // metric of this kind is asked. Empty: it is better, or nobody could be exchanged.
  std::optional<Metric> impersonal;
};

// `result`: what Evaluate gave of the recommender with the same set, metrics and options. REQUIRES: options.train.
FloorTable MeasureFloors(const std::string& name, const core::Recommender& recommender, const data::EvalSet& set,
                         const EvalResult& result, const EvalOptions& options, std::uint64_t seed,
                         const base::StopFlag* stop = nullptr);

// The two that need the model, for rows of `set` in their order, as Evaluate asks. REQUIRES: both outlive what is
// returned, and it is asked with slices of set.input.
std::unique_ptr<core::Recommender> MeanUser(const core::Recommender& recommender, const data::EvalSet& set,
                                            std::int64_t batch_size, const base::StopFlag* stop);
// Null where all rows are of one user.
std::unique_ptr<core::Recommender> ShuffledUser(const core::Recommender& recommender, const data::EvalSet& set,
                                                std::uint64_t seed);

}  // namespace recforce::eval
