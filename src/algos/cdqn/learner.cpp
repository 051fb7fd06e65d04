// SPDX-License-Identifier: Apache-2.0
#include "algos/cdqn/learner.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "algos/common/finite.h"
#include "algos/common/read_count.h"
#include "nn/device.h"
#include "nn/tensor_io.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "sim/random_slate.h"

namespace recforce::algos {
namespace {

const core::Environment& Checked(const core::TrainView& view, const CdqnOptions& options) {
  const auto refuse = [](const std::string& message) { throw base::Error(base::ErrorKind::kUsage, message); };
  if (view.environment == nullptr) {
    refuse("cdqn: there is nobody to learn from: ''; expected an environment");
  }
  if (view.environment->NumItems() != view.num_items) {
    refuse("cdqn: the environment has another catalogue: '" + std::to_string(view.environment->NumItems()) +
           "' items; expected " + std::to_string(view.num_items));
  }
  const std::int64_t choices =
      NumChoices(options.serving, options.shortlist > 0 ? std::min(options.shortlist, view.num_items) : view.num_items);
  if (view.episodes.slate > choices) {
    refuse("cdqn: a slate holds more items than there are to choose from: '" + std::to_string(view.episodes.slate) +
           "'; expected at most " + std::to_string(choices));
  }
  if (options.target.method == CdqnMethod::kSlateQ && !view.environment->observed()) {
    refuse("cdqn.method: this environment hides what its users choose by: 'slateq'; expected cascade or additive");
  }
  return *view.environment;
}

CdqnWorld WorldOf(const core::TrainView& view) {
  const base::MatrixView<const float> features = view.environment->item_features();
  return {.items = view.num_items,
          .features = features.rows > 0 ? features.cols : 0,
          .memory = view.environment->memory(),
          .slate = view.episodes.slate,
          .rule = view.environment->choice()};
}

CdqnServing WithoutBeam(CdqnServing serving) {
  serving.beam = 1;
  return serving;
}

}  // namespace

CdqnOptions Completed(CdqnOptions options, const CdqnWorld& world) {
  const bool cascade = options.target.method == CdqnMethod::kCascade;
  CdqnShape& shape = options.shape;
  shape.items = world.items;
  shape.features = world.features;
  shape.memory = world.memory;
  shape.sums = world.memory > 1 ? shape.sums : 1;
  shape.positions = cascade ? world.slate : 1;
  shape.shared = shape.shared && cascade;
  options.target.memory = world.memory;
  options.target.slate = world.slate;
  options.serving.slate = world.slate;
  options.serving.rule = world.rule;
  return options;
}

double ConstraintViolation(const CdqnScorer& scorer, base::MatrixView<const std::int32_t> recent, std::int64_t slate) {
  if (slate < 2 || recent.rows == 0) {
    return 0.0;
  }
  std::vector<std::int32_t> places(static_cast<std::size_t>(recent.rows * slate));
  const std::vector<float> last = CascadeSlates(scorer, recent, {}, {places.data(), recent.rows, slate});
  std::vector<std::int32_t> items = places;
  PlacesToItems(scorer, {items.data(), recent.rows, slate});
  double sum = 0.0;
  for (std::int64_t position = 0; position + 1 < slate; ++position) {
    const std::vector<std::int32_t> before = SlatesBefore({items.data(), recent.rows, slate}, position);
    const std::vector<float> q = scorer.ScoreOne({recent, {before.data(), recent.rows, position}},
                                                 SlatesAt({places.data(), recent.rows, slate}, position));
    for (std::size_t row = 0; row < q.size(); ++row) {
      sum += std::abs(static_cast<double>(q[row]) - static_cast<double>(last[row]));
    }
  }
  return sum / static_cast<double>(recent.rows * (slate - 1));
}

CdqnLearner::CdqnLearner(const core::TrainView& view, const CdqnOptions& options, const core::TrainerContext& context)
    : environment_(Checked(view, options)),
      plan_(view.episodes),
      options_(Completed(options, WorldOf(view))),
      seed_(context.seed),
      device_(nn::ParseDevice(context.device)),
      params_(CdqnParams::Init(options_.shape, environment_.item_features(), seed_, device_)),
      scorer_(std::make_shared<CdqnScorer>(
          params_, RewardShortlist(environment_, options.shortlist, plan_.slate, options.users, seed_))),
      recommender_(scorer_, options_.serving),
      policy_(scorer_, options_.serving),
      target_params_(params_.Copy()),
      target_(target_params_, scorer_->catalogue()),
      adam_(std::vector<torch::Tensor>{params_.flat}, {.learning_rate = options.learning_rate}),
      step_(options.loss, options.target.method == CdqnMethod::kAdditive),
      replay_(options.users, options_.shape.memory, plan_.slate, options.replay),
      users_(environment_, plan_, options.users, options.validation_users, seed_) {}

double CdqnLearner::Epsilon() const {
  const double all = options_.epsilon_decay * static_cast<double>(options_.epochs * options_.updates_per_epoch);
  const double done = all > 0.0 ? std::min(1.0, static_cast<double>(updates_) / all) : 1.0;
  return options_.epsilon_start + (options_.epsilon_end - options_.epsilon_start) * done;
}

double CdqnLearner::LearningRate() const {
  const auto all = static_cast<double>(options_.epochs * options_.updates_per_epoch);
  const double done = std::min(1.0, static_cast<double>(updates_) / all);
  return options_.learning_rate * (1.0 + (options_.learning_rate_end - 1.0) * done);
}

void CdqnLearner::Replace(base::Rng& rng, std::span<std::int32_t> slate) const {
  for (std::int32_t& shown : slate) {
    if (rng.Uniform() < options_.epsilon_item && scorer_->size() > static_cast<std::int64_t>(slate.size())) {
      std::int32_t item = shown;
      while (std::find(slate.begin(), slate.end(), item) != slate.end()) {
        item = scorer_->item(static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(scorer_->size()))));
      }
      shown = item;
    }
  }
}

void CdqnLearner::Act(const core::Episodes& episodes, base::MatrixView<std::int32_t> slates) const {
  const double epsilon = Epsilon();
  std::vector<std::int64_t> greedy;
  std::vector<base::Rng> draws;
  std::vector<std::int32_t> recent;
  for (std::int64_t row = 0; row < slates.rows; ++row) {
    base::Rng rng = users_.Draws(row);
    if (rng.Uniform() < epsilon) {
      sim::DrawSlate(rng, scorer_->size(), slates.row(row));
      PlacesToItems(*scorer_, {slates.row(row).data(), 1, slates.cols});
    } else {
      greedy.push_back(row);
      draws.push_back(rng);
      const auto clicks = episodes.recent().row(row);
      recent.insert(recent.end(), clicks.begin(), clicks.end());
    }
  }
  const auto count = static_cast<std::int64_t>(greedy.size());
  const base::MatrixView<const std::int32_t> states{recent.data(), count, options_.shape.memory};
  std::vector<std::int32_t> chosen(static_cast<std::size_t>(count * slates.cols));
  const base::MatrixView<std::int32_t> made{chosen.data(), count, slates.cols};
  if (count > 0) {
    GreedySlates(
        *scorer_, WithoutBeam(options_.serving), states,
        [&](base::MatrixView<float> out) { environment_.UtilitiesAfter(states, out); }, made);
  }
  for (std::int64_t at = 0; at < count; ++at) {
    if (options_.epsilon_item > 0.0) {
      Replace(draws[static_cast<std::size_t>(at)], made.row(at));
    }
    std::copy_n(made.row(at).begin(), slates.cols, slates.row(greedy[static_cast<std::size_t>(at)]).begin());
  }
}

void CdqnLearner::Interact(ShownTotals& totals) {
  const core::Episodes& episodes = users_.Current();
  std::vector<std::int32_t> items(static_cast<std::size_t>(options_.users * plan_.slate));
  Act(episodes, {items.data(), options_.users, plan_.slate});
  users_.Show({items.data(), options_.users, plan_.slate}, options_.click_reward, replay_, totals);
}

void CdqnLearner::RenewTarget() {
  if (options_.polyak > 0.0) {
    target_params_.flat.mul_(1.0 - options_.polyak).add_(params_.flat, options_.polyak);
  } else if (updates_ % options_.target_sync == 0) {
    target_params_.flat.copy_(params_.flat);
  } else {
    return;
  }
  target_.Refresh();
}

double CdqnLearner::Update() {
  ReplayBatch batch;
  replay_.Draw(seed_, static_cast<std::uint64_t>(updates_), options_.batch_size, options_.steps, options_.discount,
               batch);
  const CdqnScorer& choose = options_.double_q ? *scorer_ : target_;
  const std::vector<float> targets = Targets(options_.target, target_, choose, &environment_, batch);
  std::vector<std::int32_t> memory;
  const CdqnRows rows{{batch.recent.data(), options_.batch_size, options_.shape.memory},
                      JudgedItems(options_.target, options_.shape.items, batch, memory),
                      options_.target.method == CdqnMethod::kCascade};
  const double loss = step_.Run(params_, rows, targets, options_.clip);
  CheckFinite(loss, "loss");
  adam_.SetLearningRate(LearningRate());
  adam_.BeginStep();
  adam_.Update(0, params_.flat, step_.gradient());
  scorer_->Refresh();
  ++updates_;
  RenewTarget();
  return loss;
}

core::Metrics CdqnLearner::Epoch(const core::EpochContext& context) {
  const torch::NoGradGuard no_grad;
  ShownTotals totals;
  double loss = 0.0;
  for (std::int64_t done = 0; done < options_.updates_per_epoch; ++done) {
    if (context.stop != nullptr) {
      context.stop->ThrowIfSet();
    }
    do {
      Interact(totals);
    } while (replay_.shown() < options_.warmup && !replay_.full());
    loss += Update();
    if (context.progress) {
      context.progress(done + 1, options_.updates_per_epoch);
    }
  }
  const auto shown = static_cast<double>(totals.shown);
  core::Metrics metrics = {{"loss", loss / static_cast<double>(options_.updates_per_epoch)},
                           {"epsilon", Epsilon()},
                           {"reward", totals.reward / shown},
                           {"ctr", static_cast<double>(totals.clicks) / shown}};
  if (options_.target.method == CdqnMethod::kCascade) {
    metrics.emplace_back("violation", ConstraintViolation(*scorer_, users_.Current().recent(), plan_.slate));
  }
  return metrics;
}

std::optional<double> CdqnLearner::Validate(const base::StopFlag* stop) {
  if (options_.validation_users == 0) {
    return std::nullopt;
  }
  std::vector<std::int64_t> users(static_cast<std::size_t>(options_.validation_users));
  std::iota(users.begin(), users.end(), std::int64_t{0});
  const std::unique_ptr<core::Episodes> episodes = environment_.Start(users, seed_);
  std::vector<std::int32_t> items(users.size() * static_cast<std::size_t>(plan_.slate));
  const base::MatrixView<std::int32_t> slates{items.data(), options_.validation_users, plan_.slate};
  core::Feedback feedback;
  double sum = 0.0;
  double factor = 1.0;
  for (std::int64_t step = 0; step < plan_.horizon; ++step, factor *= options_.discount) {
    if (stop != nullptr) {
      stop->ThrowIfSet();
    }
    policy_.Choose(*episodes, seed_, slates);
    episodes->Step({slates.data, slates.rows, slates.cols}, feedback);
    for (const float reward : feedback.reward) {
      sum += factor * static_cast<double>(reward);
    }
  }
  return sum / static_cast<double>(users.size());
}

void CdqnLearner::KeepBest() {
  if (best_.defined()) {
    best_.copy_(params_.flat);
  } else {
    best_ = params_.flat.clone();
  }
}

void CdqnLearner::RestoreBest() {
  if (best_.defined()) {
    params_.flat.copy_(best_);
    scorer_->Refresh();
  }
}

void CdqnLearner::Export(base::TensorSet& set) const {
  CdqnParams::SaveFlat(options_.shape, params_.flat, set, "");
  if (options_.shape.features > 0) {
    nn::AddTensor(set, "item.features", params_.features);
  }
  set.AddOwned("shortlist",
               scorer_->size() < options_.shape.items ? scorer_->catalogue() : std::vector<std::int32_t>());
  const core::ChoiceRule& rule = options_.serving.rule;
  set.SetMeta("memory", std::to_string(options_.shape.memory));
  set.SetMeta("slate", std::to_string(plan_.slate));
  set.SetMeta("choice", std::to_string(static_cast<int>(rule.law)));
  set.SetMeta("no_click", rule.no_click ? base::FormatReal(static_cast<double>(*rule.no_click)) : "");
  set.SetMeta("trained_in", environment_.identity());
  set.SetMeta("trained_in_learnt", environment_.learnt() ? "yes" : "no");
}

void CdqnLearner::Save(base::TensorSet& set) const {
  CdqnParams::SaveFlat(options_.shape, params_.flat, set, "model.");
  CdqnParams::SaveFlat(options_.shape, target_params_.flat, set, "target.");
  if (best_.defined()) {
    CdqnParams::SaveFlat(options_.shape, best_, set, "best.");
  }
  adam_.Save(set, "adam");
  replay_.Save(set, "replay.");
  users_.Save(set, "users.");
  set.SetMeta("updates", std::to_string(updates_));
}

void CdqnLearner::Load(const base::TensorSet& set) {
  const std::int64_t updates = ReadCount(set, "updates");
  params_.flat.copy_(CdqnParams::LoadFlat(options_.shape, set, "model.", device_));
  target_params_.flat.copy_(CdqnParams::LoadFlat(options_.shape, set, "target.", device_));
  best_ =
      set.Has("best.item.embedding") ? CdqnParams::LoadFlat(options_.shape, set, "best.", device_) : torch::Tensor();
  adam_.Load(set, "adam");
  replay_.Load(set, "replay.", options_.shape.items);
  users_.Load(set, "users.");
  updates_ = updates;
  scorer_->Refresh();
  target_.Refresh();
}

}  // namespace recforce::algos
