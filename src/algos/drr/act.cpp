// SPDX-License-Identifier: Apache-2.0
// DrrLearner: what is recommended, and what comes of it.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "algos/drr/learner_parts.h"
#include "nn/vector_math.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kCells = std::int64_t{1} << 19;  // scores at once in a chunk
constexpr float kNever = -std::numeric_limits<float>::infinity();

}  // namespace

void DrrLearner::ExplorationNoise(std::int64_t row, std::span<float> noise) {
  const auto at = static_cast<std::size_t>(row);
  base::Rng rng(seed_, base::Stream::kPolicy, static_cast<std::uint64_t>(episodes_->numbers()[at]),
                static_cast<std::uint32_t>(episodes_->steps()[at]));
  if (model_->options.shape.kind == AgentKind::kSac) {
    std::generate(noise.begin(), noise.end(), [&] { return static_cast<float>(rng.Normal()); });
    return;
  }
  const double length = model_->options.shape.output == ActorOutput::kUnit
                            ? config_.sigma / std::sqrt(static_cast<double>(noise.size()))
                            : config_.sigma;
  if (config_.exploration == "gaussian") {
    std::generate(noise.begin(), noise.end(), [&] { return static_cast<float>(length * rng.Normal()); });
    return;
  }
  float* wandering = wandering_.data() + row * static_cast<std::int64_t>(noise.size());
  if (episodes_->steps()[at] == 0) {
    std::fill_n(wandering, noise.size(), 0.0F);
  }
  for (std::size_t d = 0; d < noise.size(); ++d) {
    wandering[d] += static_cast<float>(length * rng.Normal() - config_.ou_theta * static_cast<double>(wandering[d]));
    noise[d] = wandering[d];
  }
}

// The legal items of the largest scores, or with probability epsilon random ones.
void DrrLearner::ChooseRows(const sim::ItemEpisodes& episodes, Acting how, std::int64_t begin, std::int64_t end,
                            Worker& worker, std::span<std::int32_t> slates, std::span<float> proto) {
  const AgentShape& shape = model_->options.shape;
  const std::int64_t dim = model_->dim();
  const std::int64_t items = model_->actions.items();
  const std::int64_t slate = world_->slate();
  const bool acts = !ScoresItems(shape.kind);
  const bool noisy =
      how == Acting::kExploring && acts && (shape.kind == AgentKind::kSac || config_.exploration != "none");
  const std::int64_t block = std::clamp<std::int64_t>(kCells / items, 1, end - begin);
  for (std::int64_t first = begin; first < end; first += block) {
    const std::int64_t count = std::min(block, end - first);
    const base::MatrixView<const std::int32_t> all = episodes.memory();
    const base::MatrixView<const std::int32_t> memory{all.data + first * all.cols, count, all.cols};
    const auto users = episodes.users().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
    GatherRows(model_->users(), model_->items(), dim, users, memory, Sized(worker.users, count * dim),
               Sized(worker.items, count * all.cols * dim));
    RowItems legal;
    for (std::int64_t row = 0; row < count; ++row) {
      const sim::LegalItems known = episodes.Legal(first + row);
      legal.items.insert(legal.items.end(), known.items.begin(), known.items.end());
      legal.EndRow(known.listed);
    }
    float* noise = noisy ? Sized(worker.noise, count * dim) : nullptr;
    for (std::int64_t row = 0; noisy && row < count; ++row) {
      ExplorationNoise(first + row, {noise + row * dim, static_cast<std::size_t>(dim)});
    }
    float* scores = Sized(worker.scores, count * items);
    float* actions = proto.empty() ? Sized(worker.actions, count * dim) : proto.data() + first * dim;
    worker.agent->Score({.side = model_->side(),
                         .rows = {worker.users.data(), worker.items.data(), memory.data, count},
                         .legal = &legal,
                         .noise = noise},
                        {scores, count, items}, acts ? actions : nullptr);
    for (std::int64_t row = 0; row < count; ++row) {
      const auto mine =
          slates.subspan(static_cast<std::size_t>((first + row) * slate), static_cast<std::size_t>(slate));
      const bool random = PickRow(episodes, how, legal, row, first + row,
                                  {scores + row * items, static_cast<std::size_t>(items)}, mine);
      if (random && config_.critic_action == "proto") {  // the actor's vector did not choose these
        MeanOfSlates(model_->actions.unit, dim, {mine.data(), 1, slate}, actions + row * dim);
      }
    }
  }
}

bool DrrLearner::PickRow(const sim::ItemEpisodes& episodes, Acting how, const RowItems& legal, std::int64_t place,
                         std::int64_t row, std::span<float> scores, std::span<std::int32_t> slate) const {
  const auto at = static_cast<std::size_t>(row);
  // Another number than the noise of the action has.
  base::Rng rng(seed_, base::Stream::kPolicy, static_cast<std::uint64_t>(episodes.numbers()[at]),
                0x80000000U | static_cast<std::uint32_t>(episodes.steps()[at]));
  const bool explores = how == Acting::kExploring;
  const bool random = how == Acting::kRandom || (explores && rng.Uniform() < config_.epsilon);
  const bool draws = explores && !random && model_->options.shape.kind == AgentKind::kSacDiscrete;
  const bool listed = legal.listed[static_cast<std::size_t>(place)] != 0;
  std::vector<std::int32_t> choices;
  if (listed) {
    choices.assign(legal.row(place).begin(), legal.row(place).end());
  } else {
    for (const std::int32_t item : legal.row(place)) {
      scores[static_cast<std::size_t>(item)] = kNever;
    }
    choices.reserve(scores.size());
    for (std::size_t item = 0; item < scores.size(); ++item) {
      if (scores[item] != kNever) {
        choices.push_back(static_cast<std::int32_t>(item));
      }
    }
  }
  for (const std::int32_t item : choices) {
    float& score = scores[static_cast<std::size_t>(item)];
    score = random ? static_cast<float>(rng.Uniform()) : score;
    // The largest of logits with Gumbel noise is a draw from their softmax.
    score += draws ? static_cast<float>(-std::log(-std::log(rng.Uniform()))) : 0.0F;
  }
  const auto before = [&](std::int32_t a, std::int32_t b) {
    const float left = scores[static_cast<std::size_t>(a)];
    const float right = scores[static_cast<std::size_t>(b)];
    return left > right || (left == right && a < b);
  };
  RECFORCE_CHECK(choices.size() >= slate.size(), "fewer items may be recommended than a slate holds");
  std::partial_sort(choices.begin(), choices.begin() + static_cast<std::ptrdiff_t>(slate.size()), choices.end(),
                    before);
  std::copy_n(choices.begin(), slate.size(), slate.begin());
  return random;
}

void DrrLearner::StepEpisodes(Totals& totals) {
  const std::int64_t count = episodes_->size();
  const std::int64_t dim = model_->dim();
  const std::int64_t slate = world_->slate();
  const bool keeps = config_.critic_action == "proto";
  std::vector<std::int32_t> slates(static_cast<std::size_t>(count * slate));
  std::vector<float> proto(static_cast<std::size_t>(ScoresItems(model_->options.shape.kind) ? 0 : count * dim));
  base::ParallelFor(0, count, kDrrRows, [&](std::int64_t begin, std::int64_t end) {
    ChooseRows(*episodes_, Acting::kExploring, begin, end, *workers_[static_cast<std::size_t>(begin / kDrrRows)],
               slates, proto);
  });
  const std::vector<std::int32_t> users(episodes_->users().begin(), episodes_->users().end());
  const std::vector<std::int64_t> numbers(episodes_->numbers().begin(), episodes_->numbers().end());
  const std::vector<std::int32_t> steps(episodes_->steps().begin(), episodes_->steps().end());
  const base::MatrixView<const std::int32_t> memory = episodes_->memory();
  const std::vector<std::int32_t> before(memory.data, memory.data + memory.rows * memory.cols);
  std::vector<std::uint8_t> valid;
  for (const std::uint8_t waits : episodes_->waiting()) {
    valid.push_back(waits == 0 ? 1 : 0);
  }
  sim::ItemFeedback feedback;
  episodes_->Step({slates.data(), count, slate}, feedback);
  replay_->Add(
      {.users = users,
       .numbers = numbers,
       .steps = steps,
       .memory = {before.data(), count, memory.cols},
       .slates = {slates.data(), count, slate},
       .proto = keeps ? base::MatrixView<const float>{proto.data(), count, dim} : base::MatrixView<const float>{},
       .liked = feedback.liked,
       .reward = feedback.reward,
       .end = feedback.end,
       .valid = valid});
  for (std::int64_t row = 0; row < count; ++row) {
    const auto at = static_cast<std::size_t>(row);
    if (valid[at] == 0) {
      continue;
    }
    ++totals.shown;
    totals.reward += static_cast<double>(feedback.reward[at]);
    totals.liked += feedback.liked[at] >= 0 ? 1 : 0;
    for (std::int64_t place = 0; place < slate; ++place) {
      totals.items[static_cast<std::size_t>(slates[static_cast<std::size_t>(row * slate + place)])] = 1;
    }
    if (!proto.empty()) {
      const float* a = proto.data() + row * dim;
      const float norm = std::sqrt(nn::LaneSum<float>(dim, [&](std::int64_t d) { return a[d] * a[d]; }));
      for (std::int64_t d = 0; d < dim; ++d) {
        totals.direction[static_cast<std::size_t>(d)] += static_cast<double>(a[d] / std::max(norm, 1e-12F));
      }
      ++totals.actions;
    }
  }
}

}  // namespace recforce::algos
