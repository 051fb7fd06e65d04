// SPDX-License-Identifier: Apache-2.0
// Off-policy evaluation of a policy in factors: a million logged rounds over 1,000 actions, eleven estimators with
// their bootstrap intervals, lambdas by SLOPE, and the model of rewards that they need, fitted in five folds. Beside
// it, in the same process: reading the columns once, and what no evaluation can do without, the probabilities and the
// predicted rewards of all actions in all rounds. The log is drawn by another softmax from a world whose truth is
// known. `bench_ope [ROUNDS [ACTIONS]]`.
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "recforce/ope/evaluate_policy.h"

namespace {

using namespace recforce;

constexpr std::int64_t kContext = 16;
constexpr double kSecondsWanted = 10.0;
constexpr std::int64_t kGrain = 1024;

std::vector<float> Normals(std::int64_t rows, double scale, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(rows * kContext));
  base::ParallelFor(0, rows, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      base::Rng rng(seed, base::Stream::kGenerate, static_cast<std::uint64_t>(row));
      for (std::int64_t c = 0; c < kContext; ++c) {
        values[static_cast<std::size_t>(row * kContext + c)] = static_cast<float>(scale * rng.Normal());
      }
    }
  });
  return values;
}

// The log, and the factors of who made it, of who is to be evaluated and of the rewards.
struct World {
  World(std::int64_t num_rounds, std::int64_t num_actions)
      : rounds(num_rounds),
        actions(num_actions),
        logging(Normals(actions, 0.15, 1)),
        target(Normals(actions, 0.15, 2)),
        taste(Normals(actions, 0.2, 3)) {
    log.source = log.format = "generated";
    for (std::int64_t action = 0; action < actions; ++action) {
      log.item_ids.push_back(std::to_string(action));
    }
    for (std::int64_t c = 0; c < kContext; ++c) {
      log.context_names.push_back(std::to_string(c));
    }
    log.context = Normals(rounds, 1.0, 4);
    log.first.resize(static_cast<std::size_t>(rounds) + 1);
    std::iota(log.first.begin(), log.first.end(), std::int64_t{0});
    log.item.resize(static_cast<std::size_t>(rounds));
    log.propensity.resize(log.item.size());
    log.reward.resize(log.item.size());
    Draw();
  }

  [[nodiscard]] ope::SoftmaxFactors FactorsOf(const std::vector<float>& items) const {
    return {.users = log.context_rows(), .user_row = {}, .items = {items.data(), actions, kContext}, .bias = {}};
  }
  [[nodiscard]] double MeanReward(std::int64_t round, std::int64_t action) const {
    double f = -3.0;
    for (std::int64_t c = 0; c < kContext; ++c) {
      f += static_cast<double>(log.context[static_cast<std::size_t>(round * kContext + c)] *
                               taste[static_cast<std::size_t>(action * kContext + c)]);
    }
    return 1.0 / (1.0 + std::exp(-f));
  }
  void Draw() {
    const auto policy = ope::Softmax(FactorsOf(logging), log);
    const auto aim = ope::Softmax(FactorsOf(target), log);
    std::vector<double> values(static_cast<std::size_t>((rounds + kGrain - 1) / kGrain), 0.0);
    base::ParallelFor(0, rounds, kGrain, [&](std::int64_t begin, std::int64_t end) {
      std::vector<double> law(static_cast<std::size_t>(actions));
      for (std::int64_t round = begin; round < end; ++round) {
        const auto at = static_cast<std::size_t>(round);
        base::Rng rng(5, base::Stream::kGenerate, static_cast<std::uint64_t>(round));
        policy->Probabilities(round, law);
        std::int32_t item = 0;
        for (double left = rng.Uniform() - law[0]; left >= 0.0 && item + 1 < actions;) {
          left -= law[static_cast<std::size_t>(++item)];
        }
        log.item[at] = item;
        log.propensity[at] = law[static_cast<std::size_t>(item)];
        log.reward[at] = rng.Uniform() < MeanReward(round, item) ? 1.0 : 0.0;
        if (round % 64 == 0) {  // the truth, of some of the rounds
          aim->Probabilities(round, law);
          for (std::int64_t action = 0; action < actions; ++action) {
            values[static_cast<std::size_t>(begin / kGrain)] +=
                law[static_cast<std::size_t>(action)] * MeanReward(round, action);
          }
        }
      }
    });
    truth = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>((rounds + 63) / 64);
  }
  [[nodiscard]] double ColumnBytes() const {
    return static_cast<double>(rounds) * (kContext * sizeof(float) + sizeof(std::int32_t) + 2.0 * sizeof(double));
  }

  std::int64_t rounds;
  std::int64_t actions;
  std::vector<float> logging, target, taste;  // [actions, kContext]
  data::DecisionLog log;
  double truth = 0.0;
};

double Now() {
  const std::chrono::duration<double> time = std::chrono::steady_clock::now().time_since_epoch();
  return time.count();
}

double ProcessorSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double PeakMegabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

// A sum over every number that the log holds of its rounds.
double ReadColumns(const data::DecisionLog& log) {
  std::vector<double> sums(static_cast<std::size_t>((log.size() + kGrain - 1) / kGrain));
  base::ParallelFor(0, log.size(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    double sum = 0.0;
    for (auto at = static_cast<std::size_t>(begin); at < static_cast<std::size_t>(end); ++at) {
      sum += log.reward[at] + log.propensity[at] + log.item[at];
    }
    std::array<float, kContext> lanes{};
    for (std::int64_t at = begin * kContext; at < end * kContext; ++at) {
      lanes[static_cast<std::size_t>(at % kContext)] += log.context[static_cast<std::size_t>(at)];
    }
    sums[static_cast<std::size_t>(begin / kGrain)] = sum + std::accumulate(lanes.begin(), lanes.end(), 0.0);
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

// Probabilities and predicted rewards of all actions in all rounds, kept nowhere.
void AskAlone(const World& world, const ope::ActionDistribution& policy, const ope::RewardModel& model) {
  constexpr std::int64_t kAtOnce = 16;
  base::ParallelFor(0, world.rounds, kAtOnce, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> rows(static_cast<std::size_t>((end - begin) * world.actions));
    policy.ProbabilitiesOf(begin, {rows.data(), end - begin, world.actions});
    model.PredictRounds(begin, {rows.data(), end - begin, world.actions});
  });
}

struct Times {
  std::vector<double> columns, alone, fit, whole;
  std::vector<double> processors;  // of the whole
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void PrintRatio(const char* name, const std::vector<double>& a, const std::vector<double>& b, const char* wanted) {
  std::vector<double> ratios;
  for (std::size_t at = 0; at < a.size(); ++at) {
    ratios.push_back(a[at] / b[at]);
  }
  std::printf("ratio %s: %.2f (wanted %s)\n", name, Median(ratios), wanted);
}

void Report(const World& world, const ope::PolicyAnswer& answer, const Times& times) {
  std::printf("truth %.5f; effective sample %.0f, largest weight %.1f\n", world.truth,
              answer.weights.effective_sample_size, answer.weights.max);
  for (const ope::EstimateRow& row : answer.estimates) {
    std::printf("  %-8s %.5f [%.5f, %.5f]\n", row.name.c_str(), row.value, row.interval.low, row.interval.high);
  }
  const auto rounds = static_cast<double>(world.rounds);
  const double matrix = rounds * static_cast<double>(world.actions) * sizeof(double) / 1e6;
  std::printf("columns %.0f MB, peak %.0f MB resident; a matrix of rounds x actions would be %.0f MB\n",
              world.ColumnBytes() / 1e6, PeakMegabytes(), matrix);
  std::printf(
      "whole %.2f s, of which the model of rewards %.2f s; probabilities and predictions alone %.2f s; reading "
      "the columns %.4f s\n",
      Median(times.whole), Median(times.fit), Median(times.alone), Median(times.columns));
  std::printf("rate off-policy evaluation: %.0f rounds/s\n", rounds / Median(times.whole));
  std::printf("ratio off-policy evaluation over %.0f s: %.2f (wanted below 1 on 2 cores)\n", kSecondsWanted,
              Median(times.whole) / kSecondsWanted);
  std::printf(
      "ratio its seconds of processors over %.0f s of 2 cores: %.2f (wanted below 1; on a busy machine the one to "
      "look at)\n",
      kSecondsWanted, Median(times.processors) / (2.0 * kSecondsWanted));
  PrintRatio("off-policy evaluation over probabilities and predictions alone", times.whole, times.alone,
             "as small as can be");
  PrintRatio("off-policy evaluation over reading its columns", times.whole, times.columns,
             "nothing: products, not bytes, are the bound");
  std::printf("ratio peak memory over a matrix of rounds x actions: %.3f (wanted below 0.2)\n",
              PeakMegabytes() / matrix);
}

void Main(std::int64_t rounds, std::int64_t actions) {
  base::SetThreads(base::AvailableCores());
  std::printf("threads %d, %lld rounds, %lld actions\n", base::Threads(), static_cast<long long>(rounds),
              static_cast<long long>(actions));
  const World world(rounds, actions);
  const ope::PolicyQuestion question{
      .estimators = {"ips", "cips", "snips", "sgips", "dm", "dr", "cdr", "sndr", "switch", "dros", "sgdr"}};
  Times times;
  ope::PolicyAnswer answer;
  double sink = 0.0;
  for (int repeat = 0; repeat < 3; ++repeat) {
    const double start = Now();
    sink += ReadColumns(world.log);
    const double read = Now();
    const double idle = ProcessorSeconds();
    const ope::LogRounds view(world.log);
    const ope::RewardModel model = ope::RewardModel::Fit(view.rounds());
    const double fitted = Now();
    const auto policy = ope::Softmax(world.FactorsOf(world.target), world.log);
    answer = ope::EvaluatePolicy(world.log, *policy, &model, question);
    const double end = Now();
    const double spent = ProcessorSeconds() - idle;
    AskAlone(world, *policy, model);
    times.columns.push_back(read - start);
    times.fit.push_back(fitted - read);
    times.whole.push_back(end - read);
    times.processors.push_back(spent);
    times.alone.push_back(Now() - end);
    std::printf("round %d: fit %.2f s, evaluation %.2f s, both %.2f s of processors; alone %.2f s\n", repeat,
                fitted - read, end - fitted, spent, times.alone.back());
  }
  std::printf("(sum of the columns %.0f)\n", sink);
  Report(world, answer, times);
}

}  // namespace

int main(int argc, char** argv) {
  Main(argc > 1 ? std::atoll(argv[1]) : 1'000'000, argc > 2 ? std::atoll(argv[2]) : 1'000);
}
