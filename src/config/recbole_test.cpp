// SPDX-License-Identifier: Apache-2.0
// RecBole's configuration files: what each key becomes, what is said about it, and what is refused, word for word.
#include "config/recbole.h"

#include <gtest/gtest.h>

#include <sstream>

#include "recforce/base/error.h"
#include "recforce/config/recbole_data.h"
#include "recforce/config/recbole_names.h"
#include "support/temp_dir.h"

namespace recforce::config {
namespace {

struct Top {
  std::string model;
  std::string device = "cuda";
  std::int64_t seed = 1;
};
struct Split {
  std::string kind = "default";
  double validation_ratio = -1.0;
  double test_ratio = -1.0;
  std::int64_t negatives = 0;
  std::string negative_sampling = "uniform";
  std::string mask_seen = "auto";
};
struct Train {
  std::string valid_metric = "ndcg@100";
  std::int64_t eval_every = 1;
};
struct Eval {
  std::vector<std::string> metrics = {"ndcg@100"};
};
struct Net {
  std::int64_t epochs = 100;
  double learning_rate = 0.001;
  std::int64_t hidden = 600;
  std::int64_t patience = 0;
  std::string loss = "bce";
  std::int64_t negatives = 1;
  double negative_exponent = 0.25;
  std::int64_t batch_size = 500;
  double dropout = 0.5;
  std::vector<std::int64_t> layers = {100};
};

struct Closed {  // a model that is solved at once
  double l2 = 1.0;
};

Settings MakeSettings(const std::string& model, bool is_net) {
  static const FieldTable top = Fields<Top>()
                                    .Text("model", &Top::model, "")
                                    .Text("device", &Top::device, "")
                                    .Int("seed", &Top::seed, 0, 9999, "")
                                    .Take();
  static const FieldTable split = Fields<Split>()
                                      .Text("kind", &Split::kind, "")
                                      .Real("validation_ratio", &Split::validation_ratio, -1, 1, "")
                                      .Real("test_ratio", &Split::test_ratio, -1, 1, "")
                                      .Int("negatives", &Split::negatives, 0, 9999, "")
                                      .Text("negative_sampling", &Split::negative_sampling, "")
                                      .Text("mask_seen", &Split::mask_seen, "")
                                      .Take();
  static const FieldTable train = Fields<Train>()
                                      .Text("valid_metric", &Train::valid_metric, "")
                                      .Int("eval_every", &Train::eval_every, 1, 100, "")
                                      .Alias("eval_step")
                                      .Take();
  static const FieldTable eval = Fields<Eval>().TextList("metrics", &Eval::metrics, "").Take();
  static const FieldTable net = Fields<Net>()
                                    .Int("epochs", &Net::epochs, 1, 1000, "")
                                    .Real("learning_rate", &Net::learning_rate, 0, 1, "")
                                    .Int("hidden", &Net::hidden, 1, 1000, "")
                                    .Alias("mlp_hidden_size")
                                    .Int("patience", &Net::patience, 0, 10000, "")
                                    .Alias("stopping_step")
                                    .Text("loss", &Net::loss, "")
                                    .Int("negatives", &Net::negatives, 1, 100, "")
                                    .Real("negative_exponent", &Net::negative_exponent, 0, 2, "")
                                    .Int("batch_size", &Net::batch_size, 1, 10000, "")
                                    .Alias("train_batch_size")
                                    .Real("dropout", &Net::dropout, 0, 1, "")
                                    .Alias("hidden_dropout_prob")
                                    .IntList("layers", &Net::layers, 1, 1000, "")
                                    .Take();
  static const FieldTable closed = Fields<Closed>().Real("l2", &Closed::l2, 0, 1000, "").Take();
  return Settings({Section::Make<Top>("", top), Section::Make<Split>("split", split),
                   Section::Make<Train>("train", train), Section::Make<Eval>("eval", eval),
                   is_net ? Section::Make<Net>(model, net) : Section::Make<Closed>(model, closed)},
                  model);
}

// What a file leads to: "section.key=text" of everything it sets, then its notices; or the complaint.
std::string Import(const std::string& yaml, const std::string& model = "net", bool is_net = true) {
  const test::TempDir folder;
  const auto path = folder.Write("r.yaml", yaml);
  const std::string prefix = folder.path().string() + "/";
  Settings settings = MakeSettings(model, is_net);
  std::string text;
  try {
    settings.LoadYaml(path.string());
    for (const Settings::Entry& entry : settings.Entries()) {
      if (entry.origin != "default") {
        text += (entry.section.empty() ? "" : entry.section + ".") + entry.field->key + "=" + entry.text + "\n";
      }
    }
    for (const Notice& notice : settings.notices()) {
      text += (notice.warning ? "warning " : "note ") + notice.text + "\n";
    }
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    text = error.what();
  }
  for (std::size_t at; (at = text.find(prefix)) != std::string::npos;) {
    text.erase(at, prefix.size());
  }
  return text;
}

TEST(RecboleTest, ATypicalFileRunsAsItIs) {
  EXPECT_EQ(Import("# general\n"
                   "gpu_id: '0'\n"
                   "use_gpu: True\n"
                   "seed: 2020\n"
                   "state: INFO\n"
                   "reproducibility: True\n"
                   "data_path: 'dataset/'\n"
                   "show_progress: True\n"
                   "# training\n"
                   "epochs: 300\n"
                   "train_batch_size: 2048\n"
                   "learner: adam\n"
                   "learning_rate: 0.001\n"
                   "train_neg_sample_args: ~\n"
                   "eval_step: 1\n"
                   "stopping_step: 10\n"
                   "clip_grad_norm: ~\n"
                   "weight_decay: 0.0\n"
                   "mlp_hidden_size: [600]\n"
                   "# evaluation\n"
                   "eval_args:\n"
                   "  split: {'LS': 'valid_and_test'}\n"
                   "  order: TO\n"
                   "  group_by: user\n"
                   "  mode: full\n"
                   "metrics: [\"Recall\", \"MRR\", 'NDCG', 'Hit']\n"
                   "topk: [10, 20]\n"
                   "valid_metric: MRR@10\n"
                   "valid_metric_bigger: True\n"
                   "USER_ID_FIELD: user_id\n"
                   "load_col:\n"
                   "  inter: [user_id, item_id]\n"),
            "seed=2020\n"
            "split.kind=leave_last_out\n"
            "train.valid_metric=mrr@10\n"
            "train.eval_every=1\n"
            "eval.metrics=[\"recall@10\", \"recall@20\", \"mrr@10\", \"mrr@20\", \"ndcg@10\", \"ndcg@20\", "
            "\"hr@10\", \"hr@20\"]\n"
            "net.epochs=300\n"
            "net.learning_rate=0.001\n"
            "net.hidden=600\n"
            "net.patience=10\n"
            "net.batch_size=2048\n"
            "note r.yaml: of RecBole's keys, these mean nothing here: gpu_id, use_gpu, state, reproducibility, "
            "data_path, show_progress\n"
            "note r.yaml: read by `recforce data convert --config`, not here: USER_ID_FIELD, load_col\n"
            "note r.yaml: no counterpart in 'net': clip_grad_norm\n");
}

TEST(RecboleTest, SplitsBecomeOurKinds) {
  const std::string leak =
      "eval_args: order RO trains on interactions that came after those it is tested on; order: TO does not\n";
  EXPECT_EQ(Import("eval_args: {split: {RS: [8, 1, 1]}, order: TO, group_by: user}"),
            "split.kind=user_time_ratio\nsplit.validation_ratio=0.1\nsplit.test_ratio=0.1\n");
  EXPECT_EQ(Import("eval_args: {split: {RS: [0.7, 0.1, 0.2], LS: ~}, order: TO, group_by: None, mode: full}"),
            "split.kind=global_time\nsplit.validation_ratio=0.1\nsplit.test_ratio=0.2\n");
  EXPECT_EQ(Import("eval_args: {split: {RS: [8, 1, 1]}}"),
            "split.kind=random_ratio\nsplit.validation_ratio=0.1\nsplit.test_ratio=0.1\nwarning r.yaml:1:20: " + leak);
  EXPECT_EQ(Import("eval_args: {order: RO}"),  // what is left out has RecBole's default
            "split.kind=random_ratio\nsplit.validation_ratio=0.1\nsplit.test_ratio=0.1\nwarning r.yaml:1:12: " + leak);
  EXPECT_EQ(Import("eval_args: {split: {RS: [4, 1]}, order: TO}"),
            "split.kind=user_time_ratio\nsplit.validation_ratio=0\nsplit.test_ratio=0.2\n");
}

TEST(RecboleTest, PartsOfALogAreItsSplit) {
  EXPECT_EQ(Import("benchmark_filename: [train, valid, test]\neval_args: {order: RO, mode: full}"),
            "split.kind=given\n");
  EXPECT_EQ(Import("benchmark_filename: ~"), "");
}

TEST(RecboleTest, SplitsThatWeDoNotHaveAreRefused) {
  EXPECT_EQ(
      Import("eval_args: {split: {RS: [8, 1, 1]}, order: RO, group_by: none}"),
      "r.yaml:1:20: eval_args: interactions of all users together are not split at random here: 'group_by: none'; "
      "expected group_by: user, or order: TO");
  EXPECT_EQ(Import("eval_args: {split: {LS: valid_and_test}, order: RO}"),
            "r.yaml:1:20: eval_args: recforce leaves out the last interactions, not random ones: 'order: RO'; expected "
            "order: TO");
  EXPECT_EQ(Import("eval_args: {split: {LS: test_only}, order: TO}"),
            "r.yaml:1:25: eval_args: only the last two interactions of a user can be left out: 'test_only'; expected "
            "LS: valid_and_test");
  EXPECT_EQ(Import("eval_args: {split: {TS: [1, 2]}, order: TO}"),
            "r.yaml:1:21: eval_args: a split that recforce does not have: 'TS'; expected RS or LS. for two instants, "
            "use RS with order: TO and group_by: none, whose shares set them");
  EXPECT_EQ(Import("eval_args: {split: {RS: [8, 1, x]}}"),
            "r.yaml:1:32: eval_args: not a share: 'x'; expected RS: [8, 1, 1]");
  EXPECT_EQ(Import("eval_args: {split: {RS: [8]}}"), "r.yaml:1:25: eval_args: '1' shares; expected RS: [8, 1, 1]");
  EXPECT_EQ(Import("eval_args: {split: {RS: [8, 1, 1], LS: valid_and_test}}"),
            "r.yaml:1:20: eval_args: split names '2' ways; expected one of RS, LS");
  EXPECT_EQ(Import("eval_args: {ordr: TO}"),
            "r.yaml:1:13: eval_args: unknown key 'ordr'; expected one of split, group_by, order, mode; did you mean "
            "'order'?");
  EXPECT_EQ(Import("eval_args: {order: NO}"), "r.yaml:1:20: eval_args: unknown order: 'NO'; expected RO or TO");
  EXPECT_EQ(Import("eval_args: {group_by: item}"),
            "r.yaml:1:23: eval_args: unknown group_by: 'item'; expected user or none");
  EXPECT_EQ(Import("eval_args: full"),
            "r.yaml:1:12: eval_args: not a mapping; expected split, group_by, order and mode");
}

TEST(RecboleTest, SampledModesAreHonouredWithAWarning) {
  const std::string split = "split.kind=leave_last_out\n";
  const std::string unreliable =
      " ranks targets among sampled items, which does not order models reliably (Krichene and Rendle, 2020); mode: "
      "full does\n";
  EXPECT_EQ(Import("eval_args: {split: {LS: valid_and_test}, order: TO, mode: uni100}"),
            split +
                "split.negatives=100\nsplit.negative_sampling=uniform\nwarning r.yaml:1:59: eval_args: mode uni100" +
                unreliable);
  EXPECT_EQ(Import("eval_args: {split: {LS: valid_and_test}, order: TO, mode: {valid: full, test: pop50}}"),
            split +
                "split.negatives=50\nsplit.negative_sampling=popularity\nwarning r.yaml:1:59: eval_args: mode "
                "pop50" +
                unreliable);
  EXPECT_EQ(Import("eval_args: {split: {LS: valid_and_test}, order: TO, mode: labeled}"),
            "r.yaml:1:59: eval_args: a mode that recforce does not have: 'labeled'; expected full, uniN or popN, like "
            "uni100");
}

TEST(RecboleTest, MetricsAndTheirCutoffs) {
  EXPECT_EQ(Import("metrics: GAUC"), "eval.metrics=[gauc]\n");
  EXPECT_EQ(Import("topk: 5"), "eval.metrics=[\"recall@5\", \"mrr@5\", \"ndcg@5\", \"hr@5\", \"precision@5\"]\n");
  EXPECT_EQ(Import("metrics: [MAP, ItemCoverage, GiniIndex, ShannonEntropy, AveragePopularity]\ntopk: [10]"),
            "eval.metrics=[\"map@10\", \"coverage@10\", \"gini@10\", \"popularity_lift@10\"]\n"
            "warning r.yaml:1:10: metrics: 'ShannonEntropy' is left out; recforce has no such metric\n"
            "warning r.yaml:1:10: metrics: 'AveragePopularity' becomes popularity_lift, which is in relation to what "
            "users chose before\n");
  EXPECT_EQ(
      Import("metrics: [AUC, GAUC]"),
      "eval.metrics=[gauc]\n"
      "warning r.yaml:1:10: metrics: 'AUC' is left out: RecBole pools the scores of all users. auc of recforce is "
      "the mean over users, gauc weighs them by their targets\n");
  EXPECT_EQ(Import("metrics: [Recal]"),
            "r.yaml:1:10: unknown metric: 'Recal'; expected one of Recall, NDCG, MRR, Hit, Precision, MAP, GAUC, "
            "ItemCoverage, GiniIndex, AveragePopularity; did you mean 'Recall'?");
  EXPECT_EQ(Import("valid_metric: ndcg@5"), "train.valid_metric=ndcg@5\n");
  EXPECT_EQ(
      Import("valid_metric: LogLoss"),
      "r.yaml:1:15: a metric without a counterpart: 'LogLoss'; expected one of Recall, NDCG, MRR, Hit, Precision, "
      "MAP, GAUC, ItemCoverage, GiniIndex, AveragePopularity");
  EXPECT_EQ(Import("valid_metric_bigger: False"),
            "r.yaml:1:22: valid_metric_bigger: metrics of which less is better do not exist here: 'False'");
}

TEST(RecboleTest, AMetricIsMeasuredOnce) {
  EXPECT_EQ(Import("metrics: [recall, RECALL, GAUC, gauc]\ntopk: [10, 5, 10]"),
            "eval.metrics=[\"recall@10\", \"recall@5\", gauc]\n");
}

TEST(RecboleTest, SomethingMustBeLeftToMeasure) {
  const std::string expected =
      "'; expected some of Recall, NDCG, MRR, Hit, Precision, MAP, GAUC, ItemCoverage, GiniIndex, AveragePopularity, "
      "and a cutoff in topk";
  EXPECT_EQ(Import("metrics: [AUC, LogLoss]"),
            "r.yaml:1:10: metrics: nothing is left to measure: 'AUC, LogLoss" + expected);
  EXPECT_EQ(Import("metrics: []"), "r.yaml:1:10: metrics: nothing is left to measure: '" + expected);
  EXPECT_EQ(Import("topk: []"),
            "r.yaml:1:7: metrics: nothing is left to measure: 'Recall, MRR, NDCG, Hit, Precision" + expected);
}

TEST(RecboleTest, KeysOfTraining) {
  EXPECT_EQ(Import("eval_step: 5\nstopping_step: 10"), "train.eval_every=5\nnet.patience=50\n");
  EXPECT_EQ(Import("use_gpu: False"), "device=cpu\n");
  EXPECT_EQ(Import("model: MultiVAE"), "model=multi_vae\n");
  EXPECT_EQ(Import("model: net"), "model=net\n");
  EXPECT_EQ(Import("loss_type: CE"), "net.loss=ce\n");
  EXPECT_EQ(Import("loss_type: BPR"), "r.yaml:1:12: loss_type: a loss that recforce does not have: 'BPR'; expected CE");
  EXPECT_EQ(Import("mlp_hidden_size: [600, 300]"),
            "r.yaml:1:18: mlp_hidden_size: 2 hidden layers; 'net' has one, like [600]");
  EXPECT_EQ(Import("weight_decay: 0.1"),
            "warning r.yaml:1:1: weight_decay: '0.1' is left out; 'net' has no such setting\n");
  EXPECT_EQ(Import("hidden_dropout_prob: 0.2\nattn_dropout_prob: 0.2"), "net.dropout=0.2\n");
  EXPECT_EQ(Import("learner: adam"), "");
  EXPECT_EQ(Import("learner: sgd"),
            "warning r.yaml:1:1: learner: 'sgd' is left out; models of recforce choose their optimiser themselves\n");
  EXPECT_EQ(Import("attn_dropout_prob: 0.2"),
            "warning r.yaml:1:1: attn_dropout_prob: '0.2' is left out; 'net' has one dropout for all\n");
}

TEST(RecboleTest, TheStepsOfBprAreOthers) {
  EXPECT_EQ(
      Import("learning_rate: 0.001\nlearner: adam", "bpr"),
      "warning r.yaml:1:1: learning_rate: '0.001' is left out: an Adam step for a batch there, an SGD step for a "
      "sample here. set bpr.learning_rate\n"
      "warning r.yaml:2:1: learner: 'adam' is left out; 'bpr' takes steps of SGD or Adagrad. set bpr.optimizer\n");
  EXPECT_EQ(Import("learner: sgd\nlearning_rate: 0.1", "bpr"),
            "warning r.yaml:2:1: learning_rate: '0.1' is left out: a step for a batch there, an SGD step for a sample "
            "here. set bpr.learning_rate\n");
  EXPECT_EQ(Import("bpr:\n  learning_rate: 0.1", "bpr"), "bpr.learning_rate=0.1\n");
}

TEST(RecboleTest, BatchesOfOtherUnitsAreLeftOut) {
  EXPECT_EQ(Import("eval_batch_size: 40960000"),
            "note r.yaml:1:1: eval_batch_size: '40960000' is left out: it counts scores there, users here, and results "
            "do not depend on it\n");
  EXPECT_EQ(Import("train_batch_size: 2048", "sasrec"),
            "warning r.yaml:1:1: train_batch_size: '2048' is left out: it counts events there, users here. set "
            "sasrec.batch_size, to about train_batch_size / events of a user\n");
  EXPECT_EQ(Import("train_batch_size: 2048", "multi_vae"), "multi_vae.batch_size=2048\n");  // users there as well
}

TEST(RecboleTest, LayersOfGru4recHaveAWidthEach) {
  EXPECT_EQ(Import("model: GRU4Rec"), "model=gru4rec\n");
  EXPECT_EQ(Import("num_layers: 2\nhidden_size: 128", "gru4rec"), "gru4rec.layers=[128, 128]\n");
  EXPECT_EQ(Import("hidden_size: 64", "gru4rec"), "gru4rec.layers=[64]\n");
  EXPECT_EQ(Import("num_layers: 2", "gru4rec"),
            "warning r.yaml:1:1: num_layers: '2' is left out: the file does not say how wide the layers are. set "
            "gru4rec.layers\n");
  EXPECT_EQ(Import("learning_rate: 0.001", "gru4rec"),
            "warning r.yaml:1:1: learning_rate: '0.001' is left out: a step of Adam there, of Adagrad here. set "
            "gru4rec.learning_rate\n");
  EXPECT_EQ(Import("loss_type: CE", "gru4rec"), "gru4rec.loss=cross_entropy\n");
}

TEST(RecboleTest, SequentialModelsRankSeenItems) {
  const std::string yaml = "eval_args: {split: {LS: valid_and_test}, order: TO}";
  const std::string unmasked = "split.kind=leave_last_out\nsplit.mask_seen=no\n";
  const std::string why =
      "RecBole ranks seen items too, with sequential models and repeatable: True; so split.mask_seen=no\n";
  EXPECT_EQ(Import(yaml, "sasrec"), unmasked + "note r.yaml:1:1: " + why);
  EXPECT_EQ(Import(yaml + "\nrepeatable: True", "sasrec"), unmasked + "note r.yaml:2:1: " + why);
  EXPECT_EQ(Import(yaml + "\nrepeatable: True"), unmasked + "note r.yaml:2:1: " + why);
  EXPECT_EQ(Import("benchmark_filename: [train, valid, test]", "sasrec"),
            "split.kind=given\nsplit.mask_seen=no\nnote r.yaml:1:1: " + why);
  EXPECT_EQ(Import(yaml), "split.kind=leave_last_out\n");
  EXPECT_EQ(Import(yaml + "\nsplit: {mask_seen: yes}", "sasrec"),
            "split.kind=leave_last_out\nsplit.mask_seen=yes\n");  // what is said comes first
  EXPECT_EQ(Import("seed: 3", "sasrec"), "seed=3\n");             // without a protocol of RecBole's, ours
  EXPECT_EQ(Import("repeatable: False"), "note r.yaml: of RecBole's keys, these mean nothing here: repeatable\n");
}

TEST(RecboleTest, KeysOfOtherModelsArePassedOver) {
  EXPECT_EQ(Import("embedding_size: 64\nn_layers: 2\nreg_weight: 0.1\nmlp_hidden_size: [64, 32]\nloss_type: BPR\n"
                   "attn_dropout_prob: 0.5\nlearner: sgd\neval_neg_sample_args: {distribution: uniform}\n"
                   "ENTITY_ID_FIELD: id\nsingle_spec: True\n",
                   "ease", /*is_net=*/false),
            "note r.yaml: of RecBole's keys, these mean nothing here: single_spec\n"
            "note r.yaml: no counterpart in 'ease': embedding_size, n_layers, reg_weight, mlp_hidden_size, loss_type, "
            "attn_dropout_prob, learner, eval_neg_sample_args, ENTITY_ID_FIELD\n");
}

TEST(RecboleTest, SimilarUsersAreAModelOfTheirOwn) {
  EXPECT_EQ(Import("knn_method: item", "itemknn"), "");
  EXPECT_EQ(Import("knn_method: user", "itemknn"),
            "r.yaml:1:13: knn_method: similar users are a model of their own here: 'user'; expected item, or --model "
            "userknn");
  EXPECT_EQ(Import("knn_method: user"), "note r.yaml: no counterpart in 'net': knn_method\n");
}

TEST(RecboleTest, ClassNamesOfModels) {
  EXPECT_EQ(OurAlgorithmName("--model", "BPR"), "bpr");
  EXPECT_EQ(OurAlgorithmName("--model", "MultiVAE"), "multi_vae");
  EXPECT_EQ(OurAlgorithmName("--model", "multi_vae"), "multi_vae");
  EXPECT_EQ(OurAlgorithmName("--model", "nobodys"), "nobodys");
  std::string complaint;
  try {
    (void)OurAlgorithmName("r.yaml:1: model", "LightGCN");
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    complaint = error.what();
  }
  EXPECT_EQ(
      complaint,
      "r.yaml:1: model: a model of RecBole that recforce does not have: 'LightGCN'; expected one of Pop, ItemKNN, "
      "SLIMElastic, EASE, BPR, MultiDAE, MultiVAE, RecVAE, RaCT, SASRec, GRU4Rec, or a name that `recforce models` "
      "lists");
  EXPECT_EQ(Import("model: LightGCN"), "model=LightGCN\n");  // a later layer may name another
}

TEST(RecboleTest, NegativesMatterToBprAlone) {
  const std::string popular = "train_neg_sample_args: {distribution: popularity, sample_num: 2, alpha: 0.5}";
  EXPECT_EQ(Import(popular), "");
  EXPECT_EQ(Import(popular, "bpr"), "bpr.negatives=2\nbpr.negative_exponent=0.5\n");
  EXPECT_EQ(Import("train_neg_sample_args: {distribution: uniform, sample_num: 1, dynamic: False}", "bpr"),
            "bpr.negatives=1\nbpr.negative_exponent=0\n");
  EXPECT_EQ(Import("neg_sampling: {popularity: 3}", "bpr"), "bpr.negatives=3\nbpr.negative_exponent=1\n");
  EXPECT_EQ(
      Import("train_neg_sample_args: {dynamic: True}", "bpr"),
      "bpr.negative_exponent=0\nwarning r.yaml:1:25: train_neg_sample_args: 'dynamic' is left out; 'bpr' does not "
      "choose among its negatives\n");
  EXPECT_EQ(Import("train_neg_sample_args: uniform", "bpr"),
            "r.yaml:1:24: train_neg_sample_args: not a mapping; expected one like {distribution: uniform, sample_num: "
            "1}");
  EXPECT_EQ(Import("train_neg_sample_args: {distribution: normal}", "bpr"),
            "r.yaml:1:24: train_neg_sample_args: unknown distribution: 'normal'; expected uniform or popularity");
}

TEST(RecboleTest, TheWeightsOfSlimDependOnTheUsers) {
  EXPECT_EQ(Import("alpha: 0.2", "slim"),
            "warning r.yaml:1:1: alpha: '0.2' is left out: RecBole divides the squared error by the users. set slim.l1 "
            "to alpha x l1_ratio x users and slim.l2 to alpha x (1 - l1_ratio) x users\n");
}

TEST(RecboleTest, UnknownKeysAndDoubleOnesStayErrors) {
  EXPECT_EQ(Import("show_progres: True"),
            "r.yaml:1:1: unknown key 'show_progres'; expected a key of one of the sections split, train, eval, net");
  EXPECT_EQ(Import("learning_rat: 0.1"), "r.yaml:1:1: unknown key 'learning_rat'; did you mean 'learning_rate'?");
  EXPECT_EQ(Import("split:\n  kind: x\neval_args: {order: TO}"),
            "r.yaml:2:3: duplicate key 'kind': it sets 'split.kind' again; the first is on line 3");
}

// What the file says about reading a log, or the complaint.
std::string ImportData(const std::string& yaml) {
  const test::TempDir folder;
  const auto path = folder.Write("r.yaml", yaml);
  std::string text;
  try {
    const RecboleData data = ReadRecboleData(path.string());
    const auto add = [&](const std::string& name, const auto& value) {
      if (value) {
        std::ostringstream out;
        out << name << "=" << *value << "\n";
        text += out.str();
      }
    };
    add("user", data.user_column);
    add("item", data.item_column);
    add("time", data.time_column);
    add("value", data.value_column);
    add("rating", data.min_rating);
    add("users", data.min_user_interactions);
    add("items", data.min_item_interactions);
    add("duplicates", data.duplicates);
    for (const Notice& notice : data.notices) {
      text += (notice.warning ? "warning " : "note ") + notice.text + "\n";
    }
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    text = error.what();
  }
  const std::string prefix = folder.path().string() + "/";
  for (std::size_t at; (at = text.find(prefix)) != std::string::npos;) {
    text.erase(at, prefix.size());
  }
  return text;
}

const std::string kOnce =
    "note r.yaml: RecBole repeats its filters of rare users and items until nothing changes; recforce applies each "
    "once, items first\n";

TEST(RecboleDataTest, ColumnsAndFilters) {
  EXPECT_EQ(ImportData("USER_ID_FIELD: uid\nITEM_ID_FIELD: iid\nTIME_FIELD: ts\nRATING_FIELD: stars\n"
                       "val_interval: {stars: \"[3, inf)\"}\nuser_inter_num_interval: \"[5,inf)\"\n"
                       "item_inter_num_interval: '(5,inf)'\nrm_dup_inter: first\nepochs: 3\n"),
            "user=uid\nitem=iid\ntime=ts\nvalue=stars\nrating=3\nusers=5\nitems=6\nduplicates=first\n" + kOnce);
  EXPECT_EQ(ImportData("threshold: {rating: 4}\nval_interval: ~\nrm_dup_inter: None"), "rating=4\n");
  EXPECT_EQ(ImportData(""), "");
  EXPECT_EQ(ImportData("field_separator: ','"),
            "warning r.yaml: field_separator: ',' is left out: .inter files are read with tabs. for other files use "
            "--format csv\n");
}

TEST(RecboleDataTest, KeysOfOlderVersions) {
  EXPECT_EQ(ImportData("min_user_inter_num: 5\nmin_item_inter_num: 0\nmax_user_inter_num: ~\nlowest_val: {rating: 3}"),
            "rating=3\nusers=5\nitems=0\n" + kOnce);
  EXPECT_EQ(ImportData("highest_val: {rating: 4}"),
            "r.yaml:1:14: highest_val: a filter that recforce does not have; it filters from below only");
}

TEST(RecboleDataTest, FiltersThatWeDoNotHaveAreRefused) {
  EXPECT_EQ(ImportData("user_inter_num_interval: \"[5,100]\""),
            "r.yaml:1:26: user_inter_num_interval: an interval with an upper end: '[5,100]'; recforce filters from "
            "below only, like [5,inf)");
  EXPECT_EQ(ImportData("user_inter_num_interval: 5"),
            "r.yaml:1:26: user_inter_num_interval: not an interval: '5'; expected one like [5,inf)");
  EXPECT_EQ(ImportData("val_interval: {timestamp: \"[3,inf)\"}"),
            "r.yaml:1:16: val_interval: rows can be filtered by RATING_FIELD alone: 'timestamp'; expected 'rating'");
  EXPECT_EQ(ImportData("threshold: {rating: high}"), "r.yaml:1:21: threshold: not a number: 'high'");
  EXPECT_EQ(ImportData("rm_dup_inter: all"),
            "r.yaml:1:15: rm_dup_inter: unknown choice: 'all'; expected first or last");
}

}  // namespace
}  // namespace recforce::config
