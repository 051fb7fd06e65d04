// SPDX-License-Identifier: Apache-2.0
// Ranks are counted on the CPU and selected on a device; both give sums over hits, which are divided at the end.
#include "algos/ract/target.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "algos/ract/rank_counter.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::array<std::pair<std::string_view, TargetKind>, 7> kBuiltIn = {{{"ndcg", TargetKind::kNdcg},
                                                                              {"dcg", TargetKind::kDcg},
                                                                              {"recall", TargetKind::kRecall},
                                                                              {"ap", TargetKind::kAp},
                                                                              {"mrr", TargetKind::kMrr},
                                                                              {"hit", TargetKind::kHit},
                                                                              {"precision", TargetKind::kPrecision}}};

struct Registered {
  std::string name;
  RankingFunction function;
  bool bounded;
};

std::vector<Registered>& Registry() {
  static std::vector<Registered> registry;
  return registry;
}

// 1 / log2(rank + 1) of ranks 1 .. count.
std::vector<double> Discounts(std::int64_t count) {
  std::vector<double> discounts;
  for (std::int64_t rank = 1; rank <= count; ++rank) {
    discounts.push_back(1.0 / std::log2(static_cast<double>(rank) + 1.0));
  }
  return discounts;
}

// What the sum over hits is divided by. `discounts`: of ranks 1 .. min(k, I).
double Divisor(const RankingTarget& target, std::int64_t relevant, std::span<const double> discounts) {
  const std::int64_t most = std::min(target.k, relevant);
  switch (target.kind) {
    case TargetKind::kNdcg: {
      double ideal = 0.0;
      for (const double discount : discounts.first(static_cast<std::size_t>(most))) {
        ideal += discount;
      }
      return ideal;
    }
    case TargetKind::kRecall:
    case TargetKind::kAp:
      return static_cast<double>(most);
    case TargetKind::kPrecision:
      return static_cast<double>(target.k);
    default:
      return 1.0;
  }
}

double SumOverHits(TargetKind kind, std::span<const std::int64_t> ranks, std::span<const double> discounts) {
  double sum = 0.0;
  switch (kind) {
    case TargetKind::kNdcg:
    case TargetKind::kDcg:
      for (const std::int64_t rank : ranks) {
        sum += discounts[static_cast<std::size_t>(rank - 1)];
      }
      return sum;
    case TargetKind::kAp:
      for (std::size_t hit = 0; hit < ranks.size(); ++hit) {
        sum += static_cast<double>(hit + 1) / static_cast<double>(ranks[hit]);
      }
      return sum;
    case TargetKind::kMrr:
      return ranks.empty() ? 0.0 : 1.0 / static_cast<double>(ranks[0]);
    case TargetKind::kHit:
      return ranks.empty() ? 0.0 : 1.0;
    default:
      return static_cast<double>(ranks.size());
  }
}

double CustomValue(const RankingTarget& target, std::span<const std::int64_t> ranks) {
  const double value = target.custom(ranks, static_cast<std::int64_t>(ranks.size()));
  if (!std::isfinite(value) || (target.bounded && (value < 0.0 || value > 1.0))) {
    throw Error(ErrorKind::kUsage, "ract.target: the custom function returned a bad value: '" +
                                       base::FormatReal(value) + "'; expected a " +
                                       (target.bounded ? "number in [0, 1]" : "finite number"));
  }
  return value;
}

void Check(const RankingTarget& target, const torch::Tensor& logits, const torch::Tensor& bias,
           const nn::RowBatch& batch) {
  RECFORCE_CHECK(logits.dim() == 2 && logits.size(0) == batch.rows() && bias.numel() == logits.size(1),
                 "logits, bias and batch differ in shape");
  RECFORCE_CHECK(logits.scalar_type() == torch::kFloat32 && bias.scalar_type() == torch::kFloat32,
                 "logits and bias are not float32");
  RECFORCE_CHECK(target.kind == TargetKind::kCustom ? target.custom != nullptr : target.k >= 1,
                 "a target without its function or cutoff");
}

// On the device of `like`; the host does not wait.
template <class T>
torch::Tensor Upload(const std::vector<T>& values, torch::ScalarType type, const torch::Tensor& like) {
  const auto options = torch::TensorOptions(type).pinned_memory(like.is_cuda());
  const torch::Tensor host = torch::empty({static_cast<std::int64_t>(values.size())}, options);
  std::copy(values.begin(), values.end(), host.data_ptr<T>());
  return host.to(like.device(), /*non_blocking=*/true);
}

// Places in a flat [B, I] tensor.
torch::Tensor FlatPlaces(const data::Csr& rows, const torch::Tensor& logits) {
  std::vector<std::int64_t> places;
  for (std::int64_t row = 0; row < logits.size(0); ++row) {
    for (const std::int32_t item : rows.row(row)) {
      places.push_back(row * logits.size(1) + item);
    }
  }
  return Upload(places, torch::kInt64, logits);
}

// [B, I]: OrderKey, doubled, plus 1 for hidden clicks; seen items lie below all others.
torch::Tensor DeviceKeys(const torch::Tensor& logits, const torch::Tensor& bias, const torch::Tensor& hidden,
                         const nn::RowBatch& batch) {
  const torch::Tensor scores = (logits + bias).add_(0.0F);
  torch::Tensor high = scores.view(torch::kInt32);
  high = torch::where(high < 0, high.bitwise_xor(0x7FFFFFFF), high);
  high.masked_fill_(scores.isnan(), std::numeric_limits<std::int32_t>::min());
  const torch::Tensor low = torch::arange(logits.size(1), logits.options().dtype(torch::kInt64)).sub_(0x7FFFFFFF);
  torch::Tensor keys = high.to(torch::kInt64).mul_(std::int64_t{1} << 32).add_(low, -2);
  torch::Tensor flat = keys.view(-1);
  flat.index_put_({hidden}, flat.index_select(0, hidden).add_(1));
  flat.index_fill_(0, FlatPlaces(batch.seen, logits), std::numeric_limits<std::int64_t>::min());
  return keys;
}

// The ranks of hidden clicks, row by row.
std::vector<double> CustomByTensorOps(const RankingTarget& target, const torch::Tensor& keys,
                                      const torch::Tensor& hidden, const nn::RowBatch& batch) {
  const torch::Tensor order = keys.argsort(1, /*descending=*/true);
  const torch::Tensor places = torch::arange(1, keys.size(1) + 1, order.options()).expand_as(order);
  const torch::Tensor ranks =
      torch::empty_like(order).scatter_(1, order, places).view(-1).index_select(0, hidden).to(torch::kCPU);
  std::int64_t* next = ranks.data_ptr<std::int64_t>();
  std::vector<double> values;
  for (std::int64_t row = 0; row < batch.rows(); ++row) {
    const std::span<std::int64_t> own(next, batch.unseen.row(row).size());
    next += own.size();
    std::sort(own.begin(), own.end());
    values.push_back(own.empty() ? 0.0 : CustomValue(target, own));
  }
  return values;
}

// [B] from hits: [B, min(k, I)], 1 where the item of that rank is relevant.
torch::Tensor SumOverHits(TargetKind kind, const torch::Tensor& hits, const std::vector<double>& discounts) {
  const auto over_rank = [&hits] { return hits / torch::arange(1, hits.size(1) + 1, hits.options()); };
  switch (kind) {
    case TargetKind::kNdcg:
    case TargetKind::kDcg:
      return (hits * Upload(discounts, torch::kFloat64, hits)).sum(1);
    case TargetKind::kAp:
      return (over_rank() * hits.cumsum(1)).sum(1);
    case TargetKind::kMrr:
      return over_rank().amax(1);
    case TargetKind::kHit:
      return hits.amax(1);
    default:
      return hits.sum(1);
  }
}

}  // namespace

bool IsBounded(TargetKind kind) {
  RECFORCE_CHECK(kind != TargetKind::kCustom, "the bound of a custom target is in its RankingTarget");
  return kind != TargetKind::kDcg;
}

bool IsBounded(const RankingTarget& target) {
  return target.kind == TargetKind::kCustom ? target.bounded : IsBounded(target.kind);
}

std::vector<std::string> TargetNames() {
  std::vector<std::string> names;
  for (const auto& [name, kind] : kBuiltIn) {
    names.emplace_back(name);
  }
  for (const Registered& entry : Registry()) {
    names.push_back(entry.name);
  }
  return names;
}

void RegisterRankingTarget(std::string name, RankingFunction function, bool bounded) {
  const std::vector<std::string> names = TargetNames();
  if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) {
    throw Error(ErrorKind::kUsage, "ract.target: the name is empty or taken: '" + name + "'; expected a name beside " +
                                       base::Join(names, ", "));
  }
  if (function == nullptr) {
    throw Error(ErrorKind::kUsage, "ract.target: no function for '" + name + "'; expected one of ranks");
  }
  Registry().push_back({std::move(name), std::move(function), bounded});
}

RankingTarget ParseTarget(std::string_view name, std::int64_t k) {
  for (const auto& [known, kind] : kBuiltIn) {
    if (known == name) {
      return {kind, k};
    }
  }
  for (const Registered& entry : Registry()) {
    if (entry.name == name) {
      return {TargetKind::kCustom, k, entry.function, entry.bounded};
    }
  }
  const std::vector<std::string> names = TargetNames();
  throw Error(ErrorKind::kUsage, "ract.target: no such choice: '" + std::string(name) + "'; expected one of " +
                                     base::Join(names, ", ") + base::DidYouMean(name, names));
}

std::vector<double> Targets(const RankingTarget& target, const torch::Tensor& logits, const torch::Tensor& bias,
                            const nn::RowBatch& batch) {
  if (!logits.is_cpu()) {
    return TargetsByTensorOps(target, logits, bias, batch);
  }
  Check(target, logits, bias, batch);
  const bool custom = target.kind == TargetKind::kCustom;
  const std::int64_t items = logits.size(1);
  const std::int64_t depth = custom ? items : std::min(target.k, items);
  const std::vector<double> discounts = Discounts(custom ? 0 : depth);
  const torch::Tensor rows = logits.contiguous();
  const torch::Tensor shift = bias.contiguous();
  const float* values = rows.data_ptr<float>();
  const float* shifts = shift.data_ptr<float>();
  std::vector<double> targets(static_cast<std::size_t>(batch.rows()), 0.0);
  base::ParallelFor(0, batch.rows(), 16, [&](std::int64_t begin, std::int64_t end) {
    RankCounter counter;
    for (std::int64_t row = begin; row < end; ++row) {
      const auto hidden = batch.unseen.row(row);
      if (hidden.empty()) {
        continue;
      }
      const auto ranks = counter.Ranks({values + row * items, shifts, items}, batch.seen.row(row), hidden, depth);
      const auto relevant = static_cast<std::int64_t>(hidden.size());
      targets[static_cast<std::size_t>(row)] =
          custom ? CustomValue(target, ranks)
                 : SumOverHits(target.kind, ranks, discounts) / Divisor(target, relevant, discounts);
    }
  });
  return targets;
}

std::vector<double> TargetsByTensorOps(const RankingTarget& target, const torch::Tensor& logits,
                                       const torch::Tensor& bias, const nn::RowBatch& batch) {
  Check(target, logits, bias, batch);
  const torch::NoGradGuard no_grad;
  const torch::Tensor hidden = FlatPlaces(batch.unseen, logits);
  const torch::Tensor keys = DeviceKeys(logits, bias, hidden, batch);
  if (target.kind == TargetKind::kCustom) {
    return CustomByTensorOps(target, keys, hidden, batch);
  }
  const std::int64_t depth = std::min(target.k, logits.size(1));
  const std::vector<double> discounts = Discounts(depth);
  const torch::Tensor hits = std::get<0>(keys.topk(depth, 1)).bitwise_and(1).to(torch::kFloat64);
  const torch::Tensor sums = SumOverHits(target.kind, hits, discounts).to(torch::kCPU).contiguous();
  std::vector<double> targets;
  for (std::int64_t row = 0; row < batch.rows(); ++row) {
    const auto relevant = static_cast<std::int64_t>(batch.unseen.row(row).size());
    targets.push_back(relevant == 0 ? 0.0 : sums.data_ptr<double>()[row] / Divisor(target, relevant, discounts));
  }
  return targets;
}

}  // namespace recforce::algos
