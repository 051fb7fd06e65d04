// SPDX-License-Identifier: Apache-2.0
// A replay of a million transitions, full and with priorities all over the place: what drawing 512 and 1,024 of them
// costs, and setting their priorities. Beside it, in the same process: draws without priorities, of sums over three
// steps, with all that the episodes had shown, and a step of all episodes added.
#include <cstdio>
#include <vector>

#include "algos/drr/replay.h"
#include "recforce/base/rng.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

constexpr std::int64_t kRows = 1'000'000;
constexpr std::int64_t kRepeats = 200;  // of each body in a round
constexpr std::int32_t kItems = 3706;
constexpr std::int32_t kHorizon = 20;
constexpr algos::ReplayShape kShape = {.episodes = 1000, .memory = 10, .slate = 1};

// Steps of made-up episodes, all of which begin together.
class Steps {
 public:
  void Add(algos::DrrReplay& replay) {
    base::Rng rng(1, base::Stream::kGenerate, static_cast<std::uint64_t>(count_));
    const std::int32_t step = static_cast<std::int32_t>(count_ % kHorizon);
    const auto item = [&rng] { return static_cast<std::int32_t>(rng.Below(kItems)); };
    for (std::size_t e = 0; e < users_.size(); ++e) {
      const auto episode = static_cast<std::int64_t>(e);
      users_[e] = static_cast<std::int32_t>(e);
      numbers_[e] = count_ / kHorizon * kShape.episodes + episode;
      steps_[e] = step;
      memory_[e * static_cast<std::size_t>(kShape.memory)] = item();
      slates_[e] = liked_[e] = item();
      reward_[e] = static_cast<float>(rng.Uniform());
      end_[e] = step + 1 < kHorizon ? sim::EpisodeEnd::kNone : sim::EpisodeEnd::kTruncated;
    }
    replay.Add({.users = users_,
                .numbers = numbers_,
                .steps = steps_,
                .memory = {memory_.data(), kShape.episodes, kShape.memory},
                .slates = {slates_.data(), kShape.episodes, kShape.slate},
                .proto = {},
                .liked = liked_,
                .reward = reward_,
                .end = end_,
                .valid = valid_});
    ++count_;
  }

 private:
  static constexpr auto kEpisodes = static_cast<std::size_t>(kShape.episodes);
  std::int64_t count_ = 0;
  std::vector<std::int32_t> users_ = std::vector<std::int32_t>(kEpisodes);
  std::vector<std::int64_t> numbers_ = std::vector<std::int64_t>(kEpisodes);
  std::vector<std::int32_t> steps_ = users_;
  std::vector<std::int32_t> memory_ = std::vector<std::int32_t>(kEpisodes * static_cast<std::size_t>(kShape.memory));
  std::vector<std::int32_t> slates_ = users_;
  std::vector<std::int32_t> liked_ = users_;
  std::vector<float> reward_ = std::vector<float>(kEpisodes);
  std::vector<sim::EpisodeEnd> end_ = std::vector<sim::EpisodeEnd>(kEpisodes);
  std::vector<std::uint8_t> valid_ = std::vector<std::uint8_t>(kEpisodes, 1);
};

algos::DrrReplay FullReplay(algos::ReplayKind kind, Steps& steps) {
  algos::DrrReplay replay(kShape, kRows, {.kind = kind});
  while (!replay.full()) {
    steps.Add(replay);
  }
  std::vector<std::int64_t> rows(kShape.episodes);
  std::vector<float> differences(rows.size());
  for (std::int64_t begin = 0; begin < replay.size(); begin += kShape.episodes) {
    base::Rng rng(2, base::Stream::kGenerate, static_cast<std::uint64_t>(begin));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i] = begin + static_cast<std::int64_t>(i);
      differences[i] = static_cast<float>(rng.Normal());
    }
    replay.SetPriorities(rows, differences);
  }
  return replay;
}

void Main() {
  UseAllCores();
  Steps steps;
  algos::DrrReplay prioritized = FullReplay(algos::ReplayKind::kPrioritized, steps);
  algos::DrrReplay uniform = FullReplay(algos::ReplayKind::kUniform, steps);
  algos::DrrBatch batch;
  std::uint64_t update = 0;
  const auto draw = [&](const algos::DrrReplay& from, std::int64_t count, std::int64_t n, bool shown) {
    from.Draw(1, ++update, count, n, 0.9, 0.4, batch, shown);
  };
  const auto repeat = [](const auto& body) {
    return [body] {
      for (std::int64_t i = 0; i < kRepeats; ++i) {
        body();
      }
    };
  };
  std::vector<Contender> contenders = {
      {"1,024 drawn and set", repeat([&] {
         draw(prioritized, 1024, 1, false);
         prioritized.SetPriorities(batch.rows, batch.weight);
       })},
      {"512 drawn", repeat([&] { draw(prioritized, 512, 1, false); })},
      {"1,024 drawn", repeat([&] { draw(prioritized, 1024, 1, false); })},
      {"4,096 drawn", repeat([&] { draw(prioritized, 4096, 1, false); })},
      {"1,024 drawn without priorities", repeat([&] { draw(uniform, 1024, 1, false); })},
      {"1,024 of three steps", repeat([&] { draw(prioritized, 1024, 3, false); })},
      {"1,024 with what was shown", repeat([&] { draw(prioritized, 1024, 1, true); })},
      {"1,000 rows added", repeat([&] { steps.Add(prioritized); })}};
  Run(contenders, 9);
  for (const Contender& contender : contenders) {
    std::printf("rate replay of 1,000,000 rows, %s: %.4f ms%s\n", contender.name.c_str(),
                1e3 * Median(contender.seconds) / kRepeats,
                &contender == contenders.data() ? " (wanted <= 0.5 on 2 cores)" : "");
  }
  PrintRatio("replay priorities over none", contenders[2], contenders[4], "no bound: tree and weights");
}

}  // namespace
}  // namespace recforce::bench

int main() { recforce::bench::Main(); }
