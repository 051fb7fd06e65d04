// SPDX-License-Identifier: Apache-2.0
// A world of users that a policy can be tried in. An Environment never changes; where its users stand is in Episodes,
// of which thousands step at once. One user's future is a function of the seed, the user, what it was shown and
// nothing else: not of the batch that it is in, nor of the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "recforce/base/matrix_view.h"
#include "recforce/base/tensor_file.h"
#include "recforce/core/choice.h"

namespace recforce::core {

// What one step brought. Resized by Episodes::Step.
struct Feedback {
  std::vector<float> reward;          // [B] of the item clicked, 0 where none was
  std::vector<std::int32_t> clicked;  // [B] place in the slate, -1: none
};

// Some users of an environment and where each of them stands. Not thread-safe; uses base::ParallelFor inside.
class Episodes {
 public:
  virtual ~Episodes() = default;
  [[nodiscard]] virtual std::int64_t size() const = 0;                    // B
  [[nodiscard]] virtual std::span<const std::int64_t> users() const = 0;  // [B] as given to Start
  // The last items that each user clicked, newest first, then -1. [B, Environment::memory()]
  [[nodiscard]] virtual base::MatrixView<const std::int32_t> recent() const = 0;
  [[nodiscard]] virtual std::span<const std::int32_t> steps() const = 0;  // [B] slates shown so far
  // [B] 1: the user has left, is shown nothing more and brings reward 0.
  [[nodiscard]] virtual std::span<const std::uint8_t> left() const = 0;
  // What each user would feel for each item now, and what a click on it would bring: the truth, that only policies
  // which are given the world may ask for. out: [B, I]. The rule of Environment::choice() turns the former into clicks.
  virtual void Utilities(base::MatrixView<float> out) const = 0;
  virtual void Rewards(base::MatrixView<float> out) const = 0;
  // Both. Worth overriding where either comes out of computing the other.
  virtual void UtilitiesAndRewards(base::MatrixView<float> utilities, base::MatrixView<float> rewards) const {
    Utilities(utilities);
    Rewards(rewards);
  }
  // Shows each user its slate, lets it choose and moves on. slates: [B, k] distinct items; rows of users who have left
  // are not read.
  virtual void Step(base::MatrixView<const std::int32_t> slates, Feedback& feedback) = 0;
  // Copies of rows as they stand now, with futures of their own drawn from `seed`; a row may come several times, and
  // each copy is a user of another number.
  [[nodiscard]] virtual std::unique_ptr<Episodes> Fork(std::span<const std::int32_t> rows,
                                                       std::uint64_t seed) const = 0;
  // All that the future depends on, for a training that stops and goes on. LoadState: Error(Data) for another size.
  [[nodiscard]] virtual base::TensorSet SaveState() const = 0;
  virtual void LoadState(const base::TensorSet& state) = 0;
};

// Thread-safe.
class Environment {
 public:
  virtual ~Environment() = default;
  [[nodiscard]] virtual std::int64_t NumItems() const = 0;  // I
  [[nodiscard]] virtual std::int64_t memory() const = 0;    // how many clicks Episodes::recent() shows
  [[nodiscard]] virtual ChoiceRule choice() const = 0;
  // Whether choices depend on recent() alone. False: users also have something that no policy sees.
  [[nodiscard]] virtual bool observed() const = 0;
  // Whether it was learnt from a log, so that it may be wrong where a policy was trained to go.
  [[nodiscard]] virtual bool learnt() const = 0;
  // Equal for environments that behave alike.
  [[nodiscard]] virtual std::string identity() const = 0;
  // What policies may know of the items: [I, F]; no rows: nothing.
  [[nodiscard]] virtual base::MatrixView<const float> item_features() const { return {}; }
  // The utilities and rewards of users who clicked `recent` [B, memory()], as Episodes has them. out: [B, I].
  // REQUIRES: observed().
  virtual void UtilitiesAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> out) const = 0;
  virtual void RewardsAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> out) const = 0;
  // Both. Worth overriding where either comes out of computing the other.
  virtual void UtilitiesAndRewardsAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> utilities,
                                        base::MatrixView<float> rewards) const {
    UtilitiesAfter(recent, utilities);
    RewardsAfter(recent, rewards);
  }
  // The largest expected discounted reward over `horizon` steps of slates of k from the start, a mean over users; empty
  // where nobody can say. May take seconds.
  [[nodiscard]] virtual std::optional<double> Optimum(std::int64_t /*k*/, std::int64_t /*horizon*/,
                                                      double /*discount*/) const {
    return std::nullopt;
  }
  // Users at their beginning. `users`: numbers that name them; the same number is the same user.
  [[nodiscard]] virtual std::unique_ptr<Episodes> Start(std::span<const std::int64_t> users,
                                                        std::uint64_t seed) const = 0;
};

}  // namespace recforce::core
