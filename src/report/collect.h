// SPDX-License-Identifier: Apache-2.0
// From run folders to the content of a report.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "recforce/base/file_system.h"
#include "recforce/base/stop_flag.h"
#include "recforce/core/algorithm.h"
#include "report/report_data.h"

namespace recforce::report {

struct CollectOptions {
  std::vector<std::string> runs;
  std::optional<std::string> data;       // where the dataset lies now; empty: where the first run says
  std::optional<std::string> title;      // empty: made of the dataset's name
  std::optional<std::string> metric;     // empty: the one that selected the weights, where it was measured
  std::optional<std::string> reference;  // one of `runs`; empty: the first that is evaluated
  std::vector<std::string> users;        // examples by id; empty: a light, a median and a heavy one
  std::string out = "report.html";       // where the report and its plots will lie, for the command that repeats it
  std::optional<std::string> plots;
  bool evaluate = true;  // finished runs that have no evaluation get one, in their folders
  const base::StopFlag* stop = nullptr;
  std::function<void(const std::string&)> notice;  // hears of every such run; may be empty
};

// Error(Data): runs over different datasets or splits, an evaluation that is not of its run. Error(Usage): no run, a
// run named twice, a reference that is no run, a metric without values for single users. Error(NotFound): no run
// there, a metric that was not measured, unknown user.
ReportData Collect(base::FileSystem& files, const core::Registry& registry, const CollectOptions& asked);

}  // namespace recforce::report
