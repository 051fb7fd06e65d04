// SPDX-License-Identifier: Apache-2.0
#include "nn/tensor_io.h"

#include <cstring>
#include <memory>
#include <sstream>

namespace recforce::nn {
namespace {

std::string ShapeText(torch::IntArrayRef shape) {
  std::ostringstream text;
  text << shape;
  return text.str();
}

}  // namespace

void AddTensor(base::TensorSet& set, const std::string& name, const torch::Tensor& tensor) {
  auto held = std::make_shared<torch::Tensor>(tensor.detach().to(torch::kCPU).contiguous());
  RECFORCE_CHECK(held->scalar_type() == torch::kFloat32, "only float32 tensors are kept");
  base::TensorView view;
  view.dtype = base::DType::kF32;
  view.shape.assign(held->sizes().begin(), held->sizes().end());
  view.data = reinterpret_cast<const std::byte*>(held->data_ptr<float>());
  set.Add(name, std::move(view));
  set.Hold(held);
}

const base::TensorView& CheckedView(const base::TensorSet& set, const std::string& name, torch::IntArrayRef shape) {
  const base::TensorView& view = set.Get(name);
  if (view.dtype != base::DType::kF32 || torch::IntArrayRef(view.shape) != shape) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + name + "' does not fit: found " +
                                                  std::string(base::NameOf(view.dtype)) + " " + ShapeText(view.shape) +
                                                  "; expected F32 " + ShapeText(shape));
  }
  return view;
}

torch::Tensor GetTensor(const base::TensorSet& set, const std::string& name, torch::IntArrayRef shape,
                        torch::Device device) {
  const base::TensorView& view = CheckedView(set, name, shape);
  torch::Tensor tensor = torch::empty(shape, torch::kFloat32);
  if (tensor.numel() > 0) {
    std::memcpy(tensor.data_ptr<float>(), view.data, static_cast<std::size_t>(view.NumBytes()));
  }
  return tensor.to(device);
}

}  // namespace recforce::nn
