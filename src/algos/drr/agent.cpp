// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/agent.h"

#include <algorithm>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::algos {
namespace {

template <class Kind>
Kind Parse(const std::string& what, const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw base::Error(base::ErrorKind::kUsage,
                      "drr." + what + ": no such choice: '" + name + "'; expected one of " + base::Join(names, ", "));
  }
  return static_cast<Kind>(found - names.begin());
}

}  // namespace

const std::vector<std::string>& AgentNames() {
  static const std::vector<std::string> names = {"ddpg", "td3",          "sac",          "wolpertinger", "bcq",
                                                 "dqn",  "sac_discrete", "bcq_discrete", "cql",          "crr"};
  return names;
}
AgentKind ParseAgent(const std::string& name) { return Parse<AgentKind>("agent", AgentNames(), name); }

const std::vector<std::string>& ActorOutputNames() {
  static const std::vector<std::string> names = {"unit", "linear", "tanh"};
  return names;
}
ActorOutput ParseActorOutput(const std::string& name) { return Parse<ActorOutput>("output", ActorOutputNames(), name); }

const std::vector<std::string>& StateGradientNames() {
  static const std::vector<std::string> names = {"critic", "actor", "both", "none"};
  return names;
}
StateGradient ParseStateGradient(const std::string& name) {
  return Parse<StateGradient>("state_gradient", StateGradientNames(), name);
}

ActorLayout::ActorLayout(const AgentShape& shape, std::int64_t out) : residual(shape.residual) {
  if (residual) {
    size = shape.dim() * shape.dim();
    matrices.push_back({base, shape.dim(), shape.dim()});
  }
  mlp = Mlp(MlpWidths(shape.state.size(), shape.hidden, out), size);
  mlp.AddMatrices(matrices);
  size = mlp.end();
}

CriticLayout::CriticLayout(const AgentShape& shape, std::int64_t in, std::int64_t out) {
  for (int at = 0; at < (shape.twins() ? 2 : 1); ++at) {
    networks.emplace_back(MlpWidths(in, shape.hidden, out), size);
    networks.back().AddMatrices(matrices);
    size = networks.back().end();
  }
}

template <class T>
const T* ActorPass<T>::Forward(const ActorLayout& layout, const T* params, const T* states, const T* users,
                               std::int64_t rows) {
  const T* out = mlp_.Forward(layout.mlp, params, states, rows);
  if (!layout.residual) {
    return out;
  }
  const std::int64_t width = layout.mlp.out();
  const std::int64_t dim = layout.matrices.front().cols;
  users_ = users;
  T* sum = Sized(out_, rows * width);
  std::copy_n(out, rows * width, sum);
  nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, rows, dim, dim, {users, dim}, {params + layout.base, dim}, T{1},
           {sum, width});
  return sum;
}

template <class T>
void ActorPass<T>::Backward(const ActorLayout& layout, const T* params, std::int64_t rows, const T* d, T* gradient,
                            T* d_states, T* d_users) {
  T* const d_mlp = gradient == nullptr ? nullptr : gradient + layout.mlp.begin();
  mlp_.Backward(layout.mlp, params, rows, d, d_mlp, d_states);
  if (!layout.residual) {
    return;
  }
  const std::int64_t width = layout.mlp.out();
  const std::int64_t dim = layout.matrices.front().cols;
  if (gradient != nullptr) {
    nn::Gemm(nn::Op::kTransposed, nn::Op::kPlain, dim, dim, rows, {d, width}, {users_, dim}, T{1},
             {gradient + layout.base, dim});
  }
  if (d_users != nullptr) {
    nn::Gemm(nn::Op::kPlain, nn::Op::kPlain, rows, dim, dim, {d, width}, {params + layout.base, dim}, T{1},
             {d_users, dim});
  }
}

template class ActorPass<float>;
template class ActorPass<double>;

}  // namespace recforce::algos
