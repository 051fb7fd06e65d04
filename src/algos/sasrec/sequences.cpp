// SPDX-License-Identifier: Apache-2.0
#include "algos/sasrec/sequences.h"

#include <algorithm>

#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

constexpr int kTries = 64;  // for an item that the user does not have

// Bytes 0 or 1, two for each number of the stream: probabilities are whole multiples of 2^-16.
class KeepBits {
 public:
  KeepBits(base::Rng& rng, double keep) : rng_(rng), threshold_(static_cast<std::uint32_t>(keep * 65536.0)) {}
  void Fill(std::uint8_t* to, std::int64_t count) {
    std::int64_t at = 0;
    for (; at + 1 < count; at += 2) {
      const std::uint32_t bits = rng_.Next();
      to[at] = static_cast<std::uint8_t>((bits & 0xFFFFU) < threshold_);
      to[at + 1] = static_cast<std::uint8_t>((bits >> 16U) < threshold_);
    }
    if (at < count) {
      to[at] = static_cast<std::uint8_t>((rng_.Next() & 0xFFFFU) < threshold_);
    }
  }

 private:
  base::Rng& rng_;
  std::uint32_t threshold_;
};

}  // namespace

std::int64_t PairsOf(std::span<const std::int32_t> events, std::int64_t max_length) {
  return std::min(max_length, std::max<std::int64_t>(0, static_cast<std::int64_t>(events.size()) - 1));
}

void Sequences::AddInput(std::span<const std::int32_t> events, std::int64_t max_length) {
  const std::span<const std::int32_t> last = events.last(std::min(events.size(), static_cast<std::size_t>(max_length)));
  inputs.insert(inputs.end(), last.begin(), last.end());
  offsets.push_back(static_cast<std::int64_t>(inputs.size()));
}

void Sequences::AddPairs(std::span<const std::int32_t> events, std::int64_t max_length, std::uint32_t user) {
  const auto pairs = static_cast<std::size_t>(PairsOf(events, max_length));
  if (pairs > 0) {
    const std::span<const std::int32_t> from = events.last(pairs + 1);
    inputs.insert(inputs.end(), from.begin(), from.end() - 1);
    targets.insert(targets.end(), from.begin() + 1, from.end());
  }
  offsets.push_back(static_cast<std::int64_t>(inputs.size()));
  users.push_back(user);
}

void DrawNegatives(Sequences& sequences, SasrecLoss loss, std::int64_t each, std::int64_t num_items,
                   data::CsrView events, std::uint64_t seed, std::uint64_t epoch) {
  sequences.negatives.clear();
  sequences.negatives_each = loss == SasrecLoss::kFullCrossEntropy ? 0 : each;
  std::vector<std::int32_t> had;
  for (std::int64_t u = 0; u < sequences.rows() && sequences.negatives_each > 0; ++u) {
    const std::uint32_t user = sequences.users[static_cast<std::size_t>(u)];
    base::Rng rng(seed, base::Stream::kNegatives, epoch, user);
    const auto draw = [&] { return static_cast<std::int32_t>(rng.Below(static_cast<std::uint64_t>(num_items))); };
    if (loss == SasrecLoss::kSampledCrossEntropy) {
      for (std::int64_t number = 0; number < each; ++number) {
        sequences.negatives.push_back(draw());
      }
      continue;
    }
    const auto row = events.row(user);
    had.assign(row.begin(), row.end());
    std::sort(had.begin(), had.end());
    for (std::int64_t number = 0; number < each * sequences.length(u); ++number) {
      std::int32_t item = -1;
      for (int attempt = 0; attempt < kTries && item < 0; ++attempt) {
        const std::int32_t candidate = draw();
        item = std::binary_search(had.begin(), had.end(), candidate) ? -1 : candidate;
      }
      sequences.negatives.push_back(item);
    }
  }
}

void DrawMasks(const Sequences& sequences, MaskShape shape, double keep, std::uint64_t seed, std::uint64_t epoch,
               KeepMasks& masks) {
  masks.keep = keep;
  masks.blocks.resize(static_cast<std::size_t>(shape.blocks));
  const auto wide = static_cast<std::size_t>(sequences.positions() * shape.hidden);
  std::size_t squares = 0;
  for (std::int64_t u = 0; u < sequences.rows(); ++u) {
    squares += static_cast<std::size_t>(shape.heads * sequences.length(u) * sequences.length(u));
  }
  masks.input.resize(wide);
  for (KeepMasks::Block& block : masks.blocks) {
    block.weights.resize(squares);
    block.mixed.resize(wide);
    block.fed.resize(wide);
  }
  std::size_t square = 0;
  for (std::int64_t u = 0; u < sequences.rows(); ++u) {
    base::Rng rng(seed, base::Stream::kDropout, epoch, sequences.users[static_cast<std::size_t>(u)]);
    KeepBits bits(rng, keep);
    const std::int64_t length = sequences.length(u);
    const auto begin = static_cast<std::size_t>(sequences.begin(u) * shape.hidden);
    bits.Fill(masks.input.data() + begin, length * shape.hidden);
    for (KeepMasks::Block& block : masks.blocks) {
      for (std::int64_t row = 0; row < shape.heads * length; ++row) {
        bits.Fill(block.weights.data() + square + static_cast<std::size_t>(row * length), row % length + 1);
      }
      bits.Fill(block.mixed.data() + begin, length * shape.hidden);
      bits.Fill(block.fed.data() + begin, length * shape.hidden);
    }
    square += static_cast<std::size_t>(shape.heads * length * length);
  }
}

}  // namespace recforce::algos
