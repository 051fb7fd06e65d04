// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/replay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "recforce/base/threads.h"
#include "support/error_of.h"
#include "support/same_tensors.h"

namespace recforce::algos {
namespace {

constexpr ReplayShape kShape = {.episodes = 3, .memory = 2, .slate = 2, .proto = 4};
constexpr std::int64_t kBlocks = 7;
constexpr std::int64_t kItems = 50;

// What one episode did in one step, and what it remembered afterwards.
struct Row {
  std::int32_t user = 0;
  std::int64_t number = 0;
  std::int32_t step = 0;
  std::vector<std::int32_t> memory, slate, after;
  std::vector<float> proto;
  std::int32_t liked = -1;
  float reward = 0.0F;
  sim::EpisodeEnd end = sim::EpisodeEnd::kNone;
  std::uint8_t valid = 1;
};

// Random episodes with ends of both kinds, some of which wait before they begin anew, and all that ever happened.
class Episodes {
 public:
  explicit Episodes(std::uint64_t seed, const ReplayShape& shape = kShape)
      : shape_(shape), rng_(seed, base::Stream::kTest), now_(static_cast<std::size_t>(shape.episodes)) {
    for (std::size_t e = 0; e < now_.size(); ++e) {
      now_[e].number = static_cast<std::int64_t>(e);
      now_[e].memory.assign(static_cast<std::size_t>(shape.memory), -1);
    }
  }

  void Step(DrrReplay& replay) {
    for (Row& row : now_) {
      Play(row);
    }
    happened.push_back(now_);
    Give(replay);
    for (Row& row : now_) {
      const bool goes_on = row.valid != 0 && row.end == sim::EpisodeEnd::kNone;
      row.step = goes_on ? row.step + 1 : 0;
      row.memory = goes_on ? row.after : std::vector<std::int32_t>(row.memory.size(), -1);
      row.number += goes_on ? 0 : shape_.episodes;
      row.valid = goes_on || rng_.Below(4) != 0 ? 1 : 0;
    }
  }

  std::vector<std::vector<Row>> happened;  // [steps][E]

 private:
  void Play(Row& row) {
    const auto item = [this] { return static_cast<std::int32_t>(rng_.Below(kItems)); };
    row.user = static_cast<std::int32_t>(row.number % 20);
    row.slate.resize(static_cast<std::size_t>(shape_.slate));
    std::generate(row.slate.begin(), row.slate.end(), item);
    if (row.valid == 0) {
      row.slate[0] = 1'000'000;  // no item: nobody may read it
    }
    row.proto.resize(static_cast<std::size_t>(shape_.proto));
    std::generate(row.proto.begin(), row.proto.end(), [this] { return static_cast<float>(rng_.Normal()); });
    row.liked = row.valid != 0 && rng_.Below(2) == 0 ? row.slate[0] : -1;
    row.reward = static_cast<float>(rng_.Normal());
    const std::uint64_t fate = row.valid != 0 ? rng_.Below(10) : 9;
    row.end = fate == 0 ? sim::EpisodeEnd::kTerminal : fate == 1 ? sim::EpisodeEnd::kTruncated : sim::EpisodeEnd::kNone;
    row.after = row.memory;
    if (row.liked >= 0) {
      row.after.pop_back();
      row.after.insert(row.after.begin(), row.liked);
    }
  }

  void Give(DrrReplay& replay) const {
    std::vector<std::int32_t> users, steps, memory, slates, liked;
    std::vector<std::int64_t> numbers;
    std::vector<float> proto, reward;
    std::vector<sim::EpisodeEnd> end;
    std::vector<std::uint8_t> valid;
    for (const Row& row : now_) {
      users.push_back(row.user);
      numbers.push_back(row.number);
      steps.push_back(row.step);
      memory.insert(memory.end(), row.memory.begin(), row.memory.end());
      slates.insert(slates.end(), row.slate.begin(), row.slate.end());
      proto.insert(proto.end(), row.proto.begin(), row.proto.end());
      liked.push_back(row.liked);
      reward.push_back(row.reward);
      end.push_back(row.end);
      valid.push_back(row.valid);
    }
    replay.Add({.users = users,
                .numbers = numbers,
                .steps = steps,
                .memory = {memory.data(), shape_.episodes, shape_.memory},
                .slates = {slates.data(), shape_.episodes, shape_.slate},
                .proto = {proto.data(), shape_.episodes, shape_.proto},
                .liked = liked,
                .reward = reward,
                .end = end,
                .valid = valid});
  }

  ReplayShape shape_;
  base::Rng rng_;
  std::vector<Row> now_;
};

ReplayOptions Prioritized(WeightsOver over = WeightsOver::kBatch) {
  return {.kind = ReplayKind::kPrioritized, .weights_over = over};
}
ReplayOptions Uniform() { return {.kind = ReplayKind::kUniform}; }

DrrReplay MakeReplay(const ReplayOptions& options) { return {kShape, kBlocks * kShape.episodes - 1, options}; }

template <class T>
std::vector<T> Part(const std::vector<T>& rows, std::size_t row, std::int64_t columns) {
  const auto begin = rows.begin() + static_cast<std::int64_t>(row) * columns;
  return {begin, begin + columns};
}

std::vector<std::int32_t> List(std::span<const std::int32_t> items) { return {items.begin(), items.end()}; }

// The batch against what happened, step by step.
void ExpectHappened(const Episodes& world, const DrrBatch& batch, std::int64_t steps, double gamma) {
  const auto now = static_cast<std::int64_t>(world.happened.size());
  std::map<std::pair<std::int64_t, std::int32_t>, std::pair<std::int64_t, std::int64_t>> places;
  for (std::int64_t t = std::max<std::int64_t>(0, now - kBlocks); t < now; ++t) {
    for (std::int64_t e = 0; e < kShape.episodes; ++e) {
      if (world.happened[t][e].valid != 0) {
        places[{t % kBlocks, static_cast<std::int32_t>(e)}] = {t, e};
      }
    }
  }
  for (std::size_t at = 0; at < batch.rows.size(); ++at) {
    const std::int64_t ring = batch.rows[at] / kShape.episodes;
    const auto place = places.find({ring, static_cast<std::int32_t>(batch.rows[at] % kShape.episodes)});
    ASSERT_NE(place, places.end()) << "row " << batch.rows[at] << " waited, or never was";
    const auto [t, e] = place->second;
    const Row& row = world.happened[t][e];
    EXPECT_EQ(batch.users[at], row.user);
    EXPECT_EQ(batch.numbers[at], row.number);
    EXPECT_EQ(Part(batch.memory, at, kShape.memory), row.memory);
    EXPECT_EQ(Part(batch.slates, at, kShape.slate), row.slate);
    EXPECT_EQ(Part(batch.proto, at, kShape.proto), row.proto);
    double sum = 0.0;
    std::int64_t last = t;
    for (std::int64_t j = 0; j < steps && t + j < now; ++j) {
      last = t + j;
      sum += std::pow(gamma, j) * static_cast<double>(world.happened[last][e].reward);
      if (world.happened[last][e].end != sim::EpisodeEnd::kNone) {
        break;
      }
    }
    const bool terminal = world.happened[last][e].end == sim::EpisodeEnd::kTerminal;
    EXPECT_NEAR(batch.reward[at], sum, 1e-6);
    EXPECT_NEAR(batch.discount[at], terminal ? 0.0 : std::pow(gamma, last - t + 1), 1e-6);
    EXPECT_EQ(Part(batch.after, at, kShape.memory), world.happened[last][e].after);
    std::vector<std::int32_t> shown;
    for (std::int64_t past = std::max<std::int64_t>(0, now - kBlocks); past <= last; ++past) {
      const Row& other = world.happened[past][e];
      if (past == t) {
        EXPECT_EQ(List(batch.shown.Before(at)), shown);
      }
      if (other.number == row.number && other.valid != 0) {
        shown.insert(shown.end(), other.slate.begin(), other.slate.end());
      }
    }
    EXPECT_EQ(List(batch.shown.After(at)), shown);
  }
}

void ExpectSameBatch(const DrrBatch& a, const DrrBatch& b) {
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.users, b.users);
  EXPECT_EQ(a.numbers, b.numbers);
  EXPECT_EQ(a.memory, b.memory);
  EXPECT_EQ(a.slates, b.slates);
  EXPECT_EQ(a.proto, b.proto);
  EXPECT_EQ(a.reward, b.reward);
  EXPECT_EQ(a.discount, b.discount);
  EXPECT_EQ(a.after, b.after);
  EXPECT_EQ(a.weight, b.weight);
  EXPECT_EQ(a.shown.begin, b.shown.begin);
  EXPECT_EQ(a.shown.middle, b.shown.middle);
  EXPECT_EQ(a.shown.items, b.shown.items);
}

// Differences of either sign, between 0.01 and 1, for the rows of a batch.
std::vector<float> Differences(const DrrBatch& batch, base::Rng& rng) {
  std::vector<float> differences(batch.rows.size());
  for (float& difference : differences) {
    difference = static_cast<float>(std::pow(0.01, rng.Uniform())) * (rng.Below(2) == 0 ? 1.0F : -1.0F);
  }
  return differences;
}

TEST(DrrReplayTest, TransitionsAreWhatHappened) {
  for (const ReplayOptions& options : {Uniform(), Prioritized()}) {
    Episodes world(1);
    DrrReplay replay = MakeReplay(options);
    DrrBatch batch;
    std::uint64_t update = 0;
    for (int step = 0; step < 60; ++step) {
      world.Step(replay);
      EXPECT_EQ(replay.full(), step + 1 >= kBlocks);
      EXPECT_EQ(replay.size(), std::min<std::int64_t>(step + 1, kBlocks) * kShape.episodes);
      std::int64_t valid = 0;
      for (std::int64_t t = std::max<std::int64_t>(0, step + 1 - kBlocks); t <= step; ++t) {
        for (const Row& row : world.happened[t]) {
          valid += row.valid;
        }
      }
      ASSERT_EQ(replay.drawable(), valid);
      for (const std::int64_t steps : {1, 2, 3, 20}) {
        replay.Draw(3, update++, 64, steps, 0.9, 0.4, batch, true);
        ExpectHappened(world, batch, steps, 0.9);
      }
    }
  }
}

TEST(DrrReplayTest, ShownItemsAreLeftOutUnlessAskedFor) {
  Episodes world(1);
  DrrReplay replay = MakeReplay(Prioritized());
  world.Step(replay);
  DrrBatch batch;
  replay.Draw(1, 1, 8, 1, 0.9, 0.0, batch, true);
  EXPECT_EQ(batch.shown.items.size(), 16U);
  replay.Draw(1, 1, 8, 1, 0.9, 0.0, batch);
  EXPECT_TRUE(batch.shown.items.empty());
  EXPECT_TRUE(batch.shown.begin.empty());
}

TEST(DrrReplayTest, RowsThatWaitedAreNeverDrawnAndAllOthersAre) {
  for (const ReplayOptions& options : {Uniform(), Prioritized()}) {
    Episodes world(2);
    DrrReplay replay = MakeReplay(options);
    while (!replay.full() || replay.drawable() > replay.size() - 3) {
      world.Step(replay);
    }
    DrrBatch batch;
    replay.Draw(1, 1, 2000, 1, 0.9, 0.0, batch);
    std::sort(batch.rows.begin(), batch.rows.end());
    const auto end = std::unique(batch.rows.begin(), batch.rows.end());
    EXPECT_EQ(end - batch.rows.begin(), replay.drawable());
    std::for_each(batch.rows.begin(), end, [&](std::int64_t row) { EXPECT_EQ(replay.Priority(row), 1.0); });
  }
}

TEST(DrrReplayTest, PrioritiesFollowTheRing) {
  Episodes world(3);
  DrrReplay replay = MakeReplay(Prioritized());
  std::vector<double> expected(kBlocks * kShape.episodes, 0.0);
  double most = 1.0;
  base::Rng rng(1, base::Stream::kTest);
  DrrBatch batch;
  for (int step = 0; step < 40; ++step) {
    world.Step(replay);
    for (std::int64_t e = 0; e < kShape.episodes; ++e) {
      expected[step % kBlocks * kShape.episodes + e] = world.happened.back()[e].valid != 0 ? std::pow(most, 0.6) : 0.0;
    }
    replay.Draw(1, static_cast<std::uint64_t>(step), 30, 1, 0.9, 0.4, batch);
    std::vector<float> differences = Differences(batch, rng);
    differences[0] *= 3.0F;
    std::swap(batch.rows.front(), batch.rows.back());  // in no order
    replay.SetPriorities(batch.rows, differences);
    for (std::size_t at = 0; at < batch.rows.size(); ++at) {
      const double p = std::abs(static_cast<double>(differences[at])) + 1e-6;
      expected[batch.rows[at]] = std::pow(p, 0.6);  // of rows drawn twice the last one stays
      most = std::max(most, p);
    }
    for (std::size_t row = 0; row < expected.size(); ++row) {
      ASSERT_EQ(replay.Priority(static_cast<std::int64_t>(row)), expected[row]) << row << " in step " << step;
    }
  }
  EXPECT_GT(most, 1.5);
}

TEST(DrrReplayTest, PrioritiesComeToBeWhatTheCriticMisses) {
  DrrReplay replay({.episodes = 10}, 500, Prioritized());
  Episodes world(4, {.episodes = 10});
  for (int step = 0; step < 50; ++step) {
    world.Step(replay);
  }
  std::vector<float> missed(500);
  base::Rng rng(1, base::Stream::kTest);
  std::generate(missed.begin(), missed.end(), [&] { return static_cast<float>(rng.Uniform()); });
  DrrBatch batch;
  for (std::uint64_t update = 0; update < 100; ++update) {
    replay.Draw(1, update, 64, 1, 0.9, 0.4, batch);
    std::vector<float> differences;
    for (const std::int64_t row : batch.rows) {
      differences.push_back(missed[row]);
    }
    replay.SetPriorities(batch.rows, differences);
  }
  double n = 0.0, x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
  for (std::int64_t row = 0; row < replay.size(); ++row) {
    if (const double p = std::pow(replay.Priority(row), 1.0 / 0.6); p > 0.0) {
      const double d = static_cast<double>(missed[row]);
      n += 1.0, x += p, y += d, xx += p * p, yy += d * d, xy += p * d;
    }
  }
  EXPECT_EQ(n, replay.drawable());
  EXPECT_GT((n * xy - x * y) / std::sqrt((n * xx - x * x) * (n * yy - y * y)), 0.9);
}

// A replay of forty steps whose priorities are all over the place.
DrrReplay Uneven(WeightsOver over) {
  DrrReplay replay = MakeReplay(Prioritized(over));
  Episodes world(5);
  base::Rng rng(2, base::Stream::kTest);
  DrrBatch batch;
  for (int step = 0; step < 40; ++step) {
    world.Step(replay);
    replay.Draw(2, static_cast<std::uint64_t>(step), 16, 1, 0.9, 0.4, batch);
    replay.SetPriorities(batch.rows, Differences(batch, rng));
  }
  return replay;
}

TEST(DrrReplayTest, WeightsAreThoseOfThePaper) {
  for (const WeightsOver over : {WeightsOver::kBatch, WeightsOver::kBuffer}) {
    const DrrReplay replay = Uneven(over);
    double total = 0.0;
    for (std::int64_t row = 0; row < replay.size(); ++row) {
      total += replay.Priority(row);
    }
    DrrBatch batch;
    for (const double beta : {0.0, 0.4, 1.0}) {
      replay.Draw(1, 7, 10, 1, 0.9, beta, batch);
      const auto weight = [&](std::int64_t row) {
        return std::pow(static_cast<double>(replay.drawable()) * replay.Priority(row) / total, -beta);
      };
      double largest = 0.0;
      if (over == WeightsOver::kBatch) {
        for (const std::int64_t row : batch.rows) {
          largest = std::max(largest, weight(row));
        }
      } else {
        for (std::int64_t row = 0; row < replay.size(); ++row) {
          largest = std::max(largest, replay.Priority(row) > 0.0 ? weight(row) : 0.0);
        }
      }
      for (std::size_t at = 0; at < batch.rows.size(); ++at) {
        EXPECT_NEAR(batch.weight[at], weight(batch.rows[at]) / largest, 1e-6) << "beta " << beta;
      }
    }
  }
}

TEST(DrrReplayTest, EqualPrioritiesAndUniformDrawsWeighOne) {
  for (const ReplayOptions& options :
       {Uniform(), Prioritized(WeightsOver::kBatch), Prioritized(WeightsOver::kBuffer)}) {
    DrrReplay replay = MakeReplay(options);
    Episodes world(6);
    world.Step(replay);
    world.Step(replay);
    DrrBatch batch;
    for (const double beta : {0.0, 0.4, 1.0}) {
      replay.Draw(1, 1, 100, 1, 0.9, beta, batch);
      EXPECT_EQ(batch.weight, std::vector<float>(100, 1.0F));
    }
  }
}

TEST(DrrReplayTest, WeightedDrawsEstimateTheMeanOverAllRows) {
  const DrrReplay replay = Uneven(WeightsOver::kBuffer);
  // What is to be averaged is large where priorities are, so that draws without weights are far off.
  const auto f = [&](std::int64_t row) { return replay.Priority(row) + 0.1 * static_cast<double>(row % 3); };
  double total = 0.0;
  double least = 1e9;
  double mean = 0.0;
  const auto n = static_cast<double>(replay.drawable());
  for (std::int64_t row = 0; row < replay.size(); ++row) {
    if (const double p = replay.Priority(row); p > 0.0) {
      total += p;
      least = std::min(least, p);
      mean += f(row) / n;
    }
  }
  DrrBatch batch;
  double sum = 0.0;
  double squares = 0.0;
  double bare = 0.0;
  constexpr double kDraws = 1e5;
  for (std::uint64_t update = 0; update < 1000; ++update) {
    replay.Draw(9, update, 100, 1, 0.9, 1.0, batch);
    for (std::size_t at = 0; at < batch.rows.size(); ++at) {
      const double value = static_cast<double>(batch.weight[at]) * total / (n * least) * f(batch.rows[at]);
      sum += value;
      squares += value * value;
      bare += f(batch.rows[at]);
    }
  }
  const double error = std::sqrt((squares / kDraws - sum / kDraws * sum / kDraws) / kDraws);
  EXPECT_NEAR(sum / kDraws, mean, 3.0 * error);
  EXPECT_GT(std::abs(bare / kDraws - mean), 10.0 * error);
}

TEST(DrrReplayTest, DrawsFollowFromSeedAndUpdateAloneOnAnyNumberOfThreads) {
  const int threads = base::Threads();
  for (const ReplayOptions& options : {Uniform(), Prioritized()}) {
    DrrReplay replay = MakeReplay(options);
    Episodes world(7);
    for (int step = 0; step < 20; ++step) {
      world.Step(replay);
    }
    DrrBatch one;
    DrrBatch many;
    base::SetThreads(1);
    replay.Draw(1, 2, 3000, 3, 0.9, 0.4, one, true);
    base::SetThreads(3);
    replay.Draw(1, 2, 3000, 3, 0.9, 0.4, many, true);
    ExpectSameBatch(one, many);
    replay.Draw(1, 3, 3000, 3, 0.9, 0.4, many, true);
    EXPECT_NE(one.rows, many.rows);
  }
  base::SetThreads(threads);
}

TEST(DrrReplayTest, SavedAndLoadedItGoesOnAlike) {
  for (const ReplayOptions& options : {Uniform(), Prioritized()}) {
    for (const int before : {0, 4, 18}) {
      DrrReplay replay = MakeReplay(options);
      Episodes world(8);
      base::Rng rng(3, base::Stream::kTest);
      DrrBatch batch;
      for (int step = 0; step < before; ++step) {
        world.Step(replay);
        replay.Draw(1, static_cast<std::uint64_t>(step), 16, 1, 0.9, 0.4, batch);
        replay.SetPriorities(batch.rows, Differences(batch, rng));
      }
      base::TensorSet state;
      replay.Save(state, "replay.");
      DrrReplay other = MakeReplay(options);
      other.Load(state, "replay.", kItems, 20);
      Episodes same = world;
      DrrBatch again;
      for (std::uint64_t update = 100; update < 120; ++update) {
        world.Step(replay);
        same.Step(other);
        replay.Draw(1, update, 16, 3, 0.9, 0.4, batch, true);
        other.Draw(1, update, 16, 3, 0.9, 0.4, again, true);
        ExpectSameBatch(batch, again);
        const std::vector<float> differences = Differences(batch, rng);
        replay.SetPriorities(batch.rows, differences);
        other.SetPriorities(again.rows, differences);
      }
      base::TensorSet a;
      base::TensorSet b;
      replay.Save(a, "");
      other.Save(b, "");
      test::ExpectSameTensors(a, b);
      EXPECT_EQ(replay.drawable(), other.drawable());
    }
  }
}

TEST(DrrReplayTest, RefusesTheStateOfAnother) {
  const DrrReplay replay = Uneven(WeightsOver::kBatch);
  base::TensorSet state;
  replay.Save(state, "replay.");
  const auto error_of = [](DrrReplay other, const base::TensorSet& from, std::int64_t items, std::int64_t users) {
    return test::ErrorOf([&] { other.Load(from, "replay.", items, users); });
  };
  EXPECT_EQ(error_of(MakeReplay(Prioritized()), state, kItems, 20), "");
  EXPECT_EQ(error_of(MakeReplay(Prioritized()), state, kItems - 10, 20),
            "Data: tensors: tensor 'replay.rows' holds a number out of range");
  EXPECT_EQ(error_of(MakeReplay(Prioritized()), state, kItems, 10),
            "Data: tensors: tensor 'replay.rows' holds a number out of range");
  EXPECT_EQ(error_of(MakeReplay(Uniform()), state, kItems, 20),
            "Data: tensors: tensor 'replay.priorities' does not fit the replay");
  ReplayShape wide = kShape;
  wide.slate = 3;
  EXPECT_EQ(error_of(DrrReplay(wide, 20, Prioritized()), state, kItems, 20),
            "Data: tensors: tensor 'replay.rows' does not fit the replay");
  EXPECT_EQ(error_of(DrrReplay(kShape, 9, Prioritized()), state, kItems, 20),
            "Data: tensors: tensor 'replay.place' holds a number out of range");
  base::TensorSet lost = state;
  lost.AddOwned("replay.priorities", std::vector<double>(kBlocks * kShape.episodes, 0.0));
  EXPECT_EQ(error_of(MakeReplay(Prioritized()), lost, kItems, 20),
            "Data: tensors: tensor 'replay.priorities' holds a number out of range")
      << "rows that can be drawn have no priority";
}

TEST(DrrReplayTest, DifferencesThatAreNoNumbersEndTheRun) {
  DrrReplay replay = Uneven(WeightsOver::kBatch);
  DrrBatch batch;
  replay.Draw(1, 1, 1, 1, 0.9, 0.4, batch);
  EXPECT_EQ(test::ErrorOf([&] { replay.SetPriorities(batch.rows, std::vector<float>{std::nanf("")}); }),
            "Diverged: temporal difference: not a finite number: training diverged. Try a smaller learning_rate");
}

}  // namespace
}  // namespace recforce::algos
