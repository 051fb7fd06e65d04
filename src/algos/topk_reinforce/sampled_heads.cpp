// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>

#include "algos/topk_reinforce/heads.h"
#include "nn/gemm.h"
#include "nn/kernels.h"
#include "nn/vector_math.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

torch::Tensor RowsOf(const torch::Tensor& table, std::span<const std::int32_t> rows) {
  return table.index_select(0, torch::tensor(std::vector<std::int64_t>(rows.begin(), rows.end()), torch::kInt64));
}

template <class T>
T DotOf(const T* a, const T* b, std::int64_t count) {
  return nn::LaneSum<T>(count, [&](std::int64_t at) { return a[at] * b[at]; });
}

// Places among the draws, by item: which draws are hits of a decision.
class Hits {
 public:
  explicit Hits(const std::vector<std::int32_t>& items) : order_(items.size()), items_(items) {
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(), [&](std::int32_t a, std::int32_t b) { return Item(a) < Item(b); });
  }
  [[nodiscard]] std::span<const std::int32_t> Of(std::int32_t item) const {
    const auto first = std::lower_bound(order_.begin(), order_.end(), item,
                                        [&](std::int32_t at, std::int32_t wanted) { return Item(at) < wanted; });
    auto last = first;
    while (last != order_.end() && Item(*last) == item) {
      ++last;
    }
    return {order_.data() + (first - order_.begin()), static_cast<std::size_t>(last - first)};
  }

 private:
  [[nodiscard]] std::int32_t Item(std::int32_t at) const { return items_[static_cast<std::size_t>(at)]; }
  std::vector<std::int32_t> order_;
  const std::vector<std::int32_t>& items_;
};

}  // namespace

void SampledHeads::ForwardHead(const torch::Tensor& states, const HeadTable& table, const Decided& decided,
                               const Draws& draws, bool exact, Head& head, std::vector<double>& log_probability) const {
  const auto drawn = static_cast<std::int64_t>(draws.items.size());
  const std::int64_t units = states.size(1);
  const std::int64_t count = states.size(0);
  head.rows = RowsOf(table.weight, draws.items);
  head.scores = nn::MatMul(states, head.rows.t());
  head.top.resize(static_cast<std::size_t>(count));
  head.sum.resize(static_cast<std::size_t>(count));
  head.decided.resize(decided.item.size());
  log_probability.resize(decided.item.size());
  const std::vector<double> exact_sums = exact ? StreamedLogSum(states, table, temperature_) : std::vector<double>();
  const Hits hits(draws.items);
  AT_DISPATCH_FLOATING_TYPES(states.scalar_type(), "SampledHeads", [&] {
    const scalar_t* bias = table.bias.data_ptr<scalar_t>();
    const scalar_t* weight = table.weight.data_ptr<scalar_t>();
    const scalar_t* state = states.data_ptr<scalar_t>();
    scalar_t* score = head.scores.data_ptr<scalar_t>();
    std::vector<scalar_t> shift(draws.items.size());
    const double scale = 1.0 / temperature_;
    for (std::size_t at = 0; at < shift.size(); ++at) {
      shift[at] = static_cast<scalar_t>(static_cast<double>(bias[draws.items[at]]) * scale - draws.log_expected[at]);
    }
    base::ParallelFor(0, count, 8, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        scalar_t* now = score + row * drawn;
        for (std::int64_t at = 0; at < drawn; ++at) {
          now[at] = now[at] * static_cast<scalar_t>(scale) + shift[static_cast<std::size_t>(at)];
        }
        const scalar_t top = nn::LaneMax(now, drawn);
        head.top[static_cast<std::size_t>(row)] = static_cast<double>(top);
        head.sum[static_cast<std::size_t>(row)] = static_cast<double>(
            nn::LaneSum<scalar_t>(drawn, [&](std::int64_t at) { return nn::FastExp(now[at] - top); }));
      }
    });
    base::ParallelFor(
        0, static_cast<std::int64_t>(decided.item.size()), 64, [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t d = first; d < last; ++d) {
            const auto at = static_cast<std::size_t>(d);
            const auto row = static_cast<std::size_t>(decided.state[at]);
            const std::int64_t item = decided.item[at];
            const double raw =
                scale * (static_cast<double>(DotOf(state + decided.state[at] * units, weight + item * units, units)) +
                         static_cast<double>(bias[item]));
            head.decided[at] = raw - draws.decided_log_expected[at];
            if (exact) {
              log_probability[at] = raw - exact_sums[row];
              continue;
            }
            // The estimate counts the decided item once, without what it is expected to be drawn.
            double rest = head.sum[row];
            for (const std::int32_t hit : hits.Of(decided.item[at])) {
              rest -= std::exp(static_cast<double>(score[decided.state[at] * drawn + hit]) - head.top[row]);
            }
            const double most = std::max(raw, head.top[row]);
            const double total = std::exp(raw - most) + std::max(0.0, rest) * std::exp(head.top[row] - most);
            log_probability[at] = raw - most - std::log(total);
          }
        });
  });
}

LogProbabilities SampledHeads::Forward(const torch::Tensor& states, const HeadTable& pi, const HeadTable& beta,
                                       const Decided& decided, const Draws& draws, bool exact) {
  LogProbabilities found;
  ForwardHead(states, pi, decided, draws, exact, pi_, found.pi);
  ForwardHead(states, beta, decided, draws, exact, beta_, found.beta);
  return found;
}

void SampledHeads::BackwardHead(const torch::Tensor& states, const HeadTable& table, const Decided& decided,
                                const Draws& draws, std::span<const double> coefficients, Head& head,
                                Gradient& gradient, torch::Tensor* d_states) const {
  const auto drawn = static_cast<std::int64_t>(draws.items.size());
  const std::int64_t units = states.size(1);
  const std::int64_t count = states.size(0);
  const auto decisions = static_cast<std::int64_t>(decided.item.size());
  gradient.decided = torch::empty({decisions, units}, states.options());
  gradient.decided_bias = torch::empty({decisions, 1}, states.options());
  const Hits hits(draws.items);
  AT_DISPATCH_FLOATING_TYPES(states.scalar_type(), "SampledHeads", [&] {
    const scalar_t* weight = table.weight.data_ptr<scalar_t>();
    const scalar_t* state = states.data_ptr<scalar_t>();
    scalar_t* score = head.scores.data_ptr<scalar_t>();
    scalar_t* by_decided = gradient.decided.template data_ptr<scalar_t>();
    scalar_t* by_bias = gradient.decided_bias.template data_ptr<scalar_t>();
    scalar_t* by_state = d_states == nullptr ? nullptr : d_states->data_ptr<scalar_t>();
    const double scale = 1.0 / temperature_;
    base::ParallelFor(0, count, 8, [&](std::int64_t first, std::int64_t last) {
      std::vector<double> inverse;
      for (std::int64_t row = first; row < last; ++row) {
        const auto place = static_cast<std::size_t>(row);
        scalar_t* now = score + row * drawn;
        const double top = head.top[place];
        const auto from = static_cast<std::size_t>(std::lower_bound(decided.state.begin(), decided.state.end(), row) -
                                                   decided.state.begin());
        std::size_t to = from;
        // Over the exponentials of the draws: the sum over decisions of coefficient / total, less at their hits.
        double each = 0.0;
        inverse.clear();
        for (; to < decided.state.size() && decided.state[to] == row; ++to) {
          double rest = head.sum[place];
          for (const std::int32_t hit : hits.Of(decided.item[to])) {
            rest -= std::exp(static_cast<double>(now[hit]) - top);
          }
          rest = std::max(0.0, rest);
          const double most = std::max(head.decided[to], top);
          const double total = std::exp(head.decided[to] - most) + rest * std::exp(top - most);
          // exp(score - top) times this is coefficient times the draw's share.
          inverse.push_back(coefficients[to] * std::exp(top - most) / total);
          each += inverse.back();
          const double share = std::exp(head.decided[to] - most) / total;
          const auto slope = static_cast<scalar_t>(coefficients[to] * (share - 1.0) * scale);
          const std::int64_t item = decided.item[to];
          for (std::int64_t at = 0; at < units; ++at) {
            by_decided[static_cast<std::int64_t>(to) * units + at] = slope * state[row * units + at];
          }
          by_bias[to] = slope;
          if (by_state != nullptr) {
            for (std::int64_t at = 0; at < units; ++at) {
              by_state[row * units + at] += slope * weight[item * units + at];
            }
          }
        }
        for (std::int64_t at = 0; at < drawn; ++at) {
          now[at] = nn::FastExp(now[at] - static_cast<scalar_t>(top));
        }
        // Hits are taken back from the sum before it scales the row: they are few.
        std::vector<std::pair<std::int32_t, scalar_t>> taken;
        for (std::size_t d = from; d < to; ++d) {
          for (const std::int32_t hit : hits.Of(decided.item[d])) {
            taken.emplace_back(hit, static_cast<scalar_t>(static_cast<double>(now[hit]) * inverse[d - from] * scale));
          }
        }
        const auto factor = static_cast<scalar_t>(each * scale);
        for (std::int64_t at = 0; at < drawn; ++at) {
          now[at] *= factor;
        }
        for (const auto& [hit, value] : taken) {
          now[hit] -= value;
        }
      }
    });
  });
  gradient.drawn = nn::MatMul(head.scores.t(), states);
  gradient.drawn_bias = nn::ColumnSums(head.scores).unsqueeze(1);
  if (d_states != nullptr) {
    d_states->add_(nn::MatMul(head.scores, head.rows));
  }
}

torch::Tensor SampledHeads::Backward(const torch::Tensor& states, const HeadTable& pi, const HeadTable& beta,
                                     const Decided& decided, const Draws& draws, const HeadCoefficients& coefficients,
                                     Gradient& d_pi, Gradient& d_beta) {
  RECFORCE_CHECK(coefficients.entropy == 0.0, "a sampled softmax has no entropy");
  torch::Tensor d_states = torch::zeros_like(states);
  BackwardHead(states, pi, decided, draws, coefficients.pi, pi_, d_pi, &d_states);
  BackwardHead(states, beta, decided, draws, coefficients.beta, beta_, d_beta, nullptr);
  return d_states;
}

}  // namespace recforce::algos
