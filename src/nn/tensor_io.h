// SPDX-License-Identifier: Apache-2.0
// Tensors of libtorch to and from base::TensorSet.
#pragma once

#include <string>

#include "nn/torch.h"
#include "recforce/base/tensor_file.h"

namespace recforce::nn {

// Adds a copy-free view where the tensor is contiguous on the CPU, a CPU copy otherwise. The set keeps it alive;
// its bytes are read when the set is written, so the tensor must not change before that.
void AddTensor(base::TensorSet& set, const std::string& name, const torch::Tensor& tensor);

// The tensor where it lies. Error(Data) when it is missing or has another shape or type than float32.
const base::TensorView& CheckedView(const base::TensorSet& set, const std::string& name, torch::IntArrayRef shape);

// A copy on `device`. Errors as CheckedView.
torch::Tensor GetTensor(const base::TensorSet& set, const std::string& name, torch::IntArrayRef shape,
                        torch::Device device);

}  // namespace recforce::nn
