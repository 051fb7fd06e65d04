// SPDX-License-Identifier: Apache-2.0
// The one door to libtorch. clang cannot compile libtorch 1.13 in C++20 unless ivalue.h comes first: it needs
// std::vector<c10::IValue> complete before the headers that use it.
#pragma once

#include <ATen/core/ivalue.h>
// The order above matters.
#include <torch/torch.h>
