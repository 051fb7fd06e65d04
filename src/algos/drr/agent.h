// SPDX-License-Identifier: Apache-2.0
// What the agents of the DRR family are made of: names, sizes, and where their numbers lie.
// Shapes: S numbers of a state, D of an item or an action, H of hidden layers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "algos/common/mlp.h"
#include "algos/drr/state.h"

namespace recforce::algos {

// The first five act by a vector of D numbers that ranks items, the others by a score for each item.
enum class AgentKind : std::uint8_t {
  kDdpg,
  kTd3,
  kSac,
  kWolpertinger,
  kBcq,
  kDqn,
  kSacDiscrete,
  kBcqDiscrete,
  kCql,
  kCrr,
};
const std::vector<std::string>& AgentNames();
AgentKind ParseAgent(const std::string& name);  // Error(Usage) for another name
inline bool ScoresItems(AgentKind kind) { return kind >= AgentKind::kDqn; }

// What becomes of the last layer of an actor.
enum class ActorOutput : std::uint8_t { kUnit, kLinear, kTanh };
const std::vector<std::string>& ActorOutputNames();
ActorOutput ParseActorOutput(const std::string& name);

// Whose loss trains the state.
enum class StateGradient : std::uint8_t { kCritic, kActor, kBoth, kNone };
const std::vector<std::string>& StateGradientNames();
StateGradient ParseStateGradient(const std::string& name);
inline bool CriticTrainsState(StateGradient g) { return g == StateGradient::kCritic || g == StateGradient::kBoth; }
inline bool ActorTrainsState(StateGradient g) { return g == StateGradient::kActor || g == StateGradient::kBoth; }

// y of a transition: neither what follows nor the sum is outside of what rewards allow. Without the first clamp a
// network that overshoots would be believed: r + discount V reaches the bound whatever r is.
template <class T>
T BoundedReturn(T reward, T discount, T value, double least, double most) {
  const auto low = static_cast<T>(least);
  const auto high = static_cast<T>(most);
  return std::clamp(reward + discount * std::clamp(value, low, high), low, high);
}

struct AgentShape {
  AgentKind kind = AgentKind::kDdpg;
  StateShape state;
  std::vector<std::int64_t> hidden = {16};
  ActorOutput output = ActorOutput::kLinear;
  bool residual = false;  // the actor adds to u W, and begins with W = 1 and nothing added

  [[nodiscard]] std::int64_t dim() const { return state.dim; }
  [[nodiscard]] bool twins() const {
    return kind == AgentKind::kTd3 || kind == AgentKind::kSac || kind == AgentKind::kBcq ||
           kind == AgentKind::kSacDiscrete;
  }
};

// The network that acts: u W + mlp(state).
struct ActorLayout {
  ActorLayout() = default;
  // `out`: of the network; the residual goes to the first D of it.
  ActorLayout(const AgentShape& shape, std::int64_t out);
  bool residual = false;
  std::int64_t base = 0;  // W: [D, D]
  Mlp mlp;
  std::int64_t size = 0;
  std::vector<nn::FlatMatrix> matrices;

  template <class T>
  [[nodiscard]] std::vector<T> Init(std::uint64_t seed, std::uint64_t number) const {
    std::vector<T> params(static_cast<std::size_t>(size), T{0});
    const std::int64_t dim = residual ? matrices.front().cols : 0;
    for (std::int64_t at = 0; at < dim; ++at) {
      params[static_cast<std::size_t>(base + at * dim + at)] = T{1};
    }
    mlp.Init(params.data(), residual, seed, number);
    return params;
  }
};

// One network, or two of the same shape, behind each other.
struct CriticLayout {
  CriticLayout() = default;
  CriticLayout(const AgentShape& shape, std::int64_t in, std::int64_t out);
  std::vector<Mlp> networks;
  std::int64_t size = 0;
  std::vector<nn::FlatMatrix> matrices;

  template <class T>
  [[nodiscard]] std::vector<T> Init(std::uint64_t seed, std::uint64_t number) const {
    std::vector<T> params(static_cast<std::size_t>(size));
    for (std::size_t at = 0; at < networks.size(); ++at) {
      networks[at].Init(params.data(), false, seed, number + at);
    }
    return params;
  }
};

// Forward and backward of an actor's network, before its output is formed. Not thread-safe.
template <class T>
class ActorPass {
 public:
  // states: [R, S], users: [R, D]; both must stay for Backward. Returns [R, out].
  const T* Forward(const ActorLayout& layout, const T* params, const T* states, const T* users, std::int64_t rows);
  // d: [R, out]. Adds to gradient [layout.size] and d_users [R, D]; d_states := [R, S]. Null: not asked for.
  void Backward(const ActorLayout& layout, const T* params, std::int64_t rows, const T* d, T* gradient, T* d_states,
                T* d_users);

 private:
  MlpPass<T> mlp_;
  std::vector<T> out_;
  const T* users_ = nullptr;
};

extern template class ActorPass<float>;
extern template class ActorPass<double>;

}  // namespace recforce::algos
