// SPDX-License-Identifier: Apache-2.0
// Users who rate whatever they are shown: by the log where they did, else by a model of ratings in factors (the
// simulator of Liu et al. 2018). The whole catalogue may be recommended.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "sim/item_parts.h"

namespace recforce::sim {

// A user's rating of an item: mean + b_u + b_i + <p_u, q_i>. Must outlive the world and its episodes.
struct RatingFactors {
  std::int64_t dim = 0;                   // d
  std::span<const float> users = {};      // [U, d]
  std::span<const float> items = {};      // [I, d]
  std::span<const float> user_bias = {};  // [U], or none
  std::span<const float> item_bias = {};  // [I], or none
  double mean = 0.0;
};

enum class LeaveKind { kNever, kDistance, kCategory };

// When users have had enough of the same. At step t, counted from 0, an item is held against those shown at steps
// max(0, t - window) to t - 1; nobody leaves at the first. The step at which a user leaves pays as any.
//   kDistance: leaves where the Euclidean distance to one of them is below theta.
//   kCategory: leaves where more than theta of them are of the item's category.
// The modes of EasyRL4Rec: FreeB = repeats and a rule; NX_0 = no repeats and a rule; NX_X = no repeats, kNever and
// horizon X.
struct LeaveRule {
  LeaveKind kind = LeaveKind::kNever;
  std::int64_t window = 7;
  double theta = 1.0;
  std::int64_t dim = 0;                           // of kDistance
  std::span<const float> vectors = {};            // [I, dim]; must outlive the world and its episodes
  std::span<const std::int32_t> categories = {};  // [I] of kCategory; likewise
};

enum class StartMemory {
  kEarliest,  // the N items that the user liked first: episodes differ by what is recommended
  kRandom,    // the N before a random moment among those that it liked
  kEmpty,
};

struct RatedOptions {
  std::int64_t memory = 5;    // N
  std::int64_t horizon = 10;  // T
  RewardScale scale = {};
  StartMemory start = StartMemory::kEarliest;
  bool repeats = false;
  LeaveRule leave = {};
  std::uint64_t seed = 1;  // of random moments; that of ItemWorld::Start orders the users
};

// Users with a row have episodes. Rewards are in [-1, 1]; liked is what pays more than 0. Error(Usage) for a log
// without values or without rows.
std::shared_ptr<const ItemWorld> MakeRatedWorld(const RatedRows& log, const RatingFactors& factors,
                                                const RatedOptions& options);

}  // namespace recforce::sim
