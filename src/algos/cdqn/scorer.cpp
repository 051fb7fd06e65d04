// SPDX-License-Identifier: Apache-2.0
#include "algos/cdqn/scorer.h"

#include <algorithm>
#include <numeric>

#include "algos/cdqn/encode.h"
#include "algos/cdqn/reference.h"
#include "algos/common/dense.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kBlockRows = 256;        // rows of layers at once: their activations stay in the cache
constexpr std::int64_t kBlockItems = 32;        // of them for one context, where there are many items
constexpr std::int64_t kCacheLimit = 1 << 23;   // numbers of one network's cache
constexpr std::int64_t kAtenNumbers = 1 << 26;  // activations of one layer at once in ATen

}  // namespace

CdqnScorer::CdqnScorer(CdqnParams params, std::vector<std::int32_t> catalogue, bool aten)
    : params_(std::move(params)),
      layout_(params_.shape),
      catalogue_(std::move(catalogue)),
      aten_(aten || !params_.flat.is_cpu()) {
  if (catalogue_.empty()) {
    catalogue_.resize(static_cast<std::size_t>(params_.shape.items));
    std::iota(catalogue_.begin(), catalogue_.end(), 0);
  }
  Refresh();
}

void CdqnScorer::Multiply(std::int64_t position, std::int64_t begin, std::int64_t end, float* out) const {
  const CdqnNumbers<float> numbers = NumbersOf(params_, layout_);
  const std::int64_t width = params_.shape.item_width();
  std::vector<float> items(static_cast<std::size_t>((end - begin) * width), 0.0F);
  for (std::int64_t place = begin; place < end; ++place) {
    numbers.AddItem(place < size() ? item(place) : -1, 1.0F, items.data() + (place - begin) * width);
  }
  const DenseLayer& layer = layout_.Layers(position)[0];
  const float* weight = numbers.params + layer.weight + params_.shape.context_width(position);
  nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, end - begin, layer.out, width, {items.data(), width},
           {weight, layer.in}, 0.0F, {out, layer.out});
}

void CdqnScorer::Refresh() {
  if (aten_ || (size() + 1) * layout_.Layers(0)[0].out > kCacheLimit) {
    return;
  }
  const std::int64_t networks = params_.shape.shared ? 1 : params_.shape.positions;
  cache_.resize(static_cast<std::size_t>(networks));
  for (std::int64_t network = 0; network < networks; ++network) {
    const std::int64_t units = layout_.Layers(network)[0].out;
    float* to = Sized(cache_[static_cast<std::size_t>(network)], (size() + 1) * units);
    base::ParallelFor(0, size() + 1, kBlockRows,
                      [&](std::int64_t begin, std::int64_t end) { Multiply(network, begin, end, to + begin * units); });
  }
}

const float* CdqnScorer::Judged(std::int64_t position, std::int64_t begin, std::int64_t end,
                                std::vector<float>& out) const {
  const std::int64_t units = layout_.Layers(position)[0].out;
  if (!cache_.empty()) {
    return cache_[static_cast<std::size_t>(params_.shape.shared ? 0 : position)].data() + begin * units;
  }
  Multiply(position, begin, end, Sized(out, (end - begin) * units));
  return out.data();
}

const float* CdqnScorer::Own(const CdqnContexts& contexts, std::int64_t begin, std::int64_t end,
                             Scratch& scratch) const {
  const CdqnNumbers<float> numbers = NumbersOf(params_, layout_);
  const std::int64_t position = contexts.chosen.cols;
  const std::int64_t width = params_.shape.context_width(position);
  const DenseLayer& layer = layout_.Layers(params_.shape.Known(position))[0];
  float* context = Sized(scratch.context, (end - begin) * width);
  float* own = Sized(scratch.own, (end - begin) * layer.out);
  for (std::int64_t r = begin; r < end; ++r) {
    numbers.State(contexts.recent.row(r), context + (r - begin) * width);
    numbers.Chosen(contexts.chosen.row(r), context + (r - begin) * width);
    std::copy_n(numbers.params + layer.bias, layer.out, own + (r - begin) * layer.out);
  }
  nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, end - begin, layer.out, width, {context, width},
           {numbers.params + layer.weight, layer.in}, 1.0F, {own, layer.out});
  return own;
}

const float* CdqnScorer::Tail(std::int64_t position, std::int64_t rows, Scratch& scratch) const {
  const std::vector<DenseLayer>& layers = layout_.Layers(position);
  const float* params = params_.flat.data_ptr<float>();
  for (std::size_t layer = 1; layer < layers.size(); ++layer) {
    float* out = Sized(scratch.b, rows * layers[layer].out);
    Dense(params, layers[layer], scratch.a.data(), rows, out);
    if (layer + 1 < layers.size()) {
      EluInPlace(out, rows * layers[layer].out);
    }
    std::swap(scratch.a, scratch.b);
  }
  return scratch.a.data();
}

void CdqnScorer::ScoreRows(const CdqnContexts& contexts, base::MatrixView<const std::int32_t> places,
                           std::int64_t begin, std::int64_t end, const Sink& sink, Scratch& scratch) const {
  const std::int64_t position = params_.shape.Known(contexts.chosen.cols);
  const std::int64_t units = layout_.Layers(position)[0].out;
  const float* own = Own(contexts, begin, end, scratch);
  const std::int64_t candidates = places.data == nullptr ? size() : places.cols;
  const std::int64_t block = std::min(candidates, std::max(kBlockItems, kBlockRows / (end - begin)));
  for (std::int64_t first = 0; first < candidates; first += block) {
    const std::int64_t count = std::min(block, candidates - first);
    const float* judged = places.data == nullptr ? Judged(position, first, first + count, scratch.judged) : nullptr;
    float* a = Sized(scratch.a, (end - begin) * count * units);
    for (std::int64_t r = begin; r < end; ++r) {
      const float* mine = own + (r - begin) * units;
      for (std::int64_t c = 0; c < count; ++c, a += units) {
        const float* item = nullptr;
        if (places.data == nullptr) {
          item = judged + c * units;
        } else {
          const std::int32_t place = places.row(r)[static_cast<std::size_t>(first + c)];
          item = Judged(position, place, place + 1, scratch.judged);
        }
        for (std::int64_t unit = 0; unit < units; ++unit) {
          a[unit] = Elu(mine[unit] + item[unit]);
        }
      }
    }
    const float* q = Tail(position, (end - begin) * count, scratch);
    for (std::int64_t r = begin; r < end; ++r) {
      sink(r, first, {q + (r - begin) * count, static_cast<std::size_t>(count)});
    }
  }
}

void CdqnScorer::ScoreByAten(const CdqnContexts& contexts, base::MatrixView<const std::int32_t> places,
                             const Sink& sink) const {
  const CdqnShape& shape = params_.shape;
  const torch::Device device = params_.flat.device();
  const std::int64_t candidates = places.data == nullptr ? size() : places.cols;
  const std::int64_t rows = std::max<std::int64_t>(1, kAtenNumbers / (candidates * shape.hidden[0]));
  const base::MatrixView<const std::int32_t> whole{catalogue_.data(), 1, size()};
  for (std::int64_t begin = 0; begin < contexts.recent.rows; begin += rows) {
    const std::int64_t end = std::min(contexts.recent.rows, begin + rows);
    const auto part = [&](base::MatrixView<const std::int32_t> matrix) {
      return base::MatrixView<const std::int32_t>{matrix.data + begin * matrix.cols, end - begin, matrix.cols};
    };
    std::vector<std::int32_t> items;
    for (std::int64_t at = begin * places.cols; at < end * places.cols; ++at) {
      items.push_back(places.data[at] < size() ? item(places.data[at]) : -1);
    }
    const auto listed =
        places.data == nullptr ? whole : base::MatrixView<const std::int32_t>{items.data(), end - begin, places.cols};
    const torch::Tensor q =
        ReferenceQ(shape, params_.flat, params_.features, ItemIndices(part(contexts.recent), shape.items, device),
                   ItemIndices(part(contexts.chosen), shape.items, device), ItemIndices(listed, shape.items, device))
            .to(torch::kCPU)
            .contiguous();
    const float* values = q.data_ptr<float>();
    base::ParallelFor(begin, end, 16, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t r = first; r < last; ++r) {
        sink(r, 0, {values + (r - begin) * candidates, static_cast<std::size_t>(candidates)});
      }
    });
  }
}

void CdqnScorer::Score(const CdqnContexts& contexts, base::MatrixView<const std::int32_t> places,
                       const Sink& sink) const {
  const std::int64_t position = contexts.chosen.cols;
  RECFORCE_CHECK(contexts.chosen.rows == contexts.recent.rows && contexts.recent.cols == params_.shape.memory &&
                     (params_.shape.shared || position < params_.shape.positions),
                 "contexts of another shape");
  if (aten_) {
    const torch::NoGradGuard no_grad;
    ScoreByAten(contexts, places, sink);
    return;
  }
  const std::int64_t candidates = places.data == nullptr ? size() : places.cols;
  const std::int64_t rows = std::max(kBlockRows / kBlockItems, kBlockRows / std::max<std::int64_t>(1, candidates));
  base::ParallelFor(0, contexts.recent.rows, rows, [&](std::int64_t begin, std::int64_t end) {
    std::unique_ptr<Scratch> scratch = scratch_.Take([] { return std::make_unique<Scratch>(); });
    ScoreRows(contexts, places, begin, end, sink, *scratch);
    scratch_.Give(std::move(scratch));
  });
}

std::vector<float> CdqnScorer::ScoreOne(const CdqnContexts& contexts, std::span<const std::int32_t> places) const {
  std::vector<float> q(places.size());
  ScoreSome(contexts, {places.data(), static_cast<std::int64_t>(places.size()), 1},
            [&q](std::int64_t row, std::int64_t, std::span<const float> values) {
              q[static_cast<std::size_t>(row)] = values[0];
            });
  return q;
}

}  // namespace recforce::algos
