// SPDX-License-Identifier: Apache-2.0
// One user model as it is used: rewards of items for users, on the calling thread, without libtorch's operators. Every
// number of a row is computed by the same operations in the same order, whatever stands beside it: a user alone and a
// user among thousands get the same bits.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "algos/gan_user_model/shape.h"
#include "recforce/base/matrix_view.h"
#include "recforce/base/tensor_file.h"

namespace recforce::algos {

// Immutable and thread-safe.
class UserNet {
 public:
  // Tensors called `prefix` + name; `features` [I, F] in row order, standardised. Error(Data) when they do not fit.
  UserNet(const UserShape& shape, const base::TensorSet& set, const std::string& prefix,
          std::span<const float> features);

  // Numbers that a user carries: the state's share of the first layer, h and c of an LSTM, and for repeats the clicks.
  [[nodiscard]] std::int64_t num_traits() const;
  // recent: clicks, newest first, then -1; the first m count. traits: [num_traits()].
  void AfterClicks(std::span<const std::int32_t> recent, float* traits) const;
  // The same from the traits before the click recent[0].
  void Advance(std::span<const std::int32_t> recent, float* traits) const;

  // Memory of Rewards, kept by the caller.
  struct Scratch {
    std::vector<float> in, out;
  };
  // out[row] := r of items[row] for the user with traits[row].
  void Rewards(std::span<const float* const> traits, std::span<const std::int32_t> items, Scratch& scratch,
               float* out) const;

  // f_a: [I, d]
  [[nodiscard]] base::MatrixView<const float> item_vectors() const {
    return {vectors_.data(), shape_.items, shape_.dim};
  }

 private:
  struct Layer {
    std::int64_t in = 0, out = 0;  // padded
    std::vector<float> weight;     // [in, out]
    std::vector<float> bias;       // [out]
  };
  void ReadItems(const base::TensorSet& set, const std::string& prefix, std::span<const float> features);
  void ReadState(const base::TensorSet& set, const std::string& prefix);
  void ReadReward(const base::TensorSet& set, const std::string& prefix);
  void StepLstm(std::int32_t item, float* h, float* c) const;
  void PositionState(std::span<const std::int32_t> recent, float* state) const;
  [[nodiscard]] std::int64_t clicks_at() const;  // place of the clicks among the traits
  void KeepClicks(std::span<const std::int32_t> recent, float* traits) const;
  [[nodiscard]] float Repeat(const float* traits, std::int32_t item) const;
  // traits := bias + state W_s
  void FirstLayer(const float* state, float* traits) const;

  UserShape shape_;
  std::int64_t width_ = 0;                              // of the first layer, padded
  std::vector<float> vectors_;                          // [I, d]
  std::vector<float> in_first_;                         // [I, width] f_a W_f
  std::vector<float> own_;                              // [I] b_a and the bias of the last layer
  std::vector<float> repeat_;                           // [m], or empty
  std::vector<float> position_weight_, position_bias_;  // [n, m], [n, d]
  std::vector<float> in_gates_, gate_weight_;           // [I, 4 H] f_a W_x + bias, [H, 4 H]
  std::vector<float> state_weight_, first_bias_;        // [S, width], [width]
  std::vector<Layer> layers_;                           // after the first
  std::vector<float> last_;                             // [width of the last layer]
};

}  // namespace recforce::algos
