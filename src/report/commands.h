// SPDX-License-Identifier: Apache-2.0
// Command lines that repeat what a report shows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "recforce/data/dataset.h"
#include "recforce/eval/evaluator.h"
#include "report/collect.h"
#include "report/markup.h"
#include "report/report_data.h"

namespace recforce::report {

// `recforce train` with every setting that is not at its default, into the folder `run`.
std::string TrainCommand(const std::vector<SettingRow>& settings, const std::string& run);

// `recforce data convert`, without the names of columns, which a dataset does not keep, and then `recforce data
// displays` where displays were made. "" for a generated dataset.
std::string ConvertCommand(const data::Preprocessing& preprocessing, const std::string& out);

// What a kept evaluation was made with that the run's own settings say otherwise: "eval.ties=optimistic".
std::vector<std::string> EvaluationChanges(const eval::EvalConfig& own, const train::StoredEvaluation& kept);

// `recforce evaluate`, with the dataset in `data` where that is given.
std::string EvaluateCommand(const std::string& run, const std::vector<std::string>& changes,
                            const std::optional<std::string>& data);

// `recforce report` with all that decides what the report says, and the files it goes to.
std::string ReportCommand(const CollectOptions& options);

}  // namespace recforce::report
