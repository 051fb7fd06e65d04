// SPDX-License-Identifier: Apache-2.0
#include "algos/common/sum_tree.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "recforce/base/error.h"

namespace recforce::algos {
namespace {

constexpr std::size_t kTogether = 128;  // numbers that descend together: more than the misses a core has in flight

// A number in (0, 1) of 52 bits: 32 would tell only a few thousand places of a leaf in a million apart.
double Fraction(base::Rng& rng) {
  const std::uint64_t high = rng.Next();
  return (static_cast<double>((high << 20) | (rng.Next() >> 12)) + 0.5) * 0x1p-52;
}

bool ArePriorities(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return value >= 0.0 && std::isfinite(value); });
}

}  // namespace

SumTree::SumTree(std::int64_t size) : size_(size) {
  RECFORCE_CHECK(size > 0, "a tree has leaves, not " + std::to_string(size));
  std::int64_t begin = 0;
  for (std::int64_t nodes = size; nodes > 1 || levels_.empty();) {
    nodes = (nodes + kChildren - 1) / kChildren;
    levels_.push_back({begin, nodes});
    begin += nodes;
  }
  sums_.resize(static_cast<std::size_t>(begin));
  Children none;
  std::fill(std::begin(none.of), std::end(none.of), std::numeric_limits<double>::infinity());
  least_.assign(static_cast<std::size_t>(begin - levels_[0].lines), none);
}

void SumTree::Renew(std::size_t level, std::int64_t line) {
  const std::int64_t leaves = levels_[0].lines;
  const double* sums = sums_[static_cast<std::size_t>(levels_[level].begin + line)].of;
  const double sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  double least = std::numeric_limits<double>::infinity();
  if (level == 0) {
    for (std::int64_t child = 0; child < kChildren; ++child) {
      least = std::min(least, sums[child] > 0.0 ? sums[child] : std::numeric_limits<double>::infinity());
    }
  } else {
    const Children& children = least_[static_cast<std::size_t>(levels_[level].begin - leaves + line)];
    least = *std::min_element(std::begin(children.of), std::end(children.of));
  }
  if (level + 1 == levels_.size()) {
    total_ = sum;
    total_least_ = least;
    return;
  }
  const std::int64_t parent = levels_[level + 1].begin + line / kChildren;
  sums_[static_cast<std::size_t>(parent)].of[line % kChildren] = sum;
  least_[static_cast<std::size_t>(parent - leaves)].of[line % kChildren] = least;
}

void SumTree::Assign(std::int64_t begin, std::span<const double> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  RECFORCE_CHECK(begin >= 0 && begin + count <= size_, "these leaves are not of the tree");
  RECFORCE_CHECK(ArePriorities(values), "priorities are finite and not negative");
  if (count == 0) {
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    sums_[static_cast<std::size_t>((begin + i) / kChildren)].of[(begin + i) % kChildren] =
        values[static_cast<std::size_t>(i)];
  }
  std::int64_t first = begin;
  std::int64_t last = begin + count - 1;
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    first /= kChildren;
    last /= kChildren;
    for (std::int64_t line = first; line <= last; ++line) {
      Renew(level, line);
    }
  }
}

void SumTree::Update(std::span<const std::int64_t> leaves, std::span<const double> values) {
  RECFORCE_CHECK(leaves.size() == values.size(), "a value belongs to each leaf");
  RECFORCE_CHECK(ArePriorities(values), "priorities are finite and not negative");
  touched_.resize(leaves.size());
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    RECFORCE_CHECK(leaves[i] >= 0 && leaves[i] < size_, "this leaf is not of the tree");
    touched_[i] = leaves[i] / kChildren;
    sums_[static_cast<std::size_t>(touched_[i])].of[leaves[i] % kChildren] = values[i];
  }
  if (!std::is_sorted(touched_.begin(), touched_.end())) {
    std::sort(touched_.begin(), touched_.end());
  }
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    for (std::int64_t& line : touched_) {
      Renew(level, line);
      line /= kChildren;
    }
  }
}

// Three steps of a binary tree whose inner sums are formed here, in the order in which Renew forms them, and without
// branches, which would go either way. Rounding may leave an `x` behind the end of a node: where nothing is on the
// right, it stays on the left.
inline std::int64_t SumTree::Descend(const Children& line, double& x) {
  const double* of = line.of;
  const double pairs[4] = {of[0] + of[1], of[2] + of[3], of[4] + of[5], of[6] + of[7]};
  const double halves[2] = {pairs[0] + pairs[1], pairs[2] + pairs[3]};
  std::int64_t at = 0;
  const auto step = [&](const double* left) {
    const int right = static_cast<int>(x >= left[0]) & static_cast<int>(left[1] > 0.0);
    x -= left[0] * static_cast<double>(right);
    at = 2 * at + right;
  };
  step(halves);
  step(pairs + 2 * at);
  step(of + 2 * at);
  return at;
}

std::int64_t SumTree::Find(double x) const {
  std::int64_t node = 0;
  for (std::size_t level = levels_.size(); level-- > 0;) {
    node = kChildren * node + Descend(sums_[static_cast<std::size_t>(levels_[level].begin + node)], x);
  }
  return node;
}

void SumTree::Find(std::span<const double> x, std::span<std::int64_t> leaves) const {
  RECFORCE_CHECK(x.size() == leaves.size(), "a leaf is found for each number");
  std::array<double, kTogether> rest{};
  for (std::size_t begin = 0; begin < x.size(); begin += kTogether) {
    const std::size_t count = std::min(kTogether, x.size() - begin);
    std::copy_n(x.begin() + static_cast<std::ptrdiff_t>(begin), count, rest.begin());
    std::int64_t* nodes = leaves.data() + begin;
    std::fill_n(nodes, count, std::int64_t{0});
    for (std::size_t level = levels_.size(); level-- > 0;) {
      const Children* lines = sums_.data() + levels_[level].begin;
      const Children* below = sums_.data() + (level > 0 ? levels_[level - 1].begin : 0);
      for (std::size_t i = 0; i < count; ++i) {
        nodes[i] = kChildren * nodes[i] + Descend(lines[nodes[i]], rest[i]);
        if (level > 0) {
          __builtin_prefetch(below + nodes[i]);
        }
      }
    }
  }
}

void SumTree::Draw(base::Rng& rng, std::span<std::int64_t> leaves) const {
  RECFORCE_CHECK(total() > 0.0, "no leaf can be drawn");
  const double slice = total() / static_cast<double>(leaves.size());
  std::array<double, kTogether> x{};
  for (std::size_t begin = 0; begin < leaves.size(); begin += kTogether) {
    const std::size_t count = std::min(kTogether, leaves.size() - begin);
    for (std::size_t i = 0; i < count; ++i) {
      x[i] = (static_cast<double>(begin + i) + Fraction(rng)) * slice;
    }
    Find(std::span(x).first(count), leaves.subspan(begin, count));
  }
}

void SumTree::Save(base::TensorSet& set, const std::string& name) const {
  set.Add(name, {base::DType::kF64, {size_}, reinterpret_cast<const std::byte*>(sums_.data())});
}

void SumTree::Load(const base::TensorSet& set, const std::string& name) {
  const base::TensorView& view = set.Get(name);
  if (view.dtype != base::DType::kF64 || view.shape != std::vector<std::int64_t>{size_}) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + name + "' does not fit the replay");
  }
  const std::span<const double> values = view.As<double>();
  if (!ArePriorities(values)) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + name + "' holds a number out of range");
  }
  Assign(0, values);
}

}  // namespace recforce::algos
