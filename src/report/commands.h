// SPDX-License-Identifier: Apache-2.0
// Command lines that repeat what a report shows.
#pragma once

#include <string>
#include <vector>

#include "recforce/data/dataset.h"
#include "report/markup.h"
#include "report/report_data.h"

namespace recforce::report {

// `recforce train` with every setting that is not at its default, into the folder `run`.
std::string TrainCommand(const std::vector<SettingRow>& settings, const std::string& run);

// `recforce data convert`, without the names of columns, which a dataset does not keep. "" for a generated dataset.
std::string ConvertCommand(const data::Preprocessing& preprocessing, const std::string& out);

}  // namespace recforce::report
