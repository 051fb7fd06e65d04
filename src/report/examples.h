// SPDX-License-Identifier: Apache-2.0
// What the runs recommend to a few test users.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "recforce/core/recommender.h"
#include "recforce/core/topk.h"
#include "recforce/data/split.h"
#include "report/report_data.h"

namespace recforce::report {

inline constexpr std::size_t kExampleHistory = 10;
inline constexpr std::size_t kExampleTargets = 20;
inline constexpr std::size_t kExampleItems = 10;

// Rows of the test set whose input is longer than that of a tenth, a half and nine tenths of the rows, without
// repetition; the first of equal ones. At most three.
std::vector<std::size_t> TypicalRows(const data::EvalSet& test);

// The rows of the users called `ids`, the first of a user with several. Error(NotFound) for one that is not tested.
std::vector<std::size_t> RowsOfUsers(const data::Dataset& dataset, const data::EvalSet& test,
                                     std::span<const std::string> ids);

// Histories and targets of `rows`, without lists yet.
std::vector<ExampleUser> DescribeUsers(const data::Dataset& dataset, const data::Split& split,
                                       std::span<const std::size_t> rows, bool typical);

// Adds the first places of a ranking that was kept when its run was evaluated. REQUIRES: result.top_k > 0.
void AddKeptLists(const data::Dataset& dataset, const data::Split& split, const eval::EvalResult& result,
                  std::span<const std::size_t> rows, std::span<ExampleUser> examples);

// Adds the first places of a model's ranking, in the order that the metrics see. `rows` as above.
void AddLists(const data::Dataset& dataset, const data::Split& split, const core::Recommender& recommender,
              core::Ties ties, std::span<const std::size_t> rows, std::span<ExampleUser> examples);

}  // namespace recforce::report
