// SPDX-License-Identifier: Apache-2.0
// For tests: small networks with random parameters, and Q by explicit loops in double precision.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "algos/cdqn/networks.h"
#include "recforce/base/rng.h"

namespace recforce::algos::test {

inline std::vector<float> RandomNumbers(std::int64_t count, std::uint64_t number) {
  base::Rng rng(17, base::Stream::kTest, number);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) {
    value = static_cast<float>(0.5 * rng.Normal());
  }
  return values;
}

// All parameters random, biases and the table's last row too.
inline CdqnParams RandomParams(const CdqnShape& shape, std::uint64_t number) {
  const std::vector<float> given = RandomNumbers(shape.items * shape.features, number + 1000);
  CdqnParams params = CdqnParams::Init(shape, {given.data(), shape.items, shape.features}, 1, torch::kCPU);
  const std::vector<float> values = RandomNumbers(params.flat.numel(), number);
  std::copy(values.begin(), values.end(), params.flat.data_ptr<float>());
  return params;
}

// [B, m] of random clicks, some rows shorter than m and one empty.
inline std::vector<std::int32_t> RandomRecent(std::int64_t rows, std::int64_t memory, std::int64_t items) {
  base::Rng rng(17, base::Stream::kTest, 5000);
  std::vector<std::int32_t> recent(static_cast<std::size_t>(rows * memory), -1);
  for (std::int64_t row = 1; row < rows; ++row) {
    const std::int64_t length = 1 + row % memory;
    for (std::int64_t at = 0; at < length; ++at) {
      recent[static_cast<std::size_t>(row * memory + at)] = static_cast<std::int32_t>(rng.Below(items));
    }
  }
  return recent;
}

inline std::vector<double> NaiveItem(const CdqnParams& params, std::int32_t item) {
  const CdqnShape& shape = params.shape;
  const std::int64_t row = item < 0 || item >= shape.items ? shape.items : item;
  std::vector<double> numbers;
  for (std::int64_t at = 0; at < shape.embedding; ++at) {
    numbers.push_back(params.flat.data_ptr<float>()[row * shape.embedding + at]);
  }
  for (std::int64_t at = 0; at < shape.features; ++at) {
    numbers.push_back(row == shape.items ? 0.0F : params.features.data_ptr<float>()[row * shape.features + at]);
  }
  return numbers;
}

// Q^(j+1)(s, chosen, item), j = chosen.size(), by the equations of docs/algorithms/cdqn.md.
inline double NaiveQ(const CdqnParams& params, std::span<const std::int32_t> recent,
                     std::span<const std::int32_t> chosen, std::int32_t item) {
  const CdqnShape& shape = params.shape;
  const CdqnLayout layout(shape);
  const float* flat = params.flat.data_ptr<float>();
  std::vector<double> x;
  for (std::int64_t sum = 0; sum < shape.sums; ++sum) {
    std::vector<double> state(static_cast<std::size_t>(shape.item_width()), 0.0);
    for (std::int64_t click = 0; click < shape.memory; ++click) {
      const double weight = shape.memory == 1 ? 1.0 : flat[layout.weights + sum * shape.memory + click];
      const std::vector<double> numbers = NaiveItem(params, recent[static_cast<std::size_t>(click)]);
      for (std::size_t at = 0; at < state.size(); ++at) {
        state[at] += weight * numbers[at];
      }
    }
    x.insert(x.end(), state.begin(), state.end());
  }
  if (shape.shared) {
    std::vector<double> mean(static_cast<std::size_t>(shape.item_width()), 0.0);
    for (const std::int32_t before : chosen) {
      const std::vector<double> numbers = NaiveItem(params, before);
      for (std::size_t at = 0; at < mean.size(); ++at) {
        mean[at] += numbers[at] / static_cast<double>(chosen.size());
      }
    }
    x.insert(x.end(), mean.begin(), mean.end());
  } else {
    for (const std::int32_t before : chosen) {
      const std::vector<double> numbers = NaiveItem(params, before);
      x.insert(x.end(), numbers.begin(), numbers.end());
    }
  }
  const std::vector<double> numbers = NaiveItem(params, item);
  x.insert(x.end(), numbers.begin(), numbers.end());
  const std::vector<DenseLayer>& layers = layout.Layers(shape.Known(static_cast<std::int64_t>(chosen.size())));
  for (std::size_t number = 0; number < layers.size(); ++number) {
    const DenseLayer& layer = layers[number];
    std::vector<double> out;
    for (std::int64_t unit = 0; unit < layer.out; ++unit) {
      double value = flat[layer.bias + unit];
      for (std::int64_t at = 0; at < layer.in; ++at) {
        value += static_cast<double>(flat[layer.weight + unit * layer.in + at]) * x[static_cast<std::size_t>(at)];
      }
      const bool last = number + 1 == layers.size();
      out.push_back(last || value > 0.0 ? value : std::exp(value) - 1.0);
    }
    x = std::move(out);
  }
  return x[0];
}

struct Best {
  std::int32_t item = -1;
  double q = -1e30;
};

// argmax over the items that are neither chosen nor excluded; the lowest among equals.
inline Best NaiveBest(const CdqnParams& params, std::span<const std::int32_t> recent,
                      const std::vector<std::int32_t>& chosen, const std::vector<std::int32_t>& excluded = {}) {
  const auto has = [](const std::vector<std::int32_t>& items, std::int32_t item) {
    return std::find(items.begin(), items.end(), item) != items.end();
  };
  Best best;
  for (std::int32_t item = 0; item < params.shape.items; ++item) {
    if (!has(chosen, item) && !has(excluded, item)) {
      const double q = NaiveQ(params, recent, chosen, item);
      if (q > best.q) {
        best = {item, q};
      }
    }
  }
  return best;
}

}  // namespace recforce::algos::test
