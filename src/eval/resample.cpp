// SPDX-License-Identifier: Apache-2.0
#include "eval/resample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::eval {
namespace {

constexpr std::int64_t kReplicatesPerChunk = 64;

// Sums over many users are only as good as their rounding: two sums closer than this share of sum |d| are equal.
constexpr double kRelativeRounding = 1e-12;

// An index below n is (32 random bits * n) >> 32: its bias is below n / 2^32, far under the Monte Carlo error, and it
// costs no division.
std::size_t Draw(base::Rng& rng, std::uint64_t n) { return static_cast<std::size_t>((rng.Next() * n) >> 32U); }

double ResampledSum(std::span<const double> values, base::Rng rng) {
  const auto n = static_cast<std::uint64_t>(values.size());
  double sum = 0.0;
  for (std::uint64_t draw = 0; draw < n; ++draw) {
    sum += values[Draw(rng, n)];
  }
  return sum;
}

// sums[column] += rows(draw, column) for kColumns columns from `first` on, in the order of the draws.
template <std::size_t kColumns>
void AddColumns(std::span<const double> rows, std::size_t width, std::size_t first, std::span<const std::size_t> draws,
                std::span<double> sums) {
  std::array<double, kColumns> part;
  std::copy_n(sums.begin() + static_cast<std::ptrdiff_t>(first), kColumns, part.begin());
  for (const std::size_t draw : draws) {
    const double* row = rows.data() + draw * width + first;
    for (std::size_t column = 0; column < kColumns; ++column) {
      part[column] += row[column];
    }
  }
  std::copy_n(part.begin(), kColumns, sums.begin() + static_cast<std::ptrdiff_t>(first));
}

// Some hundred draws at a time, whose sums stay in registers.
void AddResampledRows(std::span<const double> rows, base::Rng rng, std::span<double> sums) {
  const std::size_t width = sums.size();
  const std::size_t n = rows.size() / width;
  std::array<std::size_t, 256> drawn;
  for (std::size_t begin = 0; begin < n; begin += drawn.size()) {
    const std::span<std::size_t> draws = std::span(drawn).first(std::min(drawn.size(), n - begin));
    for (std::size_t& draw : draws) {
      draw = Draw(rng, n);
    }
    std::size_t column = 0;
    for (; column + 8 <= width; column += 8) {
      AddColumns<8>(rows, width, column, draws, sums);
    }
    for (; column + 4 <= width; column += 4) {
      AddColumns<4>(rows, width, column, draws, sums);
    }
    for (; column < width; ++column) {
      AddColumns<1>(rows, width, column, draws, sums);
    }
  }
}

// Sum with every sign kept or flipped by one random bit, 32 users a random number.
double FlippedSum(std::span<const double> differences, base::Rng rng) {
  double sum = 0.0;
  for (std::size_t first = 0; first < differences.size(); first += 32) {
    const std::uint32_t bits = rng.Next();
    const std::span<const double> part =
        differences.subspan(first, std::min<std::size_t>(32, differences.size() - first));
    double flipped = 0.0;
    double total = 0.0;
    for (std::size_t lane = 0; lane < part.size(); ++lane) {
      flipped += static_cast<double>((bits >> lane) & 1U) * part[lane];
      total += part[lane];
    }
    sum += total - 2.0 * flipped;
  }
  return sum;
}

}  // namespace

std::vector<double> ResampledSums(std::span<const double> rows, std::int64_t width, std::uint64_t seed,
                                  std::int64_t replicates) {
  RECFORCE_CHECK(width > 0 && replicates > 0, "resampling needs columns and replicates");
  const auto columns = static_cast<std::size_t>(width);
  std::vector<double> sums(static_cast<std::size_t>(replicates) * columns, 0.0);
  base::ParallelFor(0, replicates, kReplicatesPerChunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const base::Rng rng(seed, base::Stream::kBootstrap, static_cast<std::uint64_t>(r));
      const std::span<double> mine = std::span(sums).subspan(static_cast<std::size_t>(r) * columns, columns);
      if (columns == 1) {
        mine[0] = ResampledSum(rows, rng);
      } else {
        AddResampledRows(rows, rng, mine);
      }
    }
  });
  return sums;
}

double SignFlipP(std::span<const double> differences, std::uint64_t seed, std::int64_t replicates) {
  double sum = 0.0;
  double magnitude = 0.0;
  for (const double difference : differences) {
    sum += difference;
    magnitude += std::abs(difference);
  }
  const double threshold = std::abs(sum) - kRelativeRounding * magnitude;
  std::vector<std::uint8_t> extreme(static_cast<std::size_t>(replicates));
  base::ParallelFor(0, replicates, kReplicatesPerChunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const base::Rng signs(seed, base::Stream::kBootstrap, static_cast<std::uint64_t>(replicates + r));
      extreme[static_cast<std::size_t>(r)] = std::abs(FlippedSum(differences, signs)) >= threshold ? 1 : 0;
    }
  });
  const auto extremes = std::count(extreme.begin(), extreme.end(), 1);
  return (1.0 + static_cast<double>(extremes)) / (1.0 + static_cast<double>(replicates));
}

Middle MiddleOf(std::vector<double> values) {
  RECFORCE_CHECK(!values.empty(), "the middle of nothing");
  std::sort(values.begin(), values.end());
  const std::size_t left_out = values.size() / 40;
  return {values[left_out], values[values.size() - 1 - left_out]};
}

}  // namespace recforce::eval
