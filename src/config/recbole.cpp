// SPDX-License-Identifier: Apache-2.0
// Which key of RecBole means what. Names and defaults are those of its overall.yaml and of its models' files.
#include "config/recbole.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::config {
namespace {

using internal::FailAt;
using internal::IsNone;
using internal::ScalarOf;

struct Renamed {
  std::string_view theirs;
  std::string_view ours;
};

constexpr std::array kModels = {
    Renamed{"Pop", "popularity"},     Renamed{"ItemKNN", "itemknn"}, Renamed{"SLIMElastic", "slim"},
    Renamed{"EASE", "ease"},          Renamed{"BPR", "bpr"},         Renamed{"MultiDAE", "multi_dae"},
    Renamed{"MultiVAE", "multi_vae"}, Renamed{"RecVAE", "recvae"},   Renamed{"RaCT", "ract"},
    Renamed{"SASRec", "sasrec"},
};

// About its own files, devices and progress; recforce has flags for what of it there is.
constexpr std::array kNothing = std::to_array<std::string_view>({"checkpoint_dir",
                                                                 "config_files",
                                                                 "data_path",
                                                                 "dataset",
                                                                 "dataset_save_path",
                                                                 "dataloaders_save_path",
                                                                 "enable_amp",
                                                                 "enable_scaler",
                                                                 "encoding",
                                                                 "eval_type",
                                                                 "gpu_id",
                                                                 "local_rank",
                                                                 "log_wandb",
                                                                 "loss_decimal_place",
                                                                 "metric_decimal_place",
                                                                 "nproc",
                                                                 "repeatable",
                                                                 "reproducibility",
                                                                 "require_pow",
                                                                 "save_dataloaders",
                                                                 "save_dataset",
                                                                 "show_progress",
                                                                 "shuffle",
                                                                 "state",
                                                                 "wandb_project",
                                                                 "worker"});

// What `recforce data convert --config` reads, or need not.
constexpr std::array kData = std::to_array<std::string_view>({"ITEM_ID_FIELD",
                                                              "ITEM_LIST_LENGTH_FIELD",
                                                              "LABEL_FIELD",
                                                              "LIST_SUFFIX",
                                                              "NEG_PREFIX",
                                                              "POSITION_FIELD",
                                                              "RATING_FIELD",
                                                              "TIME_FIELD",
                                                              "USER_ID_FIELD",
                                                              "additional_feat_suffix",
                                                              "alias_of_item_id",
                                                              "alias_of_user_id",
                                                              "augmentation",
                                                              "discretization",
                                                              "equal_val",
                                                              "field_separator",
                                                              "fields_in_same_space",
                                                              "filter_inter_by_user_or_item",
                                                              "highest_val",
                                                              "item_inter_num_interval",
                                                              "load_col",
                                                              "lowest_val",
                                                              "max_item_inter_num",
                                                              "max_user_inter_num",
                                                              "min_item_inter_num",
                                                              "min_user_inter_num",
                                                              "normalize_all",
                                                              "normalize_field",
                                                              "not_equal_val",
                                                              "numerical_features",
                                                              "preload_weight",
                                                              "rm_dup_inter",
                                                              "seq_len",
                                                              "seq_separator",
                                                              "threshold",
                                                              "transform",
                                                              "unload_col",
                                                              "unused_col",
                                                              "user_inter_num_interval",
                                                              "val_interval"});

// Of training, and of models that recforce has; not every model of ours has each.
constexpr std::array kTraining = std::to_array<std::string_view>({"MAX_ITEM_LIST_LENGTH",
                                                                  "attn_dropout_prob",
                                                                  "beta",
                                                                  "clip_grad_norm",
                                                                  "critic_layers",
                                                                  "epochs",
                                                                  "hide_item",
                                                                  "initializer_range",
                                                                  "layer_norm_eps",
                                                                  "learner",
                                                                  "learning_rate",
                                                                  "loss_type",
                                                                  "mixture_weights",
                                                                  "number_of_samples",
                                                                  "positive_only",
                                                                  "pre_model_path",
                                                                  "pretrain_epochs",
                                                                  "save_step",
                                                                  "stopping_step",
                                                                  "train_batch_size",
                                                                  "train_neg_sample_args",
                                                                  "train_stage",
                                                                  "valid_metric_bigger",
                                                                  "weight_decay"});

template <class List>
bool Contains(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

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
    Tell(nothing_, "of RecBole's keys, these mean nothing here: ", "");
    Tell(data_, "read by `recforce data convert --config`, not here: ", "");
    Tell(without_, "no counterpart in '" + model_ + "': ", "");
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
      return true;
    }
    if (word == "benchmark_filename") {
      if (HasParts()) {
        Add("split.kind", "given", key, value);
      }
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
      return Layers(key, value);
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
  void Tell(const std::vector<std::string>& keys, const std::string& before, const std::string& after) {
    if (!keys.empty()) {
      import_.notices.push_back({false, path_ + ": " + before + base::Join(keys, ", ") + after});
    }
  }

  // The class names of RecBole; our own names are left to the settings.
  bool Model(const YamlValue& key, const YamlValue& value) {
    for (const Renamed& name : kModels) {
      if (value.is_scalar() && value.text == name.theirs) {
        Add("model", std::string(name.ours), key, value);
        return true;
      }
    }
    return false;
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
    } else if (word == "learner") {
      if (const std::string& text = ScalarOf(path_, key, value); text != "adam") {
        Warn(key, "learner: '" + text + "' is left out; models of recforce choose their optimiser themselves");
      }
    } else if (word == "weight_decay" && !has_(word)) {
      const std::optional<double> decay = value.is_scalar() ? base::ParseReal(value.text) : std::nullopt;
      if (!IsNone(value) && decay.value_or(1.0) != 0.0) {
        Warn(key, "weight_decay: '" + value.text + "' is left out; '" + model_ + "' has no such setting");
      }
    } else if (word == "attn_dropout_prob" && !has_(word)) {
      const YamlValue* other = root_.Find("hidden_dropout_prob");
      if (other == nullptr || other->text != value.text) {
        Warn(key, "attn_dropout_prob: '" + value.text + "' is left out; '" + model_ + "' has one dropout for all");
      }
    } else if (word == "loss_type" && !has_(word)) {
      LossType(key, value);
    } else if (model_ == "slim" && (word == "alpha" || word == "l1_ratio")) {
      Warn(key, word + ": '" + value.text +
                    "' is left out: RecBole divides the squared error by the users. set slim.l1 to alpha x l1_ratio x "
                    "users and slim.l2 to alpha x (1 - l1_ratio) x users");
    } else if (word == "train_neg_sample_args" || word == "neg_sampling") {
      NegativeSampling(key, value);
    } else {
      return false;
    }
    return true;
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
    if (has_("loss")) {
      Add("loss", "ce", key, value);
    }
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
    std::vector<std::string>* list = Contains(kNothing, key.text)    ? &nothing_
                                     : Contains(kData, key.text)     ? &data_
                                     : Contains(kTraining, key.text) ? &without_
                                                                     : nullptr;
    if (list != nullptr) {
      list->push_back(key.text);
    }
    return list != nullptr;
  }

  const std::string& path_;
  const YamlValue& root_;
  const std::string& model_;
  const std::function<bool(const std::string&)>& has_;
  RecboleImport import_;
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
