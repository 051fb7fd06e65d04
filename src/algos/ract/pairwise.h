// SPDX-License-Identifier: Apache-2.0
// Fine-tuning losses that look at the items of a user: WARP and LambdaRank over pairs of a relevant and another item,
// and the likelihood of the hidden clicks among what was not shown. Each replaces a minibatch of logits by its
// gradient. RaCT spec, 1.2 and 6.10. Shapes: B users, I items; f = logits + bias.
//
// A row of `relevant` holds the positives x. Items of a row of `excluded` take no part, positives or not: they have no
// rank and gradient 0. All others are the negatives. Rows of both may be empty. The gradients of a row sum to 0 up to
// rounding. A row with a score that is not finite becomes NaN, and so does the report's loss.
// Any number of threads gives the same bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/row_batch.h"
#include "nn/torch.h"
#include "recforce/data/csr.h"

namespace recforce::algos {

// Sums over the rows of a minibatch, before `scale`.
struct PairwiseReport {
  double loss = 0.0;
  std::int64_t pairs = 0;  // those that moved something
};

// WARP with margin 0, over all pairs instead of sampled ones. Negative i violates positive p when f_i > f_p (equal
// scores do not); v_p: the number of p's violators, which is its rank among the negatives, from 0;
// L(r) = 1 + 1/2 + ... + 1/r.
//   loss of a row = sum over p, and over i that violate p, of L(v_p) (f_i - f_p)
// L is constant almost everywhere, so the gradient is exact: -v_p L(v_p) at p; at i, the sum of L(v_p) over the
// positives that i violates. pairs: the violating ones. The RaCT authors weigh p by L of its rank among all items.
// logits: [B, I] float32, contiguous, := scale times the gradient; bias: [I]. O(I log |x|) for a row.
// Runs on the CPU; logits elsewhere are copied there and back.
PairwiseReport WarpGradient(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView relevant,
                            data::CsrView excluded, double scale);

struct LambdaRankOptions {
  std::int64_t k = 0;        // the k of NDCG@k; 0: no cut
  double temperature = 1.0;  // above 0; scores are divided by it
};

// LambdaRank for NDCG@k. Ranks count from 1 (equal scores: the lower item first); D(r) = 1 / log2(1 + r), and 0 for r
// above k; IDCG: D summed over the first |x| ranks. A pair of positive p and negative i pulls with
//   lambda_pi = sigmoid((f_i - f_p) / temperature) |D(rank_p) - D(rank_i)| / IDCG
// and the gradient is -lambda_pi at p and +lambda_pi at i. With a cut, only pairs with one item within the first k
// ranks are left. There is no loss with this gradient: loss is the sum of lambda, 0 when no swap could help.
// pairs: those that are left. As for logits, bias, scale and devices: WarpGradient.
// Every pair is computed: for a row |x| (I - |x|) without a cut; with one, I + k |x| + (positives within k) I.
PairwiseReport LambdaRankGradient(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView relevant,
                                  data::CsrView excluded, double scale, const LambdaRankOptions& options);

// Negative log-likelihood of the hidden clicks (batch.unseen) under a softmax over the items that were not shown
// (batch.seen leave it). logits := the gradient of sum over u of weight[u] nll[u], 0 at shown items and in rows without
// hidden clicks. Returns nll, [B]; 0 without hidden clicks. logits: [B, I] float32 or float64, on any device.
std::vector<double> UnseenNllGradient(torch::Tensor& logits, const torch::Tensor& bias, const nn::RowBatch& batch,
                                      std::span<const double> weight);

}  // namespace recforce::algos
