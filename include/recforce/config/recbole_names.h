// SPDX-License-Identifier: Apache-2.0
// The names that RecBole gives to algorithms.
#pragma once

#include <string>

namespace recforce::config {

// Our name for a model that RecBole's class name means ("MultiVAE"); any other name as it is. Error(Usage) that begins
// with `where`: RecBole has this model, recforce does not.
std::string OurAlgorithmName(const std::string& where, const std::string& name);

}  // namespace recforce::config
