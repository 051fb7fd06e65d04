// SPDX-License-Identifier: Apache-2.0
// SASRec in ATen calls over padded batches, with autograd: what other devices run, and the twin that tests hold the
// hand-written pass to.
#pragma once

#include "algos/sasrec/network.h"
#include "algos/sasrec/sequences.h"
#include "nn/torch.h"

namespace recforce::algos {

// Hidden states of all positions, [N, D], packed as the sequences are. flat: the parameters, on any device.
torch::Tensor ReferenceForward(const SasrecShape& shape, const torch::Tensor& flat, const Sequences& sequences,
                               const KeepMasks* masks);

// The sum over positions of the loss (see NextItemLoss), a scalar.
torch::Tensor ReferenceLoss(const SasrecShape& shape, const torch::Tensor& flat, const torch::Tensor& hidden,
                            const Sequences& sequences, SasrecLoss loss);

}  // namespace recforce::algos
