// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "algos/topk_reinforce/heads.h"
#include "nn/gemm.h"
#include "nn/kernels.h"
#include "nn/vector_math.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

// Of all states, where they are kept between passes; else of a block of states. The tables' gradients are added up
// block by block, which costs as much as the products where blocks are of few states.
constexpr std::int64_t kKeptScores = std::int64_t{1} << 25;

std::int64_t BlockRows(std::int64_t items) { return std::max<std::int64_t>(16, kKeptScores / items); }

template <class T>
double LogSumRow(const T* row, std::int64_t count) {
  const T top = nn::LaneMax(row, count);
  return static_cast<double>(top) + std::log(static_cast<double>(nn::LaneSum<T>(
                                        count, [&](std::int64_t at) { return nn::FastExp(row[at] - top); })));
}

// rows := (rows + bias) / temperature
void AddBias(torch::Tensor& scores, const torch::Tensor& bias, double temperature) {
  AT_DISPATCH_FLOATING_TYPES(scores.scalar_type(), "AddBias", [&] {
    const std::int64_t items = scores.size(1);
    const auto scale = static_cast<scalar_t>(1.0 / temperature);
    scalar_t* to = scores.data_ptr<scalar_t>();
    const scalar_t* each = bias.data_ptr<scalar_t>();
    base::ParallelFor(0, scores.size(0), 8, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        for (std::int64_t at = 0; at < items; ++at) {
          to[row * items + at] = (to[row * items + at] + each[at]) * scale;
        }
      }
    });
  });
}

// Decisions of the states begin .. end: [first, last).
std::pair<std::size_t, std::size_t> DecisionsOf(const Decided& decided, std::int64_t begin, std::int64_t end) {
  const auto at = [&](std::int64_t state) {
    return static_cast<std::size_t>(std::lower_bound(decided.state.begin(), decided.state.end(), state) -
                                    decided.state.begin());
  };
  return {at(begin), at(end)};
}

void AddTo(torch::Tensor& to, const torch::Tensor& from) {
  AT_DISPATCH_FLOATING_TYPES(to.scalar_type(), "AddTo", [&] {
    scalar_t* sum = to.data_ptr<scalar_t>();
    const scalar_t* more = from.data_ptr<scalar_t>();
    base::ParallelFor(0, to.numel(), 16384, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t at = begin; at < end; ++at) {
        sum[at] += more[at];
      }
    });
  });
}

}  // namespace

torch::Tensor FullHeads::Scores(const torch::Tensor& states, const HeadTable& table) const {
  torch::Tensor scores = nn::MatMul(states, table.weight.t());
  AddBias(scores, table.bias, temperature_);
  return scores;
}

void FullHeads::ForwardHead(const torch::Tensor& states, const HeadTable& table, const Decided& decided, Head& head,
                            std::vector<double>& log_probability) {
  const std::int64_t items = table.weight.size(0);
  const std::int64_t count = states.size(0);
  head.log_sum.resize(static_cast<std::size_t>(count));
  log_probability.resize(decided.item.size());
  const bool keep = count * items <= kKeptScores;
  head.kept = torch::Tensor();
  const std::int64_t rows = keep ? count : BlockRows(items);
  for (std::int64_t begin = 0; begin < count; begin += rows) {
    const std::int64_t size = std::min(rows, count - begin);
    const torch::Tensor scores = Scores(states.narrow(0, begin, size), table);
    if (keep) {
      head.kept = scores;
    }
    AT_DISPATCH_FLOATING_TYPES(scores.scalar_type(), "FullHeads", [&] {
      const scalar_t* score = scores.data_ptr<scalar_t>();
      base::ParallelFor(0, size, 8, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t row = first; row < last; ++row) {
          const double log_sum = LogSumRow(score + row * items, items);
          head.log_sum[static_cast<std::size_t>(begin + row)] = log_sum;
          const auto [from, to] = DecisionsOf(decided, begin + row, begin + row + 1);
          for (std::size_t d = from; d < to; ++d) {
            log_probability[d] = static_cast<double>(score[row * items + decided.item[d]]) - log_sum;
          }
        }
      });
    });
  }
}

LogProbabilities FullHeads::Forward(const torch::Tensor& states, const HeadTable& pi, const HeadTable& beta,
                                    const Decided& decided) {
  LogProbabilities found;
  ForwardHead(states, pi, decided, pi_, found.pi);
  ForwardHead(states, beta, decided, beta_, found.beta);
  return found;
}

void FullHeads::BackwardHead(const torch::Tensor& states, const HeadTable& table, const Decided& decided,
                             std::span<const double> coefficients, double entropy, const Head& head,
                             HeadTable& gradient, torch::Tensor* d_states) {
  const std::int64_t items = table.weight.size(0);
  const std::int64_t count = states.size(0);
  const std::int64_t rows = head.kept.defined() ? std::max<std::int64_t>(1, count) : BlockRows(items);
  gradient.weight.zero_();
  gradient.bias.zero_();
  std::vector<double> entropies(static_cast<std::size_t>(count), 0.0);
  for (std::int64_t begin = 0; begin < count; begin += rows) {
    const std::int64_t size = std::min(rows, count - begin);
    const torch::Tensor block = states.narrow(0, begin, size);
    torch::Tensor scores = head.kept.defined() ? head.kept : Scores(block, table);
    AT_DISPATCH_FLOATING_TYPES(scores.scalar_type(), "FullHeads", [&] {
      scalar_t* score = scores.data_ptr<scalar_t>();
      base::ParallelFor(0, size, 8, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t row = first; row < last; ++row) {
          scalar_t* now = score + row * items;
          const auto [from, to] = DecisionsOf(decided, begin + row, begin + row + 1);
          double sum = 0.0;
          for (std::size_t d = from; d < to; ++d) {
            sum += coefficients[d];
          }
          const auto log_sum = static_cast<scalar_t>(head.log_sum[static_cast<std::size_t>(begin + row)]);
          if (entropy != 0.0) {
            // The entropy's slope by a score is -p (log p + H).
            const scalar_t h = -nn::LaneSum<scalar_t>(
                items, [&](std::int64_t at) { return nn::FastExp(now[at] - log_sum) * (now[at] - log_sum); });
            entropies[static_cast<std::size_t>(begin + row)] = static_cast<double>(h);
            const auto each = static_cast<scalar_t>(sum);
            const auto weight = static_cast<scalar_t>(entropy);
            for (std::int64_t at = 0; at < items; ++at) {
              const scalar_t log_p = now[at] - log_sum;
              now[at] = nn::FastExp(log_p) * (each + weight * (log_p + h));
            }
          } else {
            const auto each = static_cast<scalar_t>(sum);
            for (std::int64_t at = 0; at < items; ++at) {
              now[at] = each * nn::FastExp(now[at] - log_sum);
            }
          }
          for (std::size_t d = from; d < to; ++d) {
            now[decided.item[d]] -= static_cast<scalar_t>(coefficients[d]);
          }
          const auto scale = static_cast<scalar_t>(1.0 / temperature_);
          if (temperature_ != 1.0) {
            for (std::int64_t at = 0; at < items; ++at) {
              now[at] *= scale;
            }
          }
        }
      });
    });
    AddTo(gradient.weight, nn::MatMul(scores.t(), block));
    AddTo(gradient.bias, nn::ColumnSums(scores));
    if (d_states != nullptr) {
      torch::Tensor part = d_states->narrow(0, begin, size);
      nn::MatMul(part, scores, table.weight);
    }
  }
  if (d_states != nullptr && entropy != 0.0) {
    double sum = 0.0;
    for (const double value : entropies) {
      sum += value;
    }
    mean_entropy_ = count == 0 ? 0.0 : sum / static_cast<double>(count);
  }
}

torch::Tensor FullHeads::Backward(const torch::Tensor& states, const HeadTable& pi, const HeadTable& beta,
                                  const Decided& decided, const HeadCoefficients& coefficients, HeadTable& d_pi,
                                  HeadTable& d_beta) {
  torch::Tensor d_states = torch::zeros_like(states);
  BackwardHead(states, pi, decided, coefficients.pi, coefficients.entropy, pi_, d_pi, &d_states);
  BackwardHead(states, beta, decided, coefficients.beta, 0.0, beta_, d_beta, nullptr);
  return d_states;
}

std::vector<double> StreamedLogSum(const torch::Tensor& states, const HeadTable& table, double temperature) {
  constexpr std::int64_t kItems = 8192;  // at once
  const std::int64_t count = states.size(0);
  const std::int64_t items = table.weight.size(0);
  std::vector<double> top(static_cast<std::size_t>(count), -std::numeric_limits<double>::infinity());
  std::vector<double> sum(static_cast<std::size_t>(count), 0.0);
  for (std::int64_t begin = 0; begin < items; begin += kItems) {
    const std::int64_t size = std::min(kItems, items - begin);
    torch::Tensor scores = nn::MatMul(states, table.weight.narrow(0, begin, size).t());
    AddBias(scores, table.bias.narrow(0, begin, size), temperature);
    AT_DISPATCH_FLOATING_TYPES(scores.scalar_type(), "StreamedLogSum", [&] {
      const scalar_t* score = scores.data_ptr<scalar_t>();
      base::ParallelFor(0, count, 8, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t row = first; row < last; ++row) {
          const auto at = static_cast<std::size_t>(row);
          const double log_sum = LogSumRow(score + row * size, size);
          const double most = std::max(top[at], log_sum);
          sum[at] = sum[at] * std::exp(top[at] - most) + std::exp(log_sum - most);
          top[at] = most;
        }
      });
    });
  }
  for (std::size_t at = 0; at < sum.size(); ++at) {
    sum[at] = top[at] + std::log(sum[at]);
  }
  return sum;
}

}  // namespace recforce::algos
