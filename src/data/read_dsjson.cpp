// SPDX-License-Identifier: Apache-2.0
// Decision service JSON, as Vowpal Wabbit, its client and Personalizer log: contextual bandits, conditional ones with
// several slots, and slates. docs/formats/decision_log.md says what becomes of each field.
#include <algorithm>

#include "data/context_columns.h"
#include "data/decision_builder.h"
#include "data/decision_fields.h"
#include "data/decision_sink.h"
#include "recforce/base/error.h"

namespace recforce::data {
namespace {

// Costs are rewards with the other sign; a cost of 0 is a reward of 0, not of -0.
double RewardOf(double cost) { return 0.0 - cost; }

const std::vector<std::string>& AllNames() {
  static const std::vector<std::string> all = {
      "_label_cost", "_label_probability", "_label_Action", "_labelIndex", "_outcomes",  "_skipLearn", "a", "p", "c",
      "EventId",     "Timestamp",          "VWState",       "pdrop",       "RewardValue"};
  return all;
}

// The id that the features of an action hold; nothing where they hold none.
std::optional<std::string_view> IdIn(const JsonTree& action) {
  if (const JsonTree* tag = action.Find("_tag")) {
    return tag->Id();
  }
  const JsonTree* info = action.Find("i");
  const JsonTree* id = info != nullptr ? info->Find("id") : nullptr;
  if (id == nullptr) {
    id = action.Find("id");
  }
  return id != nullptr ? id->Id() : std::nullopt;
}

// Adds what a shared context holds; names that begin with "_" are no features.
void AddFeatures(const std::string& path, const JsonTree& value, ContextColumns& columns) {
  switch (value.kind) {
    case JsonTree::Kind::kNull:
      break;
    case JsonTree::Kind::kBool:
      columns.AddNumber(path, value.boolean ? 1.0F : 0.0F);
      break;
    case JsonTree::Kind::kNumber:
      columns.AddNumber(path, static_cast<float>(value.number));
      break;
    case JsonTree::Kind::kText:
      if (!FindTextFault(value.text)) {
        columns.AddCategory(path, value.text);
      }
      break;
    case JsonTree::Kind::kArray:
      for (std::size_t i = 0; i < value.values.size(); ++i) {
        const JsonTree& element = value.values[i];
        AddFeatures(element.IsNumber() ? path + "[" + std::to_string(i) + "]" : path, element, columns);
      }
      break;
    case JsonTree::Kind::kObject:
      for (std::size_t i = 0; i < value.values.size(); ++i) {
        const std::string& name = value.names[i];
        if (!name.empty() && name.front() != '_' && !FindTextFault(name)) {
          AddFeatures(path.empty() ? name : path + "." + name, value.values[i], columns);
        }
      }
      break;
  }
}

class DsjsonReader {
 public:
  DsjsonReader(LineSource& source, const DecisionReadOptions& options, DecisionReport& report)
      : reader_(source, AllNames()),
        bad_(options.max_bad_rows, report),
        report_(report),
        most_columns_(options.max_context_columns) {}

  DecisionLog Read() {
    for (auto status = reader_.Next(); status != JsonReader::Status::kEnd; status = reader_.Next()) {
      ++report_.rows_read;
      if (status == JsonReader::Status::kBad) {
        bad_.Add(reader_.fault());
        continue;
      }
      const std::optional<JsonTree> tree = ParseJsonTree(reader_.row());
      if (!tree) {
        bad_.Add(FieldMessage(reader_.name() + ":" + std::to_string(reader_.line_number()) + ":1", "row",
                              "is nested too deeply", reader_.row(), "a decision"));
        continue;
      }
      try {
        ReadEvent(Fields(reader_, AllNames(), *tree));
      } catch (const LineFault& fault) {
        context_.DropRow();
        bad_.Add(fault.message);
      }
    }
    DecisionLog log = builder_.Finish();
    ContextColumns::Dense context = context_.Finish(most_columns_);
    report_.context_left_out = context.left_out;
    log.context_names = std::move(context.names);
    log.context = std::move(context.values);
    return log;
  }

 private:
  void ReadEvent(const Fields& fields) {
    const JsonTree* shared = fields.Find("c");
    if (shared == nullptr && fields.Find("RewardValue") != nullptr) {
      ++report_.dangling_rewards;
      return;
    }
    if (shared == nullptr || !shared->IsObject()) {
      fields.Fail("c", shared == nullptr ? "is missing" : "is no object", "the context and its actions");
    }
    ParsedDecision decision;
    const bool by_id = TakeActions(fields, *shared);
    TakeWho(fields, decision);
    const bool has_reward =
        fields.Find("_outcomes") != nullptr ? TakeOutcomes(fields, decision) : TakeSingle(fields, decision);
    if (const std::optional<DecisionProblem> problem = builder_.FindProblem(decision)) {
      fields.Fail(problem->field == "ts" ? "Timestamp" : "c", problem->what, problem->expected,
                  problem->found.empty() ? std::nullopt : std::optional(problem->found));
    }
    const JsonTree* skipped = fields.Find("_skipLearn");
    if (!has_reward || (skipped != nullptr && skipped->boolean)) {
      ++report_.without_reward;
      return;
    }
    AddFeatures("", *shared, context_);
    context_.EndRow();
    builder_.Add(decision);
    by_id_ = by_id;
  }

  // Fills ids_ and pools_; says whether actions have ids of their own.
  bool TakeActions(const Fields& fields, const JsonTree& shared) {
    const JsonTree* actions = shared.Find("_multi");
    if (actions == nullptr || !actions->IsArray() || actions->values.empty()) {
      fields.Fail("c", "has no actions", "_multi, an array of what could be chosen");
    }
    ids_.clear();
    pools_.clear();
    const std::vector<JsonTree>& list = actions->values;
    const bool by_id = by_id_.value_or(IdIn(list.front()).has_value());
    for (std::size_t k = 0; k < list.size(); ++k) {
      const std::optional<std::string_view> id = IdIn(list[k]);
      if (by_id && !id) {
        fields.Fail("c", "has an action without an id", "_tag, i.id or id in every action of the log, or in none",
                    "action " + std::to_string(k));
      }
      ids_.push_back(by_id ? std::string(*id) : std::to_string(k));
      const JsonTree* slot = list[k].Find("_slot_id");
      if (slot != nullptr && slot->IsNumber() && slot->number >= 0.0 &&
          slot->number < static_cast<double>(list.size())) {
        pools_.resize(std::max(pools_.size(), static_cast<std::size_t>(slot->number) + 1));
        pools_[static_cast<std::size_t>(slot->number)].push_back(k);
      }
    }
    return by_id;
  }

  static void TakeWho(const Fields& fields, ParsedDecision& decision) {
    decision.decision_id = fields.Text("EventId");
    decision.time = fields.Time("Timestamp");
    decision.drop_rate = fields.Share("pdrop");
    const JsonTree* state = fields.Find("VWState");
    const JsonTree* model = state != nullptr ? state->Find("m") : nullptr;
    if (model != nullptr && model->Id()) {
      decision.policy.model_version = std::string(*model->Id());
    }
  }

  // A whole number in [0, size).
  static std::size_t IndexOf(const Fields& fields, std::string_view name, const JsonTree& value, std::size_t size,
                             std::size_t from) {
    const double index = fields.NumberOf(name, value) - static_cast<double>(from);
    if (!(index >= 0.0 && index < static_cast<double>(size)) ||
        static_cast<double>(static_cast<std::size_t>(index)) != index) {
      fields.Fail(name, "is not the number of an action",
                  "a whole number from " + std::to_string(from) + " and below " + std::to_string(size + from));
    }
    return static_cast<std::size_t>(index);
  }

  // The ranking of `values`, as indices into ids_. Lists count from 1, unless they hold a 0.
  std::vector<std::size_t> RankingOf(const Fields& fields, const std::vector<JsonTree>& values) const {
    const bool from_zero = std::any_of(values.begin(), values.end(),
                                       [](const JsonTree& value) { return value.IsNumber() && value.number == 0.0; });
    std::vector<std::size_t> ranking;
    for (const JsonTree& value : values) {
      ranking.push_back(IndexOf(fields, "a", value, ids_.size(), from_zero ? 0 : 1));
    }
    return ranking;
  }

  // Candidates with the law of the first slot where it is logged for all of them, else in the order of _multi.
  void TakeCandidates(const std::vector<std::size_t>& ranking, const std::vector<double>& law,
                      ParsedDecision& decision) const {
    if (ranking.size() == ids_.size() && law.size() == ids_.size()) {
      for (const std::size_t k : ranking) {
        decision.candidates.emplace_back(ids_[k]);
      }
      decision.candidate_probability = law;
    } else {
      decision.candidates.assign(ids_.begin(), ids_.end());
    }
  }

  // The decision of a contextual bandit; false when its reward never came.
  bool TakeSingle(const Fields& fields, ParsedDecision& decision) const {
    const std::vector<std::size_t> ranking = RankingOf(fields, fields.Array("a", "an array of actions"));
    std::vector<double> law;
    for (const JsonTree& value : fields.Array("p", "an array of probabilities")) {
      law.push_back(fields.ProbabilityOf("p", value));
    }
    if (!law.empty()) {
      fields.CheckLength("p", law.size(), ranking.size(), "a");
    }
    std::size_t chosen = ranking.empty() ? 0 : ranking.front();
    if (const JsonTree* index = fields.Find("_labelIndex")) {
      chosen = IndexOf(fields, "_labelIndex", *index, ids_.size(), 0);
    } else if (const JsonTree* number = fields.Find("_label_Action")) {
      chosen = IndexOf(fields, "_label_Action", *number, ids_.size(), 1);
    } else if (ranking.empty()) {
      fields.Fail("_labelIndex", "is missing", "which action was chosen: _labelIndex, _label_Action or a");
    }
    decision.slate.emplace_back(ids_[chosen]);
    if (const JsonTree* propensity = fields.Find("_label_probability")) {
      decision.propensity.push_back(fields.PropensityOf("_label_probability", *propensity));
    } else {
      const auto place = std::find(ranking.begin(), ranking.end(), chosen);
      const auto at = static_cast<std::size_t>(place - ranking.begin());
      if (at >= law.size() || law[at] <= 0.0) {
        fields.Fail("_label_probability", "is missing", "the probability of the action that was chosen");
      }
      decision.propensity.push_back(law[at]);
    }
    TakeCandidates(ranking, law, decision);
    const JsonTree* cost = fields.Find("_label_cost");
    decision.reward.push_back(cost != nullptr ? RewardOf(fields.NumberOf("_label_cost", *cost)) : 0.0);
    return cost != nullptr;
  }

  // The first of `name`, an array or a single value.
  static const JsonTree& FirstOf(const Fields& fields, const JsonTree& outcome, std::string_view name) {
    const JsonTree* value = outcome.Find(name);
    if (value != nullptr && value->IsArray() && !value->values.empty()) {
      return value->values.front();
    }
    if (value == nullptr || value->IsArray()) {
      fields.Fail("_outcomes", "has a slot without " + std::string(name), "_a and _p in every slot");
    }
    return *value;
  }

  // Several slots. Slates have one reward for all of them, and a pool of actions for each.
  bool TakeOutcomes(const Fields& fields, ParsedDecision& decision) const {
    const std::vector<JsonTree>& outcomes = fields.Array("_outcomes", "an array of slots");
    if (outcomes.empty() || (!pools_.empty() && pools_.size() < outcomes.size())) {
      fields.Fail("_outcomes", outcomes.empty() ? "is empty" : "has more slots than actions are for",
                  "an entry for each slot");
    }
    bool has_reward = true;
    for (std::size_t slot = 0; slot < outcomes.size(); ++slot) {
      const JsonTree& chosen = FirstOf(fields, outcomes[slot], "_a");
      const std::size_t size = pools_.empty() ? ids_.size() : pools_[slot].size();
      const std::size_t k = IndexOf(fields, "_outcomes", chosen, size, 0);
      decision.slate.emplace_back(ids_[pools_.empty() ? k : pools_[slot][k]]);
      decision.propensity.push_back(fields.PropensityOf("_outcomes", FirstOf(fields, outcomes[slot], "_p")));
      const JsonTree* cost = outcomes[slot].Find("_label_cost");
      has_reward = has_reward && (cost != nullptr || !pools_.empty());
      decision.reward.push_back(cost != nullptr && pools_.empty() ? RewardOf(fields.NumberOf("_outcomes", *cost))
                                                                  : 0.0);
    }
    if (!pools_.empty()) {
      const JsonTree* cost = fields.Find("_label_cost");
      has_reward = cost != nullptr;
      decision.reward.back() = has_reward ? RewardOf(fields.NumberOf("_label_cost", *cost)) : 0.0;
      TakeCandidates({}, {}, decision);
    } else {
      TakeFirstLaw(fields, outcomes.front(), decision);
    }
    return has_reward;
  }

  void TakeFirstLaw(const Fields& fields, const JsonTree& outcome, ParsedDecision& decision) const {
    std::vector<std::size_t> ranking;
    std::vector<double> law;
    const JsonTree* actions = outcome.Find("_a");
    const JsonTree* probabilities = outcome.Find("_p");
    if (actions->IsArray() && probabilities->IsArray() && actions->values.size() == probabilities->values.size()) {
      for (std::size_t i = 0; i < actions->values.size(); ++i) {
        ranking.push_back(IndexOf(fields, "_outcomes", actions->values[i], ids_.size(), 0));
        law.push_back(fields.ProbabilityOf("_outcomes", probabilities->values[i]));
      }
    }
    TakeCandidates(ranking, law, decision);
  }

  JsonReader reader_;
  BadDecisions bad_;
  DecisionReport& report_;
  std::int64_t most_columns_;
  DecisionBuilder builder_;
  ContextColumns context_;
  std::optional<bool> by_id_;                    // whether actions have ids, from the first decision on
  std::vector<std::string> ids_;                 // of the actions of the event at hand
  std::vector<std::vector<std::size_t>> pools_;  // of slates: the actions of each slot; of others empty
};

}  // namespace

DecisionLog ReadDsjson(LineSource& source, const DecisionReadOptions& options, DecisionReport& report) {
  return DsjsonReader(source, options, report).Read();
}

}  // namespace recforce::data
