// SPDX-License-Identifier: Apache-2.0
#include "algos/cdqn/targets.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "recforce/base/error.h"

namespace recforce::algos {
namespace {

using Matrix = base::MatrixView<const std::int32_t>;

// max over items of Q after `chosen`, by `value`, of the item that `choose` prefers. [B]
std::vector<float> BestQ(const CdqnScorer& value, const CdqnScorer& choose, const CdqnContexts& contexts) {
  BestNext best = BestAfter(choose, contexts);
  return &value == &choose ? std::move(best.q) : value.ScoreOne(contexts, best.places);
}

// Q^k of the cascade's slate. [B]
std::vector<float> CascadeQ(const TargetOptions& options, const CdqnScorer& value, const CdqnScorer& choose,
                            Matrix recent) {
  std::vector<std::int32_t> slates(static_cast<std::size_t>(recent.rows * options.slate));
  const base::MatrixView<std::int32_t> made{slates.data(), recent.rows, options.slate};
  std::vector<float> q = CascadeSlates(choose, recent, {}, made);
  if (&value == &choose) {
    return q;
  }
  const Matrix whole{slates.data(), recent.rows, options.slate};
  const std::vector<std::int32_t> last = SlatesAt(whole, options.slate - 1);
  PlacesToItems(value, made);
  const std::vector<std::int32_t> before = SlatesBefore(whole, options.slate - 1);
  return value.ScoreOne({recent, {before.data(), recent.rows, options.slate - 1}}, last);
}

// The largest sum of Q. [B]
std::vector<float> AdditiveQ(const TargetOptions& options, const CdqnScorer& value, const CdqnScorer& choose,
                             Matrix recent) {
  std::vector<std::int32_t> slates(static_cast<std::size_t>(recent.rows * options.slate));
  std::vector<float> sums = TopSlates(choose, recent, {slates.data(), recent.rows, options.slate});
  if (&value == &choose) {
    return sums;
  }
  std::fill(sums.begin(), sums.end(), 0.0F);
  const CdqnContexts contexts{recent, {nullptr, recent.rows, 0}};
  for (std::int64_t slot = 0; slot < options.slate; ++slot) {
    const std::vector<float> q = value.ScoreOne(contexts, SlatesAt({slates.data(), recent.rows, options.slate}, slot));
    std::transform(sums.begin(), sums.end(), q.begin(), sums.begin(), std::plus<>());
  }
  return sums;
}

// Expected Q of what is chosen from the best slate. [B]
std::vector<float> SlateQ(const TargetOptions& options, const CdqnScorer& value, const CdqnScorer& choose,
                          const core::Environment& environment, Matrix recent) {
  const std::int64_t rows = recent.rows;
  std::vector<float> utilities(static_cast<std::size_t>(rows * environment.NumItems()));
  const base::MatrixView<float> all{utilities.data(), rows, environment.NumItems()};
  environment.UtilitiesAfter(recent, all);
  const base::MatrixView<const float> known{all.data, all.rows, all.cols};
  const core::ChoiceRule rule = environment.choice();
  const ItemQ chosen = ScoreItems(choose, recent);
  std::vector<std::int32_t> slates(static_cast<std::size_t>(rows * options.slate));
  ChoiceSlates(choose, rule, options.search, known, {chosen.q.data(), rows, choose.size()}, chosen.none,
               {slates.data(), rows, options.slate});
  const ItemQ valued = &value == &choose ? chosen : ScoreItems(value, recent);
  std::vector<float> worth;
  std::vector<float> u(static_cast<std::size_t>(options.slate));
  std::vector<float> q(u.size());
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::size_t slot = 0; slot < u.size(); ++slot) {
      const std::int32_t place = slates[static_cast<std::size_t>(row) * u.size() + slot];
      u[slot] = known.row(row)[static_cast<std::size_t>(value.item(place))];
      q[slot] = valued.q[static_cast<std::size_t>(row * value.size() + place)];
    }
    worth.push_back(static_cast<float>(SlateWorth(rule, u, q, valued.none[static_cast<std::size_t>(row)])));
  }
  return worth;
}

}  // namespace

std::vector<float> Targets(const TargetOptions& options, const CdqnScorer& value, const CdqnScorer& choose,
                           const core::Environment* environment, const ReplayBatch& batch) {
  const std::size_t rows = batch.reward.size();
  const Matrix after{batch.after.data(), static_cast<std::int64_t>(rows), options.memory};
  const Matrix recent{batch.recent.data(), static_cast<std::int64_t>(rows), options.memory};
  const bool cascade = options.method == CdqnMethod::kCascade;
  const bool intra = cascade && options.target == CdqnTarget::kIntraSlate;
  std::vector<float> next;
  if (options.method == CdqnMethod::kAdditive) {
    next = AdditiveQ(options, value, choose, after);
  } else if (options.method == CdqnMethod::kSlateQ) {
    RECFORCE_CHECK(environment != nullptr, "SlateQ needs the law of choice");
    next = SlateQ(options, value, choose, *environment, after);
  } else if (intra) {
    next = BestQ(value, choose, {after, {nullptr, after.rows, 0}});
  } else {
    next = CascadeQ(options, value, choose, after);
  }
  for (std::size_t row = 0; row < rows; ++row) {
    next[row] = batch.reward[row] + (batch.discount[row] > 0.0F ? batch.discount[row] * next[row] : 0.0F);
  }
  if (!cascade) {
    return next;
  }
  std::vector<float> targets;
  for (std::int64_t position = 1; position < options.slate; ++position) {
    if (intra) {
      const std::vector<std::int32_t> chosen =
          SlatesBefore({batch.slates.data(), recent.rows, options.slate}, position);
      const std::vector<float> best = BestQ(value, choose, {recent, {chosen.data(), recent.rows, position}});
      targets.insert(targets.end(), best.begin(), best.end());
    } else {
      targets.insert(targets.end(), next.begin(), next.end());
    }
  }
  targets.insert(targets.end(), next.begin(), next.end());
  return targets;
}

Matrix JudgedItems(const TargetOptions& options, std::int64_t num_items, const ReplayBatch& batch,
                   std::vector<std::int32_t>& items) {
  const auto rows = static_cast<std::int64_t>(batch.reward.size());
  if (options.method != CdqnMethod::kSlateQ) {
    return {batch.slates.data(), rows, options.slate};
  }
  items.clear();
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int32_t clicked = batch.clicked[static_cast<std::size_t>(row)];
    items.push_back(clicked < 0 ? static_cast<std::int32_t>(num_items)
                                : batch.slates[static_cast<std::size_t>(row * options.slate + clicked)]);
  }
  return {items.data(), rows, 1};
}

}  // namespace recforce::algos
