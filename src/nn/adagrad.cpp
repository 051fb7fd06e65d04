// SPDX-License-Identifier: Apache-2.0
#include "nn/adagrad.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "nn/tensor_io.h"
#include "nn/tile_product.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::nn {
namespace {

struct Step {
  float rate, momentum, epsilon;

  void operator()(const float* gradient, std::int64_t count, float* squares, float* moves, float* parameter) const {
    if (moves == nullptr) {
      for (std::int64_t at = 0; at < count; ++at) {
        squares[at] += gradient[at] * gradient[at];
        parameter[at] -= rate * gradient[at] / std::sqrt(squares[at] + epsilon);
      }
      return;
    }
    for (std::int64_t at = 0; at < count; ++at) {
      squares[at] += gradient[at] * gradient[at];
      moves[at] = momentum * moves[at] - rate * gradient[at] / std::sqrt(squares[at] + epsilon);
      parameter[at] += moves[at];
    }
  }
};

// The same in calls of ATen, for other devices.
void UpdateOnDevice(const AdagradOptions& options, const torch::Tensor& gradient, torch::Tensor& squares,
                    torch::Tensor& moves, torch::Tensor& parameter) {
  squares.addcmul_(gradient, gradient);
  const torch::Tensor step = gradient / (squares + options.epsilon).sqrt() * options.learning_rate;
  if (moves.defined()) {
    moves.mul_(options.momentum).sub_(step);
    parameter.add_(moves);
  } else {
    parameter.sub_(step);
  }
}

constexpr std::int64_t kProductGrain = 8 * TileProduct::kRows;  // rows of a ProductGradient that go to a thread

// to := the rows [begin, end) of the gradient, at most TileProduct::kRows. ahead: of TileProduct::Rows.
template <class Ahead>
void MakeRows(const ProductGradient& gradient, const TileProduct& product, std::int64_t begin, std::int64_t end,
              float* to, const Ahead& ahead) {
  const std::int64_t width = gradient.right.size(1);
  const std::int64_t first = std::min(begin, gradient.left.size(1));
  const std::int64_t made = std::min(gradient.left.size(1), end) - first;
  product.Rows(gradient.left.data_ptr<float>() + first, gradient.left.stride(0), made, to, ahead);
  for (std::size_t at = 0; at < gradient.places.size(); ++at) {
    const std::int64_t place = gradient.places[at];
    if (place >= begin && place < end) {
      float* sum = to + (place - begin) * product.stride();
      const float* more = gradient.more.data_ptr<float>() + static_cast<std::int64_t>(at) * width;
      for (std::int64_t k = 0; k < width; ++k) {
        sum[k] += more[k];
      }
    }
  }
}

}  // namespace

Adagrad::Adagrad(std::span<const torch::Tensor> parameters, AdagradOptions options) : options_(options) {
  for (const torch::Tensor& parameter : parameters) {
    squares_.push_back(torch::zeros_like(parameter));
    moves_.push_back(options.momentum > 0.0 ? torch::zeros_like(parameter) : torch::Tensor());
  }
}

void Adagrad::Update(std::size_t index, torch::Tensor& parameter, const torch::Tensor& gradient) {
  torch::Tensor& squares = squares_.at(index);
  torch::Tensor& moves = moves_[index];
  RECFORCE_CHECK(parameter.sizes() == squares.sizes() && gradient.sizes() == squares.sizes(),
                 "the parameter has another shape");
  if (!parameter.is_cpu()) {
    UpdateOnDevice(options_, gradient, squares, moves, parameter);
    return;
  }
  const Step step{static_cast<float>(options_.learning_rate), static_cast<float>(options_.momentum),
                  static_cast<float>(options_.epsilon)};
  const torch::Tensor dense = gradient.contiguous();
  const float* from = dense.data_ptr<float>();
  float* to = parameter.data_ptr<float>();
  float* sums = squares.data_ptr<float>();
  float* momentum = moves.defined() ? moves.data_ptr<float>() : nullptr;
  base::ParallelFor(0, parameter.numel(), 16384, [&](std::int64_t begin, std::int64_t end) {
    step(from + begin, end - begin, sums + begin, momentum == nullptr ? nullptr : momentum + begin, to + begin);
  });
}

void Adagrad::UpdateRows(std::size_t index, torch::Tensor& parameter, const RowGradients& gradients) {
  torch::Tensor& squares = squares_.at(index);
  torch::Tensor& moves = moves_[index];
  const std::int64_t width = gradients.width();
  RECFORCE_CHECK(parameter.numel() == parameter.size(0) * width && parameter.sizes() == squares.sizes(),
                 "the parameter has another shape");
  if (!parameter.is_cpu()) {
    const std::vector<std::int64_t> touched(gradients.rows().begin(), gradients.rows().end());
    const torch::Tensor rows = torch::tensor(touched, torch::kInt64).to(parameter.device());
    torch::Tensor some = parameter.index_select(0, rows);
    torch::Tensor some_squares = squares.index_select(0, rows);
    torch::Tensor some_moves = moves.defined() ? moves.index_select(0, rows) : torch::Tensor();
    UpdateOnDevice(options_, gradients.Sums().view(some.sizes()).to(parameter.device()), some_squares, some_moves,
                   some);
    parameter.index_copy_(0, rows, some);
    squares.index_copy_(0, rows, some_squares);
    if (moves.defined()) {
      moves.index_copy_(0, rows, some_moves);
    }
    return;
  }
  const Step step{static_cast<float>(options_.learning_rate), static_cast<float>(options_.momentum),
                  static_cast<float>(options_.epsilon)};
  float* to = parameter.data_ptr<float>();
  float* sums = squares.data_ptr<float>();
  float* momentum = moves.defined() ? moves.data_ptr<float>() : nullptr;
  base::ParallelFor(
      0, static_cast<std::int64_t>(gradients.rows().size()), 32, [&](std::int64_t begin, std::int64_t end) {
        std::vector<float> sum(static_cast<std::size_t>(width));
        for (std::int64_t at = begin; at < end; ++at) {
          gradients.Sum(static_cast<std::size_t>(at), sum.data());
          const std::int64_t offset = gradients.rows()[static_cast<std::size_t>(at)] * width;
          step(sum.data(), width, sums + offset, momentum == nullptr ? nullptr : momentum + offset, to + offset);
        }
      });
}

void Adagrad::UpdateProduct(std::size_t index, torch::Tensor& parameter, const ProductGradient& gradient) {
  torch::Tensor& squares = squares_.at(index);
  torch::Tensor& moves = moves_[index];
  const std::int64_t width = gradient.right.size(1);
  const std::int64_t rows =
      gradient.rows.empty() ? gradient.left.size(1) : static_cast<std::int64_t>(gradient.rows.size());
  RECFORCE_CHECK(parameter.is_cpu() && parameter.numel() == parameter.size(0) * width &&
                     parameter.sizes() == squares.sizes() && gradient.left.size(1) <= rows &&
                     (!gradient.rows.empty() || gradient.first + rows <= parameter.size(0)) &&
                     gradient.left.size(0) == gradient.right.size(0) && gradient.left.stride(1) == 1 &&
                     gradient.right.stride(1) == 1,
                 "the parameter has another shape");
  const Step step{static_cast<float>(options_.learning_rate), static_cast<float>(options_.momentum),
                  static_cast<float>(options_.epsilon)};
  float* to = parameter.data_ptr<float>();
  float* sums = squares.data_ptr<float>();
  float* momentum = moves.defined() ? moves.data_ptr<float>() : nullptr;
  const TileProduct product(gradient.right.data_ptr<float>(), gradient.right.stride(0), gradient.right.size(0), width);
  base::ParallelFor(0, rows, kProductGrain, [&](std::int64_t from, std::int64_t to_row) {
    std::vector<float> tile(static_cast<std::size_t>(TileProduct::kRows * product.stride()));
    std::array<std::int64_t, TileProduct::kRows> offsets{};
    for (std::int64_t begin = from; begin < to_row; begin += TileProduct::kRows) {
      const std::int64_t end = std::min(begin + TileProduct::kRows, to_row);
      for (std::int64_t at = begin; at < end; ++at) {
        offsets[static_cast<std::size_t>(at - begin)] =
            width * (gradient.rows.empty() ? gradient.first + at : gradient.rows[static_cast<std::size_t>(at)]);
      }
      const auto here = std::span(offsets).first(static_cast<std::size_t>(end - begin));
      MakeRows(gradient, product, begin, end, tile.data(), [&](std::int64_t column) {
        for (const std::int64_t offset : here) {
          __builtin_prefetch(to + offset + column, 1);
          __builtin_prefetch(sums + offset + column, 1);
        }
      });
      const float* made = tile.data();
      for (const std::int64_t offset : here) {
        step(made, width, sums + offset, momentum == nullptr ? nullptr : momentum + offset, to + offset);
        made += product.stride();
      }
    }
  });
}

void Adagrad::Save(base::TensorSet& set, const std::string& prefix) const {
  for (std::size_t index = 0; index < squares_.size(); ++index) {
    const std::string name = prefix + "." + std::to_string(index);
    AddTensor(set, name + ".a", squares_[index]);
    if (moves_[index].defined()) {
      AddTensor(set, name + ".v", moves_[index]);
    }
  }
}

void Adagrad::Load(const base::TensorSet& set, const std::string& prefix) {
  for (std::size_t index = 0; index < squares_.size(); ++index) {
    const std::string name = prefix + "." + std::to_string(index);
    squares_[index].copy_(GetTensor(set, name + ".a", squares_[index].sizes(), torch::kCPU));
    if (moves_[index].defined()) {
      moves_[index].copy_(GetTensor(set, name + ".v", moves_[index].sizes(), torch::kCPU));
    }
  }
}

}  // namespace recforce::nn
