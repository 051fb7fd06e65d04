// SPDX-License-Identifier: Apache-2.0
// Where recurrent layers stand after the whole history of each user.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/recurrent.h"
#include "recforce/data/csr.h"

namespace recforce::algos {

struct RecurrentStack {
  std::vector<nn::RecurrentShape> shapes;
  std::vector<nn::RecurrentParams> params;
};

// The states of the last layer, [B, N]; zeros for a user without events. Users run side by side, the longest history
// first. table: [I, M] rows of the items that go in. first: a row of the table that every user begins with; -1: none.
torch::Tensor LastStates(const RecurrentStack& stack, const torch::Tensor& table, data::CsrView events,
                         std::int32_t first = -1);

}  // namespace recforce::algos
