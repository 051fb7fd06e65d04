// SPDX-License-Identifier: Apache-2.0
// What Q is regressed on. See docs/algorithms/cdqn.md.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "algos/cdqn/replay.h"
#include "algos/cdqn/scorer.h"
#include "algos/cdqn/slates.h"
#include "recforce/core/environment.h"

namespace recforce::algos {

enum class CdqnMethod : std::uint8_t {
  kCascade,   // Q^j of the first j items, for each position j
  kAdditive,  // Q of a slate is the sum of its items' Q
  kSlateQ,    // Q of the item clicked; slates are weighed by the known law of choice
};

enum class CdqnTarget : std::uint8_t {
  kPaper,       // y = r + discount Q^k(s', cascade at s') at every position
  kIntraSlate,  // y_j = max Q^j+1(s, a_1 .. a_j, .) for j < k; y_k = r + discount max Q^1(s', .)
};

struct TargetOptions {
  CdqnMethod method = CdqnMethod::kCascade;
  CdqnTarget target = CdqnTarget::kIntraSlate;
  SlateSearch search = SlateSearch::kGreedy;  // of SlateQ
  std::int64_t memory = 1;
  std::int64_t slate = 3;
};

// Targets [S, B] of replayed transitions: S = k positions of the cascade, else 1. `value` gives values; `choose` says
// which items would be chosen: the same scorer, or with double DQN the network that learns (van Hasselt et al. 2016).
// environment: of SlateQ, whose utilities and law of choice it takes.
std::vector<float> Targets(const TargetOptions& options, const CdqnScorer& value, const CdqnScorer& choose,
                           const core::Environment* environment, const ReplayBatch& batch);

// What a step judges: the slates, or with SlateQ the items clicked, where none was "no item" I. [B, S']; kept in
// `items`.
base::MatrixView<const std::int32_t> JudgedItems(const TargetOptions& options, std::int64_t num_items,
                                                 const ReplayBatch& batch, std::vector<std::int32_t>& items);

}  // namespace recforce::algos
