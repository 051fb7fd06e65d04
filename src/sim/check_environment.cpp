// SPDX-License-Identifier: Apache-2.0
#include "sim/check_environment.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/text.h"
#include "sim/random_slate.h"

namespace recforce::sim {
namespace {

using core::Environment;
using core::Episodes;
using core::Feedback;

constexpr std::uint64_t kSeed = 20190609;
constexpr std::int32_t kSteps = 16;
constexpr std::int64_t kSlate = 3;
constexpr std::int64_t kCopies = 2'000;
constexpr double kStandardErrors = 6.0;
constexpr float kNear = 1e-4F;  // relative: what the order of a sum may change in float32
const std::vector<std::int64_t> kUsers = {3, 0, 41, 7, 1'000'003, 8, 9, 12};

// Everything that can be seen of episodes.
struct Sight {
  std::vector<std::int64_t> users;
  std::vector<std::int32_t> recent;
  std::vector<std::int32_t> steps;
  std::vector<std::uint8_t> left;
  std::vector<float> utilities;
  std::vector<float> rewards;
  bool operator==(const Sight&) const = default;
};

// What came of showing slates: by step, then by row.
struct Walk {
  std::vector<std::vector<float>> reward;
  std::vector<std::vector<std::int32_t>> clicked;
  bool operator==(const Walk&) const = default;
};

bool Near(float a, float b) { return a == b || std::abs(a - b) <= kNear * (1.0F + std::abs(a) + std::abs(b)); }

bool AllNear(std::span<const float> a, std::span<const float> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), Near);
}

template <class T>
std::span<const T> RowOf(const std::vector<T>& matrix, std::size_t row, std::int64_t cols) {
  return std::span(matrix).subspan(row * static_cast<std::size_t>(cols), static_cast<std::size_t>(cols));
}

class Checker {
 public:
  explicit Checker(const Environment& env)
      : env_(env), items_(env.NumItems()), memory_(env.memory()), slate_(std::min(kSlate, items_)) {}

  void Run() {
    CheckSizes();
    CheckBeginning();
    CheckWalk();
    CheckRepeats();
    CheckRowsAlone();
    CheckSavedState();
    CheckForks();
    CheckFrequencies();
  }

 private:
  [[noreturn]] void Fail(const std::string& what, const std::string& found, const std::string& expected) const {
    throw base::Error(base::ErrorKind::kData,
                      "environment " + env_.identity() + ": " + what + ": '" + found + "'; expected " + expected);
  }

  [[nodiscard]] std::unique_ptr<Episodes> Begin() const { return env_.Start(kUsers, kSeed); }

  [[nodiscard]] Sight Look(const Episodes& episodes) const {
    Sight sight;
    const auto cells = static_cast<std::size_t>(episodes.size() * items_);
    const base::MatrixView<const std::int32_t> recent = episodes.recent();
    sight.users.assign(episodes.users().begin(), episodes.users().end());
    sight.steps.assign(episodes.steps().begin(), episodes.steps().end());
    sight.left.assign(episodes.left().begin(), episodes.left().end());
    sight.recent.assign(recent.data, recent.data + recent.rows * recent.cols);
    sight.utilities.resize(cells);
    sight.rewards.resize(cells);
    episodes.Utilities({sight.utilities.data(), episodes.size(), items_});
    episodes.Rewards({sight.rewards.data(), episodes.size(), items_});
    return sight;
  }

  // The slates of a step, which depend on the user and the step alone.
  [[nodiscard]] std::vector<std::int32_t> Slates(const Episodes& episodes, std::int32_t step) const {
    std::vector<std::int32_t> slates(static_cast<std::size_t>(episodes.size() * slate_));
    const base::MatrixView<std::int32_t> view{slates.data(), episodes.size(), slate_};
    for (std::int64_t row = 0; row < view.rows; ++row) {
      const auto user = static_cast<std::uint64_t>(episodes.users()[static_cast<std::size_t>(row)]);
      base::Rng rng(kSeed, base::Stream::kPolicy, user, static_cast<std::uint32_t>(step));
      DrawSlate(rng, items_, view.row(row));
    }
    return slates;
  }

  void Show(Episodes& episodes, const std::vector<std::int32_t>& slates, Feedback& feedback) const {
    episodes.Step({slates.data(), episodes.size(), slate_}, feedback);
    const auto rows = static_cast<std::size_t>(episodes.size());
    if (feedback.reward.size() != rows || feedback.clicked.size() != rows) {
      Fail("feedback of a step", std::to_string(feedback.reward.size()) + " rewards", "one a user");
    }
  }

  [[nodiscard]] Walk Take(Episodes& episodes, std::int32_t from, std::int32_t to) const {
    Walk walk;
    Feedback feedback;
    for (std::int32_t step = from; step < to; ++step) {
      Show(episodes, Slates(episodes, step), feedback);
      walk.reward.push_back(feedback.reward);
      walk.clicked.push_back(feedback.clicked);
    }
    return walk;
  }

  void CheckSizes() const {
    if (items_ < 1 || memory_ < 0) {
      Fail("items and memory", std::to_string(items_) + ", " + std::to_string(memory_), "an item, and no less than 0");
    }
    const base::MatrixView<const float> features = env_.item_features();
    if (features.rows != 0 && features.rows != items_) {
      Fail("rows of item_features()", std::to_string(features.rows), "none or one an item");
    }
    if (env_.identity().empty()) {
      Fail("identity()", "", "a text that tells environments apart");
    }
  }

  void CheckBeginning() const {
    const std::unique_ptr<Episodes> episodes = Begin();
    const base::MatrixView<const std::int32_t> recent = episodes->recent();
    if (episodes->size() != static_cast<std::int64_t>(kUsers.size()) || recent.rows != episodes->size() ||
        recent.cols != memory_ || episodes->steps().size() != kUsers.size() ||
        episodes->left().size() != kUsers.size() || !std::ranges::equal(episodes->users(), kUsers)) {
      Fail("users at their beginning", std::to_string(episodes->size()) + " of them", "the users asked for");
    }
    const Sight sight = Look(*episodes);
    const auto all = [](const auto& values, auto wanted) {
      return std::all_of(values.begin(), values.end(), [wanted](auto value) { return value == wanted; });
    };
    if (!all(sight.recent, -1) || !all(sight.steps, 0) || !all(sight.left, 0)) {
      Fail("users at their beginning", "something has happened to them", "no clicks, no steps, not left");
    }
  }

  void CheckWalk() const {
    const std::unique_ptr<Episodes> episodes = Begin();
    Feedback feedback;
    Sight before = Look(*episodes);
    CheckTruth(*episodes, before);
    for (std::int32_t step = 0; step < kSteps; ++step) {
      const std::vector<std::int32_t> slates = Slates(*episodes, step);
      Show(*episodes, slates, feedback);
      const Sight after = Look(*episodes);
      for (std::size_t row = 0; row < kUsers.size(); ++row) {
        CheckStep(before, after, RowOf(slates, row, slate_), feedback, row);
      }
      CheckTruth(*episodes, after);
      before = after;
    }
  }

  // Utilities and rewards as they stand.
  void CheckTruth(const Episodes& episodes, const Sight& sight) const {
    for (const float u : sight.utilities) {
      if (std::isnan(u) || u == std::numeric_limits<float>::infinity()) {
        Fail("a utility", std::to_string(u), "a number below infinity");
      }
    }
    for (const float r : sight.rewards) {
      if (!std::isfinite(r)) {
        Fail("a reward", std::to_string(r), "a finite number");
      }
    }
    const std::int64_t rows = episodes.size();
    std::vector<float> utilities(sight.utilities.size());
    std::vector<float> rewards(utilities.size());
    episodes.UtilitiesAndRewards({utilities.data(), rows, items_}, {rewards.data(), rows, items_});
    if (!AllNear(utilities, sight.utilities) || !AllNear(rewards, sight.rewards)) {
      Fail("UtilitiesAndRewards()", "other numbers", "those of Utilities() and Rewards()");
    }
    if (!env_.observed()) {
      return;
    }
    const base::MatrixView<const std::int32_t> recent{sight.recent.data(), rows, memory_};
    env_.UtilitiesAfter(recent, {utilities.data(), rows, items_});
    env_.RewardsAfter(recent, {rewards.data(), rows, items_});
    if (!AllNear(utilities, sight.utilities) || !AllNear(rewards, sight.rewards)) {
      Fail("UtilitiesAfter() or RewardsAfter() of recent()", "other numbers", "those of Utilities() and Rewards()");
    }
    env_.UtilitiesAndRewardsAfter(recent, {utilities.data(), rows, items_}, {rewards.data(), rows, items_});
    if (!AllNear(utilities, sight.utilities) || !AllNear(rewards, sight.rewards)) {
      Fail("UtilitiesAndRewardsAfter() of recent()", "other numbers", "those of Utilities() and Rewards()");
    }
  }

  void CheckStep(const Sight& before, const Sight& after, std::span<const std::int32_t> slate, const Feedback& feedback,
                 std::size_t row) const {
    const std::int32_t place = feedback.clicked[row];
    const float reward = feedback.reward[row];
    if (place < -1 || place >= slate_) {
      Fail("the place clicked", std::to_string(place), "-1 or a place of the slate");
    }
    if (place < 0 && reward != 0.0F) {
      Fail("the reward of a slate without a click", base::FormatReal(static_cast<double>(reward)), "0");
    }
    const std::span<const std::int32_t> old_recent = RowOf(before.recent, row, memory_);
    const std::span<const std::int32_t> recent = RowOf(after.recent, row, memory_);
    if (before.left[row] != 0) {
      if (place >= 0 || after.left[row] == 0 || after.steps[row] != before.steps[row] ||
          !std::ranges::equal(recent, old_recent)) {
        Fail("a user who has left", "something happened to it", "nothing more");
      }
      return;
    }
    if (after.steps[row] != before.steps[row] + 1) {
      Fail("steps() after a slate", std::to_string(after.steps[row]), std::to_string(before.steps[row] + 1));
    }
    if (place < 0) {
      CheckNoClick(before, after, row);
      return;
    }
    const std::int32_t item = slate[static_cast<std::size_t>(place)];
    std::vector<std::int32_t> expected(old_recent.begin(), old_recent.end());
    expected.insert(expected.begin(), item);
    expected.resize(recent.size());
    if (!std::ranges::equal(recent, expected)) {
      Fail("recent() after a click on item " + std::to_string(item),
           recent.empty() ? "nothing" : std::to_string(recent.front()) + " first",
           "that item first, then the clicks before it");
    }
    const float promised = RowOf(before.rewards, row, items_)[static_cast<std::size_t>(item)];
    if (!Near(reward, promised)) {
      Fail("the reward of a click", base::FormatReal(static_cast<double>(reward)),
           base::FormatReal(static_cast<double>(promised)) + ", as Rewards() had it");
    }
  }

  void CheckNoClick(const Sight& before, const Sight& after, std::size_t row) const {
    if (!env_.choice().no_click) {
      Fail("a slate of which nothing was clicked", "-1", "a click, as choice() has no utility of choosing nothing");
    }
    if (!std::ranges::equal(RowOf(after.recent, row, memory_), RowOf(before.recent, row, memory_))) {
      Fail("recent() after a slate without a click", "other items", "no change");
    }
    if (env_.observed() && !AllNear(RowOf(after.utilities, row, items_), RowOf(before.utilities, row, items_))) {
      Fail("utilities after a slate without a click, in an observed environment", "other numbers", "no change");
    }
  }

  void CheckRepeats() const {
    const std::unique_ptr<Episodes> first = Begin();
    const std::unique_ptr<Episodes> second = Begin();
    if (Take(*first, 0, kSteps) != Take(*second, 0, kSteps) || Look(*first) != Look(*second)) {
      Fail("a second walk from the same seed", "another walk", "the same to the bit");
    }
  }

  void CheckRowsAlone() const {
    const std::unique_ptr<Episodes> together = Begin();
    const Walk walk = Take(*together, 0, kSteps);
    for (std::size_t row = 0; row < kUsers.size(); ++row) {
      const std::unique_ptr<Episodes> alone = env_.Start(std::span(kUsers).subspan(row, 1), kSeed);
      const Walk own = Take(*alone, 0, kSteps);
      for (std::size_t step = 0; step < own.clicked.size(); ++step) {
        if (own.clicked[step][0] != walk.clicked[step][row] || own.reward[step][0] != walk.reward[step][row]) {
          Fail("user " + std::to_string(kUsers[row]) + " alone, at step " + std::to_string(step),
               "another choice or reward", "the same to the bit as among others");
        }
      }
    }
  }

  void CheckSavedState() const {
    const std::unique_ptr<Episodes> original = Begin();
    (void)Take(*original, 0, kSteps / 2);
    const base::TensorSet state = original->SaveState();
    const std::unique_ptr<Episodes> resumed = env_.Start(kUsers, kSeed + 1);
    resumed->LoadState(state);
    if (Look(*resumed) != Look(*original) ||
        Take(*resumed, kSteps / 2, kSteps) != Take(*original, kSteps / 2, kSteps) ||
        Look(*resumed) != Look(*original)) {
      Fail("users after LoadState()", "another walk", "that of the users who were saved, to the bit");
    }
    const std::unique_ptr<Episodes> fewer = env_.Start(std::span(kUsers).first(1), kSeed);
    try {
      fewer->LoadState(state);
    } catch (const base::Error& error) {
      if (error.kind() == base::ErrorKind::kData) {
        return;
      }
    }
    Fail("LoadState() of other users", "no error of kind Data", "one");
  }

  void CheckForks() const {
    const std::unique_ptr<Episodes> original = Begin();
    (void)Take(*original, 0, kSteps / 2);
    const Sight before = Look(*original);
    const std::vector<std::int32_t> rows = {2, 0, 2, 5, 2};
    const std::unique_ptr<Episodes> fork = original->Fork(rows, kSeed + 2);
    const std::unique_ptr<Episodes> twin = original->Fork(rows, kSeed + 2);
    const Sight copies = Look(*fork);
    if (copies.users.size() != rows.size() ||
        std::set<std::int64_t>(copies.users.begin(), copies.users.end()).size() != rows.size()) {
      Fail("copies of rows", std::to_string(copies.users.size()) + " users", "each with a number of its own");
    }
    for (std::size_t copy = 0; copy < rows.size(); ++copy) {
      const auto row = static_cast<std::size_t>(rows[copy]);
      const bool alike = std::ranges::equal(RowOf(copies.recent, copy, memory_), RowOf(before.recent, row, memory_)) &&
                         copies.steps[copy] == before.steps[row] && copies.left[copy] == before.left[row] &&
                         AllNear(RowOf(copies.utilities, copy, items_), RowOf(before.utilities, row, items_)) &&
                         AllNear(RowOf(copies.rewards, copy, items_), RowOf(before.rewards, row, items_));
      if (!alike) {
        Fail("copy of row " + std::to_string(row), "it stands elsewhere", "a copy");
      }
    }
    const Walk walk = Take(*fork, 0, kSteps);
    if (Look(*original) != before) {
      Fail("the original, after its copies moved on", "it moved", "no change");
    }
    (void)Take(*original, kSteps / 2, kSteps);
    if (Take(*twin, 0, kSteps) != walk) {
      Fail("copies with the same seed", "another walk", "the same, whatever the original does");
    }
  }

  // How often copies of a user choose what.
  void CheckFrequencies() const {
    const std::unique_ptr<Episodes> original = Begin();
    (void)Take(*original, 0, 2);
    const Sight sight = Look(*original);
    for (std::size_t row = 0; row < kUsers.size(); ++row) {
      if (sight.left[row] == 0) {
        CheckFrequenciesOf(*original, static_cast<std::int32_t>(row), RowOf(sight.utilities, row, items_));
      }
    }
  }

  void CheckFrequenciesOf(const Episodes& original, std::int32_t row, std::span<const float> utilities) const {
    const std::unique_ptr<Episodes> fork =
        original.Fork(std::vector<std::int32_t>(static_cast<std::size_t>(kCopies), row), kSeed + 3);
    const std::vector<std::int32_t> all = Slates(original, kSteps);
    const std::span<const std::int32_t> slate = RowOf(all, static_cast<std::size_t>(row), slate_);
    std::vector<std::int32_t> slates;
    for (std::int64_t copy = 0; copy < kCopies; ++copy) {
      slates.insert(slates.end(), slate.begin(), slate.end());
    }
    std::vector<float> shown;
    for (const std::int32_t item : slate) {
      shown.push_back(utilities[static_cast<std::size_t>(item)]);
    }
    std::vector<double> p(shown.size());
    const double nothing = core::ChoiceProbabilities(env_.choice(), shown, p);
    p.push_back(nothing);  // where a place of -1 is counted
    Feedback feedback;
    Show(*fork, slates, feedback);
    std::vector<double> count(p.size(), 0.0);
    for (const std::int32_t place : feedback.clicked) {
      count[place < 0 ? p.size() - 1 : static_cast<std::size_t>(place)] += 1.0;
    }
    const auto n = static_cast<double>(kCopies);
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (std::abs(count[i] - n * p[i]) > 1.0 + kStandardErrors * std::sqrt(n * p[i] * (1.0 - p[i]))) {
        Fail("how often copies of a user chose the same", base::FormatReal(count[i] / n),
             "about " + base::FormatFixed(p[i], 4) + ", as choice() makes of the utilities");
      }
    }
  }

  const Environment& env_;
  std::int64_t items_;
  std::int64_t memory_;
  std::int64_t slate_;
};

}  // namespace

void CheckEnvironment(const core::Environment& env) { Checker(env).Run(); }

}  // namespace recforce::sim
