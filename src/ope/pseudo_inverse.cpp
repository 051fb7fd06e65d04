// SPDX-License-Identifier: Apache-2.0
#include "recforce/ope/pseudo_inverse.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "ope/checks.h"
#include "recforce/base/error.h"

namespace recforce::ope {
namespace {

constexpr std::int64_t kLargestSize = 1024;
constexpr int kSweeps = 60;  // Jacobi converges quadratically: about ten are usual

std::size_t AtLeastOne(std::string_view what, std::int64_t count) {
  RequireRounds(what, count > 0 ? static_cast<std::size_t>(count) : 0);
  return static_cast<std::size_t>(count);
}

struct LawShape {
  std::size_t length = 0;
  std::size_t items = 0;
  [[nodiscard]] std::size_t size() const { return length * items; }
};

LawShape RequireLaw(const SlateLaw& law) {
  const LawShape shape = {AtLeastOne("slots of a slate", law.length), AtLeastOne("items", law.num_items)};
  RequireRounds("slates", law.probabilities.size());
  RequireSize("items of slates", law.slates.size(), law.probabilities.size() * shape.length, "one for each slot");
  RequireIndices("items of slates", law.slates, law.num_items);
  RequireDistributions("probabilities of slates", law.probabilities,
                       static_cast<std::int64_t>(law.probabilities.size()));
  return shape;
}

double OffDiagonal(const std::vector<double>& matrix, std::size_t size) {
  double sum = 0.0;
  for (std::size_t row = 0; row < size; ++row) {
    for (std::size_t column = 0; column < row; ++column) {
      sum += 2.0 * matrix[row * size + column] * matrix[row * size + column];
    }
  }
  return sum;
}

// Rotates rows p and q of a matrix by (c, s).
void RotateRows(std::vector<double>& matrix, std::size_t size, std::size_t p, std::size_t q, double c, double s) {
  for (std::size_t k = 0; k < size; ++k) {
    const double first = matrix[p * size + k];
    const double second = matrix[q * size + k];
    matrix[p * size + k] = c * first - s * second;
    matrix[q * size + k] = s * first + c * second;
  }
}

void RotateColumns(std::vector<double>& matrix, std::size_t size, std::size_t p, std::size_t q, double c, double s) {
  for (std::size_t k = 0; k < size; ++k) {
    const double first = matrix[k * size + p];
    const double second = matrix[k * size + q];
    matrix[k * size + p] = c * first - s * second;
    matrix[k * size + q] = s * first + c * second;
  }
}

// Makes `matrix` diagonal; the rows of the result are its eigenvectors (Golub & Van Loan, section 8.5).
std::vector<double> Diagonalise(std::vector<double>& matrix, std::size_t size) {
  std::vector<double> vectors(size * size, 0.0);
  double square = 0.0;
  for (std::size_t i = 0; i < size; ++i) {
    vectors[i * size + i] = 1.0;
  }
  for (const double value : matrix) {
    square += value * value;
  }
  int sweep = 0;
  while (OffDiagonal(matrix, size) > 1e-30 * square) {
    RECFORCE_CHECK(++sweep <= kSweeps, "Jacobi rotations do not converge");
    for (std::size_t p = 0; p < size; ++p) {
      for (std::size_t q = p + 1; q < size; ++q) {
        const double cross = matrix[p * size + q];
        if (cross * cross <= 1e-34 * square) {
          continue;
        }
        const double theta = (matrix[q * size + q] - matrix[p * size + p]) / (2.0 * cross);
        const double tangent = std::copysign(1.0, theta) / (std::abs(theta) + std::sqrt(theta * theta + 1.0));
        const double cosine = 1.0 / std::sqrt(tangent * tangent + 1.0);
        RotateRows(matrix, size, p, q, cosine, tangent * cosine);
        RotateColumns(matrix, size, p, q, cosine, tangent * cosine);
        RotateRows(vectors, size, p, q, cosine, tangent * cosine);
      }
    }
  }
  return vectors;
}

void RequireSymmetric(std::span<const double> matrix, std::int64_t size) {
  if (size < 1 || size > kLargestSize) {
    Fail("size of a matrix", std::to_string(size), "1 to " + std::to_string(kLargestSize));
  }
  const auto n = static_cast<std::size_t>(size);
  RequireSize("a matrix", matrix.size(), n * n, "a square");
  RequireFinite("a matrix", matrix);
  double largest = 0.0;
  for (const double value : matrix) {
    largest = std::max(largest, std::abs(value));
  }
  for (std::size_t row = 0; row < n; ++row) {
    for (std::size_t column = 0; column < row; ++column) {
      if (std::abs(matrix[row * n + column] - matrix[column * n + row]) > 1e-9 * largest) {
        Fail("a matrix", "row " + std::to_string(row) + " differs from its column", "a symmetric matrix");
      }
    }
  }
}

void RequireSquare(std::string_view what, std::span<const double> matrix, std::span<const double> vector) {
  RequireRounds("entries of a vector of slots and items", vector.size());
  RequireSize(what, matrix.size(), vector.size() * vector.size(), "the square of the vector's");
  RequireFinite(what, matrix);
  RequireFinite("entries of a vector of slots and items", vector);
}

std::vector<double> Product(std::span<const double> matrix, std::span<const double> vector) {
  std::vector<double> out(vector.size(), 0.0);
  for (std::size_t row = 0; row < out.size(); ++row) {
    for (std::size_t column = 0; column < out.size(); ++column) {
      out[row] += matrix[row * out.size() + column] * vector[column];
    }
  }
  return out;
}

void RequireDistinct(std::string_view what, std::span<const std::int32_t> slate, std::int64_t num_items) {
  RequireIndices(what, slate, num_items);
  std::vector<std::int32_t> sorted(slate.begin(), slate.end());
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    Fail(what, "item " + std::to_string(*twice) + " twice", "different items");
  }
}

}  // namespace

std::vector<double> SlateMarginals(const SlateLaw& law) {
  const LawShape shape = RequireLaw(law);
  std::vector<double> marginals(shape.size(), 0.0);
  for (std::size_t i = 0; i < law.slates.size(); ++i) {
    const std::size_t slot = i % shape.length;
    marginals[slot * shape.items + static_cast<std::size_t>(law.slates[i])] += law.probabilities[i / shape.length];
  }
  return marginals;
}

std::vector<double> SlateGram(const SlateLaw& law) {
  const LawShape shape = RequireLaw(law);
  std::vector<double> gram(shape.size() * shape.size(), 0.0);
  for (std::size_t slate = 0; slate < law.probabilities.size(); ++slate) {
    for (std::size_t j = 0; j < shape.length; ++j) {
      const std::size_t row = j * shape.items + static_cast<std::size_t>(law.slates[slate * shape.length + j]);
      for (std::size_t k = 0; k < shape.length; ++k) {
        const std::size_t column = k * shape.items + static_cast<std::size_t>(law.slates[slate * shape.length + k]);
        gram[row * shape.size() + column] += law.probabilities[slate];
      }
    }
  }
  return gram;
}

std::vector<double> ProductGram(std::span<const double> marginals, std::int64_t num_items) {
  RequireDistributions("marginals of slots", marginals, num_items);
  const std::size_t size = marginals.size();
  const auto items = static_cast<std::size_t>(num_items);
  std::vector<double> gram(size * size, 0.0);
  for (std::size_t row = 0; row < size; ++row) {
    for (std::size_t column = 0; column < size; ++column) {
      // A slot holds one item: within a slot only an item with itself.
      if (row / items != column / items) {
        gram[row * size + column] = marginals[row] * marginals[column];
      } else if (row == column) {
        gram[row * size + column] = marginals[row];
      }
    }
  }
  return gram;
}

std::vector<double> UniformGram(std::int64_t length, std::int64_t num_items) {
  const std::size_t slots = AtLeastOne("slots of a slate", length);
  const std::size_t items = AtLeastOne("items", num_items);
  if (slots > items) {
    Fail("slots of a slate", std::to_string(length), "at most the " + std::to_string(num_items) + " items");
  }
  const auto m = static_cast<double>(num_items);
  const std::size_t size = slots * items;
  std::vector<double> gram(size * size, 0.0);
  for (std::size_t row = 0; row < size; ++row) {
    for (std::size_t column = 0; column < size; ++column) {
      const bool same_slot = row / items == column / items;
      const bool same_item = row % items == column % items;
      if (same_slot && same_item) {
        gram[row * size + column] = 1.0 / m;
      } else if (!same_slot && !same_item) {
        gram[row * size + column] = 1.0 / (m * (m - 1.0));
      }
    }
  }
  return gram;
}

std::vector<double> SymmetricPseudoInverse(std::span<const double> matrix, std::int64_t size, double tolerance) {
  RequireSymmetric(matrix, size);
  RequireLevel("tolerance of a pseudo-inverse", tolerance);
  const auto n = static_cast<std::size_t>(size);
  std::vector<double> diagonal(matrix.begin(), matrix.end());
  const std::vector<double> vectors = Diagonalise(diagonal, n);
  double largest = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    largest = std::max(largest, std::abs(diagonal[i * n + i]));
  }
  std::vector<double> inverse(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    const double eigenvalue = diagonal[i * n + i];
    if (std::abs(eigenvalue) <= tolerance * largest) {
      continue;
    }
    const double* const vector = vectors.data() + i * n;
    for (std::size_t row = 0; row < n; ++row) {
      for (std::size_t column = 0; column < n; ++column) {
        inverse[row * n + column] += vector[row] * vector[column] / eigenvalue;
      }
    }
  }
  return inverse;
}

std::vector<double> PseudoInverseScores(std::span<const double> gram_inverse,
                                        std::span<const double> policy_marginals) {
  RequireSquare("inverse of the second moment of slates", gram_inverse, policy_marginals);
  return Product(gram_inverse, policy_marginals);
}

double PseudoInverseWeight(std::span<const double> scores, std::span<const std::int32_t> slate,
                           std::int64_t num_items) {
  const std::size_t items = AtLeastOne("items", num_items);
  RequireSize("scores of slots and items", scores.size(), slate.size() * items, "one for each slot and item");
  RequireIndices("items of a slate", slate, num_items);
  double weight = 0.0;
  for (std::size_t slot = 0; slot < slate.size(); ++slot) {
    weight += scores[slot * items + static_cast<std::size_t>(slate[slot])];
  }
  return weight;
}

double PseudoInverseGap(std::span<const double> gram, std::span<const double> scores,
                        std::span<const double> policy_marginals) {
  RequireSquare("second moment of slates", gram, scores);
  RequireSize("marginals of the policy", policy_marginals.size(), scores.size(), "one for each slot and item");
  RequireFinite("marginals of the policy", policy_marginals);
  const std::vector<double> reached = Product(gram, scores);
  double gap = 0.0;
  for (std::size_t i = 0; i < reached.size(); ++i) {
    gap = std::max(gap, std::abs(reached[i] - policy_marginals[i]));
  }
  return gap;
}

double ProductPseudoInverseWeight(std::span<const double> position_ratios) {
  RequireRounds("slots of a slate", position_ratios.size());
  RequireNotNegative("ratios of positions", position_ratios);
  double weight = 1.0;
  for (const double ratio : position_ratios) {
    weight += ratio - 1.0;
  }
  return weight;
}

double UniformPseudoInverseWeight(std::span<const std::int32_t> logged, std::span<const std::int32_t> target,
                                  std::int64_t num_items) {
  RequireRounds("slots of a slate", logged.size());
  RequireSize("the policy's slate", target.size(), logged.size(), "one for each slot");
  RequireDistinct("the logged slate", logged, num_items);
  RequireDistinct("the policy's slate", target, num_items);
  std::int64_t matches = 0;
  std::int64_t common = 0;
  for (std::size_t slot = 0; slot < logged.size(); ++slot) {
    matches += logged[slot] == target[slot] ? 1 : 0;
    common += std::find(target.begin(), target.end(), logged[slot]) != target.end() ? 1 : 0;
  }
  const auto length = static_cast<double>(logged.size());
  const auto m = static_cast<double>(num_items);
  const auto agree = static_cast<double>(matches);
  if (length == m) {
    return 1.0 + (m - 1.0) * (agree - 1.0);
  }
  return 1.0 + (m - 1.0) * (agree - (length - static_cast<double>(common)) / (m - length));
}

}  // namespace recforce::ope
