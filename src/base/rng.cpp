// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10 and the distributions over it. The key holds (seed, purpose), the counter (block, b, a), so two
// streams with different names never share a block. A stream holds 2^34 numbers and then repeats.
#include "recforce/base/rng.h"

#include <cmath>
#include <numbers>

#include "recforce/base/error.h"

namespace recforce::base {

namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

std::uint32_t High(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }
std::uint32_t Low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

// The finaliser of SplitMix64: a bijection that spreads every input bit over all output bits.
std::uint64_t Mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

}  // namespace

std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t product0 = std::uint64_t{kMultiplier0} * counter[0];
    const std::uint64_t product1 = std::uint64_t{kMultiplier1} * counter[2];
    counter = {High(product1) ^ counter[1] ^ key[0], Low(product1), High(product0) ^ counter[3] ^ key[1],
               Low(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

Rng::Rng(std::uint64_t seed, Stream purpose, std::uint64_t a, std::uint32_t b) : counter_{0, b, Low(a), High(a)} {
  const std::uint64_t key = Mix(seed ^ Mix(static_cast<std::uint64_t>(purpose)));
  key_ = {Low(key), High(key)};
}

std::uint32_t Rng::Next() {
  if (used_ == 4) {
    block_ = Philox4x32(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[static_cast<std::size_t>(used_++)];
}

// The middle of one of 2^32 equal cells, so neither 0 nor 1 comes out.
double Rng::Uniform() { return (static_cast<double>(Next()) + 0.5) * 0x1p-32; }

double Rng::Normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double radius = std::sqrt(-2.0 * std::log(Uniform()));
  const double angle = 2.0 * std::numbers::pi * Uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

// Multiply and shift; the few products whose low half would favour some results are drawn again (Lemire, "Fast
// Random Integer Generation in an Interval", 2019).
std::uint64_t Rng::Below(std::uint64_t n) {
  RECFORCE_CHECK(n > 0, "Below(0) has no result");
  if (n <= 0xFFFFFFFF) {
    const auto bound = static_cast<std::uint32_t>(n);
    const std::uint32_t threshold = (0U - bound) % bound;
    for (;;) {
      const std::uint64_t product = std::uint64_t{Next()} * bound;
      if (Low(product) >= threshold) {
        return High(product);
      }
    }
  }
  const std::uint64_t threshold = (std::uint64_t{0} - n) % n;
  for (;;) {
    const std::uint64_t high = Next();
    const unsigned __int128 product = static_cast<unsigned __int128>((high << 32) | Next()) * n;
    if (static_cast<std::uint64_t>(product) >= threshold) {
      return static_cast<std::uint64_t>(product >> 64);
    }
  }
}

}  // namespace recforce::base
