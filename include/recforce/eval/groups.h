// SPDX-License-Identifier: Apache-2.0
// Thirds of the evaluated users, to see for whom a model works.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "recforce/data/split.h"
#include "recforce/eval/evaluator.h"

namespace recforce::eval {

struct UserGroups {
  std::vector<std::string> names;    // least first
  std::vector<std::int32_t> of_row;  // of each row of the set, an index of names; empty for kind none
};
// kind activity: light, medium, heavy by how many events the model is shown. kind mainstream: niche, mixed, mainstream
// by the mean number of training users of the items of the events shown. Users of equal measure are in the same group,
// so groups are thirds only as far as that allows, and with few measures some are empty. `train`: rows over the
// catalogue. Error(Usage) for another kind.
UserGroups GroupUsers(const std::string& kind, const data::EvalSet& set, data::CsrView train, std::int64_t num_items);

// Mean and interval of a metric over some rows; of gauc, the mean weighted by the targets of these rows.
Summary SummarizeRows(const EvalResult& result, std::span<const std::size_t> rows, std::size_t metric);
// The same over one group.
Summary SummarizeGroup(const EvalResult& result, const std::vector<std::int32_t>& of_row, std::int32_t group,
                       std::size_t metric);

}  // namespace recforce::eval
