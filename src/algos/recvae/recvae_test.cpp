// SPDX-License-Identifier: Apache-2.0
// The hand-written passes against golden files made with autograd.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "algos/common/recvae_learner.h"
#include "support/golden.h"

namespace recforce::algos {
namespace {

using test::Distance;

struct Case {
  explicit Case(torch::ScalarType type) : json(test::ReadGolden("recvae.json")) {
    const RecvaeShape shape = {.items = json["items"], .hidden = json["hidden"], .latent = json["latent"]};
    model = RecvaeModel::Init(shape, 1, torch::kCPU);
    Read(model.encoder, json["weights"], type);
    Read(model.old, json["old"], type);
    Read(model.decoder, json["weights"], type);
    batch = Batch("seen", json["keep"].get<double>());
    full = Batch("x", 1.0);
    noise = test::ToTensor(json["noise"]).to(type);
  }
  static void Read(NamedTensors& tensors, const nlohmann::json& values, torch::ScalarType type) {
    for (auto& [name, tensor] : tensors.list) {
      tensor = test::ToTensor(values.at(name)).to(type).contiguous();
    }
  }
  [[nodiscard]] nn::RowBatch Batch(const char* seen, double keep) const {
    nn::RowBatch rows;
    rows.full = test::ToCsr(json["x"]);
    rows.seen = test::ToCsr(json[seen]);
    for (std::int64_t r = 0; r < rows.rows(); ++r) {
      const auto count = static_cast<double>(rows.full.row(r).size());
      rows.scale.push_back(count > 0 ? static_cast<float>(1.0 / (std::sqrt(count) * keep)) : 0.0F);
    }
    rows.seen_by_item = nn::ByItem(rows.seen.view(), json["items"]);
    return rows;
  }

  nlohmann::json json;
  RecvaeModel model;
  nn::RowBatch batch, full;
  torch::Tensor noise;
};

TEST(Recvae, LossAndGradientsOfTheEncoder) {
  Case golden(torch::kFloat64);
  RecvaePass pass;
  const RecvaeGradients found = pass.ForEncoder(golden.model, golden.batch, golden.noise, golden.json["gamma"]);
  const auto rows = static_cast<double>(golden.batch.rows());
  // Input scales are float32, which is what the golden file does not do.
  EXPECT_NEAR(found.nll / rows, golden.json["nll"].get<double>(), 1e-6);
  EXPECT_NEAR(found.kl / rows, golden.json["kl"].get<double>(), 1e-6);
  for (std::size_t index = 0; index < golden.model.encoder.list.size(); ++index) {
    const std::string& name = golden.model.encoder.list[index].first;
    torch::Tensor gradient = found.gradients[index];
    if (index == EncoderPlaces::kTable) {
      gradient = torch::zeros_like(golden.model.encoder.at(0));
      for (std::size_t t = 0; t < golden.batch.seen_by_item.items.size(); ++t) {
        gradient[golden.batch.seen_by_item.items[t]] = found.gradients[0][static_cast<std::int64_t>(t)];
      }
    }
    EXPECT_LT(Distance(gradient, test::ToTensor(golden.json["encoder_gradients"][name])), 1e-6) << name;
  }
}

TEST(Recvae, LossAndGradientsOfTheDecoder) {
  Case golden(torch::kFloat64);
  RecvaePass pass;
  const RecvaeGradients found = pass.ForDecoder(golden.model, golden.full, golden.noise);
  EXPECT_NEAR(found.nll / static_cast<double>(golden.full.rows()), golden.json["decoder_nll"].get<double>(), 1e-6);
  for (std::size_t index = 0; index < 2; ++index) {
    const std::string& name = golden.model.decoder.list[index].first;
    EXPECT_LT(Distance(found.gradients[index], test::ToTensor(golden.json["decoder_gradients"][name])), 1e-6) << name;
  }
}

// Two steps of the encoder, the prior renewed, one of the decoder, and two more of the encoder.
TEST(Recvae, FiveStepsInFloat32) {
  Case golden(torch::kFloat32);
  RecvaeModel& model = golden.model;
  const double rate = golden.json["rate"];
  nn::Adam encoder_adam(model.encoder.Tensors(), {.learning_rate = rate});
  nn::Adam decoder_adam(model.decoder.Tensors(), {.learning_rate = rate});
  RecvaePass pass;
  const double gamma = golden.json["gamma"];
  const auto rows = static_cast<double>(golden.batch.rows());
  for (std::size_t step = 0; step < 5; ++step) {
    const bool decoder = step == 2;
    if (decoder) {
      model.old.CopyFrom(model.encoder);
    }
    const RecvaeGradients found = decoder ? pass.ForDecoder(model, golden.full, golden.noise)
                                          : pass.ForEncoder(model, golden.batch, golden.noise, gamma);
    EXPECT_NEAR(found.nll / rows, golden.json["nlls"][step].get<double>(), 1e-3) << step;
    nn::Adam& adam = decoder ? decoder_adam : encoder_adam;
    NamedTensors& tensors = decoder ? model.decoder : model.encoder;
    adam.BeginStep();
    for (std::size_t index = 0; index < found.gradients.size(); ++index) {
      if (index == 0 && !decoder) {
        adam.UpdateRows(0, tensors.at(0), golden.batch.seen_by_item.items, found.gradients[0]);
      } else {
        adam.Update(index, tensors.at(index), found.gradients[index]);
      }
    }
  }
  for (const NamedTensors* tensors : {&model.encoder, &model.decoder}) {
    for (const auto& [name, tensor] : tensors->list) {
      EXPECT_LT(Distance(tensor, test::ToTensor(golden.json["weights_after"][name])), 1e-3) << name;
    }
  }
}

// With the old posterior far away the mixture is of the two zero-mean normals: one number by hand.
TEST(Recvae, DivergenceByHand) {
  const auto one = [](double value) { return torch::full({1, 1}, value, torch::kFloat64); };
  // z = 1 from q = N(0.5, 1) with noise 0.5.
  const CompositeKl found =
      CompositeDivergence(one(1.0), one(0.0), one(0.5), one(1e3), one(0.0), std::vector<double>{2.0});
  const double standard = 0.15 * std::exp(-0.5);
  const double wide = 0.1 * std::exp(-5.0 - 0.5 * std::exp(-10.0));
  EXPECT_NEAR(found.kl[0], -0.125 - std::log(standard + wide), 1e-9);
  EXPECT_NEAR(found.z_gradient.item<double>(), 2.0 * (standard + wide * std::exp(-10.0)) / (standard + wide), 1e-9);
}

}  // namespace
}  // namespace recforce::algos
