// SPDX-License-Identifier: Apache-2.0
// Users who are recommended to one step after the other and answer with a reward, many at once: where agents of the DRR
// family learn (Liu et al., "Deep Reinforcement Learning based Recommendation with Explicit User-Item Interactions
// Modeling", 2018). A core::Environment is one of them (MakeEnvironmentItems); the others are made of a log and know
// their users by number, limit what may be recommended, and pay for items that nobody would click.
// Shapes: E episodes, N items of memory, k items shown at once, I items.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "recforce/base/matrix_view.h"
#include "recforce/base/tensor_file.h"

namespace recforce::sim {

enum class EpisodeEnd : std::uint8_t {
  kNone = 0,
  kTerminal = 1,   // the user left, or nothing is left to recommend: the future is worth nothing
  kTruncated = 2,  // time is over: the future would have gone on
};

// What a step brought. Resized by ItemEpisodes::Step.
struct ItemFeedback {
  std::vector<float> reward;        // [E]
  std::vector<std::int32_t> liked;  // [E] the item that enters the memory, -1: none
  std::vector<EpisodeEnd> end;      // [E]
};

// What may be recommended: the items listed, or all but these. Distinct.
struct LegalItems {
  bool listed = false;
  std::span<const std::int32_t> items;
};

// Episodes, each of which begins anew, with another user, where it has ended. Not thread-safe; uses base::ParallelFor.
class ItemEpisodes {
 public:
  virtual ~ItemEpisodes() = default;
  [[nodiscard]] virtual std::int64_t size() const = 0;                      // E
  [[nodiscard]] virtual std::span<const std::int32_t> users() const = 0;    // [E] row in training, -1: a stranger
  [[nodiscard]] virtual std::span<const std::int64_t> numbers() const = 0;  // [E] of the episode: no two are equal
  [[nodiscard]] virtual std::span<const std::int32_t> steps() const = 0;    // [E] done in this episode
  // [E] 1: the episode is over and the row waits for others, so that its step means nothing: its slate is not read, it
  // brings reward 0, nothing liked and no end. Only where rows cannot begin anew alone (MakeEnvironmentItems).
  [[nodiscard]] virtual std::span<const std::uint8_t> waiting() const = 0;
  // The last items liked, newest first, then -1. [E, N]
  [[nodiscard]] virtual base::MatrixView<const std::int32_t> memory() const = 0;
  // What may be recommended now. Valid until the next Step.
  [[nodiscard]] virtual LegalItems Legal(std::int64_t row) const = 0;
  // Recommends. slates: [E, k] distinct legal items. Afterwards a row whose episode ended stands at the beginning of
  // its next one, or waits for it. The memory of a row that goes on is the former one with `liked` before it
  // (Remember).
  virtual void Step(base::MatrixView<const std::int32_t> slates, ItemFeedback& feedback) = 0;
  // All that the future depends on. LoadState: Error(Data) for the state of another world or size.
  [[nodiscard]] virtual base::TensorSet SaveState() const = 0;
  virtual void LoadState(const base::TensorSet& state) = 0;
};

// Immutable and thread-safe.
class ItemWorld {
 public:
  virtual ~ItemWorld() = default;
  [[nodiscard]] virtual std::int64_t NumItems() const = 0;
  [[nodiscard]] virtual std::int64_t memory() const = 0;          // N
  [[nodiscard]] virtual std::int64_t slate() const { return 1; }  // k
  // No reward is below or above; infinite where nobody can say.
  [[nodiscard]] virtual float least_reward() const = 0;
  [[nodiscard]] virtual float most_reward() const = 0;
  // Whether an item that was shown may not be shown again in its episode.
  [[nodiscard]] virtual bool forbids_repeats() const = 0;
  // What may be recommended at the beginning of an episode; what was shown since is to be left out where repeats are
  // forbidden. `out` holds the items that are listed, or those that are not allowed; returns LegalItems::listed.
  virtual bool Begin(std::int64_t number, std::int32_t user, std::vector<std::int32_t>& out) const = 0;
  // E episodes at their beginning. What happens in one is a function of the seed, its number and what is recommended
  // in it; episode e of the nth round has the number n E + e. (A world whose memory outlives episodes says so.)
  [[nodiscard]] virtual std::unique_ptr<ItemEpisodes> Start(std::int64_t episodes, std::uint64_t seed) const = 0;
};

// memory := what is remembered after `liked`, -1: nothing new.
inline void Remember(std::int32_t liked, std::span<std::int32_t> memory) {
  if (liked < 0 || memory.empty()) {
    return;
  }
  for (std::size_t at = memory.size() - 1; at > 0; --at) {
    memory[at] = memory[at - 1];
  }
  memory[0] = liked;
}

}  // namespace recforce::sim
