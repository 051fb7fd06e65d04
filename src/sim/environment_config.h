// SPDX-License-Identifier: Apache-2.0
// The section `environment`: which users a policy meets, and how.
#pragma once

#include <cstdint>
#include <string>

#include "recforce/config/field_table.h"

namespace recforce::sim {

struct EnvironmentConfig {
  std::string source;         // "world:NAME", or the folder of a run whose model stands for users
  std::int64_t slate = 3;     // items shown at once
  std::int64_t horizon = 20;  // slates shown to a user
  std::int64_t items = 0;     // of a world; 0: the world's own number
  std::int64_t seed = 1;      // what a world is made from
  double no_click = 0.0;      // utility of choosing nothing in a world
  double pessimism = 0.0;     // of a learnt ensemble: reward is the mean minus this many deviations between members
};
const config::FieldTable& EnvironmentFields();

}  // namespace recforce::sim
