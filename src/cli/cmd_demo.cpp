// SPDX-License-Identifier: Apache-2.0
// `recforce demo`: the whole way from a log to recommendations, in about a minute on two cores. The log is made
// up, so the numbers say that everything works, not which model is best on real data.
#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/progress.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/data/generate.h"
#include "recforce/eval/compare.h"
#include "train/run_folder.h"

namespace recforce::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSeed = 1;
constexpr std::array kMetrics = {"ndcg@100", "recall@20", "recall@50"};
constexpr std::int64_t kRecommendations = 10;
constexpr std::int64_t kHistoryShown = 5;

struct Entry {
  std::string model;
  std::vector<std::pair<std::string, std::string>> settings;
};

// The actor of RaCT has the settings of Multi-VAE, so the two differ by the critic alone.
const std::vector<Entry>& Entries() {
  static const std::vector<Entry> entries = {
      {"popularity", {}},
      {"ease", {{"ease.l2", "200"}}},
      {"multi_vae",
       {{"multi_vae.epochs", "60"},
        {"multi_vae.hidden", "200"},
        {"multi_vae.latent", "50"},
        {"multi_vae.batch_size", "100"},
        {"multi_vae.kl_anneal_steps", "4000"}}},
      {"ract",
       {{"ract.actor_epochs", "60"},
        {"ract.hidden", "200"},
        {"ract.latent", "50"},
        {"ract.batch_size", "100"},
        {"ract.kl_anneal_steps", "4000"},
        {"ract.critic_epochs", "20"},
        {"ract.finetune_epochs", "20"}}},
  };
  return entries;
}

// The folder of the demo; a temporary one goes away with its scope.
class Workplace {
 public:
  explicit Workplace(const std::optional<std::string>& out) : temporary_(!out) {
    if (out) {
      path_ = *out;
      return;
    }
    std::string pattern = (fs::temp_directory_path() / "recforce-demo-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw base::Error(base::ErrorKind::kIo, pattern + ": cannot make a temporary folder; choose one with --out");
    }
    path_ = pattern;
  }
  ~Workplace() {
    if (temporary_) {
      std::error_code ignored;
      fs::remove_all(path_, ignored);
    }
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] bool temporary() const { return temporary_; }

 private:
  bool temporary_;
  fs::path path_;
};

void TrainEntry(const Entry& entry, const fs::path& demo, const Session& session) {
  config::Settings settings = train::MakeSettings(session.registry.Get(entry.model));
  settings.Set("data", fs::absolute(demo / "data").lexically_normal().string(), "demo");
  settings.Set("split.kind", "strong_generalization", "demo");
  settings.Set("split.validation_users", "300", "demo");
  settings.Set("split.test_users", "600", "demo");
  for (const auto& [key, text] : entry.settings) {
    settings.Set(key, text, "demo");
  }
  Progress progress(session.common.quiet, entry.model + "  ");
  // A demo that was interrupted goes on, and a finished one only prints again.
  const train::RunOptions options{demo / entry.model, true, session.stop};
  train::Train(base::RealFileSystem(), session.registry, settings, options, progress);
}

void PrintTable(const std::vector<train::StoredEvaluation>& evaluations) {
  fmt::print("{:<12}", "model");
  for (const char* metric : kMetrics) {
    fmt::print("  {:>16}", metric);
  }
  fmt::print("\n");
  for (std::size_t row = 0; row < evaluations.size(); ++row) {
    const eval::EvalResult& result = evaluations[row].result;
    fmt::print("{:<12}", Entries()[row].model);
    for (const char* metric : kMetrics) {
      const std::size_t index = result.IndexOf(metric);
      fmt::print("  {:.4f} +- {:.4f}", result.Mean(index), result.HalfWidth95(index));
    }
    fmt::print("\n");
  }
  fmt::print("on {} test users that training never saw; +- is half the 95 % interval over users\n\n",
             base::FormatCount(evaluations[0].result.users));
}

void PrintComparison(const std::vector<train::StoredEvaluation>& evaluations, std::size_t a, std::size_t b) {
  const std::size_t index = evaluations[a].result.IndexOf(kMetrics[0]);
  const eval::Comparison comparison =
      eval::ComparePaired(evaluations[a].result.Column(index), evaluations[b].result.Column(index));
  const std::string& name_a = Entries()[a].model;
  const std::string& name_b = Entries()[b].model;
  const std::string verdict = comparison.ci_low > 0.0    ? name_a + " is better"
                              : comparison.ci_high < 0.0 ? name_b + " is better"
                                                         : "no difference is shown";
  fmt::print("{}, {} minus {} over the same users: {:+.4f}, 95 % interval [{:+.4f}, {:+.4f}], p = {:.4f}: {}\n",
             kMetrics[0], name_a, name_b, comparison.difference, comparison.ci_low, comparison.ci_high, comparison.p,
             verdict);
}

void PrintWinner(const std::vector<train::StoredEvaluation>& evaluations) {
  std::size_t best = 0;
  for (std::size_t row = 1; row < evaluations.size(); ++row) {
    const std::size_t index = evaluations[row].result.IndexOf(kMetrics[0]);
    if (evaluations[row].result.Mean(index) > evaluations[best].result.Mean(index)) {
      best = row;
    }
  }
  fmt::print("highest {} here: {}. this log is made up; see docs/results.md for real ones\n\n", kMetrics[0],
             Entries()[best].model);
}

void PrintRecommendations(const fs::path& run, const std::string& user, const Session& session) {
  const train::LoadedModel model = train::LoadModel(session.registry, run, "cpu");
  const std::optional<std::int32_t> row = model.user_ids.Find(user);
  RECFORCE_CHECK(row.has_value(), "a test user is missing from the bundle");
  const std::span<const std::int32_t> history = model.histories.row(*row);
  const std::size_t shown = std::min<std::size_t>(history.size(), kHistoryShown);
  fmt::print("{} had {} items; the last {}:\n", user, history.size(), shown);
  for (const std::int32_t item : history.last(shown)) {
    fmt::print("      {}\n", model.item_titles[item]);
  }
  fmt::print("{} recommends:\n", model.bundle.manifest.algorithm);
  std::size_t rank = 0;
  for (const train::Recommendation& recommendation : train::Recommend(model, history, kRecommendations)) {
    fmt::print("  {:>2}  {}\n", ++rank, recommendation.title);
  }
}

}  // namespace

void RunDemo(const DemoArgs& args, const Session& session) {
  const Workplace workplace(args.out);
  const fs::path& demo = workplace.path();
  data::GenerateDataset(base::RealFileSystem(), "demo", kSeed, demo / "data");
  std::vector<train::StoredEvaluation> evaluations;
  for (const Entry& entry : Entries()) {
    TrainEntry(entry, demo, session);
    evaluations.push_back(train::EvaluateRun(base::RealFileSystem(), session.registry, demo / entry.model,
                                             (demo / "data").string(), session.stop));
  }
  constexpr std::size_t kEase = 1;
  constexpr std::size_t kMultiVae = 2;
  constexpr std::size_t kRact = 3;
  PrintTable(evaluations);
  PrintComparison(evaluations, kRact, kMultiVae);
  PrintComparison(evaluations, kRact, kEase);
  PrintWinner(evaluations);
  PrintRecommendations(demo / "ract", evaluations[kRact].user_ids.front(), session);
  if (!session.common.quiet) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n",
                 workplace.temporary() ? "the demo's folder was temporary; --out DIR keeps data and models"
                                       : ("data and models are in " + demo.string()).c_str());
  }
}

}  // namespace recforce::cli
