// SPDX-License-Identifier: Apache-2.0
// What worlds made of a log have in common. Each says by LookupRules what an episode begins with and what an item
// pays; the walk of many episodes, their users, what was shown and saved states are written here, once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "recforce/base/tensor_file.h"
#include "recforce/base/text.h"
#include "recforce/data/csr.h"
#include "sim/item_world.h"

namespace recforce::sim {

// What was logged: training rows, with nothing held out. Copied by the worlds that are made of it.
struct RatedRows {
  data::CsrView rows;                  // [U] distinct items, oldest first
  std::span<const float> values = {};  // parallel to rows.items; empty: the log knows no more than that it happened
  std::int64_t num_items = 0;

  // Of rows.row(user), in its order. REQUIRES: values.
  [[nodiscard]] std::span<const float> ValuesOf(std::int64_t user) const {
    const auto begin = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user)]);
    return values.subspan(begin, rows.row(user).size());
  }
};

// Ratings to rewards: (rating - middle) / half, clipped to [-1, 1].
struct RewardScale {
  double middle = 3.0;
  double half = 2.0;

  [[nodiscard]] float operator()(double rating) const;
};

// What an episode begins with.
struct Opening {
  std::int64_t horizon = 0;          // T: steps until time is over
  std::vector<std::int32_t> memory;  // newest first, at most N
  std::vector<std::int32_t> items;   // that may be recommended, ascending; of a world that lists them
  std::vector<float> rewards;        // of each
};

struct LookupFacts {
  std::string identity;  // equal for worlds that behave alike
  std::int64_t num_items = 0;
  std::int64_t memory = 0;  // N
  float least_reward = 0.0F;
  float most_reward = 1.0F;
  bool lists = false;         // which items may be recommended; otherwise all may
  bool repeats = false;       // an item may come twice in an episode; never where items are listed
  bool keeps_memory = false;  // a user's next episode begins with the memory that its last one left, at first with none
};

// Immutable and thread-safe.
class LookupRules {
 public:
  // users: those who have episodes, at least one.
  LookupRules(LookupFacts facts, std::vector<std::int32_t> users)
      : facts_(std::move(facts)), users_(std::move(users)) {}
  LookupRules(const LookupRules&) = delete;
  LookupRules& operator=(const LookupRules&) = delete;
  virtual ~LookupRules() = default;

  [[nodiscard]] const LookupFacts& facts() const { return facts_; }
  [[nodiscard]] std::span<const std::int32_t> users() const { return users_; }
  // A function of its arguments. `opening` holds anything.
  virtual void Open(std::int64_t number, std::int32_t user, Opening& opening) const = 0;
  // What an item pays in a world that does not list them.
  [[nodiscard]] virtual float Reward(std::int32_t /*user*/, std::int32_t /*item*/) const { return 0.0F; }
  // Whether the user leaves when shown `item` after `before`, oldest first.
  [[nodiscard]] virtual bool Leaves(std::span<const std::int32_t> /*before*/, std::int32_t /*item*/) const {
    return false;
  }

 private:
  LookupFacts facts_;
  std::vector<std::int32_t> users_;
};

// Slates of one. An item is liked where it pays more than 0. An episode ends with kTerminal where the user leaves or
// nothing is left to recommend, else with kTruncated after its T steps. Users come in passes over all of them, each in
// another random order: every user has one episode a pass. Where memory is kept, each row has users of its own (the
// places e, e + E, ... of the list) with passes of their own, so that no two rows ever have one user; Start then is
// Error(Usage) for more episodes than users.
std::shared_ptr<const ItemWorld> MakeLookupWorld(std::shared_ptr<const LookupRules> rules);

// Of everything that decides how a world behaves: "NAME:HEX" in the end.
class WorldHash {
 public:
  explicit WorldHash(const RatedRows& log);
  template <class T>
  void Add(std::span<const T> values) {
    AddOne(values.size());
    hasher_.Add(std::as_bytes(values));
  }
  template <class T>
  void AddOne(const T& value) {
    hasher_.Add(std::as_bytes(std::span(&value, 1)));
  }
  [[nodiscard]] std::string Identity(const std::string& name) const { return name + ":" + hasher_.Hex(); }

 private:
  base::Hasher hasher_;
};

// The last `count` of items[0 .. end), newest first.
void RememberLast(std::span<const std::int32_t> items, std::int64_t end, std::int64_t count,
                  std::vector<std::int32_t>& memory);
// Users whose row of `rows` is at least as long. Error(Usage) where there are none: "world:NAME: ...".
std::vector<std::int32_t> UsersWith(const data::CsrView& rows, std::int64_t least, const std::string& world,
                                    const std::string& what);

// For LoadState. Error(Data): "WHERE: WHAT: 'FOUND'; expected EXPECTED".
[[noreturn]] void RefuseState(const base::TensorSet& state, const std::string& what, const std::string& found,
                              const std::string& expected);
// Refuses what is neither an item nor -1.
void RequireItems(const base::TensorSet& state, const std::string& name, std::span<const std::int32_t> items,
                  std::int64_t num_items);
// A tensor that must have as many values as here.
template <class T>
std::vector<T> LoadedValues(const base::TensorSet& state, const std::string& name, std::size_t expected) {
  const std::span<const T> values = state.Get(name).As<T>();
  if (values.size() != expected) {
    RefuseState(state, name + ": values of other episodes", std::to_string(values.size()), std::to_string(expected));
  }
  return {values.begin(), values.end()};
}

}  // namespace recforce::sim
