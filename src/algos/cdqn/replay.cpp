// SPDX-License-Identifier: Apache-2.0
#include "algos/cdqn/replay.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "algos/common/read_count.h"
#include "recforce/base/error.h"
#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

template <class T>
void AddRows(base::TensorSet& set, const std::string& name, const std::vector<T>& values, std::int64_t rows,
             std::int64_t columns) {
  set.Add(name, {base::DTypeOf<T>(), {rows, columns}, reinterpret_cast<const std::byte*>(values.data())});
}

template <class T>
void ReadRows(const base::TensorSet& set, const std::string& name, std::int64_t rows, std::int64_t columns,
              std::vector<T>& values) {
  const base::TensorView& view = set.Get(name);
  const std::vector<std::int64_t> shape = {rows, columns};
  if (view.dtype != base::DTypeOf<T>() || view.shape != shape) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + name + "' does not fit the replay");
  }
  const std::span<const T> from = view.As<T>();
  std::copy(from.begin(), from.end(), values.begin());
}

// The same for numbers from -1 to below `limit`, which later index something.
void ReadIndices(const base::TensorSet& set, const std::string& name, std::int64_t rows, std::int64_t columns,
                 std::int64_t limit, std::vector<std::int32_t>& values) {
  ReadRows(set, name, rows, columns, values);
  const auto end = values.begin() + static_cast<std::ptrdiff_t>(rows * columns);
  if (std::any_of(values.begin(), end, [limit](std::int32_t value) { return value < -1 || value >= limit; })) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + name + "' holds a number out of range");
  }
}

}  // namespace

Replay::Replay(std::int64_t users, std::int64_t memory, std::int64_t slate, std::int64_t capacity)
    : users_(users), memory_(memory), slate_(slate), capacity_((capacity + users - 1) / users) {
  const auto rows = static_cast<std::size_t>(capacity_ * users_);
  before_.resize(rows * static_cast<std::size_t>(memory));
  after_.resize(before_.size());
  slates_.resize(rows * static_cast<std::size_t>(slate));
  clicked_.resize(rows);
  reward_.resize(rows);
  shown_.resize(rows);
  left_.resize(rows);
  last_.resize(static_cast<std::size_t>(capacity_));
}

void Replay::Add(base::MatrixView<const std::int32_t> before, base::MatrixView<const std::int32_t> slates,
                 const core::Feedback& feedback, std::span<const std::uint8_t> shown, const core::Episodes& after,
                 bool last) {
  const std::int64_t begin = next_ * users_;
  const auto at = static_cast<std::ptrdiff_t>(begin);
  if (full()) {
    shown_count_ -= std::accumulate(shown_.begin() + at, shown_.begin() + at + users_, std::int64_t{0});
  }
  std::copy_n(before.data, users_ * memory_, before_.begin() + at * memory_);
  std::copy_n(after.recent().data, users_ * memory_, after_.begin() + at * memory_);
  std::copy_n(slates.data, users_ * slate_, slates_.begin() + at * slate_);
  std::copy(feedback.clicked.begin(), feedback.clicked.end(), clicked_.begin() + at);
  std::copy(feedback.reward.begin(), feedback.reward.end(), reward_.begin() + at);
  std::copy(shown.begin(), shown.end(), shown_.begin() + at);
  std::copy(after.left().begin(), after.left().end(), left_.begin() + at);
  shown_count_ += std::accumulate(shown.begin(), shown.end(), std::int64_t{0});
  last_[static_cast<std::size_t>(next_)] = last ? 1 : 0;
  blocks_ = std::min(capacity_, blocks_ + 1);
  next_ = (next_ + 1) % capacity_;
}

void Replay::Append(std::int64_t row, std::int64_t steps, double discount, ReplayBatch& batch) const {
  const auto first = static_cast<std::ptrdiff_t>(row);
  batch.recent.insert(batch.recent.end(), before_.begin() + first * memory_, before_.begin() + (first + 1) * memory_);
  batch.slates.insert(batch.slates.end(), slates_.begin() + first * slate_, slates_.begin() + (first + 1) * slate_);
  batch.clicked.push_back(clicked_[static_cast<std::size_t>(row)]);
  double sum = 0.0;
  double factor = 1.0;
  std::int64_t block = row / users_;
  for (std::int64_t step = 0;; ++step) {
    const auto at = static_cast<std::size_t>(block * users_ + row % users_);
    sum += factor * static_cast<double>(reward_[at]);
    factor = left_[at] != 0 ? 0.0 : factor * discount;
    const std::int64_t following = (block + 1) % capacity_;
    if (step + 1 >= steps || left_[at] != 0 || last_[static_cast<std::size_t>(block)] != 0 || following == next_) {
      const auto end = static_cast<std::ptrdiff_t>(at);
      batch.after.insert(batch.after.end(), after_.begin() + end * memory_, after_.begin() + (end + 1) * memory_);
      break;
    }
    block = following;
  }
  batch.reward.push_back(static_cast<float>(sum));
  batch.discount.push_back(static_cast<float>(factor));
}

void Replay::Draw(std::uint64_t seed, std::uint64_t update, std::int64_t count, std::int64_t steps, double discount,
                  ReplayBatch& batch) const {
  RECFORCE_CHECK(shown_count_ > 0, "nothing was replayed yet");
  batch = {};
  base::Rng rng(seed, base::Stream::kReplay, update);
  for (std::int64_t drawn = 0; drawn < count;) {
    const auto row = static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(size())));
    if (shown_[static_cast<std::size_t>(row)] != 0) {
      Append(row, steps, discount, batch);
      ++drawn;
    }
  }
}

void Replay::Save(base::TensorSet& set, const std::string& prefix) const {
  AddRows(set, prefix + "before", before_, size(), memory_);
  AddRows(set, prefix + "after", after_, size(), memory_);
  AddRows(set, prefix + "slates", slates_, size(), slate_);
  AddRows(set, prefix + "clicked", clicked_, size(), 1);
  AddRows(set, prefix + "reward", reward_, size(), 1);
  AddRows(set, prefix + "shown", shown_, size(), 1);
  AddRows(set, prefix + "left", left_, size(), 1);
  AddRows(set, prefix + "last", last_, blocks_, 1);
  set.SetMeta(prefix + "blocks", std::to_string(blocks_));
  set.SetMeta(prefix + "next", std::to_string(next_));
}

void Replay::Load(const base::TensorSet& set, const std::string& prefix, std::int64_t num_items) {
  blocks_ = ReadCount(set, prefix + "blocks", 0, capacity_);
  next_ = ReadCount(set, prefix + "next", 0, capacity_ - 1);
  ReadIndices(set, prefix + "before", size(), memory_, num_items, before_);
  ReadIndices(set, prefix + "after", size(), memory_, num_items, after_);
  ReadIndices(set, prefix + "slates", size(), slate_, num_items, slates_);
  ReadIndices(set, prefix + "clicked", size(), 1, slate_, clicked_);
  ReadRows(set, prefix + "reward", size(), 1, reward_);
  ReadRows(set, prefix + "shown", size(), 1, shown_);
  ReadRows(set, prefix + "left", size(), 1, left_);
  ReadRows(set, prefix + "last", blocks_, 1, last_);
  shown_count_ = std::accumulate(shown_.begin(), shown_.begin() + static_cast<std::ptrdiff_t>(size()), std::int64_t{0});
}

}  // namespace recforce::algos
