// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/replay.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

#include "algos/common/finite.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

// Words of a row; then N of memory and k of slate.
constexpr std::int64_t kNumber = 0;  // two words
constexpr std::int64_t kUser = 2;
constexpr std::int64_t kStep = 3;
constexpr std::int64_t kLiked = 4;
constexpr std::int64_t kReward = 5;  // bits
constexpr std::int64_t kFlags = 6;   // EpisodeEnd, and kValid
constexpr std::int64_t kMemory = 7;

constexpr std::int32_t kValid = 4;

constexpr std::int64_t kGrain = 2048;      // rows of a batch: fewer are not worth waking a thread for
constexpr std::int64_t kShownGrain = 256;  // the same where each comes with its past
constexpr std::int64_t kAhead = 16;        // rows that are asked for before they are needed
constexpr std::int64_t kShownAhead = 2;    // the same for the steps of their past
constexpr std::int64_t kLine = 16;         // words of a cache line

bool IsValid(const std::int32_t* words) { return (words[kFlags] & kValid) != 0; }
sim::EpisodeEnd EndOf(const std::int32_t* words) { return static_cast<sim::EpisodeEnd>(words[kFlags] & ~kValid); }
float RewardOf(const std::int32_t* words) { return std::bit_cast<float>(words[kReward]); }

bool Fits(base::MatrixView<const std::int32_t> view, std::int64_t rows, std::int64_t cols) {
  return view.rows == rows && view.cols == cols;
}

[[noreturn]] void Refuse(const base::TensorSet& set, const std::string& name, const char* what) {
  throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + name + "' " + what);
}

template <class T>
std::span<const T> Read(const base::TensorSet& set, const std::string& name, const std::vector<std::int64_t>& shape) {
  const base::TensorView& view = set.Get(name);
  if (view.dtype != base::DTypeOf<T>() || view.shape != shape) {
    Refuse(set, name, "does not fit the replay");
  }
  return view.As<T>();
}

// Whether a stored row may be read later on.
bool InRange(const std::int32_t* words, const ReplayShape& shape, std::int64_t num_items, std::int64_t num_users) {
  const auto below = [](std::int32_t value, std::int64_t low, std::int64_t limit) {
    return value >= low && value < limit;
  };
  const std::int32_t* memory = words + kMemory;
  const std::int32_t* slate = memory + shape.memory;
  const std::int64_t least = IsValid(words) ? 0 : -1;
  return below(words[kUser], -1, num_users) && words[kStep] >= 0 && below(words[kLiked], -1, num_items) &&
         std::isfinite(RewardOf(words)) && below(words[kFlags] & ~kValid, 0, 3) &&
         std::all_of(memory, slate, [&](std::int32_t item) { return below(item, -1, num_items); }) &&
         std::all_of(slate, slate + shape.slate, [&](std::int32_t item) { return below(item, least, num_items); });
}

}  // namespace

DrrReplay::DrrReplay(const ReplayShape& shape, std::int64_t capacity, const ReplayOptions& options)
    : shape_(shape),
      options_(options),
      capacity_((capacity + shape.episodes - 1) / shape.episodes),
      stride_(kMemory + shape.memory + shape.slate) {
  words_.resize(static_cast<std::size_t>(rows() * stride_));
  proto_.resize(static_cast<std::size_t>(rows() * shape.proto));
  if (options.kind == ReplayKind::kPrioritized) {
    RECFORCE_CHECK(options.epsilon > 0.0, "a row of priority 0 would be lost");
    tree_.emplace(rows());
  }
}

void DrrReplay::Add(const ReplayStep& step) {
  const auto episodes = static_cast<std::size_t>(shape_.episodes);
  RECFORCE_CHECK(step.users.size() == episodes && step.numbers.size() == episodes && step.steps.size() == episodes &&
                     step.liked.size() == episodes && step.reward.size() == episodes && step.end.size() == episodes &&
                     step.valid.size() == episodes && Fits(step.memory, shape_.episodes, shape_.memory) &&
                     Fits(step.slates, shape_.episodes, shape_.slate) && step.proto.cols == shape_.proto,
                 "a step of another shape");
  const std::int64_t begin = next_ * shape_.episodes;
  const double power = std::pow(most_, options_.alpha);
  powers_.resize(episodes);
  for (std::size_t e = 0; e < episodes; ++e) {
    std::int32_t* words = words_.data() + (begin + static_cast<std::int64_t>(e)) * stride_;
    drawable_ -= full() && IsValid(words) ? 1 : 0;
    std::memcpy(words + kNumber, &step.numbers[e], sizeof(std::int64_t));
    words[kUser] = step.users[e];
    words[kStep] = step.steps[e];
    words[kLiked] = step.liked[e];
    words[kReward] = std::bit_cast<std::int32_t>(step.reward[e]);
    words[kFlags] = static_cast<std::int32_t>(step.end[e]) | (step.valid[e] != 0 ? kValid : 0);
    const auto row = static_cast<std::int64_t>(e);
    std::copy_n(step.memory.row(row).data(), shape_.memory, words + kMemory);
    if (IsValid(words)) {
      std::copy_n(step.slates.row(row).data(), shape_.slate, words + kMemory + shape_.memory);
    } else {
      std::fill_n(words + kMemory + shape_.memory, shape_.slate, -1);
    }
    drawable_ += IsValid(words) ? 1 : 0;
    powers_[e] = IsValid(words) ? power : 0.0;
  }
  std::copy_n(step.proto.data, shape_.episodes * shape_.proto, proto_.begin() + begin * shape_.proto);
  if (tree_) {
    tree_->Assign(begin, powers_);
  }
  blocks_ = std::min(capacity_, blocks_ + 1);
  next_ = (next_ + 1) % capacity_;
}

std::int64_t DrrReplay::Next(std::int64_t row) const {
  const std::int64_t next = row + shape_.episodes;
  return next < rows() ? next : next - rows();
}

std::int64_t DrrReplay::Behind(std::int64_t row) const {
  const std::int64_t oldest = full() ? next_ : 0;
  const std::int64_t behind = row / shape_.episodes - oldest;
  return behind >= 0 ? behind : behind + capacity_;
}

void DrrReplay::DrawRows(base::Rng& rng, std::span<std::int64_t> rows) const {
  if (tree_) {
    tree_->Draw(rng, rows);
    return;
  }
  for (std::int64_t& row : rows) {
    do {
      row = static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(size())));
    } while (!IsValid(Words(row)));
  }
}

void DrrReplay::Prefetch(std::int64_t row, std::int64_t steps) const {
  for (std::int64_t at = 0; at < shape_.proto; at += kLine) {
    __builtin_prefetch(proto_.data() + row * shape_.proto + at);
  }
  for (std::int64_t step = 0; step < std::min(steps, blocks_); ++step, row = Next(row)) {
    for (std::int64_t at = 0; at < stride_; at += kLine) {
      __builtin_prefetch(Words(row) + at);
    }
    __builtin_prefetch(Words(row) + stride_ - 1);
  }
}

void DrrReplay::Copy(std::size_t at, std::int64_t steps, double gamma, DrrBatch& batch) const {
  const std::int64_t row = batch.rows[at];
  const auto to = static_cast<std::int64_t>(at);
  const std::int32_t* words = Words(row);
  batch.users[at] = words[kUser];
  batch.liked[at] = words[kLiked];
  std::memcpy(&batch.numbers[at], words + kNumber, sizeof(std::int64_t));
  std::copy_n(words + kMemory, shape_.memory, batch.memory.begin() + to * shape_.memory);
  std::copy_n(words + kMemory + shape_.memory, shape_.slate, batch.slates.begin() + to * shape_.slate);
  std::copy_n(proto_.begin() + row * shape_.proto, shape_.proto, batch.proto.begin() + to * shape_.proto);
  const std::int64_t most = std::min(steps, Ahead(row) + 1);
  std::int64_t last = row;
  double sum = static_cast<double>(RewardOf(words));
  double discount = gamma;
  std::int64_t summed = 1;
  for (; summed < most && EndOf(words) == sim::EpisodeEnd::kNone; ++summed) {
    last = Next(last);
    words = Words(last);
    sum += discount * static_cast<double>(RewardOf(words));
    discount *= gamma;
  }
  batch.reward[at] = static_cast<float>(sum);
  batch.discount[at] = EndOf(words) == sim::EpisodeEnd::kTerminal ? 0.0F : static_cast<float>(discount);
  const std::span<std::int32_t> after(batch.after.data() + to * shape_.memory, static_cast<std::size_t>(shape_.memory));
  std::copy_n(words + kMemory, shape_.memory, after.begin());
  sim::Remember(words[kLiked], after);
  if (!batch.shown.middle.empty()) {
    const std::int64_t before = std::min<std::int64_t>(Words(row)[kStep], Behind(row));
    batch.shown.middle[at] = before * shape_.slate;
    batch.shown.begin[at + 1] = (before + summed) * shape_.slate;
  }
}

// (n P)^-beta over the largest of them: neither n nor the total is left in the quotient.
void DrrReplay::Weigh(double beta, DrrBatch& batch) const {
  if (!tree_ || beta == 0.0) {
    std::fill(batch.weight.begin(), batch.weight.end(), 1.0F);
    return;
  }
  double least = tree_->least();
  if (options_.weights_over == WeightsOver::kBatch) {
    least = std::numeric_limits<double>::infinity();
    for (const std::int64_t row : batch.rows) {
      least = std::min(least, tree_->at(row));
    }
  }
  std::transform(batch.rows.begin(), batch.rows.end(), batch.weight.begin(),
                 [&](std::int64_t row) { return static_cast<float>(std::pow(least / tree_->at(row), beta)); });
}

void DrrReplay::FillShown(DrrBatch& batch) const {
  ShownItems& shown = batch.shown;
  std::partial_sum(shown.begin.begin(), shown.begin.end(), shown.begin.begin());
  shown.items.resize(static_cast<std::size_t>(shown.begin.back()));
  // Calls `take` with the slate of each step and where its items go.
  const auto walk = [&](std::size_t at, const auto& take) {
    std::int64_t row = batch.rows[at] - shown.middle[at] / shape_.slate * shape_.episodes;
    row = row >= 0 ? row : row + rows();
    for (std::int64_t item = shown.begin[at]; item < shown.begin[at + 1]; item += shape_.slate, row = Next(row)) {
      take(Words(row) + kMemory + shape_.memory, item);
    }
  };
  const auto count = static_cast<std::int64_t>(batch.rows.size());
  base::ParallelFor(0, count, kShownGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      if (at + kShownAhead < end) {
        walk(static_cast<std::size_t>(at + kShownAhead),
             [](const std::int32_t* slate, std::int64_t /*item*/) { __builtin_prefetch(slate); });
      }
      const auto row = static_cast<std::size_t>(at);
      walk(row, [&](const std::int32_t* slate, std::int64_t item) {
        std::copy_n(slate, shape_.slate, shown.items.begin() + item);
      });
      shown.middle[row] += shown.begin[row];
    }
  });
}

void DrrReplay::Draw(std::uint64_t seed, std::uint64_t update, std::int64_t count, std::int64_t steps, double gamma,
                     double beta, DrrBatch& batch, bool shown) const {
  RECFORCE_CHECK(drawable_ > 0 && count > 0 && steps > 0, "nothing can be drawn");
  const auto n = static_cast<std::size_t>(count);
  batch.rows.resize(n);
  batch.users.resize(n);
  batch.liked.resize(n);
  batch.numbers.resize(n);
  batch.memory.resize(n * static_cast<std::size_t>(shape_.memory));
  batch.slates.resize(n * static_cast<std::size_t>(shape_.slate));
  batch.proto.resize(n * static_cast<std::size_t>(shape_.proto));
  batch.reward.resize(n);
  batch.discount.resize(n);
  batch.after.resize(batch.memory.size());
  batch.weight.resize(n);
  batch.shown.begin.assign(shown ? n + 1 : 0, 0);
  batch.shown.middle.resize(shown ? n : 0);
  batch.shown.items.clear();
  base::Rng rng(seed, base::Stream::kReplay, update);
  DrawRows(rng, batch.rows);
  base::ParallelFor(0, count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < std::min(begin + kAhead, end); ++at) {
      Prefetch(batch.rows[static_cast<std::size_t>(at)], steps);
    }
    for (std::int64_t at = begin; at < end; ++at) {
      if (at + kAhead < end) {
        Prefetch(batch.rows[static_cast<std::size_t>(at + kAhead)], steps);
      }
      Copy(static_cast<std::size_t>(at), steps, gamma, batch);
    }
  });
  Weigh(beta, batch);
  if (shown) {
    FillShown(batch);
  }
}

void DrrReplay::SetPriorities(std::span<const std::int64_t> rows, std::span<const float> differences) {
  RECFORCE_CHECK(rows.size() == differences.size(), "a difference belongs to each row");
  if (!tree_) {
    return;
  }
  powers_.resize(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!std::isfinite(differences[i])) {
      CheckFinite(differences[i], "temporal difference");
    }
    RECFORCE_CHECK(rows[i] >= 0 && rows[i] < size() && IsValid(Words(rows[i])), "this row cannot have been drawn");
    const double p = std::abs(static_cast<double>(differences[i])) + options_.epsilon;
    most_ = std::max(most_, p);
    powers_[i] = std::pow(p, options_.alpha);
  }
  tree_->Update(rows, powers_);
}

double DrrReplay::Priority(std::int64_t row) const {
  return tree_ ? tree_->at(row) : (IsValid(Words(row)) ? 1.0 : 0.0);
}

void DrrReplay::Save(base::TensorSet& set, const std::string& prefix) const {
  set.Add(prefix + "rows", {base::DType::kI32, {size(), stride_}, reinterpret_cast<const std::byte*>(words_.data())});
  if (shape_.proto > 0) {
    set.Add(prefix + "proto",
            {base::DType::kF32, {size(), shape_.proto}, reinterpret_cast<const std::byte*>(proto_.data())});
  }
  set.AddOwned<std::int64_t>(prefix + "place", {blocks_, next_});
  if (tree_) {
    tree_->Save(set, prefix + "priorities");
    set.AddOwned<double>(prefix + "most", {most_});
  }
}

void DrrReplay::Load(const base::TensorSet& set, const std::string& prefix, std::int64_t num_items,
                     std::int64_t num_users) {
  const auto place = Read<std::int64_t>(set, prefix + "place", {2});
  const std::int64_t blocks = place[0];
  const std::int64_t next = place[1];
  if (blocks < 0 || blocks > capacity_ || next < 0 || next >= capacity_ || (blocks < capacity_ && next != blocks)) {
    Refuse(set, prefix + "place", "holds a number out of range");
  }
  const std::int64_t kept = blocks * shape_.episodes;
  const auto words = Read<std::int32_t>(set, prefix + "rows", {kept, stride_});
  std::int64_t drawable = 0;
  for (std::int64_t row = 0; row < kept; ++row) {
    if (!InRange(words.data() + row * stride_, shape_, num_items, num_users)) {
      Refuse(set, prefix + "rows", "holds a number out of range");
    }
    drawable += IsValid(words.data() + row * stride_) ? 1 : 0;
  }
  std::span<const float> proto;
  if (shape_.proto > 0) {
    proto = Read<float>(set, prefix + "proto", {kept, shape_.proto});
  }
  if (set.Has(prefix + "priorities") != tree_.has_value()) {
    Refuse(set, prefix + "priorities", tree_ ? "is missing" : "does not fit the replay");
  }
  if (tree_) {
    const double most = Read<double>(set, prefix + "most", {1})[0];
    if (!(most >= 1.0 && std::isfinite(most))) {
      Refuse(set, prefix + "most", "holds a number out of range");
    }
    SumTree tree(rows());
    tree.Load(set, prefix + "priorities");
    for (std::int64_t row = 0; row < rows(); ++row) {
      const bool valid = row < kept && IsValid(words.data() + row * stride_);
      if (valid != (tree.at(row) > 0.0)) {
        Refuse(set, prefix + "priorities", "holds a number out of range");
      }
    }
    tree_ = std::move(tree);
    most_ = most;
  }
  std::copy(words.begin(), words.end(), words_.begin());
  std::copy(proto.begin(), proto.end(), proto_.begin());
  blocks_ = blocks;
  next_ = next;
  drawable_ = drawable;
}

}  // namespace recforce::algos
