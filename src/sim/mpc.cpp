// SPDX-License-Identifier: Apache-2.0
#include "sim/mpc.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "recforce/core/topk.h"
#include "sim/policies.h"
#include "sim/slate_search.h"

namespace recforce::sim {
namespace {

using Slates = base::MatrixView<std::int32_t>;

// Cells of a table over copies of users and items: large catalogues are planned for fewer users at once.
constexpr std::int64_t kMostCells = std::int64_t{1} << 22;

constexpr std::int64_t kUsersPerChunk = 16;

// What the seed of a step's futures is drawn from; no user has this number.
constexpr std::uint64_t kFutures = 0xffff'ffff'ffff'0001ULL;

// Users who stand at the same step, and the slates that are tried on them.
struct Planned {
  std::vector<std::int32_t> rows;        // [n] of the episodes
  std::vector<std::int32_t> candidates;  // [candidates, n, k]
  std::vector<double> values;            // [candidates, n]
};

class MpcPolicy final : public core::SlatePolicy {
 public:
  MpcPolicy(const core::Environment& environment, const MpcConfig& config, double discount)
      : num_items_(environment.NumItems()),
        rule_(environment.choice()),
        config_(config),
        discount_(discount),
        base_(MakeGreedyPolicy(environment)) {}

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
    planned.values.resize(static_cast<std::size_t>(config_.candidates * n));
    std::vector<float> buffer(static_cast<std::size_t>(2 * n * num_items_));
    const base::MatrixView<float> utilities{buffer.data(), n, num_items_};
    const base::MatrixView<float> rewards{buffer.data() + n * num_items_, n, num_items_};
    const std::unique_ptr<core::Episodes> standing = episodes.Fork(planned.rows, seed);
    standing->Utilities(utilities);
    standing->Rewards(rewards);
    base::ParallelFor(0, n, kUsersPerChunk, [&](std::int64_t begin, std::int64_t end) {
      SlateSearch search(rule_);
      core::TopK top_k(num_items_);
      for (std::int64_t user = begin; user < end; ++user) {
        const auto row = static_cast<std::size_t>(planned.rows[static_cast<std::size_t>(user)]);
        base::Rng rng(seed, base::Stream::kPolicy, static_cast<std::uint64_t>(episodes.users()[row]),
                      static_cast<std::uint32_t>(episodes.steps()[row]));
        for (std::int64_t c = 0; c < config_.candidates; ++c) {
          const std::span<std::int32_t> slate = Candidate(planned, c, user, k);
          if (c == 0) {
            search.Greedy(utilities.row(user), rewards.row(user), slate);
          } else if (c == 1) {
            const std::span<const std::int32_t> best = top_k.Select(rewards.row(user), k, {});
            std::copy(best.begin(), best.end(), slate.begin());
          } else {
            const std::span<const std::int32_t> origin = Candidate(planned, c % 2, user, k);
            std::copy(origin.begin(), origin.end(), slate.begin());
            Perturb(rng, slate);
          }
          planned.values[static_cast<std::size_t>(c * n + user)] =
              search.Value(utilities.row(user), rewards.row(user), slate);
        }
      }
    });
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

  // Adds to the values what the steps after the first bring.
  void RollOut(const core::Episodes& episodes, std::int32_t step, std::uint64_t seed, std::int64_t k,
               Planned& planned) const {
    if (config_.horizon == 1) {
      return;
    }
    base::Rng rng(seed, base::Stream::kPolicy, kFutures, static_cast<std::uint32_t>(step));
    const std::uint64_t high = rng.Next();
    const std::uint64_t future_seed = high << 32U | rng.Next();
    const std::int64_t copies = config_.rollouts;
    std::vector<std::int32_t> copied;  // copies of a user stand together
    for (const std::int32_t row : planned.rows) {
      copied.insert(copied.end(), static_cast<std::size_t>(copies), row);
    }
    const auto n = static_cast<std::int64_t>(planned.rows.size());
    std::vector<std::int32_t> buffer(copied.size() * static_cast<std::size_t>(k));
    const Slates shown{buffer.data(), n * copies, k};
    core::Feedback feedback;
    for (std::int64_t c = 0; c < config_.candidates; ++c) {
      for (std::int64_t row = 0; row < shown.rows; ++row) {
        const std::span<const std::int32_t> slate = Candidate(planned, c, row / copies, k);
        std::copy(slate.begin(), slate.end(), shown.row(row).begin());
      }
      const std::unique_ptr<core::Episodes> futures = episodes.Fork(copied, future_seed);
      double weight = 1.0;
      futures->Step({shown.data, shown.rows, k}, feedback);
      for (std::int64_t later = 1; later < config_.horizon; ++later) {
        weight *= discount_;
        base_->Choose(*futures, future_seed, shown);
        futures->Step({shown.data, shown.rows, k}, feedback);
        for (std::int64_t row = 0; row < shown.rows; ++row) {
          planned.values[static_cast<std::size_t>(c * n + row / copies)] +=
              weight * static_cast<double>(feedback.reward[static_cast<std::size_t>(row)]) /
              static_cast<double>(copies);
        }
      }
    }
  }

  void ShowBest(Planned& planned, Slates slates) const {
    const auto n = static_cast<std::int64_t>(planned.rows.size());
    for (std::int64_t user = 0; user < n; ++user) {
      double best = -std::numeric_limits<double>::infinity();
      std::int64_t best_candidate = 0;
      for (std::int64_t c = 0; c < config_.candidates; ++c) {
        if (const double value = planned.values[static_cast<std::size_t>(c * n + user)]; value > best) {
          best = value;
          best_candidate = c;
        }
      }
      const std::span<const std::int32_t> slate = Candidate(planned, best_candidate, user, slates.cols);
      std::copy(slate.begin(), slate.end(), slates.row(planned.rows[static_cast<std::size_t>(user)]).begin());
    }
  }

  std::int64_t num_items_;
  core::ChoiceRule rule_;
  MpcConfig config_;
  double discount_;
  std::unique_ptr<core::SlatePolicy> base_;
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
                                                 double discount) {
  return std::make_unique<MpcPolicy>(environment, config, discount);
}

}  // namespace recforce::sim
