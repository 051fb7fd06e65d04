// SPDX-License-Identifier: Apache-2.0
#include "nn/adam.h"

#include <cmath>
#include <vector>

#include "nn/tensor_io.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"

namespace recforce::nn {
namespace {

template <class T>
struct Coefficients {
  T beta1, one_minus_beta1, beta2, one_minus_beta2, step_size, inverse_root2, epsilon, decay;
  Coefficients(const AdamOptions& options, std::int64_t step)
      : beta1(static_cast<T>(options.beta1)),
        one_minus_beta1(static_cast<T>(1.0 - options.beta1)),
        beta2(static_cast<T>(options.beta2)),
        one_minus_beta2(static_cast<T>(1.0 - options.beta2)),
        step_size(static_cast<T>(options.learning_rate / (1.0 - std::pow(options.beta1, static_cast<double>(step))))),
        inverse_root2(static_cast<T>(1.0 / std::sqrt(1.0 - std::pow(options.beta2, static_cast<double>(step))))),
        epsilon(static_cast<T>(options.epsilon)),
        decay(static_cast<T>(2.0 * options.l2)) {}
};

template <class T>
void UpdateRange(const Coefficients<T>& c, const T* gradient, std::int64_t count, T* w, T* m, T* v) {
  for (std::int64_t at = 0; at < count; ++at) {
    const T g = gradient[at] + c.decay * w[at];
    const T first = c.beta1 * m[at] + c.one_minus_beta1 * g;
    const T second = c.beta2 * v[at] + c.one_minus_beta2 * g * g;
    m[at] = first;
    v[at] = second;
    w[at] -= c.step_size * first / (std::sqrt(second) * c.inverse_root2 + c.epsilon);
  }
}

}  // namespace

Adam::Adam(std::span<const torch::Tensor> parameters, AdamOptions options) : options_(options) {
  for (const torch::Tensor& parameter : parameters) {
    m_.push_back(torch::zeros_like(parameter));
    v_.push_back(torch::zeros_like(parameter));
  }
}

void Adam::Update(std::size_t index, torch::Tensor& parameter, const torch::Tensor& gradient) {
  torch::Tensor& m = m_.at(index);
  torch::Tensor& v = v_.at(index);
  RECFORCE_CHECK(
      step_ > 0 && parameter.sizes() == m.sizes() && gradient.sizes() == m.sizes() && parameter.is_contiguous(),
      "a gradient has another shape than its parameter");
  if (!parameter.is_cpu()) {
    const Coefficients<double> c(options_, step_);
    const torch::Tensor g = options_.l2 > 0.0 ? gradient + c.decay * parameter : gradient;
    m.mul_(c.beta1).add_(g, c.one_minus_beta1);
    v.mul_(c.beta2).addcmul_(g, g, c.one_minus_beta2);
    parameter.addcdiv_(m, v.sqrt().mul_(c.inverse_root2).add_(c.epsilon), -c.step_size);
    return;
  }
  const torch::Tensor dense = gradient.contiguous();
  AT_DISPATCH_FLOATING_TYPES(parameter.scalar_type(), "Adam", [&] {
    const Coefficients<scalar_t> c(options_, step_);
    scalar_t* w_data = parameter.data_ptr<scalar_t>();
    scalar_t* m_data = m.data_ptr<scalar_t>();
    scalar_t* v_data = v.data_ptr<scalar_t>();
    const scalar_t* g_data = dense.data_ptr<scalar_t>();
    base::ParallelFor(0, parameter.numel(), 16384, [&](std::int64_t begin, std::int64_t end) {
      UpdateRange(c, g_data + begin, end - begin, w_data + begin, m_data + begin, v_data + begin);
    });
  });
}

void Adam::UpdateRows(std::size_t index, torch::Tensor& parameter, std::span<const std::int32_t> rows,
                      const torch::Tensor& gradient) {
  torch::Tensor& m = m_.at(index);
  torch::Tensor& v = v_.at(index);
  RECFORCE_CHECK(step_ > 0 && parameter.dim() == 2 && parameter.sizes() == m.sizes() && gradient.is_contiguous() &&
                     gradient.size(0) == static_cast<std::int64_t>(rows.size()),
                 "row gradients do not fit their parameter");
  const std::int64_t width = parameter.size(1);
  if (!parameter.is_cpu()) {
    torch::Tensor dense = torch::zeros_like(parameter);
    const torch::Tensor at = torch::tensor(std::vector<std::int64_t>(rows.begin(), rows.end()), torch::kInt64);
    dense.index_copy_(0, at.to(parameter.device()), gradient);
    Update(index, parameter, dense);
    return;
  }
  std::vector<std::int32_t> place(static_cast<std::size_t>(parameter.size(0)), -1);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    place[static_cast<std::size_t>(rows[r])] = static_cast<std::int32_t>(r);
  }
  AT_DISPATCH_FLOATING_TYPES(parameter.scalar_type(), "AdamRows", [&] {
    const Coefficients<scalar_t> c(options_, step_);
    scalar_t* w_data = parameter.data_ptr<scalar_t>();
    scalar_t* m_data = m.data_ptr<scalar_t>();
    scalar_t* v_data = v.data_ptr<scalar_t>();
    const scalar_t* g_data = gradient.data_ptr<scalar_t>();
    const std::vector<scalar_t> nothing(static_cast<std::size_t>(width), scalar_t{0});
    base::ParallelFor(0, parameter.size(0), 32, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const std::int32_t at = place[static_cast<std::size_t>(r)];
        const scalar_t* g = at < 0 ? nothing.data() : g_data + at * width;
        UpdateRange(c, g, width, w_data + r * width, m_data + r * width, v_data + r * width);
      }
    });
  });
}

void Adam::UpdateRowsLazily(std::size_t index, torch::Tensor& parameter, const RowGradients& gradients) {
  torch::Tensor& m = m_.at(index);
  torch::Tensor& v = v_.at(index);
  const std::int64_t width = gradients.width();
  RECFORCE_CHECK(step_ > 0 && parameter.sizes() == m.sizes() && parameter.numel() == parameter.size(0) * width,
                 "row gradients do not fit their parameter");
  if (!parameter.is_cpu()) {
    const std::vector<std::int64_t> touched(gradients.rows().begin(), gradients.rows().end());
    const torch::Tensor rows = torch::tensor(touched, torch::kInt64).to(parameter.device());
    torch::Tensor w = parameter.index_select(0, rows);
    torch::Tensor first = m.index_select(0, rows);
    torch::Tensor second = v.index_select(0, rows);
    const torch::Tensor g = gradients.Sums().view(w.sizes()).to(parameter.device());
    const Coefficients<double> c(options_, step_);
    first.mul_(c.beta1).add_(g, c.one_minus_beta1);
    second.mul_(c.beta2).addcmul_(g, g, c.one_minus_beta2);
    w.addcdiv_(first, second.sqrt().mul_(c.inverse_root2).add_(c.epsilon), -c.step_size);
    parameter.index_copy_(0, rows, w);
    m.index_copy_(0, rows, first);
    v.index_copy_(0, rows, second);
    return;
  }
  const Coefficients<float> c(options_, step_);
  float* w_data = parameter.data_ptr<float>();
  float* m_data = m.data_ptr<float>();
  float* v_data = v.data_ptr<float>();
  base::ParallelFor(0, static_cast<std::int64_t>(gradients.rows().size()), 32,
                    [&](std::int64_t begin, std::int64_t end) {
                      std::vector<float> sum(static_cast<std::size_t>(width));
                      for (std::int64_t at = begin; at < end; ++at) {
                        gradients.Sum(static_cast<std::size_t>(at), sum.data());
                        const std::int64_t offset = gradients.rows()[static_cast<std::size_t>(at)] * width;
                        UpdateRange(c, sum.data(), width, w_data + offset, m_data + offset, v_data + offset);
                      }
                    });
}

void Adam::Save(base::TensorSet& set, const std::string& prefix) const {
  for (std::size_t index = 0; index < m_.size(); ++index) {
    AddTensor(set, prefix + "." + std::to_string(index) + ".m", m_[index]);
    AddTensor(set, prefix + "." + std::to_string(index) + ".v", v_[index]);
  }
  set.SetMeta(prefix + ".step", std::to_string(step_));
}

void Adam::Load(const base::TensorSet& set, const std::string& prefix) {
  const auto step = base::ParseInt(set.Meta(prefix + ".step"));
  if (!step || *step < 0) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": '" + prefix + ".step' is not a step count");
  }
  for (std::size_t index = 0; index < m_.size(); ++index) {
    m_[index] = GetTensor(set, prefix + "." + std::to_string(index) + ".m", m_[index].sizes(), m_[index].device());
    v_[index] = GetTensor(set, prefix + "." + std::to_string(index) + ".v", v_[index].sizes(), v_[index].device());
  }
  step_ = *step;
}

}  // namespace recforce::nn
