// SPDX-License-Identifier: Apache-2.0
// Session-parallel mini-batches (Hidasi et al., ICLR 2016, section 3.1.1): every lane walks through a sequence, an
// event a step, and takes the next sequence when it has come to its end. All pairs of an event and the one that follows
// are met exactly once in an epoch: when no sequences are left, lanes are dropped one by one and the rest go on.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recforce/data/csr.h"

namespace recforce::algos {

// T steps of B lanes; step 0 of all lanes first. A lane that ends inside the batch has no event in the steps that are
// left: input, target and event are -1 there.
struct LaneBatch {
  std::int64_t steps = 0;             // T
  std::int64_t lanes = 0;             // B
  std::vector<std::int32_t> inputs;   // [T B] items
  std::vector<std::int32_t> targets;  // [T B] the items that follow
  std::vector<std::int64_t> events;   // [T B] where the input stands in CsrView::items
  std::vector<std::uint8_t> keep;     // [T B] 0: a sequence begins, the state before this step is zero
  std::vector<std::int32_t> before;   // [B] the lane that it was in the batch before; 0 in the first batch
  std::int64_t pairs = 0;             // events that have a target
};

class Lanes {
 public:
  // `events` must outlive the lanes. order: rows of `events`, each once, as they are to be taken; rows of fewer than
  // two events are passed over. REQUIRES: lanes > 0, steps > 0.
  Lanes(data::CsrView events, std::vector<std::int32_t> order, std::int64_t lanes, std::int64_t steps);

  // The next batch; false when nothing is left.
  bool Next(LaneBatch& batch);
  [[nodiscard]] std::int64_t pairs() const { return pairs_; }  // of the epoch

 private:
  struct Lane {
    std::int64_t at = 0;   // of the next input, in CsrView::items
    std::int64_t end = 0;  // behind the last input that has a target
    std::int32_t before = 0;
    bool begins = true;
  };
  // Gives the lane a sequence if it has come to an end. False: none is left.
  bool Fill(Lane& lane);

  data::CsrView events_;
  std::vector<std::int32_t> order_;
  std::size_t next_ = 0;  // in order_
  std::int64_t steps_;
  std::vector<Lane> lanes_;
  std::int64_t pairs_ = 0;
};

}  // namespace recforce::algos
