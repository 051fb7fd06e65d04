// SPDX-License-Identifier: Apache-2.0
// What `recforce evaluate` says of the rows that a model's numbers are to be read beside.
#pragma once

#include <string>

#include "eval/floors.h"
#include "train/evaluate_rated.h"

namespace recforce::cli {

void PrintFloors(const eval::FloorTable& table);
void PrintRated(const train::RatedTable& table, const train::RatedOptions& options);

// The same as JSON objects: docs/formats/json.md.
std::string FloorsToJson(const eval::FloorTable& table);
std::string RatedToJson(const train::RatedTable& table, const train::RatedOptions& options);

// Empty, or that another user's scores rank as well.
std::string ImpersonalWarning(const eval::FloorTable& table);

}  // namespace recforce::cli
