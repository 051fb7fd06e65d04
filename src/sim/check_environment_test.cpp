// SPDX-License-Identifier: Apache-2.0
// The worlds keep the promises of an environment, and environments that break one are found out.
#include "sim/check_environment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "recforce/base/error.h"
#include "sim/click_episodes.h"
#include "sim/worlds.h"

namespace recforce::sim {
namespace {

TEST(CheckEnvironmentTest, TheWorldsPass) {
  for (const std::string& name : WorldNames()) {
    EXPECT_NO_THROW(CheckEnvironment(*MakeWorld(name, {}))) << name;
  }
  EnvironmentConfig config;
  config.items = 1;
  config.slate = 1;
  config.no_click = 3.0;
  for (const std::string& name : WorldNames()) {
    EXPECT_NO_THROW(CheckEnvironment(*MakeWorld(name, config))) << name;
  }
}

enum class Flaw {
  kNone,
  kPaysWithoutClick,
  kOldestFirst,
  kForgetsOnNoClick,
  kLuckOfTheBatch,
  kAnotherWalkEachTime,
  kLosesTheSeed,
  kOneFutureForAllCopies,
  kOtherRewards,
  kOtherLaw,
  kAnotherTruth,
  kOthersTogether,
};

// Users of the linear world, with something wrong.
class Flawed : public core::Episodes {
 public:
  Flawed(Flaw flaw, std::unique_ptr<core::Episodes> inner) : flaw_(flaw), inner_(std::move(inner)) { Copy(); }
  [[nodiscard]] std::int64_t size() const override { return inner_->size(); }
  [[nodiscard]] std::span<const std::int64_t> users() const override { return inner_->users(); }
  [[nodiscard]] base::MatrixView<const std::int32_t> recent() const override {
    return {recent_.data(), size(), inner_->recent().cols};
  }
  [[nodiscard]] std::span<const std::int32_t> steps() const override { return inner_->steps(); }
  [[nodiscard]] std::span<const std::uint8_t> left() const override { return inner_->left(); }
  void Utilities(base::MatrixView<float> out) const override { inner_->Utilities(out); }
  void Rewards(base::MatrixView<float> out) const override { inner_->Rewards(out); }
  void UtilitiesAndRewards(base::MatrixView<float> utilities, base::MatrixView<float> rewards) const override {
    inner_->UtilitiesAndRewards(utilities, rewards);
    rewards.data[0] += flaw_ == Flaw::kOthersTogether ? 1.0F : 0.0F;
  }
  void Step(base::MatrixView<const std::int32_t> slates, core::Feedback& feedback) override {
    inner_->Step(slates, feedback);
    Copy();
    for (std::size_t row = 0; row < feedback.reward.size(); ++row) {
      const bool clicked = feedback.clicked[row] >= 0;
      if (flaw_ == Flaw::kPaysWithoutClick && !clicked) {
        feedback.reward[row] = 0.25F;
      }
      if (flaw_ == Flaw::kOtherRewards && clicked) {
        feedback.reward[row] += 1.0F;
      }
      if (flaw_ == Flaw::kOldestFirst) {
        const auto begin = recent_.begin() + static_cast<std::ptrdiff_t>(row) * inner_->recent().cols;
        std::reverse(begin, std::find(begin, begin + inner_->recent().cols, -1));
      }
      if (flaw_ == Flaw::kForgetsOnNoClick && !clicked) {
        recent_[row * static_cast<std::size_t>(inner_->recent().cols)] = -1;
      }
    }
  }
  [[nodiscard]] std::unique_ptr<core::Episodes> Fork(std::span<const std::int32_t> rows,
                                                     std::uint64_t seed) const override {
    auto fork = inner_->Fork(rows, seed);
    if (flaw_ == Flaw::kOneFutureForAllCopies) {
      base::TensorSet state = fork->SaveState();
      state.AddOwned("users", std::vector<std::int64_t>(rows.size(), 1));
      fork->LoadState(state);
    }
    return std::make_unique<Flawed>(flaw_, std::move(fork));
  }
  [[nodiscard]] base::TensorSet SaveState() const override { return inner_->SaveState(); }
  void LoadState(const base::TensorSet& state) override {
    base::TensorSet changed = state;
    if (flaw_ == Flaw::kLosesTheSeed) {
      changed.AddOwned("seed", std::vector<std::int64_t>{1});
    }
    inner_->LoadState(changed);
    Copy();
  }

 private:
  void Copy() { recent_.assign(inner_->recent().data, inner_->recent().data + size() * inner_->recent().cols); }

  Flaw flaw_;
  std::unique_ptr<core::Episodes> inner_;
  std::vector<std::int32_t> recent_;
};

class FlawedEnvironment : public core::Environment {
 public:
  explicit FlawedEnvironment(Flaw flaw) : flaw_(flaw), inner_(MakeWorld("linear", {})) {}
  [[nodiscard]] std::int64_t NumItems() const override { return inner_->NumItems(); }
  [[nodiscard]] std::int64_t memory() const override { return inner_->memory(); }
  [[nodiscard]] core::ChoiceRule choice() const override {
    return flaw_ == Flaw::kOtherLaw ? core::ChoiceRule{core::ChoiceLaw::kSparsemax, 0.0F} : inner_->choice();
  }
  [[nodiscard]] bool observed() const override { return true; }
  [[nodiscard]] bool learnt() const override { return false; }
  [[nodiscard]] std::string identity() const override { return "flawed"; }
  void UtilitiesAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> out) const override {
    inner_->UtilitiesAfter(recent, out);
    out.data[0] += flaw_ == Flaw::kAnotherTruth ? 1.0F : 0.0F;
  }
  void RewardsAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> out) const override {
    inner_->RewardsAfter(recent, out);
  }
  [[nodiscard]] std::unique_ptr<core::Episodes> Start(std::span<const std::int64_t> users,
                                                      std::uint64_t seed) const override {
    if (flaw_ == Flaw::kAnotherWalkEachTime) {
      seed += starts_++;
    }
    auto episodes = inner_->Start(users, seed);
    if (flaw_ == Flaw::kLuckOfTheBatch) {
      base::TensorSet state = episodes->SaveState();
      state.AddOwned("seed", std::vector<std::int64_t>{static_cast<std::int64_t>(seed + users.size())});
      episodes->LoadState(state);
    }
    return std::make_unique<Flawed>(flaw_, std::move(episodes));
  }

 private:
  Flaw flaw_;
  std::shared_ptr<const core::Environment> inner_;
  mutable std::uint64_t starts_ = 0;
};

std::string Found(Flaw flaw) {
  try {
    CheckEnvironment(FlawedEnvironment(flaw));
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kData);
    return error.what();
  }
  return "nothing";
}

void ExpectFound(Flaw flaw, const std::string& part) {
  const std::string message = Found(flaw);
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST(CheckEnvironmentTest, TheWrapperOfTheseTestsIsNotWhatIsFound) { EXPECT_EQ(Found(Flaw::kNone), "nothing"); }

TEST(CheckEnvironmentTest, FindsRewardsThatAreNotThoseOfClicks) {
  EXPECT_EQ(Found(Flaw::kPaysWithoutClick),
            "environment flawed: the reward of a slate without a click: '0.25'; expected 0");
  ExpectFound(Flaw::kOtherRewards, "as Rewards() had it");
}

TEST(CheckEnvironmentTest, FindsClicksThatAreKeptInAnotherOrderOrLost) {
  ExpectFound(Flaw::kOldestFirst, "expected that item first, then the clicks before it");
  EXPECT_EQ(Found(Flaw::kForgetsOnNoClick),
            "environment flawed: recent() after a slate without a click: 'other items'; expected no change");
}

TEST(CheckEnvironmentTest, FindsFuturesThatDependOnMoreThanTheUser) {
  EXPECT_EQ(Found(Flaw::kAnotherWalkEachTime),
            "environment flawed: a second walk from the same seed: 'another walk'; expected the same to the bit");
  ExpectFound(Flaw::kLuckOfTheBatch, "expected the same to the bit as among others");
}

TEST(CheckEnvironmentTest, FindsStatesThatAreNotWhole) {
  EXPECT_EQ(Found(Flaw::kLosesTheSeed),
            "environment flawed: users after LoadState(): 'another walk'; expected that of the users who were saved, "
            "to the bit");
}

TEST(CheckEnvironmentTest, FindsCopiesThatShareAFuture) {
  EXPECT_EQ(Found(Flaw::kOneFutureForAllCopies),
            "environment flawed: copies of rows: '5 users'; expected each with a number of its own");
}

TEST(CheckEnvironmentTest, FindsChoicesAndUtilitiesOfAnotherTruth) {
  ExpectFound(Flaw::kOtherLaw, "as choice() makes of the utilities");
  ExpectFound(Flaw::kAnotherTruth, "UtilitiesAfter() or RewardsAfter() of recent(): 'other numbers'");
  ExpectFound(Flaw::kAnotherTruth, "expected those of Utilities() and Rewards()");
  EXPECT_EQ(Found(Flaw::kOthersTogether),
            "environment flawed: UtilitiesAndRewards(): 'other numbers'; expected those of Utilities() and Rewards()");
}

}  // namespace
}  // namespace recforce::sim
