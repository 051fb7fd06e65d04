// SPDX-License-Identifier: Apache-2.0
// The numbers of a report for programs.
#pragma once

#include <string>

#include "report/report_data.h"

namespace recforce::report {

// One JSON object with the numbers of every table, without a line end. Bytes that are no UTF-8 are replaced.
std::string RenderJson(const ReportData& report);

}  // namespace recforce::report
