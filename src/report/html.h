// SPDX-License-Identifier: Apache-2.0
// A report as one HTML file: no script, no request, light and dark, phone, desk and paper.
#pragma once

#include <string>

#include "report/report_data.h"

namespace recforce::report {

// UTF-8, a function of `report` alone.
std::string RenderHtml(const ReportData& report);

}  // namespace recforce::report
