// SPDX-License-Identifier: Apache-2.0
// What a run learns from, as the run sees it: a dataset with its split, or users who answer.
#pragma once

#include <memory>
#include <string>

#include "recforce/core/algorithm.h"
#include "recforce/model/bundle.h"
#include "train/run.h"

namespace recforce::train {

class Material {
 public:
  virtual ~Material() = default;
  // Valid as long as the material.
  [[nodiscard]] virtual core::TrainView View() const = 0;
  [[nodiscard]] virtual std::string fingerprint() const = 0;        // of the dataset, or of the environment
  [[nodiscard]] virtual std::string split_fingerprint() const = 0;  // "" without a split
  // Rows that a ranking metric can be measured on, or null.
  [[nodiscard]] virtual const data::EvalSet* validation() const = 0;
  virtual void Announce(Observer& observer, const std::string& model) const = 0;
  virtual void Describe(RunInfo& info) const = 0;
  // The catalogue, where it comes from and, if asked, the users' histories.
  virtual void Fill(model::Bundle& bundle, bool with_histories) const = 0;
};

// What the settings' model learns from. Errors as those of datasets, splits and environments.
std::unique_ptr<Material> OpenMaterial(const core::Registry& registry, const config::Settings& settings);

}  // namespace recforce::train
