// SPDX-License-Identifier: Apache-2.0
// The hand-written forward and backward passes against golden files, autograd and finite differences.
#include "algos/common/autoencoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "algos/common/row_error.h"
#include "nn/adam.h"
#include "nn/kernels.h"
#include "support/golden.h"

namespace recforce::algos {
namespace {

using test::Distance;

// A golden case, loaded.
struct Case {
  explicit Case(const std::string& name, torch::ScalarType type = torch::kFloat64) : json(test::ReadGolden(name)) {
    params.shape = {
        .items = json["items"], .hidden = json["hidden"], .latent = json["latent"], .variational = json["variational"]};
    for (const auto& [key, tensor] : params.Named()) {
      *tensor = test::ToTensor(json["weights"][key]).to(type).contiguous();
    }
    batch.full = test::ToCsr(json["x"]);
    batch.seen = test::ToCsr(json["seen"]);
    for (std::int64_t r = 0; r < batch.rows(); ++r) {
      const auto count = static_cast<double>(batch.full.row(r).size());
      batch.scale.push_back(count > 0 ? static_cast<float>(1.0 / (std::sqrt(count) * json["keep"].get<double>())) : 0);
    }
    batch.seen_by_item = nn::ByItem(batch.seen.view(), params.shape.items);
    if (params.shape.variational) {
      noise = test::ToTensor(json["noise"]).to(type);
    }
  }
  [[nodiscard]] double beta() const { return params.shape.variational ? json["beta"].get<double>() : 0.0; }
  // Forward and backward of mean nll + beta mean KL; dense gradients by name.
  std::map<std::string, torch::Tensor> Gradients() {
    AutoencoderPass pass;
    pass.Forward(params, batch, noise);
    logits = pass.logits + params.output_bias;
    kl = pass.Kl();
    const auto rows = static_cast<double>(batch.rows());
    const std::vector<double> weight(static_cast<std::size_t>(batch.rows()), 1.0 / rows);
    nll = nn::SoftmaxNllGradient(pass.logits, params.output_bias, batch.full.view(), weight).nll;
    raw = pass.Backward(params, batch, beta() / rows);
    std::map<std::string, torch::Tensor> by_name;
    std::size_t number = 0;
    for (const auto& [key, tensor] : params.Named()) {
      by_name[key] = raw[number++];
    }
    torch::Tensor dense = torch::zeros_like(params.encoder);
    for (std::size_t t = 0; t < batch.seen_by_item.items.size(); ++t) {
      dense[batch.seen_by_item.items[t]] = raw[0][static_cast<std::int64_t>(t)];
    }
    by_name["encoder.weight"] = dense;
    return by_name;
  }

  nlohmann::json json;
  AutoencoderParams params;
  nn::RowBatch batch;
  torch::Tensor noise, logits;
  std::vector<double> nll, kl;
  AutoencoderGradients raw;
};

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, ForwardAndGradients) {
  Case golden(GetParam());
  const auto gradients = golden.Gradients();
  // Input scales are kept in float32, which is what the golden files do not do: 1e-7 instead of 1e-12.
  EXPECT_LT(Distance(golden.logits, test::ToTensor(golden.json["logits"])), 1e-6);
  EXPECT_LT(Distance(golden.nll, test::ToTensor(golden.json["nll"])), 1e-6);
  EXPECT_LT(Distance(golden.kl, test::ToTensor(golden.json["kl"])), 1e-6);
  for (const auto& [key, gradient] : gradients) {
    EXPECT_LT(Distance(gradient, test::ToTensor(golden.json["gradients"][key])), 1e-6) << key;
  }
}

TEST_P(Golden, FiveAdamStepsInFloat32) {
  Case golden(GetParam(), torch::kFloat32);
  nn::Adam adam(golden.params.Tensors(),
                {.learning_rate = golden.json["rate"].get<double>(), .l2 = golden.json["l2"].get<double>()});
  for (int step = 0; step < 5; ++step) {
    golden.Gradients();
    auto named = golden.params.Named();
    adam.BeginStep();
    adam.UpdateRows(0, *named[0].second, golden.batch.seen_by_item.items, golden.raw[0]);
    for (std::size_t index = 1; index < named.size(); ++index) {
      adam.Update(index, *named[index].second, golden.raw[index]);
    }
  }
  for (const auto& [key, tensor] : golden.params.Named()) {
    EXPECT_LT(Distance(*tensor, test::ToTensor(golden.json["weights_after"][key])), 1e-4) << key;
  }
}

// (loss(w + h) - loss(w - h)) / 2h for a few entries of every parameter.
TEST_P(Golden, FiniteDifferences) {
  Case golden(GetParam());
  const auto gradients = golden.Gradients();
  const auto loss = [&] {
    golden.Gradients();
    double sum = 0.0;
    for (std::size_t r = 0; r < golden.nll.size(); ++r) {
      sum += golden.nll[r] + golden.beta() * golden.kl[r];
    }
    return sum / static_cast<double>(golden.nll.size());
  };
  constexpr double kStep = 1e-5;
  for (const auto& [key, tensor] : golden.params.Named()) {
    double* values = tensor->data_ptr<double>();
    const torch::Tensor gradient = gradients.at(key).contiguous().clone();
    for (std::int64_t at = 0; at < tensor->numel(); at += 1 + tensor->numel() / 7) {
      const double before = values[at];
      values[at] = before + kStep;
      const double above = loss();
      values[at] = before - kStep;
      const double below = loss();
      values[at] = before;
      const double expected = (above - below) / (2.0 * kStep);
      EXPECT_NEAR(gradient.data_ptr<double>()[at], expected, 1e-7 * (1.0 + std::abs(expected))) << key << " " << at;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, testing::Values("multi_vae.json", "multi_dae.json"),
                         [](const auto& param) { return std::string(param.param, 9); });

TEST(Autoencoder, ShallowNetworkEqualsAutograd) {
  torch::manual_seed(5);
  AutoencoderParams params;
  params.shape = {.items = 11, .hidden = 0, .latent = 4, .variational = false};
  params.encoder = torch::randn({11, 4}, torch::kFloat64);
  params.encoder_bias = torch::randn({4}, torch::kFloat64);
  params.output = torch::randn({11, 4}, torch::kFloat64);
  params.output_bias = torch::randn({11}, torch::kFloat64);
  nn::RowBatch batch;
  batch.full.AddRow(std::vector<std::int32_t>{1, 4, 7, 9});
  batch.full.AddRow(std::vector<std::int32_t>{0, 4});
  batch.seen.AddRow(std::vector<std::int32_t>{4, 9});
  batch.seen.AddRow(std::vector<std::int32_t>{0});
  batch.scale = {1.0F, 0.5F};
  batch.seen_by_item = nn::ByItem(batch.seen.view(), 11);
  torch::Tensor input = torch::zeros({2, 11}, torch::kFloat64);
  input[0][4] = 1.0;
  input[0][9] = 1.0;
  input[1][0] = 0.5;
  torch::Tensor x = torch::zeros({2, 11}, torch::kFloat64);
  for (std::int64_t r = 0; r < 2; ++r) {
    for (const std::int32_t item : batch.full.row(r)) {
      x[r][item] = 1.0;
    }
  }
  std::vector<torch::Tensor> leaves;
  for (const torch::Tensor& tensor : params.Tensors()) {
    leaves.push_back(tensor.clone().requires_grad_(true));
  }
  const torch::Tensor logits = torch::tanh(input.mm(leaves[0]) + leaves[1]).mm(leaves[2].t()) + leaves[3];
  const torch::Tensor nll = -(x * torch::log_softmax(logits, 1)).sum(1);
  const auto expected = torch::autograd::grad({nll.mean()}, leaves);

  AutoencoderPass pass;
  pass.Forward(params, batch, {});
  const auto rows =
      nn::SoftmaxNllGradient(pass.logits, params.output_bias, batch.full.view(), std::vector<double>{0.5, 0.5});
  EXPECT_LT(Distance(rows.nll, nll), 1e-12);
  const AutoencoderGradients gradients = pass.Backward(params, batch, 0.0);
  const torch::Tensor touched = torch::tensor(std::vector<std::int64_t>{0, 4, 9});
  EXPECT_LT(Distance(gradients[0], expected[0].index_select(0, touched)), 1e-12);
  for (std::size_t number = 1; number < 4; ++number) {
    EXPECT_LT(Distance(gradients[number], expected[number]), 1e-12) << number;
  }
}

// Every network of the family with both errors, in float64, through a mask of a share of its own for each row, the norm
// of the input, its scale, and the noise of the code.
struct Relative {
  AutoencoderShape shape;
  RowErrorKind error;
};

class Relatives : public testing::TestWithParam<Relative> {};

TEST_P(Relatives, GradientsAreFiniteDifferences) {
  const Relative& relative = GetParam();
  torch::manual_seed(12);
  AutoencoderParams params = AutoencoderParams::Init(relative.shape, 3, torch::kCPU);
  for (const auto& [name, tensor] : params.Named()) {
    *tensor = 0.5 * torch::randn(tensor->sizes(), torch::kFloat64);
  }
  data::Csr rows;
  rows.AddRow(std::vector<std::int32_t>{1, 4, 7, 9, 10});
  rows.AddRow(std::vector<std::int32_t>{0, 4});
  rows.AddRow(std::vector<std::int32_t>{});
  rows.AddRow(std::vector<std::int32_t>{2, 3, 4, 5, 6, 8});
  const nn::RowBatch batch = nn::MakeRowBatch(rows.view(), std::vector<std::int32_t>{3, 0, 1, 2},
                                              {.keep = 0.5, .seed = 2, .epoch = 1, .keep_most = 0.9}, 11);
  const torch::Tensor noise = torch::randn({4, relative.shape.latent}, torch::kFloat64);
  const std::vector<double> weight = {0.25, -0.5, 1.0, 0.75};
  constexpr double kKlWeight = 0.3;
  RowError error(relative.error, 5.0);
  AutoencoderPass pass;
  const auto loss = [&] {
    pass.Forward(params, batch, noise);
    const std::vector<double> kl = pass.Kl();
    const std::vector<double> errors = error.Errors(pass.logits, params.output_bias, batch.full.view());
    double sum = 0.0;
    for (std::size_t r = 0; r < weight.size(); ++r) {
      sum += weight[r] * errors[r] + kKlWeight * kl[r];
    }
    return sum;
  };
  loss();
  error.Gradient(pass.logits, batch.full.view(), weight);
  AutoencoderGradients gradients;
  for (const torch::Tensor& gradient : pass.Backward(params, batch, kKlWeight)) {
    gradients.push_back(gradient.clone());
  }
  torch::Tensor dense = torch::zeros_like(params.encoder);
  for (std::size_t t = 0; t < batch.seen_by_item.items.size(); ++t) {
    dense[batch.seen_by_item.items[t]] = gradients[0][static_cast<std::int64_t>(t)];
  }
  gradients[0] = dense;
  constexpr double kStep = 1e-5;
  std::size_t number = 0;
  for (const auto& [name, tensor] : params.Named()) {
    double* values = tensor->data_ptr<double>();
    const torch::Tensor& gradient = gradients[number++];
    ASSERT_EQ(gradient.sizes(), tensor->sizes()) << name;
    for (std::int64_t at = 0; at < tensor->numel(); ++at) {
      const double before = values[at];
      values[at] = before + kStep;
      const double above = loss();
      values[at] = before - kStep;
      const double below = loss();
      values[at] = before;
      const double expected = (above - below) / (2.0 * kStep);
      EXPECT_NEAR(gradient.data_ptr<double>()[at], expected, 1e-6 * (1.0 + std::abs(expected))) << name << " " << at;
    }
  }
}

std::vector<Relative> AllRelatives() {
  std::vector<Relative> all;
  for (const RowErrorKind error : {RowErrorKind::kMultinomial, RowErrorKind::kSquare}) {
    for (const std::int64_t hidden : {5, 0}) {
      for (const bool variational : {true, false}) {
        for (const bool linear : {false, true}) {
          const AutoencoderShape shape = {.items = 11,
                                          .hidden = hidden,
                                          .latent = 3,
                                          .variational = variational,
                                          .linear = linear,
                                          .input_scale = linear ? 0.5 : 1.0};
          all.push_back({shape, error});
        }
      }
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Family, Relatives, testing::ValuesIn(AllRelatives()), [](const auto& param) {
  const AutoencoderShape& shape = param.param.shape;
  return std::string(shape.hidden > 0 ? "Deep" : "Shallow") + (shape.variational ? "Variational" : "") +
         (shape.linear ? "Linear" : "Tanh") + (param.param.error == RowErrorKind::kSquare ? "Square" : "Multinomial");
});

// A linear network is a product of matrices, and what it recommends by is what it was trained as, without noise.
TEST(Autoencoder, LinearNetworksAreMatrixProducts) {
  data::Csr rows;
  rows.AddRow(std::vector<std::int32_t>{1, 4, 7, 9});
  torch::Tensor input = torch::zeros({1, 11});
  for (const std::int32_t item : rows.row(0)) {
    input[0][item] = 0.25F;  // input_scale / sqrt(4)
  }
  for (const bool variational : {true, false}) {
    AutoencoderShape shape = {.items = 11, .hidden = 0, .latent = 3, .variational = variational, .linear = true};
    shape.input_scale = 0.5;
    const AutoencoderParams params = AutoencoderParams::Init(shape, 5, torch::kCPU);
    EXPECT_EQ(params.encoder.size(1), variational ? 6 : 3);
    const torch::Tensor code = (input.mm(params.encoder) + params.encoder_bias).narrow(1, 0, 3);
    const torch::Tensor expected = code.mm(params.output.t()) + params.output_bias;
    torch::Tensor scores = torch::empty({1, 11});
    AutoencoderRecommender(params).ScoreBatch({rows.view()}, {scores.data_ptr<float>(), 1, 11});
    EXPECT_LT(Distance(scores, expected), 1e-6);
    const nn::RowBatch batch = nn::MakeRowBatch(rows.view(), std::vector<std::int32_t>{0}, {.keep = 1.0}, 11);
    AutoencoderPass pass;
    pass.Forward(params, batch, {});
    EXPECT_LT(Distance(pass.logits + params.output_bias, expected), 1e-6);
    EXPECT_LT(Distance(pass.hidden(), code), 1e-6);
  }
}

TEST(Autoencoder, KlHasItsClosedForm) {
  // mu = 0 and logvar = 0 give 0; mu = 1 in each of 200 dimensions gives 100.
  for (const double mu : {0.0, 1.0}) {
    AutoencoderParams params = AutoencoderParams::Init({.items = 6, .hidden = 3, .latent = 200}, 1, torch::kCPU);
    for (torch::Tensor* tensor : {&params.mu, &params.logvar, &params.logvar_bias}) {
      tensor->zero_();
    }
    params.mu_bias.fill_(mu);
    const data::Csr rows = [] {
      data::Csr csr;
      csr.AddRow(std::vector<std::int32_t>{2, 3});
      return csr;
    }();
    const nn::RowBatch batch = nn::MakeRowBatch(rows.view(), std::vector<std::int32_t>{0}, {.keep = 1.0}, 6);
    AutoencoderPass pass;
    pass.Forward(params, batch, torch::ones({1, 200}));
    EXPECT_NEAR(pass.Kl()[0], mu * 100.0, 1e-4);
  }
}

TEST(Autoencoder, ParameterCountsAreThoseOfThePapers) {
  const auto count = [](const AutoencoderShape& shape) {
    std::int64_t sum = 0;
    for (const torch::Tensor& tensor : AutoencoderParams::Init(shape, 1, torch::kCPU).Tensors()) {
      sum += tensor.numel();
    }
    return sum;
  };
  EXPECT_EQ(count({.items = 20108, .hidden = 600, .latent = 200}), 24511308);  // ML-20M, RaCT spec 1.2
  EXPECT_EQ(count({.items = 3124, .hidden = 600, .latent = 64}), 3868452);     // RecBole's on ML-1M, spec 7.2
  // Without logvar's layer the same; Liang's shallow one and "WMF": two tables of 200; linear VAE: three.
  EXPECT_EQ(count({.items = 20108, .hidden = 600, .latent = 200, .variational = false}), 24511308 - 600 * 200 - 200);
  const std::int64_t table = 20108 * 200;
  EXPECT_EQ(count({.items = 20108, .hidden = 0, .latent = 200, .variational = false}), 2 * table + 200 + 20108);
  EXPECT_EQ(count({.items = 20108, .hidden = 0, .latent = 200, .variational = false, .linear = true}),
            2 * table + 200 + 20108);
  EXPECT_EQ(count({.items = 20108, .hidden = 0, .latent = 200, .linear = true}), 3 * table + 400 + 20108);
}

TEST(Autoencoder, ScoresDoNotDependOnTheBatch) {
  const AutoencoderParams params = AutoencoderParams::Init({.items = 50, .hidden = 8, .latent = 4}, 3, torch::kCPU);
  const AutoencoderRecommender recommender(params);
  data::Csr rows;
  for (std::int32_t r = 0; r < 40; ++r) {
    rows.AddRow(std::vector<std::int32_t>{r, (r + 7) % 50});
  }
  rows.AddRow(std::vector<std::int32_t>{});
  std::vector<float> together(41 * 50);
  recommender.ScoreBatch({rows.view()}, {together.data(), 41, 50});
  for (std::int64_t r = 0; r < 41; ++r) {
    std::vector<float> alone(50);
    recommender.ScoreBatch({rows.view().Slice(r, r + 1)}, {alone.data(), 1, 50});
    for (std::size_t item = 0; item < 50; ++item) {
      EXPECT_NEAR(alone[item], together[static_cast<std::size_t>(r) * 50 + item], 1e-6);
    }
  }
}

}  // namespace
}  // namespace recforce::algos
