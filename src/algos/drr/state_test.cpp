// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/state.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "algos/drr/test_numbers.h"
#include "nn/gemm.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kDim = 4;
constexpr std::int64_t kMemory = 5;
constexpr std::int64_t kRows = 3;

// Rows with 5, 2 and no items.
struct Rows {
  std::vector<std::int32_t> memory = {7, 6, 5, 4, 3, 2, 1, -1, -1, -1, -1, -1, -1, -1, -1};
  std::vector<double> users = Drawn(kRows * kDim, 1);
  std::vector<double> items = Drawn(kRows * kMemory * kDim, 2);

  Rows() {
    for (std::size_t cell = 0; cell < memory.size(); ++cell) {
      for (std::size_t d = 0; memory[cell] < 0 && d < kDim; ++d) {
        items[cell * kDim + d] = 0.0;
      }
    }
  }
  [[nodiscard]] StateRows<double> view() const { return {users.data(), items.data(), memory.data(), kRows}; }
  [[nodiscard]] double u(std::size_t row, std::size_t d) const { return users[row * kDim + d]; }
  [[nodiscard]] double i(std::size_t row, std::size_t a, std::size_t d) const {
    return items[(row * kMemory + a) * kDim + d];
  }
};

class EveryState : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { nn::UseOneBlasThread(); }
  StateShape shape_{ParseStateKind(GetParam()), kDim, kMemory};
  std::vector<double> params_ = [this] {
    std::vector<double> params = InitState<double>(shape_, 3);
    const std::vector<double> noise = Drawn(static_cast<std::int64_t>(params.size()), 4);
    for (std::size_t at = 0; at < params.size(); ++at) {
      params[at] += 0.3 * noise[at];
    }
    return params;
  }();
  Rows rows_;

  std::vector<double> Forward() {
    std::vector<double> out(static_cast<std::size_t>(kRows * shape_.size()));
    StatePass<double>(shape_).Forward(params_.data(), rows_.view(), out.data());
    return out;
  }
};

// What the module should give, one number at a time.
double Expected(const std::string& kind, const Rows& rows, const std::vector<double>& p, const std::vector<double>& out,
                std::size_t row, std::size_t block, std::size_t d) {
  const auto pair = [&](std::size_t number) {
    for (std::size_t a = 0; a < kMemory; ++a) {
      for (std::size_t b = a + 1; b < kMemory; ++b) {
        if (number-- == 0) {
          return p[a] * rows.i(row, a, d) * p[b] * rows.i(row, b, d);
        }
      }
    }
    return std::nan("");
  };
  if (kind == "items") {
    return rows.i(row, block, d);
  }
  if (kind == "pairs") {
    return block < kMemory ? rows.i(row, block, d) : pair(block - kMemory);
  }
  if (kind == "user_pairs") {
    return block < kMemory ? rows.u(row, d) * p[block] * rows.i(row, block, d) : pair(block - kMemory);
  }
  double g = 0.0;
  if (kind == "gru") {  // its own test has the recurrence
    g = out[(3 * row + 2) * kDim + d];
  } else if (kind == "average") {
    g = p[kMemory];
    for (std::size_t a = 0; a < kMemory; ++a) {
      g += p[a] * rows.i(row, a, d);
    }
  } else {
    // alpha = softmax of v . relu(A [u ; i] + c): A [D, 2 D], c [D], v [1, D], its bias
    std::vector<double> weights;
    double sum = 0.0;
    for (std::size_t a = 0; a < kMemory && rows.memory[row * kMemory + a] >= 0; ++a) {
      double score = p[kDim * 2 * kDim + kDim + kDim];
      for (std::size_t h = 0; h < kDim; ++h) {
        double hidden = p[kDim * 2 * kDim + h];
        for (std::size_t c = 0; c < kDim; ++c) {
          hidden += p[h * 2 * kDim + c] * rows.u(row, c) + p[h * 2 * kDim + kDim + c] * rows.i(row, a, c);
        }
        score += p[kDim * 2 * kDim + kDim + h] * std::max(hidden, 0.0);
      }
      weights.push_back(std::exp(score));
      sum += weights.back();
    }
    for (std::size_t a = 0; a < weights.size(); ++a) {
      g += weights[a] / sum * rows.i(row, a, d);
    }
  }
  return block == 0 ? rows.u(row, d) : block == 1 ? rows.u(row, d) * g : g;
}

TEST_P(EveryState, IsWhatTheEquationsSay) {
  const std::vector<double> out = Forward();
  const std::int64_t blocks = GetParam() == "items" ? 5 : GetParam().ends_with("pairs") ? 15 : 3;
  ASSERT_EQ(shape_.size(), blocks * kDim);
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t at = 0; at < static_cast<std::size_t>(shape_.size()); ++at) {
      EXPECT_NEAR(out[row * static_cast<std::size_t>(shape_.size()) + at],
                  Expected(GetParam(), rows_, params_, out, row, at / kDim, at % kDim), 1e-12)
          << "row " << row << " number " << at;
    }
  }
}

TEST_P(EveryState, GradientsAreThoseOfDifferences) {
  const std::vector<double> d = Drawn(kRows * shape_.size(), 5);
  std::vector<double> gradient(params_.size());
  std::vector<double> d_users(rows_.users.size());
  std::vector<double> d_items(rows_.items.size());
  StatePass<double> pass(shape_);
  std::vector<double> out(d.size());
  pass.Forward(params_.data(), rows_.view(), out.data());
  pass.Backward(params_.data(), rows_.view(), d.data(), gradient.data(), d_users.data(), d_items.data());
  const auto loss = [&] {
    const std::vector<double> now = Forward();
    double sum = 0.0;
    for (std::size_t at = 0; at < now.size(); ++at) {
      sum += d[at] * now[at];
    }
    return sum;
  };
  ExpectGradient(loss, params_, gradient);
  ExpectGradient(loss, rows_.users, d_users);
  // Of items that there are.
  for (std::size_t cell = 0; cell < rows_.items.size(); ++cell) {
    if (rows_.memory[cell / kDim] >= 0) {
      ExpectDerivative(loss, rows_.items[cell], d_items[cell]);
    }
  }
}

TEST_P(EveryState, MissingItemsAreNothing) {
  if (GetParam() == "average") {  // its bias is all that is left of g
    params_[kMemory] = 0.0;
  }
  const std::vector<double> last = Forward();
  const std::size_t size = static_cast<std::size_t>(shape_.size());
  for (std::size_t at = 0; at < size; ++at) {
    const bool user = size == 3 * kDim && at < kDim;
    EXPECT_EQ(last[2 * size + at], user ? rows_.u(2, at) : 0.0) << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryState, testing::ValuesIn(StateKindNames()),
                         [](const auto& kind) { return kind.param; });

TEST(GruState, ReadsItemsFromTheOldest) {
  nn::UseOneBlasThread();
  const StateShape shape{StateKind::kGru, kDim, kMemory};
  const std::vector<double> p = InitState<double>(shape, 3);
  const Rows rows;
  std::vector<double> out(static_cast<std::size_t>(kRows * shape.size()));
  StatePass<double>(shape).Forward(p.data(), rows.view(), out.data());
  const StateLayout layout(shape);
  const auto gate = [&](const DenseLayer& layer, std::size_t out_row, const std::vector<double>& x) {
    double sum = p[static_cast<std::size_t>(layer.bias) + out_row];
    for (std::size_t c = 0; c < kDim; ++c) {
      sum += p[static_cast<std::size_t>(layer.weight) + out_row * kDim + c] * x[c];
    }
    return sum;
  };
  const auto sigmoid = [](double x) { return 1.0 / (1.0 + std::exp(-x)); };
  std::vector<double> h(kDim, 0.0);
  for (std::size_t a = kMemory; a-- > 0;) {
    std::vector<double> x(kDim);
    for (std::size_t d = 0; d < kDim; ++d) {
      x[d] = rows.i(0, a, d);
    }
    std::vector<double> next(kDim);
    for (std::size_t d = 0; d < kDim; ++d) {
      const double z = sigmoid(gate(layout.input, d, x) + gate(layout.recurrent, d, h));
      const double r = sigmoid(gate(layout.input, kDim + d, x) + gate(layout.recurrent, kDim + d, h));
      const double c = std::tanh(gate(layout.input, 2 * kDim + d, x) + r * gate(layout.recurrent, 2 * kDim + d, h));
      next[d] = (1.0 - z) * c + z * h[d];
    }
    h = next;
  }
  for (std::size_t d = 0; d < kDim; ++d) {
    EXPECT_NEAR(out[2 * kDim + d], h[d], 1e-12);
  }
}

}  // namespace
}  // namespace recforce::algos
