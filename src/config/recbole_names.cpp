// SPDX-License-Identifier: Apache-2.0
// The names that RecBole 1.2.1 knows: its models, and the keys of its overall.yaml, of its dataset files and of the
// file of every model, with some of older versions. RecBole passes over a key that the model does not use, so that one
// file serves many models; with these lists we can do the same and still tell a slip of the fingers.
#include "recforce/config/recbole_names.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "config/recbole.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::config {
namespace {

struct Renamed {
  std::string_view theirs;
  std::string_view ours;
};

constexpr std::array kModels = {
    Renamed{"Pop", "popularity"},     Renamed{"ItemKNN", "itemknn"}, Renamed{"SLIMElastic", "slim"},
    Renamed{"EASE", "ease"},          Renamed{"BPR", "bpr"},         Renamed{"MultiDAE", "multi_dae"},
    Renamed{"MultiVAE", "multi_vae"}, Renamed{"RecVAE", "recvae"},   Renamed{"RaCT", "ract"},
    Renamed{"SASRec", "sasrec"},      Renamed{"GRU4Rec", "gru4rec"},
};

constexpr std::string_view kOtherModels = R"(
  ADMMSLIM AFM AsymKNN AutoInt BERT4Rec CDAE CFKG CKE CORE Caser ConvNCF DCN DCNV2 DGCF DIEN DIN DMF DSSM DeepFM
  DiffRec ENMF EulerNet FDSA FEARec FFM FISM FM FNN FOSSIL FPMC FiGNN FwFM GCMC GCSAN GRU4RecCPR GRU4RecF
  GRU4RecKG HGN HRM KD_DAGFM KGAT KGCN KGIN KGNNLS KSR KTUP LDiffRec LINE LR LightGBM LightGCN LightSANs MCCLK MKR
  MacridVAE NAIS NARM NCEPLRec NCL NFM NGCF NNCF NPE NeuMF NextItNet PNN Random RepeatNet RippleNet S3Rec SASRecCPR
  SASRecF SGL SHAN SINE SRGNN STAMP SimpleX SpectralCF TransRec WideDeep XGBoost lightgbm xDeepFM xgboost
)";

// About its own files, devices and progress; recforce has flags for what of it there is.
constexpr std::string_view kNothing = R"(
  MODEL_INPUT_TYPE MODEL_TYPE checkpoint_dir config_file config_files data_path dataloaders_save_path dataset
  dataset_save_path enable_amp enable_scaler encoding eval_type gpu_id ip local_rank log_wandb loss_decimal_place
  metric_decimal_place nproc offset port repeatable reproducibility require_pow save_dataloaders save_dataset
  show_progress shuffle single_spec state verbose wandb_project worker world_size
)";

// What `recforce data convert --config` reads, or need not.
constexpr std::string_view kData = R"(
  ITEM_ID_FIELD ITEM_LIST_LENGTH_FIELD LABEL_FIELD LIST_SUFFIX NEG_PREFIX POSITION_FIELD RATING_FIELD TIME_FIELD
  USER_ID_FIELD additional_feat_suffix alias_of_item_id alias_of_user_id augmentation discretization equal_val
  field_separator fields_in_same_space filter_inter_by_user_or_item highest_val item_inter_num_interval load_col
  lowest_val max_item_inter_num max_user_inter_num min_item_inter_num min_user_inter_num normalize_all normalize_field
  not_equal_val numerical_features preload_weight rm_dup_inter seq_len seq_separator threshold transform unload_col
  unused_col user_inter_num_interval val_interval
)";

// Of training and evaluation; not every model of ours has each.
constexpr std::string_view kTraining = R"(
  MAX_ITEM_LIST_LENGTH clip_grad_norm epochs eval_neg_sample_args learner learning_rate neg_sampling stopping_step
  tail_ratio test_neg_sample_args train_batch_size train_neg_sample_args training_neg_sample_num valid_metric_bigger
  valid_neg_sample_args weight_decay
)";

// Of graphs of knowledge, which recforce does not read.
constexpr std::string_view kKnowledge = R"(
  ENTITY_ID_FIELD HEAD_ENTITY_ID_FIELD RELATION_ID_FIELD TAIL_ENTITY_ID_FIELD alias_of_entity_id alias_of_relation_id
  entity_kg_num_interval kg_reverse_r relation_kg_num_interval
)";

// Of single models, those that recforce has among them.
constexpr std::string_view kOfModels = R"(
  L1_flag aap_weight accum ae_act_func aggregator aggregator_type algorithm align_weight alpha anneal_cap anneal_steps
  apply_norm attention_size attn_dropout_prob beta beta_fixed block_num build_graph_separately center_columns cin
  cin_layer_size class_num cnn_channels cnn_kernels cnn_strides context_hops context_norm contrast conv_kernel_size
  convert_token_to_onehot cor_weight corruption_ratio critic_layers cross_layer_num depth dilations dims_dnn direct
  dnn_type double_tower drop_ex drop_im drop_ratio dropout dropout_prob dropout_probs dual_domain embedding_size
  encoder_hidden_size eta expert_num feature_num fields fredom fredom_type freeze_kg ft_ratio gamma gcn_output_dim
  global_ratio gru_type has_residual hid_activation hidden_act hidden_dimension hidden_dropout_prob hidden_size
  hidden_size_list hide_item high_layers_num high_order history_len history_num_per_term hyper_layers in_dims ind
  initializer_range inner_size inter_matrix_type interest_size item_agg_layer item_attribute item_dropout
  item_embedding_size item_hidden_size_list joint_train k k_interests kernel_size kfac kg_embedding_size kg_weight
  kge_interval knn_method l1_ratio lambda1 lambda2 lambda_coeff lamda latent_dimension layer_norm_eps layers
  lgb_early_stopping_rounds lgb_learning_rates lgb_model lgb_num_boost_round lgb_params lgb_silent lgb_verbose_eval
  lightgcn_layer lmd lmd_sem loss_function loss_type low_layers_num low_rank ls_weight m_step map_weight margin
  mask_ratio mean_type mess_dropout mess_dropout_rate message_dropout metrics_k mf_embedding_size mf_pretrain_path
  mf_train mip_weight mixed mixture_weights mlp_act_func mlp_embedding_size mlp_hidden_size mlp_pretrain_path
  mlp_train n_cate n_dec_epochs n_enc_epochs n_facet n_facet_MLP n_facet_all n_facet_context n_facet_emb
  n_facet_hidden n_facet_reranker n_facet_window n_factors n_heads n_hop n_hops n_iter n_iterations n_layers n_memory
  negative_weight neigh_embedding_size neigh_info_method neigh_num neighbor_sample_size nh node_dropout
  node_dropout_rate nogb noise_max noise_min noise_scale noise_schedule num_basis_functions num_clusters
  num_conv_kernel num_heads num_layers number_of_samples nv order order_len order_list out_activation out_dims
  partition_merging_mode phase pool_kernel_size pooling_mode pooling_type pooling_type_layer_1 pooling_type_layer_2
  positive_only post_remove_context pre_model_path pretrain_epochs pretrain_path proto_reg prototype_size q rank
  reg_loss_ratio reg_weight reg_weight_1 reg_weight_2 reg_weights reparam reranker_CAN_NUM reranker_merging_mode
  resolution reweight rho sampling_noise sampling_steps save_step second_order_loss_weight selected_features
  sess_dropout short_item_length shrink sim sim_regularity sp_weight sparse_feature spatial_ratio split_to ssl_reg
  ssl_tau ssl_temp ssl_weight std step steps structure t_cin t_depth tau tau_ratio teacher temperature time-aware
  token_num_threhold token_num_threshold topk_factor total_anneal_steps train_kg_step train_method train_rec_step
  train_stage type ui_embedding_size use_filter use_inner use_inner_product use_out_emb use_outer use_pretrain
  use_proj_bias use_st_gumbel user_embedding_size user_hidden_size_list vae_anneal_cap vae_anneal_steps w_max w_min
  warm_up warm_up_step weight weight_mode weight_size xgb_early_stopping_rounds xgb_model xgb_nthread
  xgb_num_boost_round xgb_params xgb_silent xgb_verbose_eval
)";

bool Holds(std::string_view list, std::string_view word) {
  constexpr std::string_view kBlank = " \n";
  for (std::size_t begin = list.find_first_not_of(kBlank); begin != std::string_view::npos;) {
    const std::size_t end = std::min(list.find_first_of(kBlank, begin), list.size());
    if (list.substr(begin, end - begin) == word) {
      return true;
    }
    begin = list.find_first_not_of(kBlank, end);
  }
  return false;
}

}  // namespace

std::string OurAlgorithmName(const std::string& where, const std::string& name) {
  if (const std::string_view ours = internal::OurModel(name); !ours.empty()) {
    return std::string(ours);
  }
  if (Holds(kOtherModels, name)) {
    std::vector<std::string> known;
    for (const Renamed& model : kModels) {
      known.emplace_back(model.theirs);
    }
    throw base::Error(base::ErrorKind::kUsage, where + ": a model of RecBole that recforce does not have: '" + name +
                                                   "'; expected one of " + base::Join(known, ", ") +
                                                   ", or a name that `recforce models` lists");
  }
  return name;
}

namespace internal {

std::string_view OurModel(std::string_view theirs) {
  const auto* found =
      std::find_if(kModels.begin(), kModels.end(), [&](const Renamed& model) { return model.theirs == theirs; });
  return found == kModels.end() ? std::string_view() : found->ours;
}

KeyMeaning MeaningOf(std::string_view key) {
  if (Holds(kNothing, key)) {
    return KeyMeaning::kNothing;
  }
  if (Holds(kData, key)) {
    return KeyMeaning::kData;
  }
  const bool known = Holds(kTraining, key) || Holds(kKnowledge, key) || Holds(kOfModels, key);
  return known ? KeyMeaning::kModel : KeyMeaning::kUnknown;
}

}  // namespace internal

}  // namespace recforce::config
