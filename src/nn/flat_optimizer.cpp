// SPDX-License-Identifier: Apache-2.0
#include "nn/flat_optimizer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"

namespace recforce::nn {
namespace {

constexpr std::int64_t kGrain = 16384;  // parameters

// What a step does to every parameter alike.
template <class T>
struct Factors {
  T keep;  // of the parameter: decay
  T beta1, rest1, beta2, rest2;
  T step;  // of m
  T root;  // v is multiplied by its square before epsilon is added
  T epsilon;
  bool divides;  // whether m is divided by the deviation

  Factors(const FlatOptimizerOptions& options, std::int64_t t)
      : keep(static_cast<T>(1.0 - options.learning_rate * options.weight_decay)),
        beta1(static_cast<T>(options.beta1)),
        rest1(static_cast<T>(1.0 - options.beta1)),
        beta2(static_cast<T>(options.beta2)),
        rest2(static_cast<T>(1.0 - options.beta2)),
        epsilon(static_cast<T>(options.epsilon)),
        divides(true) {
    const auto steps = static_cast<double>(t);
    const double unbias1 = 1.0 / (1.0 - std::pow(options.beta1, steps));
    const double power2 = std::pow(options.beta2, steps);
    if (!options.ranger) {
      step = static_cast<T>(options.learning_rate * unbias1);
      root = static_cast<T>(1.0 / std::sqrt(1.0 - power2));
      return;
    }
    const double most = 2.0 / (1.0 - options.beta2) - 1.0;
    const double rho = most - 2.0 * steps * power2 / (1.0 - power2);
    divides = rho > options.rectify_above;
    const double rectified =
        divides ? std::sqrt((1.0 - power2) * (rho - 4.0) / (most - 4.0) * (rho - 2.0) / rho * most / (most - 2.0))
                : 1.0;
    step = static_cast<T>(options.learning_rate * rectified * unbias1);
    root = T{1};
  }
};

template <class T>
void UpdateRange(const Factors<T>& f, std::int64_t count, const T* g, T* p, T* m, T* v) {
  if (f.divides) {
    for (std::int64_t at = 0; at < count; ++at) {
      m[at] = f.beta1 * m[at] + f.rest1 * g[at];
      v[at] = f.beta2 * v[at] + f.rest2 * g[at] * g[at];
      p[at] = f.keep * p[at] - f.step * m[at] / (std::sqrt(v[at]) * f.root + f.epsilon);
    }
    return;
  }
  for (std::int64_t at = 0; at < count; ++at) {
    m[at] = f.beta1 * m[at] + f.rest1 * g[at];
    v[at] = f.beta2 * v[at] + f.rest2 * g[at] * g[at];
    p[at] = f.keep * p[at] - f.step * m[at];
  }
}

template <class T>
void Centralize(const FlatMatrix& matrix, T* gradient) {
  base::ParallelFor(0, matrix.rows, std::max<std::int64_t>(1, kGrain / matrix.cols),
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t r = begin; r < end; ++r) {
                        T* row = gradient + matrix.offset + r * matrix.cols;
                        T sum{0};
                        for (std::int64_t c = 0; c < matrix.cols; ++c) {
                          sum += row[c];
                        }
                        const T mean = sum / static_cast<T>(matrix.cols);
                        for (std::int64_t c = 0; c < matrix.cols; ++c) {
                          row[c] -= mean;
                        }
                      }
                    });
}

}  // namespace

template <class T>
FlatOptimizer<T>::FlatOptimizer(std::span<const T> parameters, std::vector<FlatMatrix> matrices,
                                FlatOptimizerOptions options)
    : options_(options), matrices_(std::move(matrices)), m_(parameters.size()), v_(parameters.size()) {
  if (options_.ranger) {
    slow_.assign(parameters.begin(), parameters.end());
  }
}

template <class T>
void FlatOptimizer<T>::Step(std::span<T> parameters, std::span<T> gradient) {
  RECFORCE_CHECK(parameters.size() == m_.size() && gradient.size() == m_.size(),
                 "a gradient has another size than its parameters");
  ++step_;
  if (options_.ranger && options_.centralize) {
    for (const FlatMatrix& matrix : matrices_) {
      Centralize(matrix, gradient.data());
    }
  }
  const Factors<T> factors(options_, step_);
  const bool meets = options_.ranger && step_ % options_.lookahead_steps == 0;
  const auto ahead = static_cast<T>(options_.lookahead);
  base::ParallelFor(0, static_cast<std::int64_t>(m_.size()), kGrain, [&](std::int64_t begin, std::int64_t end) {
    T* p = parameters.data() + begin;
    UpdateRange(factors, end - begin, gradient.data() + begin, p, m_.data() + begin, v_.data() + begin);
    for (std::int64_t at = 0; meets && at < end - begin; ++at) {
      T& slow = slow_[static_cast<std::size_t>(begin + at)];
      slow += ahead * (p[at] - slow);
      p[at] = slow;
    }
  });
}

template <class T>
void FlatOptimizer<T>::Save(base::TensorSet& set, const std::string& prefix) const {
  set.Add(prefix + ".m", base::View(m_));
  set.Add(prefix + ".v", base::View(v_));
  if (options_.ranger) {
    set.Add(prefix + ".slow", base::View(slow_));
  }
  set.SetMeta(prefix + ".step", std::to_string(step_));
}

template <class T>
void FlatOptimizer<T>::Load(const base::TensorSet& set, const std::string& prefix) {
  const auto step = base::ParseInt(set.Meta(prefix + ".step"));
  if (!step || *step < 0) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": '" + prefix + ".step' is not a step count");
  }
  const auto load = [&](const std::string& name, std::vector<T>& to) {
    const auto values = set.Get(prefix + name).template As<T>();
    if (values.size() != to.size()) {
      throw base::Error(base::ErrorKind::kData, set.where() + ": '" + prefix + name + "' has another size: '" +
                                                    std::to_string(values.size()) + "'; expected " +
                                                    std::to_string(to.size()));
    }
    std::copy(values.begin(), values.end(), to.begin());
  };
  load(".m", m_);
  load(".v", v_);
  if (options_.ranger) {
    load(".slow", slow_);
  }
  step_ = *step;
}

template class FlatOptimizer<float>;
template class FlatOptimizer<double>;

}  // namespace recforce::nn
