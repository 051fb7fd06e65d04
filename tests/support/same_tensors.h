// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstring>

#include "recforce/base/tensor_file.h"

namespace recforce::test {

// The same names, shapes and bytes. Metadata is not compared.
inline void ExpectSameTensors(const base::TensorSet& a, const base::TensorSet& b) {
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (const auto& [name, tensor] : a.tensors()) {
    const base::TensorView& other = b.Get(name);
    ASSERT_EQ(tensor.shape, other.shape) << name;
    const auto size = static_cast<std::size_t>(tensor.NumBytes());
    EXPECT_TRUE(size == 0 || std::memcmp(tensor.data, other.data, size) == 0) << name;
  }
}

}  // namespace recforce::test
