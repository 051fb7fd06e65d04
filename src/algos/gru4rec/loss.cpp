// SPDX-License-Identifier: Apache-2.0
#include "algos/gru4rec/loss.h"

#include <cmath>
#include <limits>
#include <vector>

#include "nn/vector_math.h"
#include "recforce/base/error.h"

namespace recforce::algos {
namespace {

constexpr double kTiny = 1e-24;  // of bpr-max: keeps its logarithm finite

template <class T>
inline T Logistic(T x) {
  return T{1} / (T{1} + nn::FastExp(-x));
}

// The columns that are no negatives: the target's own and, where they are masked, those that hold its item again.
template <class T>
class Negatives {
 public:
  Negatives(const SessionLoss& loss, std::span<const std::int32_t> columns, std::int64_t target) : target_(target) {
    if (!loss.mask_hits) {
      return;
    }
    const std::int32_t item = columns[static_cast<std::size_t>(target)];
    for (std::size_t at = 0; at < columns.size(); ++at) {
      if (columns[at] == item && static_cast<std::int64_t>(at) != target) {
        hits_.push_back(static_cast<std::int64_t>(at));
      }
    }
  }
  [[nodiscard]] std::int64_t count(std::int64_t columns) const {
    return columns - 1 - static_cast<std::int64_t>(hits_.size());
  }
  // values of masked columns := value; the target's is left.
  void FillHits(T* values, T value) const {
    for (const std::int64_t at : hits_) {
      values[at] = value;
    }
  }
  void Fill(T* values, T value) const {
    FillHits(values, value);
    values[target_] = value;
  }

 private:
  std::int64_t target_;
  std::vector<std::int64_t> hits_;
};

template <class T>
constexpr T kLeftOut = -std::numeric_limits<T>::infinity();

template <class T>
double CrossEntropy(const Negatives<T>& negatives, std::span<const T> shift, std::int64_t count, std::int64_t target,
                    T weight, T* r) {
  if (!shift.empty()) {
    for (std::int64_t at = 0; at < count; ++at) {
      r[at] += shift[static_cast<std::size_t>(at)];
    }
  }
  negatives.FillHits(r, kLeftOut<T>);
  const T top = nn::LaneMax(r, count);
  const double margin = static_cast<double>(r[target]) - static_cast<double>(top);
  const double sum = nn::ExpAndSum(r, count, top);
  negatives.FillHits(r, T{0});
  const T scale = weight / static_cast<T>(sum);
  for (std::int64_t at = 0; at < count; ++at) {
    r[at] *= scale;
  }
  r[target] -= weight;
  return std::log(sum) - margin;
}

// s := softmax of r over the negatives, 0 elsewhere.
template <class T>
void SoftmaxOfNegatives(const Negatives<T>& negatives, const T* r, std::int64_t count, std::vector<T>& s) {
  s.assign(r, r + count);
  negatives.Fill(s.data(), kLeftOut<T>);
  const T top = nn::LaneMax(s.data(), count);
  const double sum = nn::ExpAndSum(s.data(), count, top);
  negatives.Fill(s.data(), T{0});
  const T scale = static_cast<T>(1.0 / sum);
  for (T& value : s) {
    value *= scale;
  }
}

template <class T>
double BprMax(const SessionLoss& loss, const Negatives<T>& negatives, std::int64_t count, std::int64_t target, T weight,
              T* r) {
  static thread_local std::vector<T> s;
  SoftmaxOfNegatives(negatives, r, count, s);
  const T wanted = r[target];
  const T* share = s.data();
  const T sum = nn::LaneSum<T>(count, [&](std::int64_t j) { return share[j] * Logistic(wanted - r[j]); });
  const T squares = nn::LaneSum<T>(count, [&](std::int64_t j) { return share[j] * r[j] * r[j]; });
  const T slope = nn::LaneSum<T>(count, [&](std::int64_t j) {
    const T f = Logistic(wanted - r[j]);
    return share[j] * f * (T{1} - f);
  });
  const T inverse = T{1} / (sum + static_cast<T>(kTiny));
  const T reg = static_cast<T>(loss.bpreg);
  for (std::int64_t j = 0; j < count; ++j) {
    const T f = Logistic(wanted - r[j]);
    const T by_sum = share[j] * (f - sum - f * (T{1} - f));
    const T by_squares = share[j] * (T{2} * r[j] + r[j] * r[j] - squares);
    r[j] = weight * (reg * by_squares - inverse * by_sum);
  }
  r[target] = -weight * inverse * slope;
  return -std::log(static_cast<double>(sum) + kTiny) + loss.bpreg * static_cast<double>(squares);
}

template <class T>
double Top1Max(const Negatives<T>& negatives, std::int64_t count, std::int64_t target, T weight, T* r) {
  static thread_local std::vector<T> s;
  SoftmaxOfNegatives(negatives, r, count, s);
  const T wanted = r[target];
  const T* share = s.data();
  const T sum = nn::LaneSum<T>(
      count, [&](std::int64_t j) { return share[j] * (Logistic(r[j] - wanted) + Logistic(r[j] * r[j])); });
  const T slope = nn::LaneSum<T>(count, [&](std::int64_t j) {
    const T f = Logistic(r[j] - wanted);
    return share[j] * f * (T{1} - f);
  });
  for (std::int64_t j = 0; j < count; ++j) {
    const T f = Logistic(r[j] - wanted);
    const T g = Logistic(r[j] * r[j]);
    r[j] = weight * share[j] * (f + g - sum + f * (T{1} - f) + T{2} * r[j] * g * (T{1} - g));
  }
  r[target] = -weight * slope;
  return static_cast<double>(sum);
}

// bpr and top1: a mean over the negatives.
template <class T>
double Pairwise(SessionLossKind kind, const Negatives<T>& negatives, std::int64_t count, std::int64_t target, T weight,
                T* r) {
  static thread_local std::vector<T> counted;
  counted.assign(static_cast<std::size_t>(count), T{1});
  negatives.Fill(counted.data(), T{0});
  const T wanted = r[target];
  const T each = T{1} / static_cast<T>(std::max<std::int64_t>(1, negatives.count(count)));
  const T* in = counted.data();
  double sum = 0.0;
  T slope{0};
  for (std::int64_t j = 0; j < count; ++j) {
    const T f = Logistic(r[j] - wanted);  // 1 - f(r_i - r_j)
    if (kind == SessionLossKind::kBpr) {
      // -log f(x) = log(1 + exp(-x)), without overflow
      const T x = wanted - r[j];
      sum += static_cast<double>(in[j] * (std::max(-x, T{0}) + std::log1p(std::exp(-std::abs(x)))));
      slope += in[j] * f;
      r[j] = weight * each * in[j] * f;
    } else {
      const T g = Logistic(r[j] * r[j]);
      sum += static_cast<double>(in[j] * (f + g));
      slope += in[j] * f * (T{1} - f);
      r[j] = weight * each * in[j] * (f * (T{1} - f) + T{2} * r[j] * g * (T{1} - g));
    }
  }
  r[target] = -weight * each * slope;
  return sum * static_cast<double>(each);
}

template <class T>
double OfActivated(const SessionLoss& loss, const Negatives<T>& negatives, std::int64_t count, std::int64_t target,
                   T weight, T* r) {
  switch (loss.kind) {
    case SessionLossKind::kBprMax:
      return BprMax(loss, negatives, count, target, weight, r);
    case SessionLossKind::kTop1Max:
      return Top1Max(negatives, count, target, weight, r);
    default:
      return Pairwise(loss.kind, negatives, count, target, weight, r);
  }
}

}  // namespace

SessionLossKind ParseSessionLoss(const std::string& name) {
  if (name == "cross_entropy") {
    return SessionLossKind::kCrossEntropy;
  }
  if (name == "bpr_max") {
    return SessionLossKind::kBprMax;
  }
  if (name == "top1_max") {
    return SessionLossKind::kTop1Max;
  }
  RECFORCE_CHECK(name == "bpr" || name == "top1", "no loss is called " + name);
  return name == "bpr" ? SessionLossKind::kBpr : SessionLossKind::kTop1;
}

template <class T>
double SessionLossRow(const SessionLoss& loss, std::span<const std::int32_t> columns, std::span<const T> shift,
                      std::int64_t target, T weight, T* scores) {
  const auto count = static_cast<std::int64_t>(columns.size());
  const Negatives<T> negatives(loss, columns, target);
  if (loss.kind == SessionLossKind::kCrossEntropy) {
    return CrossEntropy(negatives, shift, count, target, weight, scores);
  }
  if (negatives.count(count) == 0) {
    std::fill_n(scores, count, T{0});
    return 0.0;
  }
  if (loss.elu <= 0.0) {
    return OfActivated(loss, negatives, count, target, weight, scores);
  }
  // elu(x) = x above 0, size (exp(x) - 1) below; its slope there is elu(x) + size.
  static thread_local std::vector<T> slopes;
  slopes.resize(static_cast<std::size_t>(count));
  const T size = static_cast<T>(loss.elu);
  for (std::int64_t at = 0; at < count; ++at) {
    const T below = size * nn::FastExp(std::min(scores[at], T{0}));
    slopes[static_cast<std::size_t>(at)] = scores[at] > T{0} ? T{1} : below;
    scores[at] = scores[at] > T{0} ? scores[at] : below - size;
  }
  const double value = OfActivated(loss, negatives, count, target, weight, scores);
  for (std::int64_t at = 0; at < count; ++at) {
    scores[at] *= slopes[static_cast<std::size_t>(at)];
  }
  return value;
}

template double SessionLossRow<float>(const SessionLoss&, std::span<const std::int32_t>, std::span<const float>,
                                      std::int64_t, float, float*);
template double SessionLossRow<double>(const SessionLoss&, std::span<const std::int32_t>, std::span<const double>,
                                       std::int64_t, double, double*);

}  // namespace recforce::algos
