// SPDX-License-Identifier: Apache-2.0
#include "sim/mpc.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "recforce/core/topk.h"
#include "sim/slate_search.h"

namespace recforce::sim {
namespace {

using Slates = base::MatrixView<std::int32_t>;

// Cells of a table over copies of users and items: large catalogues are planned for fewer users at once.
constexpr std::int64_t kMostCells = std::int64_t{1} << 22;

constexpr std::int64_t kUsersPerChunk = 16;

// Slates that are perturbed: of the base policy, greedy, and by reward.
constexpr std::int64_t kOrigins = 3;

constexpr double kStandardErrors = 2.0;

// What the seed of a step's futures is drawn from; no user has this number.
constexpr std::uint64_t kFutures = 0xffff'ffff'ffff'0001ULL;

// Users who stand at the same step, and the slates that are tried on them.
struct Planned {
  std::vector<std::int32_t> rows;        // [n] of the episodes
  std::vector<std::int32_t> candidates;  // [candidates, n, k]; the first is that of the base policy
  std::vector<double> at_once;           // [candidates, n] what a slate is expected to bring at its step
  std::vector<double> later;             // [candidates, n, rollouts] what the steps after it brought
};

class MpcPolicy final : public core::SlatePolicy {
 public:
  MpcPolicy(const core::Environment& environment, const MpcConfig& config, double discount,
            std::shared_ptr<const core::SlatePolicy> base)
      : num_items_(environment.NumItems()),
        rule_(environment.choice()),
        config_(config),
        discount_(discount),
        base_(std::move(base)) {}

  [[nodiscard]] std::int64_t memory() const override { return base_->memory(); }
  void Choose(const core::Episodes& episodes, std::uint64_t seed, Slates slates) const override {
    std::set<std::int32_t> steps;
    for (std::int64_t row = 0; row < slates.rows; ++row) {
      const auto at = static_cast<std::size_t>(row);
      if (episodes.left()[at] != 0) {
        std::iota(slates.row(row).begin(), slates.row(row).end(), 0);
      } else {
        steps.insert(episodes.steps()[at]);
      }
    }
    for (const std::int32_t step : steps) {
      ChooseAtStep(episodes, step, seed, slates);
    }
  }
  void Propensities(const core::Episodes& /*episodes*/, base::MatrixView<const std::int32_t> /*slates*/,
                    base::MatrixView<double> /*out*/) const override {
    throw base::Error(base::ErrorKind::kUsage,
                      "mpc: how likely its slates are depends on futures that it draws, and nobody can say; expected a "
                      "policy whose probabilities are known");
  }

 private:
  // Some users at a time. A copy's future depends on its user and the seed, so who is planned together changes nothing.
  void ChooseAtStep(const core::Episodes& episodes, std::int32_t step, std::uint64_t seed, Slates slates) const {
    const auto at_once =
        static_cast<std::size_t>(std::max<std::int64_t>(1, kMostCells / (config_.rollouts * num_items_)));
    Planned planned;
    for (std::int64_t row = 0; row < slates.rows; ++row) {
      const auto at = static_cast<std::size_t>(row);
      if (episodes.left()[at] == 0 && episodes.steps()[at] == step) {
        planned.rows.push_back(static_cast<std::int32_t>(row));
      }
      if (planned.rows.size() == at_once || (row + 1 == slates.rows && !planned.rows.empty())) {
        Propose(episodes, seed, slates.cols, planned);
        RollOut(episodes, step, seed, slates.cols, planned);
        ShowBest(planned, slates);
        planned.rows.clear();
      }
    }
  }

  // Candidates, and what the first step of each is expected to bring.
  void Propose(const core::Episodes& episodes, std::uint64_t seed, std::int64_t k, Planned& planned) const {
    const auto n = static_cast<std::int64_t>(planned.rows.size());
    planned.candidates.resize(static_cast<std::size_t>(config_.candidates * n * k));
    planned.at_once.resize(static_cast<std::size_t>(config_.candidates * n));
    std::vector<float> buffer(static_cast<std::size_t>(2 * n * num_items_));
    const base::MatrixView<float> utilities{buffer.data(), n, num_items_};
    const base::MatrixView<float> rewards{buffer.data() + n * num_items_, n, num_items_};
    const std::unique_ptr<core::Episodes> standing = episodes.Fork(planned.rows, seed);
    standing->UtilitiesAndRewards(utilities, rewards);
    base_->Choose(*standing, seed, {planned.candidates.data(), n, k});
    base::ParallelFor(0, n, kUsersPerChunk, [&](std::int64_t begin, std::int64_t end) {
      SlateSearch search(rule_);
      core::TopK top_k(num_items_);
      for (std::int64_t user = begin; user < end; ++user) {
        const auto row = static_cast<std::size_t>(planned.rows[static_cast<std::size_t>(user)]);
        base::Rng rng(seed, base::Stream::kPolicy, static_cast<std::uint64_t>(episodes.users()[row]),
                      static_cast<std::uint32_t>(episodes.steps()[row]));
        for (std::int64_t c = 0; c < config_.candidates; ++c) {
          const std::span<std::int32_t> slate = Candidate(planned, c, user, k);
          if (c == 1) {
            search.Greedy(utilities.row(user), rewards.row(user), slate);
          } else if (c == 2) {
            const std::span<const std::int32_t> best = top_k.Select(rewards.row(user), k, {});
            std::copy(best.begin(), best.end(), slate.begin());
          } else if (c > 2) {
            const std::span<const std::int32_t> origin = Candidate(planned, c % kOrigins, user, k);
            std::copy(origin.begin(), origin.end(), slate.begin());
          }
          if (c > 2 || StandsBefore(planned, c, user, k)) {
            Perturb(rng, slate);
          }
          planned.at_once[static_cast<std::size_t>(c * n + user)] =
              search.Value(utilities.row(user), rewards.row(user), slate);
        }
      }
    });
  }

  // Whether an earlier candidate has the same items.
  [[nodiscard]] static bool StandsBefore(Planned& planned, std::int64_t candidate, std::int64_t user, std::int64_t k) {
    const std::span<const std::int32_t> slate = Candidate(planned, candidate, user, k);
    for (std::int64_t before = 0; before < candidate; ++before) {
      const std::span<const std::int32_t> other = Candidate(planned, before, user, k);
      if (std::is_permutation(slate.begin(), slate.end(), other.begin())) {
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] static std::span<std::int32_t> Candidate(Planned& planned, std::int64_t candidate, std::int64_t user,
                                                         std::int64_t k) {
    const auto n = static_cast<std::int64_t>(planned.rows.size());
    return Slates{planned.candidates.data(), n * (candidate + 1), k}.row(candidate * n + user);
  }

  // Fills one to k random places with random items that are not in the slate.
  void Perturb(base::Rng& rng, std::span<std::int32_t> slate) const {
    const auto k = static_cast<std::uint64_t>(slate.size());
    if (static_cast<std::int64_t>(k) == num_items_) {
      return;
    }
    for (std::uint64_t left = 1 + rng.Below(k); left > 0; --left) {
      const auto place = static_cast<std::size_t>(rng.Below(k));
      auto item = slate[place];
      while (std::find(slate.begin(), slate.end(), item) != slate.end()) {
        item = static_cast<std::int32_t>(rng.Below(static_cast<std::uint64_t>(num_items_)));
      }
      slate[place] = item;
    }
  }

  // What the steps after the first bring.
  void RollOut(const core::Episodes& episodes, std::int32_t step, std::uint64_t seed, std::int64_t k,
               Planned& planned) const {
    base::Rng rng(seed, base::Stream::kPolicy, kFutures, static_cast<std::uint32_t>(step));
    const std::uint64_t high = rng.Next();
    const std::uint64_t future_seed = high << 32U | rng.Next();
    std::vector<std::int32_t> copied;  // copies of a user stand together
    for (const std::int32_t row : planned.rows) {
      copied.insert(copied.end(), static_cast<std::size_t>(config_.rollouts), row);
    }
    const auto copies = static_cast<std::int64_t>(copied.size());
    planned.later.assign(static_cast<std::size_t>(config_.candidates * copies), 0.0);
    std::vector<std::int32_t> buffer(static_cast<std::size_t>(copies * k));
    const Slates shown{buffer.data(), copies, k};
    core::Feedback feedback;
    for (std::int64_t c = 0; c < config_.candidates && config_.horizon > 1; ++c) {
      for (std::int64_t copy = 0; copy < copies; ++copy) {
        const std::span<const std::int32_t> slate = Candidate(planned, c, copy / config_.rollouts, k);
        std::copy(slate.begin(), slate.end(), shown.row(copy).begin());
      }
      const std::unique_ptr<core::Episodes> futures = episodes.Fork(copied, future_seed);
      futures->Step({shown.data, shown.rows, k}, feedback);
      double weight = 1.0;
      for (std::int64_t later = 1; later < config_.horizon; ++later) {
        weight *= discount_;
        base_->Choose(*futures, future_seed, shown);
        futures->Step({shown.data, shown.rows, k}, feedback);
        for (std::int64_t copy = 0; copy < copies; ++copy) {
          planned.later[static_cast<std::size_t>(c * copies + copy)] +=
              weight * static_cast<double>(feedback.reward[static_cast<std::size_t>(copy)]);
        }
      }
    }
  }

  void ShowBest(Planned& planned, Slates slates) const {
    const auto n = static_cast<std::int64_t>(planned.rows.size());
    for (std::int64_t user = 0; user < n; ++user) {
      double best = 0.0;
      std::int64_t best_candidate = 0;
      for (std::int64_t c = 1; c < config_.candidates; ++c) {
        if (const double gain = SureGain(planned, c, user); gain > best) {
          best = gain;
          best_candidate = c;
        }
      }
      const std::span<const std::int32_t> slate = Candidate(planned, best_candidate, user, slates.cols);
      std::copy(slate.begin(), slate.end(), slates.row(planned.rows[static_cast<std::size_t>(user)]).begin());
    }
  }

  // How much more a candidate brings than the slate of the base policy; 0 where it may be noise.
  [[nodiscard]] double SureGain(const Planned& planned, std::int64_t candidate, std::int64_t user) const {
    const auto n = static_cast<std::int64_t>(planned.rows.size());
    const double first = planned.at_once[static_cast<std::size_t>(candidate * n + user)] -
                         planned.at_once[static_cast<std::size_t>(user)];
    const auto futures = static_cast<double>(config_.rollouts);
    double sum = 0.0;
    double squares = 0.0;
    for (std::int64_t future = 0; future < config_.rollouts; ++future) {
      const std::int64_t copy = user * config_.rollouts + future;
      const double gain = planned.later[static_cast<std::size_t>(candidate * n * config_.rollouts + copy)] -
                          planned.later[static_cast<std::size_t>(copy)];
      sum += gain;
      squares += gain * gain;
    }
    const double mean = sum / futures;
    const double variance = config_.rollouts > 1 ? (squares - sum * mean) / (futures - 1.0) / futures : 0.0;
    return first + mean > kStandardErrors * std::sqrt(std::max(0.0, variance)) ? first + mean : 0.0;
  }

  std::int64_t num_items_;
  core::ChoiceRule rule_;
  MpcConfig config_;
  double discount_;
  std::shared_ptr<const core::SlatePolicy> base_;
};

}  // namespace

const config::FieldTable& MpcFields() {
  static const config::FieldTable table =
      config::Fields<MpcConfig>()
          .Int("horizon", &MpcConfig::horizon, 1, 10000, "Slates that a tried future has, the tried one included.")
          .Int("rollouts", &MpcConfig::rollouts, 1, 10000, "Futures of each candidate.")
          .Int("candidates", &MpcConfig::candidates, 1, 10000, "Slates that are tried before one is shown.")
          .Take();
  return table;
}

std::unique_ptr<core::SlatePolicy> MakeMpcPolicy(const core::Environment& environment, const MpcConfig& config,
                                                 double discount, std::shared_ptr<const core::SlatePolicy> base) {
  return std::make_unique<MpcPolicy>(environment, config, discount, std::move(base));
}

}  // namespace recforce::sim
