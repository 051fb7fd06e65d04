// SPDX-License-Identifier: Apache-2.0
// Which of several sequences began first.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "recforce/data/csr.h"

namespace recforce::data {

// The numbers of the rows, those that began first in front, equal ones as they are. times: seconds, parallel to
// rows.items, of which a row's first counts (0 for a row without events); or empty where the log has none: then by ids,
// where all are numbers, or all are letters and a number (files of sessions give such ids, by line); else, and without
// `id`, as they are.
std::vector<std::int32_t> SessionOrder(CsrView rows, std::span<const std::int64_t> times,
                                       const std::function<std::string_view(std::int64_t row)>& id);

}  // namespace recforce::data
