// SPDX-License-Identifier: Apache-2.0
// Reads the golden files of tests/golden and turns their numbers into tensors.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "nn/torch.h"
#include "recforce/base/error.h"
#include "recforce/data/csr.h"
#include "support/source_dir.h"

namespace recforce::test {

inline nlohmann::json ReadGolden(const std::string& name) {
  std::ifstream file(SourceDir() / "tests" / "golden" / name);
  nlohmann::json content = nlohmann::json::parse(file);
  RECFORCE_CHECK(content.at("magic") == "recforce-golden" && content.at("version") == 1, name + " is no golden file");
  return content;
}

// A list or a list of lists of numbers, float64.
inline torch::Tensor ToTensor(const nlohmann::json& value) {
  if (!value.empty() && value[0].is_array()) {
    std::vector<torch::Tensor> rows;
    for (const auto& row : value) {
      rows.push_back(ToTensor(row));
    }
    return torch::stack(rows);
  }
  return torch::tensor(value.get<std::vector<double>>(), torch::kFloat64);
}

inline data::Csr ToCsr(const nlohmann::json& rows) {
  data::Csr csr;
  for (const auto& row : rows) {
    csr.AddRow(row.get<std::vector<std::int32_t>>());
  }
  return csr;
}

// Largest |a - b| / (1 + |b|) over all entries.
inline double Distance(const torch::Tensor& a, const torch::Tensor& b) {
  const torch::Tensor x = a.detach().to(torch::kFloat64);
  const torch::Tensor y = b.detach().to(torch::kFloat64);
  return x.numel() == 0 ? 0.0 : ((x - y).abs() / (1.0 + y.abs())).max().item<double>();
}
inline double Distance(const std::vector<double>& a, const torch::Tensor& b) {
  return Distance(torch::tensor(a, torch::kFloat64), b);
}

}  // namespace recforce::test
