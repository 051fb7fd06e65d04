// SPDX-License-Identifier: Apache-2.0
// Maximum likelihood of conditional logits, whose negative log-likelihood is convex: by Newton steps, with conjugate
// gradients where there is a utility for every item. Internal.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recforce/base/stop_flag.h"
#include "recforce/data/display_set.h"

namespace recforce::eval {

// utility = beta feature, and that of no-click where it occurs (else 0 and of no meaning).
struct FeatureLogit {
  double beta = 0.0;
  double no_click = 0.0;
};
// features: [set.items]. Minimises the negative log-likelihood plus (beta^2 + no_click^2) / 2.
FeatureLogit FitFeatureLogit(const data::DisplaySet& set, std::span<const double> features);

// The negative log-likelihood of all choices of a set as a function of utilities [num_items + 1], that of no-click
// last, plus l2 / 2 times their squares. The same on any number of threads.
class ItemLogitLoss {
 public:
  ItemLogitLoss(const data::DisplaySet& set, std::int64_t num_items)
      : set_(set), size_(static_cast<std::size_t>(num_items) + 1), no_clicks_(set.has_no_clicks()) {}

  // Without `gradient` ([num_items + 1]) only the value. Remembers the probabilities for Curvature if there is one.
  double Evaluate(std::span<const double> utilities, double l2, std::vector<double>* gradient);
  // out := Hessian times `direction`, at the last point with a gradient; Diagonal: what stands on its diagonal there.
  void Curvature(std::span<const double> direction, double l2, std::vector<double>& out) const;
  [[nodiscard]] std::vector<double> Diagonal(double l2) const;
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  // Adds what each display says of its items, in the order of the displays.
  void Scatter(std::span<const double> items, std::span<const double> none, std::vector<double>& out) const;

  const data::DisplaySet& set_;
  std::size_t size_;
  bool no_clicks_;
  std::vector<double> probability_;  // [set.items]
  std::vector<double> none_;         // [displays] P(no click)
};

// The minimum from `start` ([num_items + 1]); its largest gradient entry is at most 1e-6, or as small as rounding lets
// it be. Utilities are known but for a number added to all; the penalty makes their sum, no-click's with it, zero.
std::vector<double> MinimizeItemLogit(ItemLogitLoss& loss, double l2, std::vector<double> start,
                                      const base::StopFlag* stop = nullptr);

}  // namespace recforce::eval
