// SPDX-License-Identifier: Apache-2.0
#include "sim/item_parts.h"

#include <algorithm>
#include <map>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/tensor_file.h"
#include "recforce/base/threads.h"
#include "sim/world_parts.h"

namespace recforce::sim {
namespace {

constexpr std::int64_t kOpeningGrain = 8;

std::size_t Size(std::int64_t rows, std::int64_t cols) { return static_cast<std::size_t>(rows * cols); }

// Which user an episode is of. Users are dealt to `groups` (user i to i mod groups), and so are numbers; each group
// goes through its users again and again, in an order drawn anew for each pass.
class UserPasses {
 public:
  UserPasses(std::span<const std::int32_t> users, std::int64_t groups, std::uint64_t seed)
      : users_(users), groups_(groups), seed_(seed) {}

  [[nodiscard]] std::uint64_t seed() const { return seed_; }

  std::int32_t UserOf(std::int64_t number) {
    const std::int64_t group = number % groups_;
    const std::int64_t place = number / groups_;
    return Order(group, place / Count(group))[static_cast<std::size_t>(place % Count(group))];
  }

  // Drops the orders that no episode from `numbers` on asks for, when many have come together.
  void Forget(std::span<const std::int64_t> numbers) {
    if (orders_.size() < 2 * kept_ + 16) {
      return;
    }
    std::map<std::int64_t, std::int64_t> first;  // pass of each group
    for (const std::int64_t number : numbers) {
      const std::int64_t group = number % groups_;
      const std::int64_t pass = number / groups_ / Count(group);
      const auto at = first.try_emplace(group, pass).first;
      at->second = std::min(at->second, pass);
    }
    std::erase_if(orders_, [&](const auto& order) {
      const auto at = first.find(order.first.first);
      return at == first.end() || order.first.second < at->second;
    });
    kept_ = orders_.size();
  }

 private:
  [[nodiscard]] std::int64_t Count(std::int64_t group) const {
    return (static_cast<std::int64_t>(users_.size()) - group + groups_ - 1) / groups_;
  }

  const std::vector<std::int32_t>& Order(std::int64_t group, std::int64_t pass) {
    std::vector<std::int32_t>& order = orders_[{group, pass}];
    if (order.empty()) {
      for (std::int64_t at = group; at < static_cast<std::int64_t>(users_.size()); at += groups_) {
        order.push_back(users_[static_cast<std::size_t>(at)]);
      }
      base::Rng rng(seed_, base::Stream::kShuffle, static_cast<std::uint64_t>(pass), static_cast<std::uint32_t>(group));
      rng.Shuffle(std::span(order));
    }
    return order;
  }

  std::span<const std::int32_t> users_;
  std::int64_t groups_;
  std::uint64_t seed_;
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::int32_t>> orders_;  // by group and pass
  std::size_t kept_ = 0;
};

class LookupEpisodes final : public ItemEpisodes {
 public:
  LookupEpisodes(std::shared_ptr<const LookupRules> rules, std::int64_t episodes, std::uint64_t seed)
      : rules_(std::move(rules)),
        passes_(rules_->users(), rules_->facts().keeps_memory ? episodes : 1, seed),
        users_(Size(episodes, 1)),
        numbers_(users_.size()),
        steps_(users_.size()),
        waiting_(users_.size()),
        memory_(Size(episodes, rules_->facts().memory), -1),
        shown_(users_.size()),
        openings_(users_.size()) {
    if (rules_->facts().keeps_memory) {
      const auto last = std::max_element(rules_->users().begin(), rules_->users().end());
      kept_.assign(Size(*last + 1, rules_->facts().memory), -1);
    }
    for (std::int64_t row = 0; row < episodes; ++row) {
      numbers_[Size(row, 1)] = row;
      begin_.push_back(static_cast<std::int32_t>(row));
    }
    BeginRows();
  }

  [[nodiscard]] std::int64_t size() const override { return static_cast<std::int64_t>(users_.size()); }
  [[nodiscard]] std::span<const std::int32_t> users() const override { return users_; }
  [[nodiscard]] std::span<const std::int64_t> numbers() const override { return numbers_; }
  [[nodiscard]] std::span<const std::int32_t> steps() const override { return steps_; }
  [[nodiscard]] std::span<const std::uint8_t> waiting() const override { return waiting_; }
  [[nodiscard]] base::MatrixView<const std::int32_t> memory() const override {
    return {memory_.data(), size(), rules_->facts().memory};
  }
  [[nodiscard]] LegalItems Legal(std::int64_t row) const override {
    if (rules_->facts().lists) {
      return {true, openings_[Size(row, 1)].items};
    }
    return {false, rules_->facts().repeats ? std::span<const std::int32_t>() : std::span(shown_[Size(row, 1)])};
  }

  void Step(base::MatrixView<const std::int32_t> slates, ItemFeedback& feedback) override {
    RECFORCE_CHECK(slates.rows == size() && slates.cols == 1, "one item an episode");
    feedback.reward.resize(users_.size());
    feedback.liked.resize(users_.size());
    feedback.end.resize(users_.size());
    base::ParallelFor(0, size(), kRowGrain, [&](std::int64_t first, std::int64_t last) {
      for (auto row = static_cast<std::size_t>(first); row < static_cast<std::size_t>(last); ++row) {
        StepRow(row, slates.data[row], feedback);
      }
    });
    begin_.clear();
    for (std::size_t row = 0; row < users_.size(); ++row) {
      if (feedback.end[row] != EpisodeEnd::kNone) {
        if (!kept_.empty()) {
          std::copy_n(Memory(row).begin(), Memory(row).size(), Kept(users_[row]).begin());
        }
        numbers_[row] += size();
        begin_.push_back(static_cast<std::int32_t>(row));
      }
    }
    BeginRows();
  }

  [[nodiscard]] base::TensorSet SaveState() const override {
    base::TensorSet state;
    state.SetMeta("world", rules_->facts().identity);
    state.AddOwned("seed", std::vector<std::int64_t>{static_cast<std::int64_t>(passes_.seed())});
    state.AddOwned("numbers", numbers_);
    state.AddOwned("steps", steps_);
    state.AddOwned("memory", memory_, {size(), rules_->facts().memory});
    state.AddOwned("kept", kept_);
    std::vector<std::int32_t> shown;
    for (const std::vector<std::int32_t>& of_row : shown_) {
      shown.insert(shown.end(), of_row.begin(), of_row.end());
    }
    state.AddOwned("shown", std::move(shown));
    return state;
  }

  void LoadState(const base::TensorSet& state) override;

 private:
  [[nodiscard]] std::span<std::int32_t> Memory(std::size_t row) {
    const auto width = static_cast<std::size_t>(rules_->facts().memory);
    return std::span(memory_).subspan(row * width, width);
  }
  [[nodiscard]] std::span<std::int32_t> Kept(std::int32_t user) {
    const auto width = static_cast<std::size_t>(rules_->facts().memory);
    return std::span(kept_).subspan(static_cast<std::size_t>(user) * width, width);
  }

  // Takes a legal item out of what may be recommended. False: it is not legal.
  bool Show(std::size_t row, std::int32_t item, float& reward) {
    Opening& opening = openings_[row];
    std::vector<std::int32_t>& shown = shown_[row];
    if (rules_->facts().lists) {
      const auto at = std::lower_bound(opening.items.begin(), opening.items.end(), item);
      if (at == opening.items.end() || *at != item) {
        return false;
      }
      const auto reward_at = opening.rewards.begin() + (at - opening.items.begin());
      reward = *reward_at;
      opening.items.erase(at);
      opening.rewards.erase(reward_at);
    } else {
      const bool again = !rules_->facts().repeats && std::find(shown.begin(), shown.end(), item) != shown.end();
      if (again || item < 0 || item >= rules_->facts().num_items) {
        return false;
      }
      reward = rules_->Reward(users_[row], item);
    }
    shown.push_back(item);
    return true;
  }

  [[nodiscard]] bool NothingLeft(std::size_t row) const {
    return rules_->facts().lists ? openings_[row].items.empty()
                                 : !rules_->facts().repeats && steps_[row] == rules_->facts().num_items;
  }

  void StepRow(std::size_t row, std::int32_t item, ItemFeedback& feedback) {
    RECFORCE_CHECK(Show(row, item, feedback.reward[row]), "an item that may not be recommended");
    feedback.liked[row] = feedback.reward[row] > 0.0F ? item : -1;
    Remember(feedback.liked[row], Memory(row));
    ++steps_[row];
    feedback.end[row] = EpisodeEnd::kNone;
    const std::span<const std::int32_t> shown = shown_[row];
    if (rules_->Leaves(shown.first(shown.size() - 1), item) || NothingLeft(row)) {
      feedback.end[row] = EpisodeEnd::kTerminal;
    } else if (steps_[row] >= openings_[row].horizon) {
      feedback.end[row] = EpisodeEnd::kTruncated;
    }
  }

  // Rows of begin_ to the beginning of the episodes of numbers_.
  void BeginRows() {
    passes_.Forget(numbers_);
    for (const std::int32_t row : begin_) {
      users_[static_cast<std::size_t>(row)] = passes_.UserOf(numbers_[static_cast<std::size_t>(row)]);
    }
    base::ParallelFor(0, static_cast<std::int64_t>(begin_.size()), kOpeningGrain,
                      [&](std::int64_t first, std::int64_t last) {
                        for (std::int64_t at = first; at < last; ++at) {
                          BeginRow(static_cast<std::size_t>(begin_[static_cast<std::size_t>(at)]));
                        }
                      });
  }

  void BeginRow(std::size_t row) {
    steps_[row] = 0;
    shown_[row].clear();
    rules_->Open(numbers_[row], users_[row], openings_[row]);
    const std::vector<std::int32_t>& from = openings_[row].memory;
    const std::span<std::int32_t> to = Memory(row);
    if (!kept_.empty()) {
      std::copy_n(Kept(users_[row]).begin(), to.size(), to.begin());
    } else {
      std::fill(std::copy(from.begin(), from.end(), to.begin()), to.end(), -1);
    }
  }

  std::shared_ptr<const LookupRules> rules_;
  UserPasses passes_;
  std::vector<std::int32_t> users_;               // [E]
  std::vector<std::int64_t> numbers_;             // [E]
  std::vector<std::int32_t> steps_;               // [E]
  std::vector<std::uint8_t> waiting_;             // [E] always 0
  std::vector<std::int32_t> memory_;              // [E, N]
  std::vector<std::vector<std::int32_t>> shown_;  // [E] in this episode, oldest first
  std::vector<Opening> openings_;                 // [E] less what was shown
  std::vector<std::int32_t> kept_;                // [U, N] memories between episodes; empty: not kept
  std::vector<std::int32_t> begin_;               // rows whose episode begins; kept for its memory
};

void LookupEpisodes::LoadState(const base::TensorSet& state) {
  const LookupFacts& facts = rules_->facts();
  if (state.Meta("world") != facts.identity) {
    RefuseState(state, "state of another world", state.Meta("world"), facts.identity);
  }
  const std::vector<std::int64_t> seed = LoadedValues<std::int64_t>(state, "seed", 1);
  std::vector<std::int64_t> numbers = LoadedValues<std::int64_t>(state, "numbers", numbers_.size());
  const std::vector<std::int32_t> steps = LoadedValues<std::int32_t>(state, "steps", steps_.size());
  std::vector<std::int32_t> memory = LoadedValues<std::int32_t>(state, "memory", memory_.size());
  std::vector<std::int32_t> kept = LoadedValues<std::int32_t>(state, "kept", kept_.size());
  std::size_t steps_in_all = 0;
  for (std::size_t row = 0; row < numbers.size(); ++row) {
    if (numbers[row] < 0 || numbers[row] % size() != static_cast<std::int64_t>(row)) {
      RefuseState(state, "numbers: of an episode of this row", std::to_string(numbers[row]), "those of other episodes");
    }
    if (steps[row] < 0) {
      RefuseState(state, "steps: steps of an episode", std::to_string(steps[row]), "0 or more");
    }
    steps_in_all += static_cast<std::size_t>(steps[row]);
  }
  const std::vector<std::int32_t> shown = LoadedValues<std::int32_t>(state, "shown", steps_in_all);
  RequireItems(state, "memory", memory, facts.num_items);
  RequireItems(state, "kept", kept, facts.num_items);
  LookupEpisodes loaded(rules_, size(), static_cast<std::uint64_t>(seed.front()));
  loaded.numbers_ = std::move(numbers);
  loaded.BeginRows();
  auto item = shown.begin();
  for (std::size_t row = 0; row < steps.size(); ++row) {
    for (; loaded.steps_[row] < steps[row]; ++loaded.steps_[row], ++item) {
      float reward = 0.0F;
      if (!loaded.Show(row, *item, reward)) {
        RefuseState(state, "shown: item that may not be recommended", std::to_string(*item), "what is legal");
      }
    }
    if (steps[row] >= loaded.openings_[row].horizon || loaded.NothingLeft(row)) {
      RefuseState(state, "steps: of an episode that is over", std::to_string(steps[row]),
                  "fewer than " + std::to_string(loaded.openings_[row].horizon));
    }
  }
  loaded.memory_ = std::move(memory);
  loaded.kept_ = std::move(kept);
  *this = std::move(loaded);
}

class LookupWorld final : public ItemWorld {
 public:
  explicit LookupWorld(std::shared_ptr<const LookupRules> rules) : rules_(std::move(rules)) {}

  [[nodiscard]] std::int64_t NumItems() const override { return rules_->facts().num_items; }
  [[nodiscard]] std::int64_t memory() const override { return rules_->facts().memory; }
  [[nodiscard]] float least_reward() const override { return rules_->facts().least_reward; }
  [[nodiscard]] float most_reward() const override { return rules_->facts().most_reward; }
  [[nodiscard]] bool forbids_repeats() const override { return !rules_->facts().repeats; }
  bool Begin(std::int64_t number, std::int32_t user, std::vector<std::int32_t>& out) const override {
    out.clear();
    if (rules_->facts().lists) {
      Opening opening;
      rules_->Open(number, user, opening);
      out = std::move(opening.items);
    }
    return rules_->facts().lists;
  }
  [[nodiscard]] std::unique_ptr<ItemEpisodes> Start(std::int64_t episodes, std::uint64_t seed) const override {
    RECFORCE_CHECK(episodes >= 1, "no episodes to start");
    const std::size_t users = rules_->users().size();
    if (rules_->facts().keeps_memory && Size(episodes, 1) > users) {
      const std::string& identity = rules_->facts().identity;
      throw base::Error(base::ErrorKind::kUsage, identity.substr(0, identity.rfind(':')) +
                                                     ": episodes at once, of users who keep their memory: '" +
                                                     std::to_string(episodes) + "'; expected at most the " +
                                                     std::to_string(users) + " users");
    }
    return std::make_unique<LookupEpisodes>(rules_, episodes, seed);
  }

 private:
  std::shared_ptr<const LookupRules> rules_;
};

}  // namespace

void RefuseState(const base::TensorSet& state, const std::string& what, const std::string& found,
                 const std::string& expected) {
  throw base::Error(base::ErrorKind::kData, state.where() + ": " + what + ": '" + found + "'; expected " + expected);
}

void RequireItems(const base::TensorSet& state, const std::string& name, std::span<const std::int32_t> items,
                  std::int64_t num_items) {
  for (const std::int32_t item : items) {
    if (item < -1 || item >= num_items) {
      RefuseState(state, name + ": no item of this world", std::to_string(item),
                  "items below " + std::to_string(num_items) + ", or -1");
    }
  }
}

float RewardScale::operator()(double rating) const {
  return static_cast<float>(std::clamp((rating - middle) / half, -1.0, 1.0));
}

std::shared_ptr<const ItemWorld> MakeLookupWorld(std::shared_ptr<const LookupRules> rules) {
  return std::make_shared<LookupWorld>(std::move(rules));
}

WorldHash::WorldHash(const RatedRows& log) {
  AddOne(log.num_items);
  for (std::int64_t user = 0; user < log.rows.rows(); ++user) {
    Add(log.rows.row(user));
    if (!log.values.empty()) {
      Add(log.ValuesOf(user));
    }
  }
}

void RememberLast(std::span<const std::int32_t> items, std::int64_t end, std::int64_t count,
                  std::vector<std::int32_t>& memory) {
  const std::span<const std::int32_t> last =
      items.subspan(Size(std::max<std::int64_t>(0, end - count), 1), Size(std::min(count, end), 1));
  memory.assign(last.rbegin(), last.rend());
}

std::vector<std::int32_t> UsersWith(const data::CsrView& rows, std::int64_t least, const std::string& world,
                                    const std::string& what) {
  std::vector<std::int32_t> users;
  for (std::int64_t user = 0; user < rows.rows(); ++user) {
    if (static_cast<std::int64_t>(rows.row(user).size()) >= least) {
      users.push_back(static_cast<std::int32_t>(user));
    }
  }
  if (users.empty()) {
    throw base::Error(base::ErrorKind::kUsage, world + ": nobody has episodes: '" + std::to_string(rows.rows()) +
                                                   "' users; expected one with at least " + std::to_string(least) +
                                                   " " + what);
  }
  return users;
}

}  // namespace recforce::sim
