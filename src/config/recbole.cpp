// SPDX-License-Identifier: Apache-2.0
// Which key of RecBole means what. Keys that mean no setting of ours are told apart in recbole_names.cpp.
#include "config/recbole.h"

#include <optional>

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/config/recbole_names.h"

namespace recforce::config {
namespace {

using internal::FailAt;
using internal::IsNone;
using internal::ScalarOf;

// Goes over the entries one by one and gathers what the reader of the file should know.
class Importer {
 public:
  Importer(const std::string& path, const YamlValue& root, const std::string& model,
           const std::function<bool(const std::string&)>& has)
      : path_(path), root_(root), model_(model), has_(has) {
    import_.done.assign(root.keys.size(), false);
  }

  RecboleImport Run() {
    for (std::size_t at = 0; at < root_.keys.size(); ++at) {
      if (root_.keys[at].is_scalar()) {
        import_.done[at] = Entry(root_.keys[at], root_.items[at]);
      }
    }
    if (root_.Find("metrics") != nullptr || root_.Find("topk") != nullptr) {
      internal::ImportMetrics(path_, root_, import_);
    }
    RankSeen();
    Tell(nothing_, "of RecBole's keys, these mean nothing here: ");
    Tell(data_, "read by `recforce data convert --config`, not here: ");
    Tell(without_, "no counterpart in '" + model_ + "': ");
    return std::move(import_);
  }

 private:
  // Whether the entry is dealt with.
  bool Entry(const YamlValue& key, const YamlValue& value) {
    const std::string& word = key.text;
    if (word == "metrics" || word == "topk") {
      return true;
    }
    if (word == "eval_args") {
      internal::ImportEvalArgs(path_, key, value, HasParts(), import_);
      protocol_ = IsSequential() ? Place{&key, &value} : protocol_;
      return true;
    }
    if (word == "benchmark_filename") {
      if (HasParts()) {
        Add("split.kind", "given", key, value);
        protocol_ = IsSequential() ? Place{&key, &value} : protocol_;
      }
      return true;
    }
    if (word == "repeatable" && (value.text == "True" || value.text == "true")) {
      protocol_ = {&key, &value};
      return true;
    }
    if (word == "valid_metric") {
      Add("train.valid_metric", internal::MetricName(path_, value, ScalarOf(path_, key, value)), key, value);
      return true;
    }
    if (word == "model") {
      return Model(key, value);
    }
    if (word == "use_gpu") {
      return UseGpu(key, value);
    }
    if (word == "mlp_hidden_size") {
      return Layers(key, value) || Left(key, value);
    }
    return Changed(key, value) || Left(key, value);
  }

  // Whether the log comes in parts, x.train.inter and so on, which are then the split.
  [[nodiscard]] bool HasParts() const {
    const YamlValue* parts = root_.Find("benchmark_filename");
    return parts != nullptr && !IsNone(*parts);
  }
  void Add(const std::string& name, const std::string& text, const YamlValue& key, const YamlValue& value) {
    import_.settings.push_back({name, text, &key, &value});
  }
  void Warn(const YamlValue& key, const std::string& text) {
    import_.notices.push_back({true, PlaceOf(path_, key) + ": " + text});
  }
  void Tell(const std::vector<std::string>& keys, const std::string& before) {
    if (!keys.empty()) {
      import_.notices.push_back({false, path_ + ": " + before + base::Join(keys, ", ")});
    }
  }
  // RecBole masks nothing in the ranking of such a model.
  [[nodiscard]] bool IsSequential() const { return model_ == "sasrec" || model_ == "gru4rec"; }

  // The class names of RecBole; other names are left to the settings, for a later layer may name another model.
  bool Model(const YamlValue& key, const YamlValue& value) {
    const std::string_view ours = value.is_scalar() ? internal::OurModel(value.text) : std::string_view();
    if (!ours.empty()) {
      Add("model", std::string(ours), key, value);
    }
    return !ours.empty();
  }

  // RecBole means "a GPU if there is one", which is not ours to guess.
  bool UseGpu(const YamlValue& key, const YamlValue& value) {
    const std::string& text = ScalarOf(path_, key, value);
    if (text == "False" || text == "false") {
      Add("device", "cpu", key, value);
    } else {
      nothing_.push_back(key.text);
    }
    return true;
  }

  // A list of widths there, one width here.
  bool Layers(const YamlValue& key, const YamlValue& value) {
    if (!value.is_list() || !has_(key.text)) {
      return false;
    }
    if (value.items.size() != 1 || !value.items[0].is_scalar()) {
      FailAt(path_, value,
             key.text + ": " + std::to_string(value.items.size()) + " hidden layers; '" + model_ +
                 "' has one, like [600]");
    }
    Add(key.text, value.items[0].text, key, value);
    return true;
  }

  // Keys whose value must be looked at.
  bool Changed(const YamlValue& key, const YamlValue& value) {
    const std::string& word = key.text;
    if (word == "stopping_step" && has_(word)) {
      Patience(key, value);
    } else if (word == "valid_metric_bigger") {
      if (const std::string& text = ScalarOf(path_, key, value); text != "True" && text != "true") {
        FailAt(path_, value, "valid_metric_bigger: metrics of which less is better do not exist here: '" + text + "'");
      }
    } else if (word == "learner" && has_("learning_rate")) {
      Learner(key, value);
    } else if (word == "weight_decay" && !has_(word)) {
      const std::optional<double> decay = value.is_scalar() ? base::ParseReal(value.text) : std::nullopt;
      if (!IsNone(value) && decay.value_or(1.0) != 0.0) {
        Warn(key, "weight_decay: '" + value.text + "' is left out; '" + model_ + "' has no such setting");
      }
    } else if (word == "attn_dropout_prob" && !has_(word) && has_("hidden_dropout_prob")) {
      const YamlValue* other = root_.Find("hidden_dropout_prob");
      if (other == nullptr || other->text != value.text) {
        Warn(key, "attn_dropout_prob: '" + value.text + "' is left out; '" + model_ + "' has one dropout for all");
      }
    } else if (word == "loss_type" && !has_(word) && has_("loss")) {
      LossType(key, value);
    } else if (word == "knn_method" && model_ == "itemknn") {
      if (const std::string& text = ScalarOf(path_, key, value); text != "item") {
        FailAt(path_, value,
               "knn_method: similar users are a model of their own here: '" + text +
                   "'; expected item, or --model userknn");
      }
    } else if (word == "train_neg_sample_args" || word == "neg_sampling") {
      NegativeSampling(key, value);
    } else {
      return OtherUnit(key, value);
    }
    return true;
  }

  // Numbers that would mean something else here.
  bool OtherUnit(const YamlValue& key, const YamlValue& value) {
    const std::string& word = key.text;
    const std::string left_out = word + ": '" + value.text + "' is left out: ";
    if (word == "learning_rate" && model_ == "bpr") {
      const YamlValue* learner = root_.Find("learner");
      const bool adam = learner == nullptr || IsAdam(learner->text);
      Warn(key, left_out + (adam ? "an Adam step" : "a step") +
                    " for a batch there, an SGD step for a sample here. set bpr.learning_rate");
    } else if (word == "learning_rate" && model_ == "gru4rec") {
      Warn(key, left_out + "a step of Adam there, of Adagrad here. set gru4rec.learning_rate");
    } else if (word == "hidden_size" && model_ == "gru4rec") {
      Units(key, value);
    } else if (word == "num_layers" && model_ == "gru4rec") {
      if (root_.Find("hidden_size") == nullptr) {
        Warn(key, left_out + "the file does not say how wide the layers are. set gru4rec.layers");
      }
    } else if (word == "train_batch_size" && model_ == "sasrec") {
      Warn(key, left_out + "it counts events there, users here. set " + model_ +
                    ".batch_size, to about train_batch_size / events of a user");
    } else if (word == "eval_batch_size") {
      import_.notices.push_back({false, PlaceOf(path_, key) + ": " + left_out +
                                            "it counts scores there, users here, and results do not depend on it"});
    } else if (model_ == "slim" && (word == "alpha" || word == "l1_ratio")) {
      Warn(key, left_out +
                    "RecBole divides the squared error by the users. set slim.l1 to alpha x l1_ratio x users and "
                    "slim.l2 to alpha x (1 - l1_ratio) x users");
    } else {
      return false;
    }
    return true;
  }

  // Layers of one width there, a width for each here.
  void Units(const YamlValue& key, const YamlValue& value) {
    const std::string& width = ScalarOf(path_, key, value);
    const YamlValue* layers = root_.Find("num_layers");
    const std::int64_t count = layers == nullptr ? 1 : base::ParseInt(layers->text).value_or(0);
    if (count < 1 || count > 16) {
      FailAt(path_, *layers, "num_layers: '" + layers->text + "'; expected a number from 1 to 16");
    }
    const std::vector<std::string> widths(static_cast<std::size_t>(count), width);
    Add("gru4rec.layers", "[" + base::Join(widths, ", ") + "]", key, value);
  }

  static bool IsAdam(const std::string& learner) { return learner == "adam" || learner == "Adam"; }

  // Nothing is said where both sides take the same steps.
  void Learner(const YamlValue& key, const YamlValue& value) {
    const std::string& text = ScalarOf(path_, key, value);
    if (model_ == "bpr" && text != "sgd") {
      Warn(key, "learner: '" + text + "' is left out; 'bpr' takes steps of SGD or Adagrad. set bpr.optimizer");
    } else if (model_ != "bpr" && !IsAdam(text)) {
      Warn(key, "learner: '" + text + "' is left out; models of recforce choose their optimiser themselves");
    }
  }

  // Sequential models, and all with `repeatable: True`, are ranked there among what the user has seen as well. What
  // the file's own section `split` says of it comes first.
  void RankSeen() {
    const YamlValue* split = root_.Find("split");
    const bool said =
        (split != nullptr && split->Find("mask_seen") != nullptr) || root_.Find("split.mask_seen") != nullptr;
    if (protocol_.key == nullptr || said) {
      return;
    }
    Add("split.mask_seen", "no", *protocol_.key, *protocol_.value);
    import_.notices.push_back({false, PlaceOf(path_, *protocol_.key) +
                                          ": RecBole ranks seen items too, with sequential models and repeatable: "
                                          "True; so split.mask_seen=no"});
  }

  // RecBole counts validations, we count epochs.
  void Patience(const YamlValue& key, const YamlValue& value) {
    const std::string& text = ScalarOf(path_, key, value);
    const YamlValue* every = root_.Find("eval_step");
    const std::optional<std::int64_t> steps = base::ParseInt(text);
    const std::optional<std::int64_t> epochs =
        every != nullptr && every->is_scalar() ? base::ParseInt(every->text) : std::nullopt;
    const bool both = steps && epochs && *epochs > 1 && *steps > 0 && *steps < 1000000 && *epochs < 1000000;
    Add(key.text, both ? std::to_string(*steps * *epochs) : text, key, value);
  }

  void LossType(const YamlValue& key, const YamlValue& value) {
    if (const std::string& text = ScalarOf(path_, key, value); text != "CE") {
      FailAt(path_, value, "loss_type: a loss that recforce does not have: '" + text + "'; expected CE");
    }
    Add("loss", model_ == "gru4rec" ? "cross_entropy" : "ce", key, value);
  }

  // {distribution: uniform, sample_num: 1}, or {uniform: 1} in older versions. Only bpr draws negatives in pairs.
  void NegativeSampling(const YamlValue& key, const YamlValue& value) {
    if (IsNone(value) || model_ != "bpr") {
      return;
    }
    if (!value.is_map()) {
      FailAt(path_, value, key.text + ": not a mapping; expected one like {distribution: uniform, sample_num: 1}");
    }
    std::string distribution = "uniform";
    const YamlValue* power = nullptr;  // of popularity; RecBole's default is 1
    for (std::size_t at = 0; at < value.keys.size(); ++at) {
      const std::string& name = value.keys[at].text;
      const YamlValue& inner = value.items[at];
      const bool old = name == "uniform" || name == "popularity";
      if (name == "distribution" || old) {
        distribution = old ? name : ScalarOf(path_, value.keys[at], inner);
      }
      if (name == "sample_num" || old) {
        Add("bpr.negatives", ScalarOf(path_, value.keys[at], inner), key, inner);
      }
      power = name == "alpha" ? &inner : power;
      if (name == "dynamic" && inner.text != "False" && inner.text != "false") {
        Warn(value.keys[at], key.text + ": 'dynamic' is left out; 'bpr' does not choose among its negatives");
      }
    }
    if (distribution != "uniform" && distribution != "popularity") {
      FailAt(path_, value, key.text + ": unknown distribution: '" + distribution + "'; expected uniform or popularity");
    }
    Add("bpr.negative_exponent", distribution == "uniform" ? "0" : power != nullptr ? power->text : "1", key, value);
  }

  // Keys without a meaning of their own here. A setting of ours of the same name comes first.
  bool Left(const YamlValue& key, const YamlValue& value) {
    if (has_(key.text) && !value.is_map()) {
      return false;
    }
    switch (internal::MeaningOf(key.text)) {
      case internal::KeyMeaning::kUnknown:
        return false;
      case internal::KeyMeaning::kNothing:
        nothing_.push_back(key.text);
        break;
      case internal::KeyMeaning::kData:
        data_.push_back(key.text);
        break;
      case internal::KeyMeaning::kModel:
        without_.push_back(key.text);
        break;
    }
    return true;
  }

  struct Place {
    const YamlValue* key = nullptr;
    const YamlValue* value = nullptr;
  };

  const std::string& path_;
  const YamlValue& root_;
  const std::string& model_;
  const std::function<bool(const std::string&)>& has_;
  RecboleImport import_;
  Place protocol_;  // what asks for seen items in the rankings
  std::vector<std::string> nothing_;
  std::vector<std::string> data_;
  std::vector<std::string> without_;
};

}  // namespace

namespace internal {

void FailAt(const std::string& path, const YamlValue& value, const std::string& what) {
  throw base::Error(base::ErrorKind::kUsage, PlaceOf(path, value) + ": " + what);
}

bool IsNone(const YamlValue& value) {
  return value.is_null() || (value.is_scalar() && (value.text == "None" || value.text == "none"));
}

const std::string& ScalarOf(const std::string& path, const YamlValue& key, const YamlValue& value) {
  if (!value.is_scalar()) {
    FailAt(path, value.line == 0 ? key : value, key.text + ": not a single value");
  }
  return value.text;
}

}  // namespace internal

RecboleImport ImportRecbole(const std::string& path, const YamlValue& root, const std::string& model,
                            const std::function<bool(const std::string&)>& has) {
  return Importer(path, root, model, has).Run();
}

}  // namespace recforce::config
