// SPDX-License-Identifier: Apache-2.0
// Users who are offered items that they have, among as many that they have not (the world of the shashist/recsys-rl
// notebook). It asks no model what a user would feel: what is in the log pays 1, anything else `miss`.
#pragma once

#include <cstdint>
#include <memory>

#include "sim/item_parts.h"

namespace recforce::sim {

enum class NegativeSource {
  kUnseen,      // nothing of the user's row
  kComplement,  // all but the related items: what the user rated low, or had before the moment, may be among them
};

struct PosNegOptions {
  std::int64_t memory = 5;          // N
  double above = 3.0;               // a row is positive where its value is larger; all are, where there are no values
  std::int64_t min_positives = 20;  // users with fewer have no episodes
  std::int64_t window = 10;         // W; 0: all positives of the user are related
  std::int64_t negatives_per_positive = 1;
  bool replacement = false;  // negatives are drawn with it; an item drawn twice is one candidate
  NegativeSource negatives = NegativeSource::kUnseen;
  double popular = 0.0;      // the probability with which a negative is drawn by the training's popularity
  bool clear_memory = true;  // false: users go on with the memory that their last episode left
  float miss = 0.0F;         // reward of an item that is not related, at most 0
  std::uint64_t seed = 1;    // of moments and negatives; that of ItemWorld::Start orders the users
};
// As in the notebook, whose negatives may be what the user has in the test part, may come twice, and whose users never
// forget.
inline PosNegOptions SeedPosNegOptions() {
  PosNegOptions options;
  options.window = 0;
  options.replacement = true;
  options.negatives = NegativeSource::kComplement;
  options.clear_memory = false;
  return options;
}

// An episode has `related` items and negatives as candidates, and T steps, one for each related item.
//   W = 0: related are all positives; the memory begins empty.
//   W > 0: a moment is drawn among the user's positives, from the second to the last; related are the next up to W of
//          them, the memory begins with the N before.
// Negatives are fewer where the catalogue has no more. Where popularity finds no other item within some tries, one is
// drawn uniformly. Candidates, moment and negatives are a function of options.seed, the episode's number and its user.
// Where memories are kept, an episode also depends on those that its user had before, and who the user of a number is
// depends on how many rows there are (MakeLookupWorld).
// Error(Usage) where no user has positives enough.
std::shared_ptr<const ItemWorld> MakePosNegWorld(const RatedRows& log, const PosNegOptions& options);

}  // namespace recforce::sim
