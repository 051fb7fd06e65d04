// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/calibrate.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kUserGrain = 16;
constexpr std::int64_t kDisplayGrain = 512;
constexpr double kWidestScale = 20.0;
constexpr int kHalvings = 40;

// The sum over displays that the rule can explain of term(display), in a fixed order, and their number.
template <class Term>
std::pair<double, std::int64_t> SumOver(const core::ChoiceRule& rule, const data::DisplaySet& displays,
                                        const Term& term) {
  std::vector<double> sums(static_cast<std::size_t>((displays.size() + kDisplayGrain - 1) / kDisplayGrain), 0.0);
  std::vector<std::int64_t> counts(sums.size(), 0);
  base::ParallelFor(0, static_cast<std::int64_t>(sums.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      const std::int64_t stop = std::min(displays.size(), (chunk + 1) * kDisplayGrain);
      for (std::int64_t d = chunk * kDisplayGrain; d < stop; ++d) {
        if (displays.choice[static_cast<std::size_t>(d)] >= 0 || rule.no_click) {
          sums[static_cast<std::size_t>(chunk)] += term(d);
          ++counts[static_cast<std::size_t>(chunk)];
        }
      }
    }
  });
  double sum = 0.0;
  std::int64_t count = 0;
  for (std::size_t chunk = 0; chunk < sums.size(); ++chunk) {
    sum += sums[chunk];
    count += counts[chunk];
  }
  return {sum, count};
}

std::span<const float> Of(std::span<const float> values, const data::DisplaySet& displays, std::int64_t display) {
  const auto d = static_cast<std::size_t>(display);
  return values.subspan(static_cast<std::size_t>(displays.offsets[d]),
                        static_cast<std::size_t>(displays.offsets[d + 1] - displays.offsets[d]));
}

// The derivative by the factor of the summed loss.
double Slope(const core::ChoiceRule& rule, std::span<const float> utilities, const data::DisplaySet& displays,
             double scale) {
  const auto term = [&](std::int64_t d) {
    thread_local std::vector<double> u;  // kept from call to call
    thread_local std::vector<double> scaled;
    thread_local std::vector<double> p;
    const std::span<const float> values = Of(utilities, displays, d);
    u.assign(values.begin(), values.end());
    if (rule.no_click) {
      u.push_back(static_cast<double>(*rule.no_click));
    }
    scaled.resize(u.size());
    std::transform(u.begin(), u.end(), scaled.begin(), [scale](double x) { return scale * x; });
    p.resize(u.size());
    core::ChoiceProbabilities({.law = rule.law}, std::span<const double>(scaled), p);
    const std::int32_t choice = displays.choice[static_cast<std::size_t>(d)];
    double slope = choice < 0 ? -u.back() : -u[static_cast<std::size_t>(choice)];
    for (std::size_t i = 0; i < u.size(); ++i) {
      slope += p[i] * u[i];
    }
    return slope;
  };
  return SumOver(rule, displays, term).first;
}

}  // namespace

std::vector<float> DisplayRewards(const UserModel& model, const data::DisplaySet& displays) {
  std::vector<float> rewards(displays.items.size());
  base::ParallelFor(0, displays.num_users(), kUserGrain, [&](std::int64_t begin, std::int64_t end) {
    UserModel::Scratch scratch;
    std::vector<float> traits(static_cast<std::size_t>(model.num_traits()));
    for (std::int64_t user = begin; user < end; ++user) {
      std::vector<std::int32_t> recent(static_cast<std::size_t>(model.shape().memory), -1);
      model.AfterClicks(recent, traits.data());
      for (std::int64_t d = displays.user_offsets[static_cast<std::size_t>(user)];
           d < displays.user_offsets[static_cast<std::size_t>(user) + 1]; ++d) {
        model.MeanRewards(traits.data(), displays.shown(d), scratch,
                          rewards.data() + displays.offsets[static_cast<std::size_t>(d)]);
        if (const std::int32_t clicked = displays.chosen(d); clicked >= 0) {
          std::copy_backward(recent.begin(), recent.end() - 1, recent.end());
          recent.front() = clicked;
          model.Advance(recent, traits.data());
        }
      }
    }
  });
  return rewards;
}

double MeanLogLikelihood(const core::ChoiceRule& rule, std::span<const float> utilities,
                         const data::DisplaySet& displays) {
  const auto [sum, count] = SumOver(rule, displays, [&](std::int64_t d) {
    return -core::ChoiceLoss(rule, Of(utilities, displays, d), displays.choice[static_cast<std::size_t>(d)]);
  });
  return count == 0 ? 0.0 : sum / static_cast<double>(count);
}

double FitScale(const core::ChoiceRule& rule, std::span<const float> utilities, const data::DisplaySet& displays) {
  if (displays.size() == 0) {
    return 1.0;
  }
  double low = -std::log(kWidestScale);
  double high = -low;
  for (int step = 0; step < kHalvings; ++step) {
    const double middle = 0.5 * (low + high);
    (Slope(rule, utilities, displays, std::exp(middle)) > 0.0 ? high : low) = middle;
  }
  return std::exp(0.5 * (low + high));
}

}  // namespace recforce::algos
