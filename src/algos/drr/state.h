// SPDX-License-Identifier: Apache-2.0
// States of the DRR family (Liu et al. 2018, section 3.4; Liu et al., Knowledge-Based Systems 2020): what an agent sees
// of a user and of the last items that it liked. Forward and backward by hand, on the calling thread.
// Shapes: R rows, D numbers of a vector, N items of memory.
//   u: the user, i_1 .. i_N: the items, newest first; x: element by element; w: learnt
//   items      [i_1 .. i_N]                                           (DRR-n)     N D
//   pairs      [i_1 .. i_N ; w_a i_a x w_b i_b, a < b]                (DRR-p)     N D + N (N - 1) / 2 D
//   user_pairs [u x w_a i_a ; w_a i_a x w_b i_b, a < b]               (DRR-u)     the same
//   average    [u ; u x g ; g], g = sum_a w_a i_a + b                 (DRR-ave)   3 D
//   attention  the same with g = sum_a alpha_a i_a, alpha = softmax over a of v . relu(A [u ; i_a] + c)    (DRR-att)
//   gru        the same with g = the last state of a GRU that reads the items, oldest first
// Items that there are not yet count as 0, get no attention and leave the GRU as it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "algos/common/mlp.h"

namespace recforce::algos {

enum class StateKind : std::uint8_t { kItems, kPairs, kUserPairs, kAverage, kAttention, kGru };
// The names above; Error(Usage) for another.
StateKind ParseStateKind(const std::string& name);
const std::vector<std::string>& StateKindNames();

struct StateShape {
  StateKind kind = StateKind::kAverage;
  std::int64_t dim = 8;     // D
  std::int64_t memory = 5;  // N

  [[nodiscard]] std::int64_t size() const;  // S
};

// Where the learnt numbers of a state lie, from number 0 on.
struct StateLayout {
  explicit StateLayout(const StateShape& shape);
  std::int64_t weights = 0;               // [N] w
  std::int64_t bias = 0;                  // b
  Mlp attention;                          // [2 D, D, 1]
  DenseLayer input = {}, recurrent = {};  // of the GRU: [3 D, D] update, reset, candidate
  std::int64_t size = 0;
  std::vector<nn::FlatMatrix> matrices;
};

// w uniform in (0, 2 / N), so that g begins as a noisy mean; b 0; the others as Mlp::Init.
template <class T>
std::vector<T> InitState(const StateShape& shape, std::uint64_t seed);

template <class T>
struct StateRows {
  const T* users;              // [R, D]
  const T* items;              // [R, N, D], 0 where there is none
  const std::int32_t* memory;  // [R, N], -1 where there is none
  std::int64_t count;          // R
};

// Keeps its memory between calls. Not thread-safe.
template <class T>
class StatePass {
 public:
  explicit StatePass(const StateShape& shape) : shape_(shape), layout_(shape) {}

  // out: [R, S]. The arguments must stay as they are for Backward.
  void Forward(const T* params, const StateRows<T>& rows, T* out);
  // d: [R, S] by out. Adds to `gradient` [layout.size] and to d_users [R, D] and d_items [R, N, D]; null: not asked
  // for. What belongs to items that there are not may be anything.
  void Backward(const T* params, const StateRows<T>& rows, const T* d, T* gradient, T* d_users, T* d_items);

 private:
  void Pool(const T* params, const StateRows<T>& rows);
  void Attend(const T* params, const StateRows<T>& rows);
  void Recur(const T* params, const StateRows<T>& rows);
  void PoolBackward(const T* params, const StateRows<T>& rows, T* gradient, T* d_items);
  void AttendBackward(const T* params, const StateRows<T>& rows, T* gradient, T* d_users, T* d_items);
  void RecurBackward(const T* params, const StateRows<T>& rows, T* gradient, T* d_items);
  void Pairs(const T* params, const StateRows<T>& rows, T* out);
  void PairsBackward(const T* params, const StateRows<T>& rows, const T* d, T* gradient, T* d_users, T* d_items);

  StateShape shape_;
  StateLayout layout_;
  std::vector<T> pooled_, d_pooled_;  // [R, D] g
  MlpPass<T> attention_;
  std::vector<T> joined_, alpha_, d_joined_, d_scores_;                   // attention: [R, N, 2 D], [R, N]
  std::vector<T> gates_, hidden_, inner_, d_gates_, d_hidden_, d_inner_;  // gru: see Recur
};

extern template class StatePass<float>;
extern template class StatePass<double>;

}  // namespace recforce::algos
