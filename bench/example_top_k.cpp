// SPDX-License-Identifier: Apache-2.0
// What docs/examples/top_k.md shows, as JSON: where every rule of learning ends in the paper's two simulations, how it
// gets there, and what closed forms say. bench/example_top_k.py makes tables and plots of it.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "algos/topk_reinforce/bandit.h"

namespace recforce::bench {
namespace {

using algos::Bandit;
using algos::BanditOptions;
using algos::CorrectionKind;
using Policy = std::vector<double>;

constexpr std::int64_t kShown = 2;  // items of the second simulation's sets
constexpr std::int64_t kSteps = 40000;
const std::vector<std::int64_t> kPath = {0, 10, 30, 100, 300, 1000, 3000, 10000, kSteps};

BanditOptions Exact(CorrectionKind kind, std::int64_t k, double cap = 0.0) {
  return {.correction = {.kind = kind, .top_k = k, .cap = cap}, .steps = kSteps};
}

// shown: how many items a set of the simulation holds. closed: where the rule ends in closed form; may be empty.
nlohmann::json Run(const Bandit& bandit, std::int64_t shown, BanditOptions options, const Policy& closed) {
  nlohmann::json path = nlohmann::json::array();
  Policy policy;
  for (const std::int64_t steps : kPath) {
    options.steps = steps;
    policy = algos::LearnBandit(bandit, options);
    path.push_back(algos::SetValue(bandit, policy, shown));
  }
  nlohmann::json run = {{"policy", policy}, {"value", algos::SetValue(bandit, policy, shown)}, {"path", path}};
  if (!closed.empty()) {
    run["closed"] = closed;
    run["closed_value"] = algos::SetValue(bandit, closed, shown);
  }
  return run;
}

// The step of this rule does not shrink near its end: only a falling rate settles it.
BanditOptions RatioClip(std::int64_t k, double cap) {
  BanditOptions options = Exact(CorrectionKind::kRatioClip, k, cap);
  options.decay = 100.0;
  return options;
}

BanditOptions Printed(std::int64_t k) {
  BanditOptions options = Exact(CorrectionKind::kPaper, k);
  options.as_printed = true;
  return options;
}

nlohmann::json OffPolicy() {
  const Bandit bandit = algos::OffPolicyBandit();
  const double production = std::exp(3.0);
  const Policy best = algos::BestSetPolicy(bandit, 1);
  const Policy naive = algos::UncorrectedPolicy(bandit);
  nlohmann::json runs = {
      {"none", Run(bandit, 1, Exact(CorrectionKind::kNone, 1), naive)},
      {"paper", Run(bandit, 1, Exact(CorrectionKind::kPaper, 1), best)},
      {"seed", Run(bandit, 1, Exact(CorrectionKind::kSeed, 1), naive)},
      {"no_detach", Run(bandit, 1, Exact(CorrectionKind::kNoDetach, 1), {})},
      {"tf_agent", Run(bandit, 1, Exact(CorrectionKind::kTfAgent, 1), algos::CappedPolicy(bandit, 10.0))},
      {"printed", Run(bandit, 1, Printed(1), naive)}};
  for (const auto& [name, cap] : {std::pair("2", 2.0), std::pair("5", 5.0), std::pair("e^3", production)}) {
    runs[std::string("cap ") + name] =
        Run(bandit, 1, Exact(CorrectionKind::kPaper, 1, cap), algos::CappedPolicy(bandit, cap));
    runs[std::string("ratio_clip ") + name] = Run(bandit, 1, RatioClip(1, cap), algos::RatioClippedPolicy(bandit, cap));
  }
  return {{"beta", bandit.beta}, {"beta_value", algos::SetValue(bandit, bandit.beta, 1)}, {"runs", runs}};
}

// alpha / beta = (1 - (1 - pi)^2) / beta, all on two items of rewards 10 and 9: 10 (2 - p) = 9 (1 + p).
Policy TfAgentPair() {
  Policy policy(10, 0.0);
  policy[0] = 11.0 / 19.0;
  policy[1] = 8.0 / 19.0;
  return policy;
}

nlohmann::json TopK() {
  const Bandit bandit = algos::TopKBandit();
  nlohmann::json sweep = nlohmann::json::array();
  for (const std::int64_t k : {1, 2, 3, 4, 8, 16, 32}) {
    nlohmann::json run = Run(bandit, k, Exact(CorrectionKind::kPaper, k), algos::BestSetPolicy(bandit, k));
    run["k"] = k;
    sweep.push_back(run);
  }
  const nlohmann::json runs = {
      {"one", Run(bandit, kShown, Exact(CorrectionKind::kPaper, 1), algos::BestSetPolicy(bandit, 1))},
      {"paper", Run(bandit, kShown, Exact(CorrectionKind::kPaper, kShown), algos::BestSetPolicy(bandit, kShown))},
      {"none", Run(bandit, kShown, Exact(CorrectionKind::kNone, kShown), {})},
      {"seed", Run(bandit, kShown, Exact(CorrectionKind::kSeed, kShown), {})},
      {"no_detach", Run(bandit, kShown, Exact(CorrectionKind::kNoDetach, kShown), {})},
      {"tf_agent", Run(bandit, kShown, Exact(CorrectionKind::kTfAgent, kShown), TfAgentPair())},
      {"printed", Run(bandit, kShown, Printed(kShown), algos::UncorrectedPolicy(bandit))},
      {"ratio_clip", Run(bandit, kShown, RatioClip(kShown, std::exp(3.0)), {})}};
  return {{"sweep", sweep}, {"runs", runs}};
}

// Values that twenty seeds end at with gradients of a few logged actions, in the first simulation.
nlohmann::json Sampled() {
  const Bandit bandit = algos::OffPolicyBandit();
  struct Row {
    std::string name;
    CorrectionKind kind;
    double cap;
    std::int64_t batch;
  };
  const std::vector<Row> rows = {{"none", CorrectionKind::kNone, 0.0, 64},
                                 {"paper", CorrectionKind::kPaper, 0.0, 64},
                                 {"paper", CorrectionKind::kPaper, 0.0, 256},
                                 {"cap e^3", CorrectionKind::kPaper, std::exp(3.0), 64},
                                 {"cap 5", CorrectionKind::kPaper, 5.0, 64}};
  nlohmann::json found = nlohmann::json::array();
  for (const Row& row : rows) {
    nlohmann::json values = nlohmann::json::array();
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      BanditOptions options = Exact(row.kind, 1, row.cap);
      options.steps = 4000;
      options.batch = row.batch;
      options.decay = 10.0;
      options.seed = seed;
      values.push_back(algos::SetValue(bandit, algos::LearnBandit(bandit, options), 1));
    }
    found.push_back({{"name", row.name}, {"batch", row.batch}, {"values", values}});
  }
  return found;
}

void Main() {
  const nlohmann::json found = {
      {"steps", kPath}, {"off_policy", OffPolicy()}, {"top_k", TopK()}, {"sampled", Sampled()}};
  std::printf("%s\n", found.dump(1).c_str());
}

}  // namespace
}  // namespace recforce::bench

int main() { recforce::bench::Main(); }
