// SPDX-License-Identifier: Apache-2.0
#include "algos/topk_reinforce/learner.h"

#include <algorithm>
#include <cmath>

#include "algos/common/finite.h"
#include "algos/topk_reinforce/reference.h"
#include "nn/device.h"
#include "nn/gather_rows.h"
#include "nn/row_batch.h"
#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

std::vector<torch::Tensor> TensorsOf(PolicyParams params) {
  std::vector<torch::Tensor> tensors;
  for (const torch::Tensor* tensor : params.All()) {
    tensors.push_back(*tensor);
  }
  return tensors;
}

std::vector<double> CountsOf(const PolicyLog& log, std::int64_t num_items) {
  std::vector<double> counts(static_cast<std::size_t>(num_items), 0.0);
  for (const std::int32_t item : log.item) {
    counts[static_cast<std::size_t>(item)] += 1.0;
  }
  return counts;
}

}  // namespace

PolicyLearner::PolicyLearner(const core::TrainView& view, const PolicyOptions& options,
                             const core::TrainerContext& context)
    : view_(view),
      options_(options),
      seed_(context.seed),
      device_(nn::ParseDevice(context.device)),
      log_(MakePolicyLog(view, options.returns)),
      params_(PolicyParams::Init(options.shape, context.seed, device_)),
      recommender_(params_, options.temperature),
      adam_(TensorsOf(params_), {.learning_rate = options.learning_rate}),
      pass_(options.shape.Layer()),
      full_(options.temperature),
      sampled_(options.temperature),
      d_layer_(nn::ZeroRecurrent(options.shape.Layer(), torch::kFloat32)) {
  if (log_.rewarded() == 0) {
    throw base::Error(base::ErrorKind::kData,
                      "topk_reinforce: no event of the log has a reward: nothing says what is good; expected values "
                      "above 0, or topk_reinforce.reward one");
  }
  if (options.sampled) {
    proposal_.emplace(options.proposal, CountsOf(log_, view.num_items), options.proposal_exponent);
  }
  for (HeadTable* head : {&d_pi_, &d_beta_}) {
    head->weight = torch::zeros({options.shape.items, options.shape.hidden});
    head->bias = torch::zeros({options.shape.items});
  }
}

// States that decisions were made from, and those decisions, state by state.
void PolicyLearner::Collect(Batch& batch) const {
  batch.rows.clear();
  batch.contexts.clear();
  batch.decided = {};
  batch.decisions.clear();
  for (std::size_t at = 0; at < batch.lanes.inputs.size(); ++at) {
    const std::int64_t event = batch.lanes.events[at];
    if (event < 0) {
      continue;
    }
    const auto input = static_cast<std::size_t>(event);
    for (std::int64_t d = log_.offsets[input]; d < log_.offsets[input + 1]; ++d) {
      const std::int32_t context = params_.gates.defined() ? log_.context[static_cast<std::size_t>(d)] : -1;
      if (batch.rows.empty() || batch.rows.back() != static_cast<std::int64_t>(at) ||
          batch.contexts.back() != context) {
        batch.rows.push_back(static_cast<std::int64_t>(at));
        batch.contexts.push_back(context);
      }
      batch.decided.state.push_back(static_cast<std::int64_t>(batch.rows.size()) - 1);
      batch.decided.item.push_back(log_.item[static_cast<std::size_t>(d)]);
      batch.decisions.push_back(d);
    }
  }
}

HeadCoefficients PolicyLearner::Weigh(const Batch& batch, const LogProbabilities& log_probability,
                                      Totals& totals) const {
  const std::size_t count = batch.decisions.size();
  const bool logged = options_.use_propensities && !log_.log_propensity.empty();
  HeadCoefficients coefficients;
  coefficients.pi.assign(count, options_.kl_weight / static_cast<double>(count));
  coefficients.beta.assign(count, options_.beta_weight / static_cast<double>(count));
  coefficients.entropy = options_.entropy_weight / static_cast<double>(std::max<std::size_t>(1, batch.rows.size()));
  std::vector<std::size_t> rewarded;
  std::vector<ActionWeight> weights;
  for (std::size_t d = 0; d < count; ++d) {
    totals.beta_nll -= log_probability.beta[d];
    const auto at = static_cast<std::size_t>(batch.decisions[d]);
    if (log_.ret[at] <= 0.0F) {
      continue;
    }
    const double log_beta = logged ? static_cast<double>(log_.log_propensity[at]) : log_probability.beta[d];
    rewarded.push_back(d);
    weights.push_back(WeightOf(options_.correction, log_probability.pi[d], log_beta));
  }
  if (options_.correction.normalised) {
    NormaliseWeights(weights);
  }
  for (std::size_t at = 0; at < rewarded.size(); ++at) {
    const std::size_t d = rewarded[at];
    const double log_pi = log_probability.pi[d];
    const double value = static_cast<double>(log_.ret[static_cast<std::size_t>(batch.decisions[d])]);
    coefficients.pi[d] += weights[at].coefficient * value / static_cast<double>(rewarded.size());
    totals.loss -= weights[at].coefficient * value * log_pi;
    totals.weight += weights[at].weight;
    totals.weight_squares += weights[at].weight * weights[at].weight;
    totals.capped += weights[at].capped ? 1 : 0;
    totals.lambda += TopKMultiplier(log_pi, options_.correction.top_k);
    totals.pi += std::exp(log_pi);
  }
  totals.rewarded += static_cast<std::int64_t>(rewarded.size());
  totals.decisions += static_cast<std::int64_t>(count);
  return coefficients;
}

SampledHeads::Draws PolicyLearner::DrawItems(const Batch& batch, std::uint64_t epoch, std::int64_t step) const {
  SampledHeads::Draws draws;
  base::Rng rng(seed_, base::Stream::kNegatives, epoch, static_cast<std::uint32_t>(step));
  const std::int64_t count = proposal_->Draw(options_.negatives, options_.unique, rng, draws.items);
  for (const std::int32_t item : draws.items) {
    draws.log_expected.push_back(proposal_->LogExpected(item, count, options_.unique));
  }
  for (const std::int32_t item : batch.decided.item) {
    draws.decided_log_expected.push_back(proposal_->LogExpected(item, count, options_.unique));
  }
  return draws;
}

torch::Tensor PolicyLearner::HeadsOnCpu(const Batch& batch, const torch::Tensor& states, std::uint64_t epoch,
                                        std::int64_t step, Totals& totals) {
  if (!options_.sampled) {
    const LogProbabilities found = full_.Forward(states, params_.pi, params_.beta, batch.decided);
    const HeadCoefficients coefficients = Weigh(batch, found, totals);
    torch::Tensor d = full_.Backward(states, params_.pi, params_.beta, batch.decided, coefficients, d_pi_, d_beta_);
    totals.entropy += full_.mean_entropy();
    adam_.Update(1, params_.pi.weight, d_pi_.weight);
    adam_.Update(2, params_.pi.bias, d_pi_.bias);
    adam_.Update(3, params_.beta.weight, d_beta_.weight);
    adam_.Update(4, params_.beta.bias, d_beta_.bias);
    return d;
  }
  const SampledHeads::Draws draws = DrawItems(batch, epoch, step);
  const LogProbabilities found =
      sampled_.Forward(states, params_.pi, params_.beta, batch.decided, draws, options_.exact_weights);
  const HeadCoefficients coefficients = Weigh(batch, found, totals);
  torch::Tensor d =
      sampled_.Backward(states, params_.pi, params_.beta, batch.decided, draws, coefficients, rows_pi_, rows_beta_);
  std::size_t index = 1;
  for (const auto& [head, rows] : {std::pair(&params_.pi, &rows_pi_), std::pair(&params_.beta, &rows_beta_)}) {
    nn::RowGradients weight(options_.shape.hidden);
    weight.Add(draws.items, rows->drawn);
    weight.Add(batch.decided.item, rows->decided);
    weight.Group();
    adam_.UpdateRowsLazily(index++, head->weight, weight);
    nn::RowGradients bias(1);
    bias.Add(draws.items, rows->drawn_bias);
    bias.Add(batch.decided.item, rows->decided_bias);
    bias.Group();
    adam_.UpdateRowsLazily(index++, head->bias, bias);
  }
  return d;
}

void PolicyLearner::GatesBackward(const Batch& batch, const torch::Tensor& states, torch::Tensor& d) {
  torch::Tensor gradient = torch::zeros_like(params_.gates);
  const std::int64_t units = states.size(1);
  for (std::size_t at = 0; at < batch.contexts.size(); ++at) {
    if (batch.contexts[at] < 0) {
      continue;
    }
    const float* gate = params_.gates.data_ptr<float>() + batch.contexts[at] * units;
    const float* state = states.data_ptr<float>() + static_cast<std::int64_t>(at) * units;
    float* sum = gradient.data_ptr<float>() + batch.contexts[at] * units;
    float* slope = d.data_ptr<float>() + static_cast<std::int64_t>(at) * units;
    for (std::int64_t unit = 0; unit < units; ++unit) {
      sum[unit] += slope[unit] * state[unit];
      slope[unit] *= 1.0F + gate[unit];
    }
  }
  adam_.Update(params_.All().size() - 1, params_.gates, gradient);
}

void PolicyLearner::Step(const Batch& batch, std::uint64_t epoch, std::int64_t step, Totals& totals) {
  const torch::Tensor u = nn::GatherRows(params_.inputs, batch.lanes.inputs);
  const torch::Tensor& all = pass_.Forward(params_.layer, u, state_, batch.lanes.keep);
  const std::int64_t lanes = batch.lanes.lanes;
  torch::Tensor last = all.narrow(0, all.size(0) - lanes, lanes).clone();
  if (!batch.decisions.empty()) {
    const std::vector<std::int32_t> rows(batch.rows.begin(), batch.rows.end());
    const torch::Tensor states = nn::GatherRows(all, rows);
    adam_.BeginStep();
    torch::Tensor d_states =
        HeadsOnCpu(batch, params_.gates.defined() ? InContext(states, params_.gates, batch.contexts) : states, epoch,
                   step, totals);
    if (params_.gates.defined()) {
      GatesBackward(batch, states, d_states);
    }
    torch::Tensor d = torch::zeros_like(all);
    const std::int64_t units = all.size(1);
    for (std::size_t at = 0; at < batch.rows.size(); ++at) {
      const float* from = d_states.data_ptr<float>() + static_cast<std::int64_t>(at) * units;
      float* to = d.data_ptr<float>() + batch.rows[at] * units;
      for (std::int64_t unit = 0; unit < units; ++unit) {
        to[unit] += from[unit];
      }
    }
    torch::Tensor d_u = torch::empty_like(u);
    pass_.Backward(params_.layer, u, batch.lanes.keep, d, d_layer_, d_u);
    nn::RowGradients inputs(options_.shape.embedding);
    inputs.Add(batch.lanes.inputs, d_u);
    inputs.Group();
    if (options_.sampled) {
      adam_.UpdateRowsLazily(0, params_.inputs, inputs);
    } else {
      adam_.UpdateRows(0, params_.inputs, inputs.rows(), inputs.Sums());
    }
    const std::vector<torch::Tensor*> parameters = params_.layer.All();
    const std::vector<torch::Tensor*> gradients = d_layer_.All();
    for (std::size_t at = 0; at < parameters.size(); ++at) {
      adam_.Update(5 + at, *parameters[at], *gradients[at]);
    }
  }
  state_ = last;
}

void PolicyLearner::StepByAutograd(const Batch& batch, std::uint64_t epoch, std::int64_t step, Totals& totals) {
  const torch::AutoGradMode with_gradients(true);
  SampledHeads::Draws draws;
  if (options_.sampled) {
    draws = DrawItems(batch, epoch, step);
  }
  PolicyGraph graph = MakePolicyGraph(params_, options_.temperature, state_, batch.lanes, batch.rows, batch.contexts,
                                      batch.decided, options_.sampled ? &draws : nullptr, options_.exact_weights);
  if (!batch.decisions.empty()) {
    const HeadCoefficients coefficients = Weigh(batch, graph.log_probability, totals);
    const auto gradients = torch::autograd::grad({graph.Loss(coefficients)}, graph.leaves, {}, {}, false, true);
    const torch::NoGradGuard no_grad;
    adam_.BeginStep();
    const std::vector<torch::Tensor*> parameters = params_.All();
    for (std::size_t at = 0; at < parameters.size(); ++at) {
      if (!options_.sampled || at >= 5) {
        adam_.Update(at, *parameters[at], gradients[at]);
        continue;
      }
      // Rows that nobody touched have no gradient; the others' are found by their numbers.
      std::vector<std::int32_t> rows = batch.lanes.inputs;
      if (at > 0) {
        rows = draws.items;
        rows.insert(rows.end(), batch.decided.item.begin(), batch.decided.item.end());
      }
      std::sort(rows.begin(), rows.end());
      rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
      rows.erase(rows.begin(), std::lower_bound(rows.begin(), rows.end(), 0));
      const torch::Tensor whole = gradients[at].to(torch::kCPU).view({parameters[at]->size(0), -1});
      const torch::Tensor some =
          whole.index_select(0, torch::tensor(std::vector<std::int64_t>(rows.begin(), rows.end()), torch::kInt64));
      nn::RowGradients by_row(whole.size(1));
      by_row.Add(rows, some);
      by_row.Group();
      adam_.UpdateRowsLazily(at, *parameters[at], by_row);
    }
  }
  const torch::NoGradGuard no_grad;
  state_ = graph.last.clone();
}

core::Metrics PolicyLearner::Epoch(const core::EpochContext& context) {
  const torch::NoGradGuard no_grad;
  const auto epoch = static_cast<std::uint64_t>(context.epoch);
  Lanes lanes(log_.inputs.view(), nn::EpochOrder(log_.inputs.rows(), seed_, epoch), options_.lanes, options_.steps);
  state_ = torch::zeros({options_.lanes, options_.shape.hidden}, torch::TensorOptions(device_));
  Batch batch;
  Totals totals;
  std::int64_t done = 0;
  for (std::int64_t step = 0; lanes.Next(batch.lanes); ++step) {
    if (context.stop != nullptr) {
      context.stop->ThrowIfSet();
    }
    if (batch.lanes.lanes < state_.size(0)) {  // lanes were dropped
      const std::vector<std::int64_t> before(batch.lanes.before.begin(), batch.lanes.before.end());
      state_ = state_.index_select(0, torch::tensor(before, torch::kInt64).to(device_));
    }
    Collect(batch);
    if (device_.is_cpu() && !options_.autograd) {
      Step(batch, epoch, step, totals);
    } else {
      StepByAutograd(batch, epoch, step, totals);
    }
    ++totals.batches;
    CheckFinite(totals.loss, "loss");
    CheckFinite(totals.beta_nll, "loss of the behaviour head");
    done += batch.lanes.pairs;
    if (context.progress) {
      context.progress(done, lanes.pairs());
    }
  }
  const auto rewarded = static_cast<double>(std::max<std::int64_t>(1, totals.rewarded));
  core::Metrics metrics = {
      {"loss", totals.loss / rewarded},
      {"beta_nll", totals.beta_nll / static_cast<double>(std::max<std::int64_t>(1, totals.decisions))},
      {"weight", totals.weight / rewarded},
      {"capped", static_cast<double>(totals.capped) / rewarded},
      {"ess", totals.weight * totals.weight / (totals.weight_squares * rewarded + 1e-300)},
      {"lambda", totals.lambda / rewarded},
      {"pi", totals.pi / rewarded}};
  if (options_.entropy_weight > 0.0) {
    metrics.emplace_back("entropy", totals.entropy / static_cast<double>(std::max<std::int64_t>(1, totals.batches)));
  }
  return metrics;
}

void PolicyLearner::KeepBest() {
  if (best_) {
    best_->CopyFrom(params_);
  } else {
    best_ = params_.Clone();
  }
}

void PolicyLearner::RestoreBest() {
  if (best_) {
    params_.CopyFrom(*best_);
  }
}

void PolicyLearner::Save(base::TensorSet& set) const {
  params_.Save(set, "model.");
  if (best_) {
    best_->Save(set, "best.");
  }
  adam_.Save(set, "adam");
}

void PolicyLearner::Load(const base::TensorSet& set) {
  params_.CopyFrom(PolicyParams::Load(params_.shape, set, "model.", device_));
  best_.reset();
  if (set.Has("best.pi.weight")) {
    best_ = PolicyParams::Load(params_.shape, set, "best.", device_);
  }
  adam_.Load(set, "adam");
}

}  // namespace recforce::algos
