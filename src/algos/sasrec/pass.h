// SPDX-License-Identifier: Apache-2.0
// The network of SASRec over packed sequences, forward and backward by hand, on the calling thread: small products that
// stay in the cache, no tape, no padding. Shapes: N positions, D hidden units, F inner units.
#pragma once

#include <cstdint>
#include <vector>

#include "algos/sasrec/network.h"
#include "algos/sasrec/sequences.h"
#include "nn/layer_norm.h"

namespace recforce::algos {

// Keeps its memory between calls. Not thread-safe. T: float, or double for gradient checks.
template <class T>
class SasrecPass {
 public:
  explicit SasrecPass(const SasrecShape& shape) : shape_(shape), layout_(shape) {}

  // params: the flat tensor's numbers. masks: null for none. Returns [N, D], valid until the next call.
  const T* Forward(const T* params, const Sequences& sequences, const KeepMasks* masks);

  // d: [N, D], gradient by what the last Forward returned, which had the same arguments; overwritten. Adds the
  // gradient of every parameter to `gradient`, laid out as the parameters.
  void Backward(const T* params, const Sequences& sequences, const KeepMasks* masks, T* d, T* gradient);

 private:
  // What a block keeps for its way back. Names as in docs/algorithms/sasrec.md.
  struct Memory {
    std::vector<T> input, normed1, qkv, weights, attended, sum1, normed2, expanded, activated, sum2;
    std::vector<nn::NormStatistics<T>> norm1, norm2;
  };

  void Embed(const T* params, const Sequences& sequences, const KeepMasks* masks, std::vector<T>& out) const;
  // Leaves the block's output in `out`.
  void ForwardBlock(const T* params, std::size_t number, const Sequences& sequences, const KeepMasks* masks,
                    std::vector<T>& out);
  // d: gradient by the block's output, becomes that by its input.
  void BackwardBlock(const T* params, std::size_t number, const Sequences& sequences, const KeepMasks* masks, T* d,
                     T* gradient);
  void Attend(Memory& memory, const Sequences& sequences, const KeepMasks* masks, std::size_t number);
  void AttendBackward(const Memory& memory, const Sequences& sequences, const KeepMasks* masks, std::size_t number,
                      const T* d);

  SasrecShape shape_;
  SasrecLayout layout_;
  std::vector<Memory> memory_;
  std::vector<T> last_, output_;                       // input and output of the norm at the end
  std::vector<nn::NormStatistics<T>> norm_;            // of it
  std::vector<T> d_branch_, d_inner_, d_qkv_, d_sum_;  // gradients on the way back
  std::vector<T> scratch_;
};

}  // namespace recforce::algos
