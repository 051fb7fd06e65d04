// SPDX-License-Identifier: Apache-2.0
// Each world against its equations, and random policies in it against references of doubles that share no code.
#include "sim/worlds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "sim/latent_world.h"
#include "sim/linear_world.h"
#include "sim/random_slate.h"
#include "sim/tabular_world.h"

namespace recforce::sim {
namespace {

using Items = std::vector<std::int32_t>;
using Vector = std::vector<double>;

EnvironmentConfig Config(std::int64_t items, std::int64_t seed, double no_click = 0.0) {
  EnvironmentConfig config;
  config.items = items;
  config.seed = seed;
  config.no_click = no_click;
  return config;
}

std::string WorldError(const std::string& name, const EnvironmentConfig& config) {
  try {
    (void)MakeWorld(name, config);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    return error.what();
  }
  return "no error";
}

TEST(WorldsTest, AreMadeByName) {
  EXPECT_EQ(WorldNames(), (std::vector<std::string>{"tabular", "linear", "latent", "burnout", "mood"}));
  EXPECT_EQ(MakeWorld("tabular", {})->NumItems(), 10);
  EXPECT_EQ(MakeWorld("linear", {})->NumItems(), 50);
  EXPECT_EQ(MakeWorld("latent", {})->NumItems(), 200);
  EXPECT_EQ(MakeWorld("burnout", {})->NumItems(), 20);
  EXPECT_EQ(MakeWorld("mood", {})->NumItems(), 60);
  EXPECT_EQ(MakeWorld("linear", Config(7, 1))->NumItems(), 7);
  EXPECT_EQ(WorldError("linaer", {}),
            "environment.source: no such world: 'linaer'; expected tabular, linear, latent, burnout or mood; did you "
            "mean 'linear'?");
}

TEST(WorldsTest, RefuseWhatTheyCannotBe) {
  EnvironmentConfig config;
  config.slate = 11;
  EXPECT_EQ(WorldError("tabular", config), "environment.slate: items of a slate: '11'; expected 1 to the world's 10");
  EXPECT_EQ(WorldError("tabular", Config(5'001, 1)),
            "environment.items: items of this world: '5001'; expected 1 to 5000");
}

TEST(WorldsTest, SayWhatTellsThemApart) {
  EXPECT_EQ(MakeWorld("tabular", Config(12, 3, -0.5))->identity(), "world:tabular items=12 seed=3 no_click=-0.5");
  EXPECT_EQ(MakeWorld("latent", {})->identity(), "world:latent items=200 seed=1 no_click=0");
  for (const std::string& name : WorldNames()) {
    const auto world = MakeWorld(name, Config(0, 1, -0.5));
    EXPECT_FALSE(world->learnt());
    EXPECT_EQ(world->choice().law, core::ChoiceLaw::kSoftmax);
    EXPECT_EQ(world->choice().no_click, -0.5F);
  }
  EXPECT_EQ(MakeWorld("tabular", {})->memory(), 1);
  EXPECT_EQ(MakeWorld("linear", {})->memory(), 3);
  EXPECT_EQ(MakeWorld("latent", {})->memory(), 20);
  EXPECT_EQ(MakeWorld("burnout", {})->memory(), 1);
  EXPECT_EQ(MakeWorld("mood", {})->memory(), 1);
}

TEST(WorldsTest, ThoseOfFewStatesKnowTheirOptimum) {
  for (const char* name : {"tabular", "burnout", "mood"}) {
    EXPECT_TRUE(MakeWorld(name, {})->Optimum(3, 20, 1.0).has_value()) << name;
  }
  EXPECT_FALSE(MakeWorld("linear", {})->Optimum(3, 20, 1.0).has_value());
  EXPECT_FALSE(MakeWorld("latent", {})->Optimum(3, 20, 1.0).has_value());
}

TEST(WorldsTest, TheLatentOneCannotBeAskedByClicksAlone) {
  const auto world = MakeWorld("latent", {});
  EXPECT_TRUE(MakeWorld("linear", {})->observed());
  EXPECT_FALSE(world->observed());
  const Items recent(20, -1);
  std::vector<float> out(200);
  try {
    world->UtilitiesAfter({recent.data(), 1, 20}, {out.data(), 1, 200});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    EXPECT_EQ(std::string(error.what()),
              "world:latent items=200 seed=1 no_click=0: what its users feel follows from more than their recent "
              "clicks; take an environment that is observed, such as world:tabular or world:linear");
  }
  EXPECT_THROW(world->RewardsAfter({recent.data(), 1, 20}, {out.data(), 1, 200}), base::Error);
}

// What the world says of users who clicked `recent`.
std::vector<float> After(const core::Environment& world, const Items& recent) {
  std::vector<float> utilities(static_cast<std::size_t>(world.NumItems()));
  std::vector<float> rewards(utilities.size());
  world.UtilitiesAfter({recent.data(), 1, world.memory()}, {utilities.data(), 1, world.NumItems()});
  world.RewardsAfter({recent.data(), 1, world.memory()}, {rewards.data(), 1, world.NumItems()});
  EXPECT_EQ(utilities, rewards);
  return utilities;
}

TEST(TabularWorldTest, RewardsAreNoiseAndTheStatesOfBothItems) {
  const auto world = MakeWorld("tabular", Config(4, 9));
  base::Rng noise(9, base::Stream::kWorld, 0);
  base::Rng boost(9, base::Stream::kWorld, 1);
  Vector g;
  for (int state = 0; state < 5; ++state) {
    g.push_back(1.2 * boost.Normal());
  }
  for (std::int32_t state = 0; state < 5; ++state) {
    const std::vector<float> rewards = After(*world, {state < 4 ? state : -1});
    for (std::int32_t item = 0; item < 4; ++item) {
      EXPECT_NEAR(rewards[item], noise.Normal() + g[state] - 0.8 * g[item], 1e-6);
    }
  }
}

// f_a' M s + b_a + tanh(f_a1 f_a2) / 2, by loops.
Vector LinearUtilities(const LinearTruth& truth, const Items& recent) {
  Vector s(8, 0.0);
  const Vector weights = {0.6, 0.3, 0.1};
  for (int lag = 0; lag < 3; ++lag) {
    for (int i = 0; i < 8 && recent[lag] >= 0; ++i) {
      s[i] += weights[lag] * static_cast<double>(truth.features[recent[lag] * 8 + i]);
    }
  }
  Vector wish(8, 0.0);
  for (int i = 0; i < 8; ++i) {
    for (int j = 0; j < 8; ++j) {
      wish[i] += truth.m[i * 8 + j] * s[j];
    }
  }
  Vector utilities = truth.b;
  for (std::size_t item = 0; item < utilities.size(); ++item) {
    const float* f = truth.features.data() + item * 8;
    for (int i = 0; i < 8; ++i) {
      utilities[item] += static_cast<double>(f[i]) * wish[i];
    }
    utilities[item] += 0.5 * std::tanh(static_cast<double>(f[0]) * static_cast<double>(f[1]));
  }
  return utilities;
}

TEST(LinearWorldTest, UtilitiesFollowTheLastThreeClicksNewestFirst) {
  const auto world = LinearWorld::Make({});
  for (const Items& recent : {Items{-1, -1, -1}, Items{4, -1, -1}, Items{4, 9, -1}, Items{4, 9, 49}, Items{9, 4, 49}}) {
    const std::vector<float> utilities = After(*world, recent);
    const Vector expected = LinearUtilities(world->truth(), recent);
    for (std::size_t item = 0; item < expected.size(); ++item) {
      EXPECT_NEAR(utilities[item], expected[item], 1e-5);
    }
  }
  EXPECT_NE(After(*world, {4, 9, 49}), After(*world, {9, 4, 49}));
}

TEST(LinearWorldTest, PartsHaveTheSpreadThatIsSaidOfThem) {
  const auto world = LinearWorld::Make(Config(4'000, 2));
  const auto deviation = [](const auto& values) {
    double square = 0.0;
    for (const auto x : values) {
      square += static_cast<double>(x) * static_cast<double>(x);
    }
    return std::sqrt(square / static_cast<double>(values.size()));
  };
  EXPECT_NEAR(deviation(world->truth().features), 1.0, 0.02);
  EXPECT_NEAR(deviation(world->truth().b), 0.7, 0.04);
  EXPECT_NEAR(deviation(world->truth().m), 0.5, 0.2);
  EXPECT_EQ(world->item_features().rows, 4'000);
  EXPECT_EQ(world->item_features().cols, 8);
  EXPECT_EQ(world->item_features().data, world->truth().features.data());
}

std::vector<float> UtilitiesOf(const core::Episodes& episodes, std::int64_t items) {
  std::vector<float> out(static_cast<std::size_t>(episodes.size() * items));
  episodes.Utilities({out.data(), episodes.size(), items});
  return out;
}

TEST(LatentWorldTest, TheSameNumberIsTheSameUserWhateverTheSeed) {
  const auto world = LatentWorld::Make({});
  const std::vector<std::int64_t> users = {5, 6, 5};
  const std::vector<float> one = UtilitiesOf(*world->Start(users, 1), 200);
  EXPECT_EQ(one, UtilitiesOf(*world->Start(users, 2), 200));
  EXPECT_TRUE(std::equal(one.begin(), one.begin() + 200, one.begin() + 400));
  EXPECT_FALSE(std::equal(one.begin(), one.begin() + 200, one.begin() + 200));
}

TEST(LatentWorldTest, AClickDrawsInterestToTheItemAndTiresOfItsTopic) {
  const auto world = LatentWorld::Make(Config(200, 1, -1e6));  // something is always clicked
  const std::vector<std::int64_t> users = {3};
  const auto episodes = world->Start(users, 1);
  const std::vector<float> before = UtilitiesOf(*episodes, 200);
  const Items slate = {17};
  core::Feedback feedback;
  episodes->Step({slate.data(), 1, 1}, feedback);
  ASSERT_EQ(feedback.clicked[0], 0);
  EXPECT_EQ(feedback.reward[0], 1.0F);
  const std::vector<float> after = UtilitiesOf(*episodes, 200);
  const std::int32_t topic = world->truth().topic[17];
  const float* clicked = world->truth().items.data() + std::ptrdiff_t{17} * 8;
  // Utilities are linear in interest but for its normalisation: match' = (0.95 match + 0.05 <v, v'>) / length.
  double same_topic = 0.0;
  Vector match(200);
  for (int item = 0; item < 200; ++item) {
    match[item] = (before[item] - world->truth().quality[item] + 2.0) / 3.0;
  }
  const double own = match[17];
  const double length = std::sqrt(0.95 * 0.95 + 0.05 * 0.05 + 2 * 0.95 * 0.05 * own);
  for (int item = 0; item < 200; ++item) {
    double between = 0.0;
    for (int i = 0; i < 8; ++i) {
      between += static_cast<double>(clicked[i]) * static_cast<double>(world->truth().items[item * 8 + i]);
    }
    const double tired = world->truth().topic[item] == topic ? 1.0 : 0.0;
    const double expected = 3.0 * (0.95 * match[item] + 0.05 * between) / length +
                            static_cast<double>(world->truth().quality[item]) - tired - 2.0;
    EXPECT_NEAR(after[item], expected, 1e-5);
    same_topic += tired;
  }
  EXPECT_GT(same_topic, 1.0);
  EXPECT_LT(same_topic, 100.0);
}

TEST(LatentWorldTest, DisappointedUsersLeaveAndThoseWhoClickStay) {
  const auto share_left = [](double no_click) {
    const auto world = LatentWorld::Make(Config(200, 1, no_click));
    std::vector<std::int64_t> users(2'000);
    std::iota(users.begin(), users.end(), 0);
    const auto episodes = world->Start(users, 1);
    core::Feedback feedback;
    Items slates;
    for (int user = 0; user < 2'000; ++user) {
      slates.insert(slates.end(), {0, 1, 2});
    }
    for (int step = 0; step < 10; ++step) {
      episodes->Step({slates.data(), 2'000, 3}, feedback);
    }
    return std::accumulate(episodes->left().begin(), episodes->left().end(), 0.0) / 2'000.0;
  };
  // Satisfaction is 1 for ever where something is always clicked, so the hazard is 0.005 a page.
  EXPECT_NEAR(share_left(-1e6), 1.0 - std::pow(0.995, 10), 4.0 * std::sqrt(0.0489 * 0.951 / 2'000.0));
  // Without any click satisfaction is 1 - t / 10 after t pages.
  double stays = 1.0;
  for (int page = 1; page <= 10; ++page) {
    stays *= 1.0 - 0.005 - 0.25 * 0.01 * page * page;
  }
  EXPECT_NEAR(share_left(1e6), 1.0 - stays, 4.0 * std::sqrt(stays * (1.0 - stays) / 2'000.0));
}

// Clicks and rewards of a user, means a step.
struct Outcome {
  double clicks = 0.0;
  double reward = 0.0;
};

// Mean and squared standard error over users.
struct Estimate {
  explicit Estimate(const Vector& values) {
    const auto n = static_cast<double>(values.size());
    mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
    for (const double x : values) {
      variance += (x - mean) * (x - mean) / (n * (n - 1.0));
    }
  }
  double mean = 0.0;
  double variance = 0.0;
};

constexpr std::int64_t kShown = 3;
constexpr int kPages = 12;

// Random slates shown to `users` users of a world.
std::vector<Outcome> Simulate(const core::Environment& world, std::int64_t users) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(users));
  std::iota(numbers.begin(), numbers.end(), 100);
  const auto episodes = world.Start(numbers, 3);
  std::vector<Outcome> outcomes(numbers.size());
  Items slates(static_cast<std::size_t>(users * kShown));
  core::Feedback feedback;
  base::Rng rng(8, base::Stream::kTest);
  for (int page = 0; page < kPages; ++page) {
    for (std::int64_t row = 0; row < users; ++row) {
      DrawSlate(rng, world.NumItems(), std::span(slates).subspan(row * kShown, kShown));
    }
    episodes->Step({slates.data(), users, kShown}, feedback);
    for (std::size_t row = 0; row < outcomes.size(); ++row) {
      outcomes[row].clicks += (feedback.clicked[row] >= 0 ? 1.0 : 0.0) / kPages;
      outcomes[row].reward += static_cast<double>(feedback.reward[row]) / kPages;
    }
  }
  return outcomes;
}

void ExpectAlike(const std::vector<Outcome>& simulated, const std::vector<Outcome>& reference) {
  const auto column = [](const std::vector<Outcome>& outcomes, double Outcome::*member) {
    Vector values;
    for (const Outcome& outcome : outcomes) {
      values.push_back(outcome.*member);
    }
    return values;
  };
  for (double Outcome::*member : {&Outcome::clicks, &Outcome::reward}) {
    const Estimate ours(column(simulated, member));
    const Estimate theirs(column(reference, member));
    EXPECT_NEAR(ours.mean, theirs.mean, 3.0 * std::sqrt(ours.variance + theirs.variance));
    EXPECT_LT(3.0 * std::sqrt(ours.variance + theirs.variance), 0.05) << "too few users to tell anything";
  }
}

// A user of the references: utilities of all items, and what a choice (-1: none) brings; false: leaves.
struct ReferenceUser {
  std::function<Vector()> utilities;
  std::function<bool(std::int32_t item, Outcome& outcome)> choose;
};

void ShowReference(const ReferenceUser& user, std::size_t items, std::mt19937_64& random, Outcome& outcome) {
  Items order(items);
  std::iota(order.begin(), order.end(), 0);
  for (int page = 0; page < kPages; ++page) {
    for (int place = 0; place < kShown; ++place) {
      std::uniform_int_distribution<std::size_t> any(static_cast<std::size_t>(place), items - 1);
      std::swap(order[place], order[any(random)]);
    }
    const Vector utilities = user.utilities();
    // The choice of the largest utility with Gumbel noise is the softmax choice; nothing has utility 0.
    std::extreme_value_distribution<double> gumbel;
    double most = gumbel(random);
    std::int32_t chosen = -1;
    for (int place = 0; place < kShown; ++place) {
      const double felt = utilities[order[place]] + gumbel(random);
      if (felt > most) {
        most = felt;
        chosen = order[place];
      }
    }
    outcome.clicks += (chosen >= 0 ? 1.0 : 0.0) / kPages;
    if (!user.choose(chosen, outcome)) {
      return;
    }
  }
}

TEST(TabularWorldTest, RandomSlatesBringWhatTheReferenceSays) {
  const auto world = TabularWorld::Make({});
  std::mt19937_64 random(1);
  std::vector<Outcome> reference(40'000);
  for (Outcome& outcome : reference) {
    std::int64_t state = 10;
    const auto rewards = [&] {
      return Vector(world->problem().rewards(state).begin(), world->problem().rewards(state).end());
    };
    ShowReference({rewards,
                   [&](std::int32_t item, Outcome& out) {
                     if (item >= 0) {
                       out.reward += rewards()[item] / kPages;
                       state = item;
                     }
                     return true;
                   }},
                  10, random, outcome);
  }
  ExpectAlike(Simulate(*world, 40'000), reference);
}

TEST(LinearWorldTest, RandomSlatesBringWhatTheReferenceSays) {
  const auto world = LinearWorld::Make({});
  std::mt19937_64 random(2);
  std::vector<Outcome> reference(20'000);
  for (Outcome& outcome : reference) {
    Items recent = {-1, -1, -1};
    Vector utilities = LinearUtilities(world->truth(), recent);
    ShowReference({[&] { return utilities; },
                   [&](std::int32_t item, Outcome& out) {
                     if (item >= 0) {
                       out.reward += utilities[item] / kPages;
                       recent = {item, recent[0], recent[1]};
                       utilities = LinearUtilities(world->truth(), recent);
                     }
                     return true;
                   }},
                  50, random, outcome);
  }
  ExpectAlike(Simulate(*world, 40'000), reference);
}

// A user of the latent world with interests and luck of the reference's own.
class LatentReference {
 public:
  LatentReference(const LatentTruth& truth, std::mt19937_64& random) : truth_(truth), random_(random), tired_(10, 0.0) {
    std::normal_distribution<double> normal;
    const auto main = random_() % 10;
    const auto second = random_() % 10;
    for (std::size_t i = 0; i < 8; ++i) {
      interest_.push_back(truth.centres[main * 8 + i] + 0.5 * truth.centres[second * 8 + i] +
                          0.5 * normal(random_) / std::sqrt(8.0));
    }
    Normalise();
  }

  [[nodiscard]] Vector Utilities() const {
    Vector utilities;
    for (std::size_t item = 0; item < truth_.topic.size(); ++item) {
      double match = 0.0;
      for (std::size_t i = 0; i < 8; ++i) {
        match += interest_[i] * truth_.items[item * 8 + i];
      }
      utilities.push_back(3.0 * match + truth_.quality[item] - tired_[truth_.topic[item]] - 2.0);
    }
    return utilities;
  }

  bool Choose(std::int32_t item, Outcome& outcome) {
    for (double& t : tired_) {
      t *= 0.8;
    }
    satisfaction_ = item >= 0 ? std::min(1.0, satisfaction_ + 0.15) : std::max(0.0, satisfaction_ - 0.1);
    if (item >= 0) {
      outcome.reward += 1.0 / kPages;
      tired_[truth_.topic[item]] += 1.0;
      for (std::size_t i = 0; i < 8; ++i) {
        interest_[i] = 0.95 * interest_[i] + 0.05 * truth_.items[static_cast<std::size_t>(item) * 8 + i];
      }
      Normalise();
    }
    const double hazard = 0.005 + 0.25 * (1.0 - satisfaction_) * (1.0 - satisfaction_);
    return std::uniform_real_distribution<double>()(random_) >= hazard;
  }

 private:
  void Normalise() {
    const double square = std::inner_product(interest_.begin(), interest_.end(), interest_.begin(), 0.0);
    for (double& x : interest_) {
      x /= std::sqrt(square);
    }
  }

  const LatentTruth& truth_;
  std::mt19937_64& random_;
  Vector interest_;
  Vector tired_;
  double satisfaction_ = 1.0;
};

TEST(LatentWorldTest, RandomSlatesBringWhatTheReferenceSays) {
  const auto world = LatentWorld::Make(Config(60, 1));
  std::mt19937_64 random(3);
  std::vector<Outcome> reference(20'000);
  for (Outcome& outcome : reference) {
    LatentReference user(world->truth(), random);
    ShowReference(
        {[&] { return user.Utilities(); }, [&](std::int32_t item, Outcome& out) { return user.Choose(item, out); }}, 60,
        random, outcome);
  }
  ExpectAlike(Simulate(*world, 40'000), reference);
}

}  // namespace
}  // namespace recforce::sim
