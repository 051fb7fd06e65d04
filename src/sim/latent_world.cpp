// SPDX-License-Identifier: Apache-2.0
#include "sim/latent_world.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "sim/world_parts.h"

namespace recforce::sim {
namespace {

constexpr std::int64_t kMostItems = 10'000'000;
constexpr auto kWidth = static_cast<std::size_t>(kLatentWidth);
constexpr auto kTopics = static_cast<std::size_t>(kLatentTopics);

// Objects of stream kWorld: a is the object's number, b its kind.
constexpr std::uint32_t kCentre = 0;
constexpr std::uint32_t kItem = 1;
constexpr std::uint32_t kUser = 2;

constexpr double kSharpness = 3.0;
constexpr double kReserve = 2.0;
constexpr double kQualitySpread = 0.5;
constexpr double kSpread = 0.5;  // of items and users around their topics, relative to the length of a centre
constexpr double kSecondTopic = 0.5;
constexpr double kDrift = 0.05;
constexpr double kRecovery = 0.8;
constexpr double kPleasure = 0.15;
constexpr double kDisappointment = 0.1;
constexpr double kLeastHazard = 0.005;
constexpr double kMostHazard = 0.25;

std::span<const float> Row(const std::vector<float>& matrix, std::size_t row) {
  return std::span(matrix).subspan(row * kWidth, kWidth);
}

void Normalise(std::span<float> vector) {
  double square = 0.0;
  for (const float x : vector) {
    square += static_cast<double>(x) * static_cast<double>(x);
  }
  for (float& x : vector) {
    x = static_cast<float>(static_cast<double>(x) / std::sqrt(square));
  }
}

// A point of the sphere near `centre`: out := normalised centre + spread N(0, 1 / d).
void DrawNear(std::span<const double> centre, double spread, base::Rng& rng, std::span<float> out) {
  for (std::size_t i = 0; i < kWidth; ++i) {
    out[i] = static_cast<float>(centre[i] + spread * rng.Normal() / std::sqrt(static_cast<double>(kWidth)));
  }
  Normalise(out);
}

std::shared_ptr<const LatentTruth> MakeTruth(std::int64_t items, std::uint64_t seed) {
  auto truth = std::make_shared<LatentTruth>();
  truth->seed = seed;
  truth->centres.resize(kTopics * kWidth);
  for (std::size_t topic = 0; topic < kTopics; ++topic) {
    base::Rng rng(seed, base::Stream::kWorld, topic, kCentre);
    DrawNear(std::vector<double>(kWidth, 0.0), 1.0, rng, std::span(truth->centres).subspan(topic * kWidth, kWidth));
  }
  const auto n = static_cast<std::size_t>(items);
  truth->items.resize(n * kWidth);
  truth->topic.resize(n);
  truth->quality.resize(n);
  for (std::size_t item = 0; item < n; ++item) {
    base::Rng rng(seed, base::Stream::kWorld, item, kItem);
    const std::uint64_t topic = rng.Below(kTopics);
    const std::span<const float> centre = Row(truth->centres, topic);
    truth->topic[item] = static_cast<std::int32_t>(topic);
    truth->quality[item] = static_cast<float>(kQualitySpread * rng.Normal());
    DrawNear(std::vector<double>(centre.begin(), centre.end()), kSpread, rng,
             std::span(truth->items).subspan(item * kWidth, kWidth));
  }
  return truth;
}

// The parts of a user's traits.
template <class T>
struct Traits {
  explicit Traits(std::span<T> all)
      : interest(all.first(kWidth)), tiredness(all.subspan(kWidth, kTopics)), satisfaction(all.back()) {}
  std::span<T> interest;
  std::span<T> tiredness;
  T& satisfaction;
};

class LatentModel : public ClickModel {
 public:
  LatentModel(std::shared_ptr<const LatentTruth> truth, core::ChoiceRule choice)
      : truth_(std::move(truth)), choice_(choice) {}

  [[nodiscard]] std::int64_t NumItems() const override { return static_cast<std::int64_t>(truth_->topic.size()); }
  [[nodiscard]] std::int64_t memory() const override { return 20; }
  [[nodiscard]] core::ChoiceRule choice() const override { return choice_; }
  [[nodiscard]] std::int64_t num_traits() const override { return kLatentTraits; }

  void Begin(std::span<const std::int64_t> users, base::MatrixView<float> traits) const override {
    base::ParallelFor(0, traits.rows, kRowGrain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        base::Rng rng(truth_->seed, base::Stream::kWorld,
                      static_cast<std::uint64_t>(users[static_cast<std::size_t>(row)]), kUser);
        const std::span<const float> main = Row(truth_->centres, rng.Below(kTopics));
        const std::span<const float> second = Row(truth_->centres, rng.Below(kTopics));
        std::vector<double> centre(kWidth);
        for (std::size_t i = 0; i < kWidth; ++i) {
          centre[i] = static_cast<double>(main[i]) + kSecondTopic * static_cast<double>(second[i]);
        }
        Traits<float> user(traits.row(row));
        DrawNear(centre, kSpread, rng, user.interest);
        std::fill(user.tiredness.begin(), user.tiredness.end(), 0.0F);
        user.satisfaction = 1.0F;
      }
    });
  }

  void Evaluate(const UserRows& users, base::MatrixView<const std::int32_t> items, base::MatrixView<float> utilities,
                base::MatrixView<float> rewards) const override {
    base::ParallelFor(0, items.rows, kRowGrain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        const Traits<const float> user(users.traits.row(row));
        std::transform(items.row(row).begin(), items.row(row).end(), utilities.row(row).begin(),
                       [&](std::int32_t item) { return Utility(user, static_cast<std::size_t>(item)); });
        std::fill_n(rewards.row(row).begin(), items.cols, 1.0F);
      }
    });
  }

  void Advance(const Turn& turn, base::MatrixView<float> traits, std::span<std::uint8_t> left) const override {
    base::ParallelFor(0, traits.rows, kRowGrain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        const auto r = static_cast<std::size_t>(row);
        if (left[r] == 0) {
          const double hazard = AfterPage(Traits<float>(traits.row(row)), turn.clicked[r]);
          left[r] = turn.luck[r] < hazard ? 1 : 0;
        }
      }
    });
  }

 private:
  [[nodiscard]] float Utility(const Traits<const float>& user, std::size_t item) const {
    double match = 0.0;
    const std::span<const float> vector = Row(truth_->items, item);
    for (std::size_t i = 0; i < kWidth; ++i) {
      match += static_cast<double>(user.interest[i]) * static_cast<double>(vector[i]);
    }
    const auto topic = static_cast<std::size_t>(truth_->topic[item]);
    return static_cast<float>(kSharpness * match + static_cast<double>(truth_->quality[item]) -
                              static_cast<double>(user.tiredness[topic]) - kReserve);
  }

  // Returns the probability of leaving.
  [[nodiscard]] double AfterPage(Traits<float> user, std::int32_t clicked) const {
    for (float& t : user.tiredness) {
      t = static_cast<float>(kRecovery * static_cast<double>(t));
    }
    auto z = static_cast<double>(user.satisfaction);
    if (clicked < 0) {
      z = std::max(0.0, z - kDisappointment);
    } else {
      const auto item = static_cast<std::size_t>(clicked);
      z = std::min(1.0, z + kPleasure);
      user.tiredness[static_cast<std::size_t>(truth_->topic[item])] += 1.0F;
      const std::span<const float> vector = Row(truth_->items, item);
      for (std::size_t i = 0; i < kWidth; ++i) {
        user.interest[i] = static_cast<float>((1.0 - kDrift) * static_cast<double>(user.interest[i]) +
                                              kDrift * static_cast<double>(vector[i]));
      }
      Normalise(user.interest);
    }
    user.satisfaction = static_cast<float>(z);
    return kLeastHazard + kMostHazard * (1.0 - z) * (1.0 - z);
  }

  std::shared_ptr<const LatentTruth> truth_;
  core::ChoiceRule choice_;
};

}  // namespace

std::shared_ptr<const LatentWorld> LatentWorld::Make(const EnvironmentConfig& config) {
  const std::int64_t items = WorldItems(config, kLatentItems, kMostItems);
  return std::make_shared<LatentWorld>(MakeTruth(items, static_cast<std::uint64_t>(config.seed)), WorldChoice(config),
                                       WorldIdentity("latent", items, config));
}

LatentWorld::LatentWorld(std::shared_ptr<const LatentTruth> truth, core::ChoiceRule choice, std::string identity)
    : ClickEnvironment(std::make_shared<LatentModel>(truth, choice)),
      truth_(std::move(truth)),
      identity_(std::move(identity)) {}

}  // namespace recforce::sim
