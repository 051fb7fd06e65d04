// SPDX-License-Identifier: Apache-2.0
// The list of algorithms, in the order in which they were added.
#include "recforce/core/algorithm.h"

#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::core {

void Registry::Add(AlgorithmSpec spec) {
  RECFORCE_CHECK(!spec.name.empty(), "an algorithm has no name");
  for (const AlgorithmSpec& known : specs_) {
    RECFORCE_CHECK(known.name != spec.name, "algorithm '" + spec.name + "' is registered twice");
  }
  specs_.push_back(std::move(spec));
}

const AlgorithmSpec& Registry::Get(std::string_view name) const {
  for (const AlgorithmSpec& spec : specs_) {
    if (spec.name == name) {
      return spec;
    }
  }
  const std::vector<std::string> names = Names();
  const std::string hint = base::DidYouMean(name, names);
  throw base::Error(base::ErrorKind::kUsage, "model: unknown name: '" + std::string(name) + "'" +
                                                 (hint.empty() ? "; " : hint + " ") +
                                                 "known models: " + base::Join(names, ", "));
}

std::vector<std::string> Registry::Names() const {
  std::vector<std::string> names;
  names.reserve(specs_.size());
  for (const AlgorithmSpec& spec : specs_) {
    names.push_back(spec.name);
  }
  return names;
}

}  // namespace recforce::core
