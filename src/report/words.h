// SPDX-License-Identifier: Apache-2.0
// Numbers as the tables, plots and sentences of a report say them.
#pragma once

#include <string>

#include "recforce/eval/compare.h"
#include "report/measure.h"

namespace recforce::report {

std::string Signed(double value);                // "+0.0123", "0.0000"
std::string MeanText(const Estimate& estimate);  // "0.4123 +- 0.0101"
// "better for 67 users, worse for 78, equal for 5"; "higher" and "lower" where more is not better.
std::string WinsText(const eval::Comparison& comparison, bool more_is_better);

}  // namespace recforce::report
