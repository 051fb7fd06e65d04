// SPDX-License-Identifier: Apache-2.0
// Recurrent layers over lanes of sequences, forward and backward by hand, with true back-propagation through the steps
// that were run together. Shapes: T steps, B lanes, M inputs, N units; a matrix [T B, .] has the lanes of step 0 first.
//
//   gru        r = s(x_r + U_r h)  z = s(x_z + U_z h)  c = tanh(x_c + U_c (r * h))        h' = (1 - z) * h + z * c
//   gru_after  r, z as above                           c = tanh(x_c + r * (U_c h + e))    h' = z * h + (1 - z) * c
//   cfn        z, i = s(x + U h)                       h' = z * tanh(h) + i * tanh(x_a)
//
// where x = W u + b of an input u, s is the logistic function and * is elementwise. gru: Cho et al. 2014, the reset
// gate before the product, as in the papers of GRU4Rec. gru_after: the reset gate after it, as cuDNN and libtorch
// have it, whose z keeps the state. cfn: Laurent and von Brecht, "A recurrent neural network without chaos", ICLR
// 2017; x_a has no bias.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/torch.h"

namespace recforce::nn {

enum class Cell { kGru, kGruAfter, kCfn };

struct RecurrentShape {
  Cell cell = Cell::kGru;
  std::int64_t inputs = 0;  // M
  std::int64_t units = 0;   // N
};

// The parameters of a layer, float32 or float64. Blocks of rows: r, z, c for the GRUs; z, i, a for the CFN.
struct RecurrentParams {
  torch::Tensor input;      // W [3 N, M]
  torch::Tensor bias;       // b [3 N]; its last N entries are not used by the CFN
  torch::Tensor recurrent;  // U [3 N, N]; [2 N, N] for the CFN
  torch::Tensor inner;      // e [N], of gru_after; else undefined

  [[nodiscard]] std::vector<torch::Tensor*> All();
  static std::vector<std::string> Names(Cell cell);  // of All(), in its order
};

// Xavier uniform block by block; biases 0, but for the CFN's z, which begins at 1 so that the state is remembered.
// Parameters take the numbers number .. number + 3 of the stream of initial values.
RecurrentParams InitRecurrent(const RecurrentShape& shape, std::uint64_t seed, std::uint64_t number);
RecurrentParams ZeroRecurrent(const RecurrentShape& shape, torch::TensorOptions options);

// The gradient of the rows of W or U from row `first` on is left' right.
struct RecurrentProduct {
  bool recurrent = false;  // of U
  std::int64_t first = 0;
  torch::Tensor left;   // [T B, rows]
  torch::Tensor right;  // [T B, M or N]
};

// Keeps its memory between calls. Not thread-safe; uses the threads of base::ParallelFor. Tensors on the CPU.
class RecurrentPass {
 public:
  explicit RecurrentPass(const RecurrentShape& shape) : shape_(shape) {}

  // u: [T B, M]; state: [B, N] before the first step; keep: [T B] bytes, 0 where a lane's state becomes zero before
  // the step. Returns the states after every step, [T B, N], valid until the next call.
  const torch::Tensor& Forward(const RecurrentParams& params, const torch::Tensor& u, const torch::Tensor& state,
                               const std::vector<std::uint8_t>& keep);
  // After Forward with the same arguments. d: [T B, N] gradient by the states; overwritten. `gradient` := that of the
  // parameters, with no gradient into the state before the first step; d_u := [T B, M] by the inputs.
  void Backward(const RecurrentParams& params, const torch::Tensor& u, const std::vector<std::uint8_t>& keep,
                torch::Tensor& d, RecurrentParams& gradient, torch::Tensor& d_u);
  // Backward in parts, for an optimiser that makes the gradients of matrices itself: to the inputs, then, with the same
  // u, what the gradients of the matrices are products of, and the gradients of the biases.
  void BackwardToInputs(const RecurrentParams& params, const torch::Tensor& u, const std::vector<std::uint8_t>& keep,
                        torch::Tensor& d, torch::Tensor& d_u);
  [[nodiscard]] std::vector<RecurrentProduct> Products(const torch::Tensor& u) const;
  void BiasGradients(RecurrentParams& gradient) const;
  [[nodiscard]] const torch::Tensor& states() const { return states_; }  // of the last Forward

 private:
  RecurrentShape shape_;
  std::int64_t lanes_ = 0;
  torch::Tensor gates_;    // [T B, 3 N] x, then what the gates let through and the candidate
  torch::Tensor states_;   // [T B, N] after each step
  torch::Tensor before_;   // [T B, N] before each step, zero where it was not kept
  torch::Tensor product_;  // [T B, N] gru: r * h; gru_after: U_c h + e; cfn: tanh(h)
  torch::Tensor scratch_;  // [B, 2 N], gru_after: [B, 3 N]: U h
  torch::Tensor d_gates_;  // [T B, 3 N] by the arguments of the functions
  torch::Tensor d_inner_;  // [T B, N] gru_after: by U_c h + e
  torch::Tensor carry_;    // [B, N] forward: U_c (r * h) of the gru; backward: by the state before a step
};

}  // namespace recforce::nn
