// SPDX-License-Identifier: Apache-2.0
// What `recforce evaluate` says of the choices of test users.
#pragma once

#include <string>
#include <vector>

#include "train/choice_table.h"

namespace recforce::cli {

// A table for each subset, then the first row, the model, less each of the others.
void PrintChoices(const std::vector<train::ChoiceRow>& rows);

// The same and more as a JSON object: docs/formats/json.md.
std::string ChoicesToJson(const std::vector<train::ChoiceRow>& rows);

}  // namespace recforce::cli
