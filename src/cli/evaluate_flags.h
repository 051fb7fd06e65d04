// SPDX-License-Identifier: Apache-2.0
// The flags of `recforce evaluate`.
#pragma once

#include "cli/grammar.h"

namespace recforce::cli {

void AddEvaluate(Grammar& grammar);

}  // namespace recforce::cli
