// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/pairwise.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "algos/ract/full_ranking.h"
#include "nn/kernels.h"
#include "nn/vector_math.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"
#include "recforce/core/topk.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kRowGrain = 16;  // rows handed to a thread at once
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::size_t At(std::int64_t index) { return static_cast<std::size_t>(index); }

struct Positive {
  float score;
  std::int32_t item;
};

// The items of a row that are no negatives.
struct RowItems {
  std::span<const std::int32_t> relevant;
  std::span<const std::int32_t> excluded;
  std::vector<Positive> positives;  // relevant and not excluded; highest score first, then lower item first
  std::vector<std::uint8_t> marks;  // [I] 1 for excluded items

  // REQUIRES: marks all 0.
  void Enter(const float* scores) {
    Mark(1);
    positives.clear();
    for (const std::int32_t item : relevant) {
      if (marks[At(item)] == 0) {
        positives.push_back({scores[item], item});
      }
    }
    std::sort(positives.begin(), positives.end(), [](const Positive& a, const Positive& b) {
      return a.score != b.score ? a.score > b.score : a.item < b.item;
    });
  }
  void Mark(std::uint8_t value) {
    for (const std::int32_t item : excluded) {
      marks[At(item)] = value;
    }
  }
  // values[item] := value for the items of the row. values: [I].
  template <class T>
  void Fill(T value, std::vector<T>* values) const {
    for (const auto& items : {relevant, excluded}) {
      for (const std::int32_t item : items) {
        (*values)[At(item)] = value;
      }
    }
  }
};

// scores := logits + bias. Whether all are finite.
bool AddBias(float* logits, const float* bias, std::int64_t items) {
  const float zero = nn::LaneSum<float>(items, [&](std::int64_t item) {
    logits[item] += bias[item];
    return logits[item] * 0.0F;
  });
  return zero == 0.0F;
}

// Gradients of one row after another, with memory of its own. Rows are independent of each other.
class WarpRows {
 public:
  // harmonic: L(0) .. L(items).
  WarpRows(std::int64_t items, const std::vector<double>& harmonic, double scale)
      : items_(items), harmonic_(harmonic), scale_(scale), below_(At(items)) {}

  // REQUIRES: there are positives.
  PairwiseReport Replace(float* scores, const RowItems& row) {
    CountBelow(scores, row.positives);
    row.Fill(std::uint32_t{0}, &below_);  // as items that violate nothing
    PairwiseReport report{.loss = 0.0, .pairs = CountViolators(row.positives.size())};
    report.loss = nn::LaneSum<double>(items_, [&](std::int64_t item) {
      const double gradient = weight_below_[below_[At(item)]];
      const double term = gradient * static_cast<double>(scores[item]);
      scores[item] = static_cast<float>(scale_ * gradient);
      return term;
    });
    for (std::size_t p = 0; p < row.positives.size(); ++p) {
      const double gradient = -static_cast<double>(violators_[p]) * harmonic_[At(violators_[p])];
      report.loss += gradient * static_cast<double>(row.positives[p].score);
      scores[row.positives[p].item] = static_cast<float>(scale_ * gradient);
    }
    return report;
  }

 private:
  // below_[item] = number of positives with a lower score: a binary search without branches, in step for a block of
  // items so that it becomes vector code. Cheaper than sorting the row.
  void CountBelow(const float* scores, const std::vector<Positive>& positives) {
    thresholds_.assign(std::bit_ceil(positives.size() + 1), kInfinity);
    for (std::size_t p = 0; p < positives.size(); ++p) {
      thresholds_[p] = positives[positives.size() - 1 - p].score;
    }
    const auto top = static_cast<std::uint32_t>(thresholds_.size() / 2);
    const float* ascending = thresholds_.data();
    std::array<float, nn::kLanes> block{};
    std::array<std::uint32_t, nn::kLanes> place;
    for (std::int64_t at = 0; at < items_; at += nn::kLanes) {
      const std::int64_t count = std::min(nn::kLanes, items_ - at);
      std::copy(scores + at, scores + at + count, block.begin());
      place.fill(0);
      for (std::uint32_t step = top; step > 0; step /= 2) {
        for (std::size_t lane = 0; lane < place.size(); ++lane) {
          place[lane] += ascending[place[lane] + step - 1] < block[lane] ? step : 0;
        }
      }
      std::copy(place.begin(), place.begin() + count, below_.begin() + at);
    }
  }

  // violators_ of each positive; weight_below_[n] = sum of their L over the n lowest positives. Returns the number of
  // violating pairs.
  std::int64_t CountViolators(std::size_t size) {
    counts_.assign(size + 1, 0);
    for (const std::uint32_t below : below_) {
      ++counts_[below];
    }
    violators_.resize(size);
    std::int64_t above = 0;
    std::int64_t pairs = 0;
    for (std::size_t p = 0; p < size; ++p) {  // from the highest; size - 1 - p positives stand lower
      above += counts_[size - p];
      violators_[p] = above;
      pairs += above;
    }
    weight_below_.assign(size + 1, 0.0);
    for (std::size_t n = 1; n <= size; ++n) {
      weight_below_[n] = weight_below_[n - 1] + harmonic_[At(violators_[size - n])];
    }
    return pairs;
  }

  std::int64_t items_;
  const std::vector<double>& harmonic_;
  double scale_;
  std::vector<float> thresholds_;        // scores of positives, lowest first, then infinity up to a power of two
  std::vector<std::uint32_t> below_;     // [I]
  std::vector<std::int64_t> counts_;     // [|x| + 1] items with so many positives below
  std::vector<std::int64_t> violators_;  // [|x|]
  std::vector<double> weight_below_;     // [|x| + 1]
};

// D(1), D(2), ... up to the cut, and their sums: ideal[n] of the first n.
struct Discounts {
  Discounts(std::int64_t items, std::int64_t k) : ideal{0.0} {
    const std::int64_t size = k == 0 ? items : std::min(k, items);
    for (std::int64_t rank = 1; rank <= size; ++rank) {
      const double discount = 1.0 / std::log2(static_cast<double>(rank) + 1.0);
      values.push_back(static_cast<float>(discount));
      ideal.push_back(ideal.back() + discount);
    }
  }
  std::vector<float> values;
  std::vector<double> ideal;
};

// Items with what their pairs need. Excluded items and positives have inverse infinity, so that sigmoid is 0.
struct Side {
  void Resize(std::size_t size) {
    inverse.resize(size);
    discount.assign(size, 0.0F);
    pull.assign(size, 0.0F);
  }
  std::vector<float> inverse;   // exp((centre - f_i) / temperature)
  std::vector<float> discount;  // D(rank_i)
  std::vector<float> pull;      // sum over p of lambda_pi IDCG
};

// Gradients of one row after another, with memory of its own. Positives stand in the order of their ranks, so those
// within the cut, which meet all negatives, come before those that only meet the negatives within the cut.
class LambdaRankRows {
 public:
  LambdaRankRows(std::int64_t items, const Discounts& discounts, double scale, double temperature)
      : items_(items),
        discounts_(discounts),
        scale_(scale),
        temperature_(static_cast<float>(temperature)),
        top_(items),
        full_(items) {}

  // REQUIRES: there are positives.
  PairwiseReport Replace(float* scores, const RowItems& row) {
    Rank(scores, row);
    pulled_.assign(row.positives.size(), 0.0);
    AddAllPulls(scores, row);
    const double ideal = discounts_.ideal[std::min(row.positives.size(), discounts_.ideal.size() - 1)];
    const std::int64_t size = std::ssize(row.positives);
    const std::int64_t negatives = items_ - size - std::ssize(row.excluded);
    PairwiseReport report{.loss = 0.0, .pairs = within_ * negatives + (size - within_) * std::ssize(head_items_)};
    const auto factor = static_cast<float>(scale_ / ideal);
    for (std::int64_t item = 0; item < items_; ++item) {
      scores[item] = factor * all_.pull[At(item)];
    }
    for (std::size_t at = 0; at < head_items_.size(); ++at) {
      scores[head_items_[at]] += factor * head_.pull[at];
    }
    for (std::size_t p = 0; p < row.positives.size(); ++p) {
      scores[row.positives[p].item] = static_cast<float>(-scale_ / ideal * pulled_[p]);
      report.loss += pulled_[p] / ideal;
    }
    return report;
  }

 private:
  // Discounts of all items, the number of positives within the cut and the negatives there.
  void Rank(const float* scores, const RowItems& row) {
    const std::span<const float> all(scores, At(items_));
    const auto cut = static_cast<std::int64_t>(discounts_.values.size());
    const auto ranking = cut < items_ ? top_.Select(all, cut, row.excluded) : full_.Sort(all, row.marks);
    all_.Resize(At(items_));
    for (std::size_t at = 0; at < ranking.size(); ++at) {
      all_.discount[At(ranking[at])] = discounts_.values[at];
    }
    within_ = std::partition_point(row.positives.begin(), row.positives.end(),
                                   [&](const Positive& p) { return all_.discount[At(p.item)] > 0.0F; }) -
              row.positives.begin();
    head_items_.clear();
    for (std::size_t at = 0, met = 0; at < ranking.size() && within_ < std::ssize(row.positives); ++at) {
      if (ranking[at] == row.positives[met].item) {
        ++met;
      } else {
        head_items_.push_back(ranking[at]);
      }
    }
    head_.Resize(head_items_.size());
    for (std::size_t at = 0; at < head_items_.size(); ++at) {
      head_.discount[at] = all_.discount[At(head_items_[at])];
    }
  }

  // Positives whose scores span kSpan temperatures share a centre, so that neither their factors nor the exponentials
  // of items near any of them leave the range of float. Most rows are one such group.
  void AddAllPulls(const float* scores, const RowItems& row) {
    constexpr float kSpan = 80.0F;
    for (std::int64_t begin = 0, end = 0, size = std::ssize(row.positives); begin < size; begin = end) {
      const float highest = row.positives[At(begin)].score;
      while (end < size && highest - row.positives[At(end)].score <= kSpan * temperature_) {
        ++end;
      }
      const float centre = highest - 0.5F * kSpan * temperature_;
      const auto inverse = [centre, temperature = temperature_](float score) {
        return nn::FastExp((centre - score) / temperature);
      };
      const std::int64_t middle = std::clamp(within_, begin, end);
      if (begin < middle) {
        std::transform(scores, scores + items_, all_.inverse.begin(), inverse);
        row.Fill(kInfinity, &all_.inverse);
        AddPulls(row, begin, middle, centre, &all_);
      }
      if (middle < end) {
        for (std::size_t at = 0; at < head_items_.size(); ++at) {
          head_.inverse[at] = inverse(scores[head_items_[at]]);
        }
        AddPulls(row, middle, end, centre, &head_);
      }
    }
  }

  // Those of positives [begin, end), tile by tile: a tile of items stays in the first cache.
  // sigmoid((f_i - f_p) / temperature) = 1 / (1 + factor_p inverse_i).
  void AddPulls(const RowItems& row, std::int64_t begin, std::int64_t end, float centre, Side* side) {
    constexpr std::int64_t kTile = 1024;
    const std::int64_t items = std::ssize(side->pull);
    for (std::int64_t tile = 0; tile < items; tile += kTile) {
      const float* inverse = side->inverse.data() + tile;
      const float* discounts = side->discount.data() + tile;
      float* pull = side->pull.data() + tile;
      for (std::int64_t p = begin; p < end; ++p) {
        const float factor = nn::FastExp((row.positives[At(p)].score - centre) / temperature_);
        const float discount = all_.discount[At(row.positives[At(p)].item)];
        const float sum = nn::LaneSum<float>(std::min(kTile, items - tile), [=](std::int64_t at) {
          const float lambda = std::abs(discount - discounts[at]) / (1.0F + factor * inverse[at]);
          pull[at] += lambda;
          return lambda;
        });
        pulled_[At(p)] += static_cast<double>(sum);
      }
    }
  }

  std::int64_t items_;
  const Discounts& discounts_;
  double scale_;
  float temperature_;
  core::TopK top_;
  FullRanking full_;
  std::int64_t within_ = 0;               // positives within the cut
  std::vector<double> pulled_;            // [|x|] sum over i of lambda_pi IDCG
  Side all_;                              // [I]
  std::vector<std::int32_t> head_items_;  // negatives within the cut, for positives that are not
  Side head_;
};

// Replaces each row; make() returns a WarpRows or a LambdaRankRows for the use of one thread.
template <class Make>
PairwiseReport ReplaceRows(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView relevant,
                           data::CsrView excluded, const Make& make) {
  RECFORCE_CHECK(logits.dim() == 2 && logits.is_contiguous() && logits.scalar_type() == torch::kFloat32 &&
                     logits.size(0) == relevant.rows() && logits.size(0) == excluded.rows() && bias.is_contiguous() &&
                     bias.scalar_type() == torch::kFloat32 && bias.numel() == logits.size(1),
                 "logits or bias have another shape or type");
  if (!logits.is_cpu()) {
    torch::Tensor copy = logits.to(torch::kCPU);
    const PairwiseReport report = ReplaceRows(copy, bias.to(torch::kCPU), relevant, excluded, make);
    logits.copy_(copy);
    return report;
  }
  const std::int64_t items = logits.size(1);
  float* values = logits.data_ptr<float>();
  const float* shift = bias.data_ptr<float>();
  std::vector<PairwiseReport> reports(At(logits.size(0)));
  base::ParallelFor(0, logits.size(0), kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    auto rows = make();
    RowItems row{.relevant = {}, .excluded = {}, .positives = {}, .marks = std::vector<std::uint8_t>(At(items), 0)};
    for (std::int64_t r = begin; r < end; ++r) {
      float* scores = values + r * items;
      if (!AddBias(scores, shift, items)) {
        reports[At(r)].loss = std::numeric_limits<double>::quiet_NaN();
        std::fill(scores, scores + items, static_cast<float>(reports[At(r)].loss));
        continue;
      }
      row.relevant = relevant.row(r);
      row.excluded = excluded.row(r);
      row.Enter(scores);
      if (row.positives.empty()) {
        std::fill(scores, scores + items, 0.0F);
      } else {
        reports[At(r)] = rows.Replace(scores, row);
      }
      row.Mark(0);
    }
  });
  PairwiseReport sum;
  for (const PairwiseReport& report : reports) {
    sum.loss += report.loss;
    sum.pairs += report.pairs;
  }
  return sum;
}

// logits[u, i] := value at shown items i, in rows that have hidden clicks: the others have no gradient, and a row that
// is shown whole would have no softmax.
void FillShown(torch::Tensor& logits, const nn::RowBatch& batch, double value) {
  std::vector<std::int64_t> places;
  for (std::int64_t r = 0; r < batch.rows(); ++r) {
    if (!batch.unseen.row(r).empty()) {
      for (const std::int32_t item : batch.seen.row(r)) {
        places.push_back(r * logits.size(1) + item);
      }
    }
  }
  logits.view(-1).index_fill_(0, torch::tensor(places, torch::kInt64).to(logits.device()), value);
}

}  // namespace

PairwiseReport WarpGradient(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView relevant,
                            data::CsrView excluded, double scale) {
  const std::int64_t items = bias.numel();
  std::vector<double> harmonic{0.0};
  for (std::int64_t rank = 1; rank <= items; ++rank) {
    harmonic.push_back(harmonic.back() + 1.0 / static_cast<double>(rank));
  }
  return ReplaceRows(logits, bias, relevant, excluded, [&] { return WarpRows(items, harmonic, scale); });
}

PairwiseReport LambdaRankGradient(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView relevant,
                                  data::CsrView excluded, double scale, const LambdaRankOptions& options) {
  RECFORCE_CHECK(options.k >= 0 && options.temperature > 0.0, "k is below 0 or the temperature is not above it");
  const Discounts discounts(bias.numel(), options.k);
  return ReplaceRows(logits, bias, relevant, excluded,
                     [&] { return LambdaRankRows(bias.numel(), discounts, scale, options.temperature); });
}

std::vector<double> UnseenNllGradient(torch::Tensor& logits, const torch::Tensor& bias, const nn::RowBatch& batch,
                                      std::span<const double> weight) {
  FillShown(logits, batch, -std::numeric_limits<double>::infinity());
  nn::SoftmaxRows rows = nn::SoftmaxNllGradient(logits, bias, batch.unseen.view(), weight);
  FillShown(logits, batch, 0.0);  // FastExp of -infinity is tiny, not 0
  return std::move(rows.nll);
}

}  // namespace recforce::algos
