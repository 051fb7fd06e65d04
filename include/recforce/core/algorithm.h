// SPDX-License-Identifier: Apache-2.0
// What an algorithm must say of itself, and the one list of all of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "recforce/base/tensor_file.h"
#include "recforce/config/field_table.h"
#include "recforce/core/environment.h"
#include "recforce/core/recommender.h"
#include "recforce/core/slate_policy.h"
#include "recforce/core/trainer.h"

namespace recforce::core {

// What an algorithm learns from.
enum class Needs : std::uint8_t {
  kInteractions,
  kDisplays,     // what was shown and what was chosen of it; a dataset with split.kind=displays
  kEnvironment,  // no dataset: users who answer
  kEither,       // users who answer where environment.source names them, else interactions
};

struct AlgorithmSpec {
  std::string name;             // "multi_vae": the word of --model and of the config section
  std::string summary;          // one line
  std::string paper;            // reference
  bool learns_by_epoch = true;  // false: closed form, validation adds nothing
  bool uses_device = false;     // false: tensors live on the CPU, whatever the device
  bool reads_columns = false;   // whether training looks at values, times and propensities
  Needs needs = Needs::kInteractions;
  // Whether the weights of the last epoch are the model and validation is only looked at: held-out clicks of a log say
  // how well a model agrees with the log's policy, and a policy that learns to leave it agrees less and less.
  bool keeps_last = false;
  // What Trainer::Validate measures; "": weights are selected by ranking metrics, as always by those of kEither that
  // learn from interactions.
  std::string own_metric = "";
  std::function<config::Section()> make_config;  // a fresh section called `name`, at its defaults
  std::function<std::unique_ptr<Trainer>(const config::Section&, const TrainView&, const TrainerContext&)> make_trainer;
  // `tensors` as Export made them; throws Error(Data) when they do not fit together. `config` as at training.
  std::function<std::unique_ptr<Recommender>(const config::Section&, const base::TensorSet& tensors,
                                             std::int64_t num_items, const std::string& device)>
      load;
  // Of models that stand for users: the environment that the tensors make. `config` as at training, or changed in what
  // only its use depends on. Empty for others.
  std::function<std::shared_ptr<const Environment>(const config::Section&, const base::TensorSet& tensors,
                                                   std::int64_t num_items, const std::string& device)>
      load_environment = {};
  // Of models that choose slates by more than the order of their scores. Empty for others.
  std::function<std::unique_ptr<SlatePolicy>(const config::Section&, const base::TensorSet& tensors,
                                             std::int64_t num_items, const std::string& device)>
      load_policy = {};
};

class Registry {
 public:
  void Add(AlgorithmSpec spec);  // Error(Internal) for a name that is taken
  // Error(Usage) with the nearest name and the list.
  [[nodiscard]] const AlgorithmSpec& Get(std::string_view name) const;
  [[nodiscard]] const std::vector<AlgorithmSpec>& all() const { return specs_; }
  [[nodiscard]] std::vector<std::string> Names() const;

 private:
  std::vector<AlgorithmSpec> specs_;
};

}  // namespace recforce::core
