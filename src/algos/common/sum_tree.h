// SPDX-License-Identifier: Apache-2.0
// Leaves with priorities, of which one is drawn in proportion to its own (Schaul et al., "Prioritized Experience
// Replay", ICLR 2016, appendix B.2.1). Eight children share a cache line, for it is memory that takes the time. Every
// node is always the sum of its children, so that nothing drifts: the tree is a function of its leaves, whatever they
// have been before.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "recforce/base/rng.h"
#include "recforce/base/tensor_file.h"

namespace recforce::algos {

// Priorities are finite and not negative; leaves of priority 0 are never found.
class SumTree {
 public:
  explicit SumTree(std::int64_t size);  // leaves, all 0. REQUIRES: size > 0.

  [[nodiscard]] std::int64_t size() const { return size_; }
  [[nodiscard]] double total() const { return total_; }
  [[nodiscard]] double least() const { return total_least_; }  // of those above 0; infinity where there is none
  [[nodiscard]] double at(std::int64_t leaf) const {
    return sums_[static_cast<std::size_t>(leaf / kChildren)].of[leaf % kChildren];
  }

  // The leaves [begin, begin + values.size()).
  void Assign(std::int64_t begin, std::span<const double> values);
  // Leaves in any order; the last value wins where one is named twice.
  void Update(std::span<const std::int64_t> leaves, std::span<const double> values);

  // The first leaf such that those up to it sum to more than `x`; the last one above 0 where `x` is not below the
  // total. REQUIRES: x >= 0, total() > 0.
  [[nodiscard]] std::int64_t Find(double x) const;
  // The same for many, which wait for memory together rather than one after the other.
  void Find(std::span<const double> x, std::span<std::int64_t> leaves) const;
  // One leaf from each of leaves.size() equal slices of the total, in this order.
  void Draw(base::Rng& rng, std::span<std::int64_t> leaves) const;

  // The leaves, as a view that lives as long as this object and changes with it.
  void Save(base::TensorSet& set, const std::string& name) const;
  // Error(Data) for another size, or for what is no priority.
  void Load(const base::TensorSet& set, const std::string& name);

 private:
  static constexpr std::int64_t kChildren = 8;
  struct alignas(64) Children {
    double of[kChildren] = {};
  };
  struct Level {
    std::int64_t begin = 0;  // in sums_
    std::int64_t lines = 0;
  };
  // The child of `line` in which `x` lies; x becomes its distance from that child's beginning.
  static std::int64_t Descend(const Children& line, double& x);
  void Renew(std::size_t level, std::int64_t line);

  std::int64_t size_;
  std::vector<Level> levels_;    // the leaves first; the last one is a single line
  std::vector<Children> sums_;   // node n of a level is the sum of line n of the level before
  std::vector<Children> least_;  // the same without the leaves, of the least above 0
  double total_ = 0.0;
  double total_least_ = std::numeric_limits<double>::infinity();
  std::vector<std::int64_t> touched_;  // lines of a level, while Update runs
};

}  // namespace recforce::algos
