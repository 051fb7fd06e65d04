// SPDX-License-Identifier: Apache-2.0
// A set of tensors inside another one, under a prefix.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "recforce/base/tensor_file.h"

namespace recforce::algos {

inline void AddNested(base::TensorSet& set, const std::string& prefix, base::TensorSet inner) {
  const auto held = std::make_shared<base::TensorSet>(std::move(inner));
  for (const auto& [name, view] : held->tensors()) {
    set.Add(prefix + name, view);
  }
  for (const auto& [key, value] : held->metadata()) {
    set.SetMeta(prefix + key, value);
  }
  set.Hold(held);
}

// Views into `set`.
inline base::TensorSet GetNested(const base::TensorSet& set, const std::string& prefix) {
  base::TensorSet inner;
  inner.SetWhere(set.where());
  for (const auto& [name, view] : set.tensors()) {
    if (name.starts_with(prefix)) {
      inner.Add(name.substr(prefix.size()), view);
    }
  }
  for (const auto& [key, value] : set.metadata()) {
    if (key.starts_with(prefix)) {
      inner.SetMeta(key.substr(prefix.size()), value);
    }
  }
  return inner;
}

}  // namespace recforce::algos
