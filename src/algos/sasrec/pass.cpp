// SPDX-License-Identifier: Apache-2.0
#include "algos/sasrec/pass.h"

#include <algorithm>
#include <cmath>

#include "nn/attention.h"
#include "nn/blas.h"
#include "nn/vector_math.h"

namespace recforce::algos {
namespace {

using nn::Gemm;
using nn::Op;

template <class T>
constexpr T kNormEpsilon = static_cast<T>(1e-6);

template <class T>
T* Sized(std::vector<T>& values, std::int64_t count) {
  values.resize(static_cast<std::size_t>(count));
  return values.data();
}

// out := in weight' + bias. in: [N, A], weight: [B, A], out: [N, B].
template <class T>
void Linear(const T* in, std::int64_t rows, std::int64_t from, const T* weight, const T* bias, std::int64_t to,
            T* out) {
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy(bias, bias + to, out + r * to);
  }
  Gemm(Op::kPlain, Op::kTransposed, rows, to, from, {in, from}, {weight, from}, T{1}, {out, to});
}

// Gradients through Linear; d: [N, B] by out. d_in null: not wanted.
template <class T>
void LinearBackward(const T* d, const T* in, std::int64_t rows, std::int64_t from, const T* weight, std::int64_t to,
                    T* weight_gradient, T* bias_gradient, T* d_in) {
  Gemm(Op::kTransposed, Op::kPlain, to, from, rows, {d, to}, {in, from}, T{1}, {weight_gradient, from});
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t at = 0; at < to; ++at) {
      bias_gradient[at] += d[r * to + at];
    }
  }
  if (d_in != nullptr) {
    Gemm(Op::kPlain, Op::kPlain, rows, from, to, {d, to}, {weight, from}, T{0}, {d_in, from});
  }
}

template <class T>
void Norm(const std::vector<T>& in, std::int64_t rows, std::int64_t width, const T* gain, const T* bias,
          std::vector<nn::NormStatistics<T>>& statistics, std::vector<T>& out) {
  Sized(out, rows * width);
  Sized(statistics, rows);
  for (std::int64_t r = 0; r < rows; ++r) {
    statistics[static_cast<std::size_t>(r)] =
        nn::NormalizeRow(in.data() + r * width, width, gain, bias, kNormEpsilon<T>, out.data() + r * width);
  }
}

// to += or := the gradient by the norm's input. to may be d.
template <bool kAdd, class T>
void NormBackward(const T* d, const std::vector<T>& in, std::int64_t width, const T* gain,
                  const std::vector<nn::NormStatistics<T>>& statistics, T* gain_gradient, T* bias_gradient, T* to) {
  for (std::size_t r = 0; r < statistics.size(); ++r) {
    const std::int64_t begin = static_cast<std::int64_t>(r) * width;
    T* row = to + begin;
    nn::NormalizeRowBackward(d + begin, in.data() + begin, width, gain, statistics[r], gain_gradient, bias_gradient,
                             [row](std::int64_t at, T value) { row[at] = kAdd ? row[at] + value : value; });
  }
}

// values := dropout(values), and so for gradients.
template <class T>
void Drop(T* values, std::int64_t count, const std::vector<std::uint8_t>& keep, double probability) {
  const auto factor = static_cast<T>(1.0 / probability);
  for (std::int64_t at = 0; at < count; ++at) {
    values[at] *= static_cast<T>(keep[static_cast<std::size_t>(at)]) * factor;
  }
}

// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) (Hendrycks and Gimpel 2016), and its slope.
template <class T>
struct Gelu {
  static constexpr T kRoot = static_cast<T>(0.79788456080286535588);
  static constexpr T kCubic = static_cast<T>(0.044715);
  static T Value(T x) { return T{0.5} * x * (T{1} + nn::FastTanh(kRoot * (x + kCubic * x * x * x))); }
  static T Slope(T x) {
    const T t = nn::FastTanh(kRoot * (x + kCubic * x * x * x));
    return T{0.5} * (T{1} + t) + T{0.5} * x * (T{1} - t * t) * kRoot * (T{1} + T{3} * kCubic * x * x);
  }
};

template <class T>
void Activate(const T* in, std::int64_t count, bool gelu, T* out) {
  for (std::int64_t at = 0; at < count; ++at) {
    out[at] = gelu ? Gelu<T>::Value(in[at]) : std::max(in[at], T{0});
  }
}

template <class T>
void ActivateBackward(const T* in, std::int64_t count, bool gelu, T* d) {
  for (std::int64_t at = 0; at < count; ++at) {
    const T slope = in[at] > T{0} ? T{1} : T{0};
    d[at] *= gelu ? Gelu<T>::Slope(in[at]) : slope;
  }
}

template <class T>
void AddTo(const T* from, std::int64_t count, T* to) {
  for (std::int64_t at = 0; at < count; ++at) {
    to[at] += from[at];
  }
}

}  // namespace

template <class T>
void SasrecPass<T>::Embed(const T* params, const Sequences& sequences, const KeepMasks* masks,
                          std::vector<T>& out) const {
  const std::int64_t d = shape_.hidden;
  const T scale = std::sqrt(static_cast<T>(d));
  Sized(out, sequences.positions() * d);
  for (std::int64_t u = 0; u < sequences.rows(); ++u) {
    // The last position of every sequence is the last of the table.
    const T* position = params + layout_.position + (shape_.max_length - sequences.length(u)) * d;
    for (std::int64_t at = sequences.begin(u); at < sequences.begin(u) + sequences.length(u); ++at) {
      const T* item = params + layout_.item + sequences.inputs[static_cast<std::size_t>(at)] * d;
      T* row = out.data() + at * d;
      for (std::int64_t k = 0; k < d; ++k) {
        row[k] = item[k] * scale + position[k];
      }
      position += d;
    }
  }
  if (masks != nullptr) {
    Drop(out.data(), sequences.positions() * d, masks->input, masks->keep);
  }
}

template <class T>
void SasrecPass<T>::Attend(Memory& memory, const Sequences& sequences, const KeepMasks* masks, std::size_t number) {
  const std::int64_t d = shape_.hidden;
  std::int64_t squares = 0;
  for (std::int64_t u = 0; u < sequences.rows(); ++u) {
    squares += shape_.heads * sequences.length(u) * sequences.length(u);
  }
  Sized(memory.weights, squares);
  Sized(memory.attended, sequences.positions() * d);
  std::int64_t square = 0;
  for (std::int64_t u = 0; u < sequences.rows(); ++u) {
    const std::int64_t begin = sequences.begin(u);
    nn::AttentionDropout<T> dropout;
    if (masks != nullptr) {
      dropout = {masks->blocks[number].weights.data() + square, static_cast<T>(1.0 / masks->keep)};
    }
    nn::CausalAttention(memory.qkv.data() + begin * 3 * d, sequences.length(u), d, shape_.heads, dropout,
                        memory.weights.data() + square, memory.attended.data() + begin * d, scratch_);
    square += shape_.heads * sequences.length(u) * sequences.length(u);
  }
}

template <class T>
void SasrecPass<T>::AttendBackward(const Memory& memory, const Sequences& sequences, const KeepMasks* masks,
                                   std::size_t number, const T* d_out) {
  const std::int64_t d = shape_.hidden;
  Sized(d_qkv_, sequences.positions() * 3 * d);
  std::int64_t square = 0;
  for (std::int64_t u = 0; u < sequences.rows(); ++u) {
    const std::int64_t begin = sequences.begin(u);
    nn::AttentionDropout<T> dropout;
    if (masks != nullptr) {
      dropout = {masks->blocks[number].weights.data() + square, static_cast<T>(1.0 / masks->keep)};
    }
    nn::CausalAttentionBackward(d_out + begin * d, memory.qkv.data() + begin * 3 * d, memory.weights.data() + square,
                                sequences.length(u), d, shape_.heads, dropout, d_qkv_.data() + begin * 3 * d, scratch_);
    square += shape_.heads * sequences.length(u) * sequences.length(u);
  }
}

template <class T>
void SasrecPass<T>::ForwardBlock(const T* params, std::size_t number, const Sequences& sequences,
                                 const KeepMasks* masks, std::vector<T>& out) {
  const BlockOffsets& at = layout_.blocks[number];
  Memory& memory = memory_[number];
  const std::int64_t n = sequences.positions();
  const std::int64_t d = shape_.hidden;
  const bool first = !shape_.norm_last;
  if (first) {
    Norm(memory.input, n, d, params + at.norm1_gain, params + at.norm1_bias, memory.norm1, memory.normed1);
  }
  const std::vector<T>& source1 = first ? memory.normed1 : memory.input;
  Linear(source1.data(), n, d, params + at.qkv, params + at.qkv_bias, 3 * d, Sized(memory.qkv, n * 3 * d));
  Attend(memory, sequences, masks, number);
  Linear(memory.attended.data(), n, d, params + at.mix, params + at.mix_bias, d, Sized(memory.sum1, n * d));
  if (masks != nullptr) {
    Drop(memory.sum1.data(), n * d, masks->blocks[number].mixed, masks->keep);
  }
  AddTo(memory.input.data(), n * d, memory.sum1.data());
  if (first) {
    Norm(memory.sum1, n, d, params + at.norm2_gain, params + at.norm2_bias, memory.norm2, memory.normed2);
  } else {
    Norm(memory.sum1, n, d, params + at.norm1_gain, params + at.norm1_bias, memory.norm1, memory.normed1);
  }
  const std::vector<T>& source2 = first ? memory.normed2 : memory.normed1;
  const std::int64_t f = shape_.inner;
  Linear(source2.data(), n, d, params + at.expand, params + at.expand_bias, f, Sized(memory.expanded, n * f));
  Activate(memory.expanded.data(), n * f, shape_.gelu, Sized(memory.activated, n * f));
  std::vector<T>& sum2 = first ? out : memory.sum2;
  Linear(memory.activated.data(), n, f, params + at.contract, params + at.contract_bias, d, Sized(sum2, n * d));
  if (masks != nullptr) {
    Drop(sum2.data(), n * d, masks->blocks[number].fed, masks->keep);
  }
  AddTo(first ? memory.sum1.data() : memory.normed1.data(), n * d, sum2.data());
  if (!first) {
    Norm(sum2, n, d, params + at.norm2_gain, params + at.norm2_bias, memory.norm2, out);
  }
}

template <class T>
const T* SasrecPass<T>::Forward(const T* params, const Sequences& sequences, const KeepMasks* masks) {
  memory_.resize(layout_.blocks.size());
  std::vector<T>& embedded = memory_.empty() ? last_ : memory_[0].input;
  Embed(params, sequences, masks, embedded);
  for (std::size_t number = 0; number < memory_.size(); ++number) {
    ForwardBlock(params, number, sequences, masks, number + 1 < memory_.size() ? memory_[number + 1].input : last_);
  }
  if (shape_.norm_last) {
    return last_.data();
  }
  Norm(last_, sequences.positions(), shape_.hidden, params + layout_.norm_gain, params + layout_.norm_bias, norm_,
       output_);
  return output_.data();
}

template <class T>
void SasrecPass<T>::BackwardBlock(const T* params, std::size_t number, const Sequences& sequences,
                                  const KeepMasks* masks, T* d_out, T* gradient) {
  const BlockOffsets& at = layout_.blocks[number];
  const Memory& memory = memory_[number];
  const std::int64_t n = sequences.positions();
  const std::int64_t d = shape_.hidden;
  const std::int64_t f = shape_.inner;
  const bool first = !shape_.norm_last;
  if (!first) {
    NormBackward<false>(d_out, memory.sum2, d, params + at.norm2_gain, memory.norm2, gradient + at.norm2_gain,
                        gradient + at.norm2_bias, d_out);
  }
  // Feed-forward layers: d_out is the gradient by their sum with what they were added to.
  d_branch_.assign(d_out, d_out + n * d);
  if (masks != nullptr) {
    Drop(d_branch_.data(), n * d, masks->blocks[number].fed, masks->keep);
  }
  LinearBackward(d_branch_.data(), memory.activated.data(), n, f, params + at.contract, d, gradient + at.contract,
                 gradient + at.contract_bias, Sized(d_inner_, n * f));
  ActivateBackward(memory.expanded.data(), n * f, shape_.gelu, d_inner_.data());
  const std::vector<T>& source2 = first ? memory.normed2 : memory.normed1;
  LinearBackward(d_inner_.data(), source2.data(), n, d, params + at.expand, f, gradient + at.expand,
                 gradient + at.expand_bias, d_branch_.data());
  if (first) {
    NormBackward<true>(d_branch_.data(), memory.sum1, d, params + at.norm2_gain, memory.norm2, gradient + at.norm2_gain,
                       gradient + at.norm2_bias, d_out);
  } else {
    AddTo(d_branch_.data(), n * d, d_out);
    NormBackward<false>(d_out, memory.sum1, d, params + at.norm1_gain, memory.norm1, gradient + at.norm1_gain,
                        gradient + at.norm1_bias, d_out);
  }
  // Attention.
  d_branch_.assign(d_out, d_out + n * d);
  if (masks != nullptr) {
    Drop(d_branch_.data(), n * d, masks->blocks[number].mixed, masks->keep);
  }
  LinearBackward(d_branch_.data(), memory.attended.data(), n, d, params + at.mix, d, gradient + at.mix,
                 gradient + at.mix_bias, Sized(d_sum_, n * d));
  AttendBackward(memory, sequences, masks, number, d_sum_.data());
  const std::vector<T>& source1 = first ? memory.normed1 : memory.input;
  LinearBackward(d_qkv_.data(), source1.data(), n, d, params + at.qkv, 3 * d, gradient + at.qkv, gradient + at.qkv_bias,
                 d_branch_.data());
  if (first) {
    NormBackward<true>(d_branch_.data(), memory.input, d, params + at.norm1_gain, memory.norm1,
                       gradient + at.norm1_gain, gradient + at.norm1_bias, d_out);
  } else {
    AddTo(d_branch_.data(), n * d, d_out);
  }
}

template <class T>
void SasrecPass<T>::Backward(const T* params, const Sequences& sequences, const KeepMasks* masks, T* d_out,
                             T* gradient) {
  const std::int64_t d = shape_.hidden;
  if (!shape_.norm_last) {
    NormBackward<false>(d_out, last_, d, params + layout_.norm_gain, norm_, gradient + layout_.norm_gain,
                        gradient + layout_.norm_bias, d_out);
  }
  for (std::size_t number = memory_.size(); number-- > 0;) {
    BackwardBlock(params, number, sequences, masks, d_out, gradient);
  }
  if (masks != nullptr) {
    Drop(d_out, sequences.positions() * d, masks->input, masks->keep);
  }
  const T scale = std::sqrt(static_cast<T>(d));
  for (std::int64_t u = 0; u < sequences.rows(); ++u) {
    T* position = gradient + layout_.position + (shape_.max_length - sequences.length(u)) * d;
    for (std::int64_t at = sequences.begin(u); at < sequences.begin(u) + sequences.length(u); ++at) {
      T* item = gradient + layout_.item + sequences.inputs[static_cast<std::size_t>(at)] * d;
      const T* row = d_out + at * d;
      for (std::int64_t k = 0; k < d; ++k) {
        item[k] += row[k] * scale;
        position[k] += row[k];
      }
      position += d;
    }
  }
}

template class SasrecPass<float>;
template class SasrecPass<double>;

}  // namespace recforce::algos
