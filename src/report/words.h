// SPDX-License-Identifier: Apache-2.0
// Numbers as the tables, plots and sentences of a report say them.
#pragma once

#include <cstdint>
#include <string>

#include "recforce/eval/compare.h"
#include "report/measure.h"

namespace recforce::report {

std::string Signed(double value);                              // "+0.0123", "0.0000"
std::string MeanText(const Estimate& estimate);                // "0.4123 +- 0.0101"
std::string RangeText(std::int64_t least, std::int64_t most);  // "5 to 12", "5"
// "better for 67 users, worse for 78, equal for 5"
std::string WinsText(const eval::Comparison& comparison);

}  // namespace recforce::report
