// SPDX-License-Identifier: Apache-2.0
// What a recommender of a log says of users who are shown slates.
#pragma once

#include <cstdint>

#include "recforce/base/matrix_view.h"
#include "recforce/core/environment.h"
#include "recforce/core/recommender.h"

namespace recforce::sim {

inline constexpr std::int64_t kRecommenderClicks = 50;

// Scores of the users first, first + 1, .. of the episodes who clicked recent(), of which the last kRecommenderClicks
// are read. `repeats`: the recommender also reads the same item several times; else each item counts once, where it was
// clicked last. scores: [users, I]. REQUIRES: the environment's catalogue.
void ScoreUsers(const core::Recommender& recommender, bool repeats, const core::Episodes& episodes, std::int64_t first,
                base::MatrixView<float> scores);

}  // namespace recforce::sim
