// SPDX-License-Identifier: Apache-2.0
#include "nn/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/blas.h"
#include "support/golden.h"

namespace recforce::nn {
namespace {

constexpr std::int64_t kLength = 101;  // more than two blocks of rows
constexpr std::int64_t kHidden = 12;
constexpr std::int64_t kHeads = 2;

// The same in ATen calls. keep: [heads, L, L] or undefined.
torch::Tensor Reference(const torch::Tensor& qkv, const torch::Tensor& keep, double factor) {
  const std::int64_t width = kHidden / kHeads;
  const auto parts = qkv.view({kLength, 3, kHeads, width}).permute({1, 2, 0, 3});
  const torch::Tensor future = torch::ones({kLength, kLength}, torch::kBool).triu(1);
  torch::Tensor weights = parts[0].matmul(parts[1].transpose(1, 2)) / std::sqrt(static_cast<double>(width));
  weights = weights.masked_fill(future, -std::numeric_limits<double>::infinity()).softmax(-1);
  if (keep.defined()) {
    weights = weights * keep * factor;
  }
  return weights.matmul(parts[2]).transpose(0, 1).reshape({kLength, kHidden});
}

TEST(CausalAttention, IsThatOfLibtorchForwardAndBackward) {
  torch::manual_seed(1);
  const torch::Tensor qkv = torch::randn({kLength, 3 * kHidden}, torch::kFloat64);
  const torch::Tensor d = torch::randn({kLength, kHidden}, torch::kFloat64);
  const torch::Tensor bytes = (torch::rand({kHeads, kLength, kLength}) < 0.7).to(torch::kUInt8);
  for (const bool drop : {false, true}) {
    AttentionDropout<double> dropout;
    if (drop) {
      dropout = {bytes.data_ptr<std::uint8_t>(), 1.0 / 0.7};
    }
    torch::Tensor weights = torch::full({kHeads, kLength, kLength}, std::nan(""), torch::kFloat64);
    torch::Tensor out = torch::empty_like(d);
    torch::Tensor gradient = torch::empty_like(qkv);
    std::vector<double> scratch;
    CausalAttention(qkv.data_ptr<double>(), kLength, kHidden, kHeads, dropout, weights.data_ptr<double>(),
                    out.data_ptr<double>(), scratch);
    CausalAttentionBackward(d.data_ptr<double>(), qkv.data_ptr<double>(), weights.data_ptr<double>(), kLength, kHidden,
                            kHeads, dropout, gradient.data_ptr<double>(), scratch);
    const torch::Tensor leaf = qkv.clone().requires_grad_(true);
    const torch::Tensor expected = Reference(leaf, drop ? bytes : torch::Tensor(), 1.0 / 0.7);
    const torch::Tensor expected_gradient = torch::autograd::grad({(expected * d).sum()}, {leaf})[0];
    EXPECT_LT(test::Distance(out, expected), 1e-12) << drop;
    EXPECT_LT(test::Distance(gradient, expected_gradient), 1e-12) << drop;
  }
}

// [[1, 2], [3, 4]] with itself, plain and transposed, beside numbers that are not the matrix's.
TEST(Gemm, ByHand) {
  const std::vector<float> a = {1, 2, 77, 3, 4, 77};
  std::vector<float> c = {10, 0, 0, 10};
  Gemm(Op::kPlain, Op::kPlain, 2, 2, 2, {a.data(), 3}, {a.data(), 3}, 1.0F, {c.data(), 2});
  EXPECT_EQ(c, (std::vector<float>{17, 10, 15, 32}));
  Gemm(Op::kTransposed, Op::kPlain, 2, 2, 2, {a.data(), 3}, {a.data(), 3}, 0.0F, {c.data(), 2});
  EXPECT_EQ(c, (std::vector<float>{10, 14, 14, 20}));
  Gemm(Op::kPlain, Op::kTransposed, 1, 2, 2, {a.data(), 3}, {a.data(), 3}, 0.0F, {c.data(), 2});
  EXPECT_EQ(c, (std::vector<float>{5, 11, 14, 20}));
}

}  // namespace
}  // namespace recforce::nn
