// SPDX-License-Identifier: Apache-2.0
// The inner loops of this room against the plain ones.
#include "ope/vector_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "ope/gram.h"
#include "ope/row_products.h"
#include "recforce/base/rng.h"

namespace recforce::ope {
namespace {

using Doubles = std::vector<double>;

Doubles Random(std::size_t count, std::uint64_t a) {
  base::Rng rng(3, base::Stream::kTest, a);
  Doubles values(count);
  for (double& value : values) {
    value = rng.Normal();
  }
  return values;
}

TEST(OpeVectorMath, ExponentialsAreThoseOfTheStandardLibrary) {
  for (double x = -708.0; x < 709.0; x += 0.0917) {
    EXPECT_NEAR(FastExp(x) / std::exp(x), 1.0, 1e-15) << x;
  }
  EXPECT_EQ(FastExp(0.0), 1.0);
  EXPECT_EQ(FastExp(-std::numeric_limits<double>::infinity()), FastExp(-708.0));
  EXPECT_EQ(FastExp(1e300), FastExp(709.0));
  EXPECT_TRUE(std::isnan(FastExp(std::nan(""))));
}

TEST(OpeVectorMath, SumsOfAnyLength) {
  for (const std::size_t count : {0U, 1U, 7U, 8U, 9U, 31U}) {
    const Doubles a = Random(count, 1);
    const Doubles b = Random(count, 2);
    EXPECT_NEAR(Dot(a, b), std::inner_product(a.begin(), a.end(), b.begin(), 0.0), 1e-14) << count;
  }
}

TEST(OpeVectorMath, SoftmaxOfAnyLength) {
  for (const std::size_t count : {1U, 5U, 8U, 19U}) {
    Doubles logits = Random(count, 3);
    logits.back() = 900.0;  // its exponential overflows
    logits.front() = count > 1 ? 899.0 : 900.0;
    Doubles law = logits;
    SoftmaxInPlace(law);
    EXPECT_NEAR(std::accumulate(law.begin(), law.end(), 0.0), 1.0, 1e-14);
    EXPECT_NEAR(law.back(), count > 1 ? 1.0 / (1.0 + std::exp(-1.0)) : 1.0, 1e-14);
  }
}

TEST(OpeVectorMath, ProductsOfRowsDoNotDependOnCompany) {
  constexpr std::size_t kColumns = 5;
  for (const std::size_t rows : {1U, 8U, 21U}) {
    const Doubles table = Random(rows * kColumns, 4);
    const RowProducts products(table, kColumns);
    ASSERT_EQ(products.rows(), rows);
    const Doubles vectors = Random(7 * kColumns, 5);
    Doubles found(7 * rows);
    std::vector<const double*> xs;
    std::vector<double*> out;
    for (std::size_t v = 0; v < 7; ++v) {
      xs.push_back(vectors.data() + v * kColumns);
      out.push_back(found.data() + v * rows);
    }
    products.Multiply(xs, out);
    for (std::size_t v = 0; v < 7; ++v) {
      const std::span<const double> x(xs[v], kColumns);
      Doubles alone(rows);
      products.Multiply(x, alone);
      for (std::size_t row = 0; row < rows; ++row) {
        const auto begin = table.begin() + static_cast<std::ptrdiff_t>(row * kColumns);
        EXPECT_NEAR(alone[row], std::inner_product(x.begin(), x.end(), begin, 0.0), 1e-14);
        EXPECT_EQ(alone[row], out[v][row]);
        EXPECT_EQ(alone[row], products.MultiplyOne(x, row));
      }
    }
  }
}

TEST(OpeVectorMath, SumsOfOuterProducts) {
  for (const std::size_t width : {1U, 4U, 8U, 13U}) {
    const std::size_t stride = GramStride(width);
    constexpr std::size_t kCount = 9;
    Doubles x(kCount * stride, 0.0);
    Doubles scaled = x;
    const Doubles values = Random(kCount * width, 6);
    for (std::size_t k = 0; k < kCount; ++k) {
      for (std::size_t c = 0; c < width; ++c) {
        x[k * stride + c] = values[k * width + c];
        scaled[k * stride + c] = 0.5 * static_cast<double>(k) * values[k * width + c];
      }
    }
    Doubles out(stride * stride, 1.0);
    AddGram(x, scaled, width, out);
    for (std::size_t i = 0; i < width; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = 1.0;
        for (std::size_t k = 0; k < kCount; ++k) {
          sum += scaled[k * stride + i] * x[k * stride + j];
        }
        EXPECT_NEAR(out[i * stride + j], sum, 1e-13) << width;
      }
    }
  }
}

}  // namespace
}  // namespace recforce::ope
