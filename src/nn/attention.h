// SPDX-License-Identifier: Apache-2.0
// Causal self-attention over one sequence, forward and backward, on the calling thread (Vaswani et al. 2017).
// Shapes: L positions, D = heads W hidden units.
#pragma once

#include <cstdint>
#include <vector>

namespace recforce::nn {

// Which attention weights dropout keeps: keep [heads, L, L] bytes 0 or 1, of which the lower triangles are read; null:
// no dropout. Kept ones are multiplied by `factor` = 1 / (probability of keeping).
template <class T>
struct AttentionDropout {
  const std::uint8_t* keep = nullptr;
  T factor{1};
};

// For every head, P = softmax over columns <= row of Q K' / sqrt(W), out = dropout(P) V.
// qkv: [L, 3 D], queries, keys and values side by side. weights: [heads, L, L], P, where the lower triangles are
// written and what else lies in the blocks of the diagonal becomes 0. out: [L, D].
template <class T>
void CausalAttention(const T* qkv, std::int64_t length, std::int64_t hidden, std::int64_t heads,
                     AttentionDropout<T> dropout, T* weights, T* out, std::vector<T>& scratch);

// qkv_gradient := gradient by qkv, from d_out, the gradient by out. `weights` as CausalAttention left them.
template <class T>
void CausalAttentionBackward(const T* d_out, const T* qkv, const T* weights, std::int64_t length, std::int64_t hidden,
                             std::int64_t heads, AttentionDropout<T> dropout, T* qkv_gradient, std::vector<T>& scratch);

}  // namespace recforce::nn
