// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers (Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy
// as 1, 2, 3", SC 2011). A stream is named by (seed, purpose, a, b) and does not depend on any other stream,
// so results do not depend on thread counts, batch order or device. Not for cryptography.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace recforce::base {

std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// What a stream is for. Values are part of what makes a run repeatable: never renumber.
enum class Stream : std::uint32_t {
  kInit = 1,       // a: parameter number
  kShuffle = 2,    // a: epoch
  kDropout = 3,    // a: epoch, b: row
  kLatent = 4,     // a: epoch, b: row
  kSplit = 5,      // a: user or 0
  kGenerate = 6,   // a: object number
  kBootstrap = 7,  // a: replicate
  kTest = 8,
  kSearch = 9,      // a: trial, b: draw of it
  kNegatives = 12,  // a: epoch, b: row
  kWorld = 13,      // a: object number: what a simulated world is made of
  kChoice = 14,     // a: user, b: step: what a simulated user does
  kPolicy = 15,     // a: user, b: step: what a policy draws
  kReplay = 16,     // a: update: which transitions are replayed
  kEnsemble = 17,   // a: member
  kNoise = 18,      // a: update, b: row: what an update draws beside its rows
};

// One stream. Not thread-safe; cheap to make.
class Rng {
 public:
  Rng(std::uint64_t seed, Stream purpose, std::uint64_t a = 0, std::uint32_t b = 0);

  std::uint32_t Next();
  double Uniform();                      // in (0, 1), 32 bits
  double Normal();                       // mean 0, variance 1 (Box-Muller)
  std::uint64_t Below(std::uint64_t n);  // uniform in [0, n), unbiased. REQUIRES: n > 0

  template <class T>
  void Shuffle(std::span<T> values) {
    for (std::size_t last = values.size(); last > 1; --last) {
      std::swap(values[last - 1], values[static_cast<std::size_t>(Below(last))]);
    }
  }

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
  bool has_spare_ = false;
  double spare_ = 0.0;
};

}  // namespace recforce::base
