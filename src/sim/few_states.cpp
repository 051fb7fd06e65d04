// SPDX-License-Identifier: Apache-2.0
#include "sim/few_states.h"

#include <algorithm>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/threads.h"
#include "sim/slate_search.h"
#include "sim/world_parts.h"

namespace recforce::sim {
namespace {

constexpr double kMostWork = 2e8;

class FewStatesModel : public ClickModel {
 public:
  explicit FewStatesModel(std::shared_ptr<const FewStates> truth) : truth_(std::move(truth)) {}

  [[nodiscard]] std::int64_t NumItems() const override { return truth_->num_items(); }
  [[nodiscard]] std::int64_t memory() const override { return 1; }
  [[nodiscard]] core::ChoiceRule choice() const override { return truth_->choice; }

  void Evaluate(const UserRows& users, base::MatrixView<const std::int32_t> items, base::MatrixView<float> utilities,
                base::MatrixView<float> rewards) const override {
    base::ParallelFor(0, items.rows, kRowGrain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        const std::int32_t state = truth_->StateAfter(users.recent.row(row).front());
        const std::span<const float> felt = truth_->row(truth_->utilities, state);
        const std::span<const float> paid = truth_->row(truth_->rewards, state);
        for (std::size_t place = 0; place < items.row(row).size(); ++place) {
          const auto item = static_cast<std::size_t>(items.row(row)[place]);
          utilities.row(row)[place] = felt[item];
          rewards.row(row)[place] = paid[item];
        }
      }
    });
  }

  void Advance(const Turn& turn, base::MatrixView<float> /*traits*/, std::span<std::uint8_t> left) const override {
    for (std::size_t row = 0; row < left.size(); ++row) {
      if (left[row] == 0 && turn.clicked[row] >= 0) {
        const float hazard = truth_->leaves[static_cast<std::size_t>(turn.clicked[row])];
        left[row] = turn.luck[row] < static_cast<double>(hazard) ? 1 : 0;
      }
    }
  }

 private:
  std::shared_ptr<const FewStates> truth_;
};

// The best slates of one state after another. Reuses its memory.
class Planner {
 public:
  Planner(const FewStates& truth, std::int64_t k)
      : truth_(truth),
        search_(truth.choice),
        gains_(truth.next.size()),
        felt_(static_cast<std::size_t>(k)),
        odds_(static_cast<std::size_t>(k)),
        slate_(static_cast<std::size_t>(k)) {}

  // What the best slate of `state` is worth where states are worth `value` afterwards.
  double BestValue(std::int32_t state, std::span<const double> value, double discount) {
    const double stay = discount * value[static_cast<std::size_t>(state)];
    for (std::size_t item = 0; item < gains_.size(); ++item) {
      gains_[item] = static_cast<float>(Click(state, item, value, discount) - stay);
    }
    const std::span<const float> utilities = truth_.row(truth_.utilities, state);
    search_.Exact(utilities, gains_, slate_);
    for (std::size_t place = 0; place < slate_.size(); ++place) {
      felt_[place] = utilities[static_cast<std::size_t>(slate_[place])];
    }
    double sum = stay * core::ChoiceProbabilities(truth_.choice, felt_, odds_);
    for (std::size_t place = 0; place < slate_.size(); ++place) {
      sum += odds_[place] * Click(state, static_cast<std::size_t>(slate_[place]), value, discount);
    }
    return sum;
  }

 private:
  [[nodiscard]] double Click(std::int32_t state, std::size_t item, std::span<const double> value,
                             double discount) const {
    return static_cast<double>(truth_.row(truth_.rewards, state)[item]) +
           discount * (1.0 - static_cast<double>(truth_.leaves[item])) *
               value[static_cast<std::size_t>(truth_.next[item])];
  }

  const FewStates& truth_;
  SlateSearch search_;
  std::vector<float> gains_;  // [I] of a click over no click
  std::vector<float> felt_;
  std::vector<double> odds_;
  std::vector<std::int32_t> slate_;
};

}  // namespace

std::int64_t FewStates::num_states() const { return static_cast<std::int64_t>(rewards.size() / next.size()); }

std::span<const float> FewStates::row(const std::vector<float>& table, std::int64_t state) const {
  return std::span(table).subspan(static_cast<std::size_t>(state) * next.size(), next.size());
}

std::int32_t FewStates::StateAfter(std::int32_t clicked) const {
  return clicked < 0 ? start : next[static_cast<std::size_t>(clicked)];
}

std::vector<double> FewStates::OptimalReturn(std::int64_t k, std::int64_t horizon, double discount) const {
  RECFORCE_CHECK(choice.law == core::ChoiceLaw::kSoftmax && k >= 1 && k <= num_items(), "slates of the catalogue");
  Planner planner(*this, k);
  std::vector<double> value(static_cast<std::size_t>(num_states()), 0.0);
  for (std::int64_t step = 0; step < horizon; ++step) {
    std::vector<double> longer;
    for (std::int32_t state = 0; state < num_states(); ++state) {
      longer.push_back(planner.BestValue(state, value, discount));
    }
    const bool settled = longer == value;  // a discount below 1 gets there long before a far horizon
    value = std::move(longer);
    if (settled) {
      break;
    }
  }
  return value;
}

FewStatesWorld::FewStatesWorld(std::shared_ptr<const FewStates> truth, std::string identity)
    : ClickEnvironment(std::make_shared<FewStatesModel>(truth)),
      truth_(std::move(truth)),
      identity_(std::move(identity)) {}

std::optional<double> FewStatesWorld::Optimum(std::int64_t k, std::int64_t horizon, double discount) const {
  const bool possible = k >= 1 && k <= NumItems() &&
                        static_cast<double>(truth_->rewards.size()) * static_cast<double>(horizon) <= kMostWork;
  return possible ? std::optional(truth_->OptimalReturn(k, horizon, discount)[static_cast<std::size_t>(truth_->start)])
                  : std::nullopt;
}

}  // namespace recforce::sim
