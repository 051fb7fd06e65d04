// SPDX-License-Identifier: Apache-2.0
#include "algos/cdqn/pass.h"

#include "algos/common/dense.h"

namespace recforce::algos {

template <class T>
void CdqnPass<T>::BuildInput(const CdqnNumbers<T>& numbers, const CdqnRows& rows, std::int64_t slot,
                             std::vector<T>& in) const {
  const CdqnShape& shape = numbers.shape;
  const std::int64_t context = shape.context_width(rows.position(slot));
  const std::int64_t width = context + shape.item_width();
  T* row = Sized(in, rows.items.rows * width);
  for (std::int64_t r = 0; r < rows.items.rows; ++r, row += width) {
    std::copy_n(states_.data() + r * shape.state_width(), shape.state_width(), row);
    numbers.Chosen(rows.chosen(r, slot), row);
    std::fill_n(row + context, shape.item_width(), T{0});
    numbers.AddItem(rows.items.row(r)[static_cast<std::size_t>(slot)], T{1}, row + context);
  }
}

template <class T>
const T* CdqnPass<T>::Forward(const CdqnNumbers<T>& numbers, const CdqnRows& rows) {
  const std::int64_t count = rows.items.rows;
  const std::int64_t slots = rows.items.cols;
  const std::int64_t width = numbers.shape.state_width();
  T* states = Sized(states_, count * width);
  for (std::int64_t r = 0; r < count; ++r) {
    numbers.State(rows.recent.row(r), states + r * width);
  }
  T* q = Sized(q_, slots * count);
  between_.resize(static_cast<std::size_t>(slots));
  for (std::int64_t slot = 0; slot < slots; ++slot) {
    const std::vector<DenseLayer>& layers = numbers.layout.Layers(rows.position(slot));
    std::vector<std::vector<T>>& between = between_[static_cast<std::size_t>(slot)];
    between.resize(layers.size());
    BuildInput(numbers, rows, slot, between[0]);
    for (std::size_t layer = 0; layer + 1 < layers.size(); ++layer) {
      T* out = Sized(between[layer + 1], count * layers[layer].out);
      Dense(numbers.params, layers[layer], between[layer].data(), count, out);
      EluInPlace(out, count * layers[layer].out);
    }
    Dense(numbers.params, layers.back(), between.back().data(), count, q + slot * count);
  }
  return q;
}

template <class T>
void CdqnPass<T>::SpreadInput(const CdqnNumbers<T>& numbers, const CdqnRows& rows, std::int64_t slot, const T* d) {
  const CdqnShape& shape = numbers.shape;
  const std::int64_t item = shape.item_width();
  const std::int64_t position = rows.position(slot);
  const std::int64_t context = shape.context_width(position);
  for (std::int64_t r = 0; r < rows.items.rows; ++r, d += context + item) {
    T* items = d_items_.data() + r * rows.items.cols * item;
    AddScaled(d, shape.state_width(), T{1}, d_states_.data() + r * shape.state_width());
    for (std::int64_t before = 0; before < position; ++before) {
      const T* from = d + shape.state_width() + (shape.shared ? 0 : before * item);
      AddScaled(from, item, shape.shared ? T{1} / static_cast<T>(position) : T{1}, items + before * item);
    }
    AddScaled(d + context, item, T{1}, items + slot * item);
  }
}

template <class T>
void CdqnPass<T>::Backward(const CdqnNumbers<T>& numbers, const CdqnRows& rows, const T* dq, T* gradient) {
  const std::int64_t count = rows.items.rows;
  d_states_.assign(static_cast<std::size_t>(count * numbers.shape.state_width()), T{0});
  d_items_.assign(static_cast<std::size_t>(count * rows.items.cols * numbers.shape.item_width()), T{0});
  for (std::int64_t slot = 0; slot < rows.items.cols; ++slot) {
    const std::vector<DenseLayer>& layers = numbers.layout.Layers(rows.position(slot));
    const std::vector<std::vector<T>>& between = between_[static_cast<std::size_t>(slot)];
    d_out_.assign(dq + slot * count, dq + (slot + 1) * count);
    for (std::size_t layer = layers.size(); layer-- > 0;) {
      T* d_in = Sized(d_in_, count * layers[layer].in);
      DenseBackward(numbers.params, numbers.layout.networks, layers[layer], between[layer].data(), count, d_out_.data(),
                    gradient, d_in);
      if (layer > 0) {
        EluBackward(between[layer].data(), count * layers[layer].in, d_in);
      }
      std::swap(d_in_, d_out_);
    }
    SpreadInput(numbers, rows, slot, d_out_.data());
  }
}

template <class T>
void AddInputGradient(const CdqnNumbers<T>& numbers, const CdqnRows& rows, const T* d_states, const T* d_items,
                      T* gradient) {
  const CdqnShape& shape = numbers.shape;
  const std::int64_t width = shape.item_width();
  const auto add = [&](std::int32_t item, T factor, const T* d) {
    const std::int64_t row = item < 0 ? shape.items : item;
    AddScaled(d, shape.embedding, factor, gradient + numbers.layout.table + row * shape.embedding);
  };
  std::vector<T> item(static_cast<std::size_t>(width));
  for (std::int64_t r = 0; r < rows.items.rows; ++r) {
    for (std::int64_t slot = 0; slot < rows.items.cols; ++slot) {
      add(rows.items.row(r)[static_cast<std::size_t>(slot)], T{1}, d_items + (r * rows.items.cols + slot) * width);
    }
    for (std::int64_t click = 0; click < shape.memory; ++click) {
      const std::int32_t clicked = rows.recent.row(r)[static_cast<std::size_t>(click)];
      std::fill(item.begin(), item.end(), T{0});
      numbers.AddItem(clicked, T{1}, item.data());
      for (std::int64_t sum = 0; sum < shape.sums; ++sum) {
        const T* d = d_states + r * shape.state_width() + sum * width;
        add(clicked, numbers.Weight(sum, click), d);
        if (numbers.layout.weights >= 0) {
          gradient[numbers.layout.weights + sum * shape.memory + click] +=
              nn::LaneSum<T>(width, [&](std::int64_t at) { return item[static_cast<std::size_t>(at)] * d[at]; });
        }
      }
    }
  }
}

template class CdqnPass<float>;
template class CdqnPass<double>;
template void AddInputGradient(const CdqnNumbers<float>&, const CdqnRows&, const float*, const float*, float*);
template void AddInputGradient(const CdqnNumbers<double>&, const CdqnRows&, const double*, const double*, double*);

}  // namespace recforce::algos
