// SPDX-License-Identifier: Apache-2.0
// Which of several sequences began first.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace recforce::data {

// The numbers of `count` rows, those that began first in front, equal ones as they are. starts: [count] seconds, or
// empty where the log has no times: then by ids, where all are numbers, or all are letters and a number (files of
// sessions give such ids, by line); else, and without `id`, as they are.
std::vector<std::int32_t> SessionOrder(std::int64_t count, std::span<const std::int64_t> starts,
                                       const std::function<std::string_view(std::int64_t row)>& id);

}  // namespace recforce::data
