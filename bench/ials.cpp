// SPDX-License-Identifier: Apache-2.0
// One sweep of iALS (items, then users) at the size of MovieLens-1M with ratings of 4 and 5 (6,040 users, 3,533 items,
// 575 thousand interactions), d = 64, beside the same sweep in NumPy, one solve a row, and beside a matrix product of
// as many operations as the sweep cannot do without.
#include <cblas.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "algos/ials/ials.h"
#include "random_log.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

constexpr std::int64_t kUsers = 6040;
constexpr std::int64_t kItems = 3533;
constexpr std::int64_t kClicks = 95;
constexpr std::int64_t kDim = 64;

// bench/ials_numpy.py in a process of its own, which does one sweep for each line it is given.
class NumpyTwin {
 public:
  explicit NumpyTwin(const data::Csr& rows) {
    const std::string file = (std::filesystem::temp_directory_path() / "recforce_bench_ials.bin").string();
    std::ofstream out(file, std::ios::binary);
    const std::int64_t header[] = {rows.rows(), kItems, rows.nnz(), kDim};
    out.write(reinterpret_cast<const char*>(header), sizeof(header));
    out.write(reinterpret_cast<const char*>(rows.offsets.data()),
              static_cast<std::streamsize>(rows.offsets.size() * sizeof(std::int64_t)));
    out.write(reinterpret_cast<const char*>(rows.items.data()),
              static_cast<std::streamsize>(rows.items.size() * sizeof(std::int32_t)));
    out.close();
    int to[2];
    int from[2];
    if (::pipe(to) != 0 || ::pipe(from) != 0) {
      std::perror("pipe");
      std::exit(1);
    }
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(to[0], STDIN_FILENO);
      ::dup2(from[1], STDOUT_FILENO);
      ::close(to[1]);
      ::close(from[0]);
      ::setenv("OPENBLAS_NUM_THREADS", std::to_string(base::Threads()).c_str(), 1);
      ::execl("/usr/bin/python3", "python3", RECFORCE_SOURCE_DIR "/bench/ials_numpy.py", file.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    to_ = to[1];
    from_ = from[0];
  }
  ~NumpyTwin() {
    ::close(to_);
    ::close(from_);
    ::waitpid(child_, nullptr, 0);
  }
  NumpyTwin(const NumpyTwin&) = delete;
  NumpyTwin& operator=(const NumpyTwin&) = delete;

  void Sweep() const {
    char answer = 0;
    if (::write(to_, "\n", 1) != 1 || ::read(from_, &answer, 1) != 1 || answer != '.') {
      std::fprintf(stderr, "bench/ials_numpy.py did not answer; it needs python3-numpy\n");
      std::exit(1);
    }
  }

 private:
  pid_t child_ = -1;
  int to_ = -1;
  int from_ = -1;
};

// n d^2 for each side's normal equations (symmetric: half of a product), d^3 / 3 a factorisation, the Gram matrices.
double SweepFlops(const data::Csr& rows) {
  const auto d = static_cast<double>(kDim);
  const auto solved = static_cast<double>(kUsers + kItems);
  return 2.0 * static_cast<double>(rows.nnz()) * d * d + solved * (d * d * d / 3.0 + d * d);
}

// Matrix products of `flops` operations in all, on every thread.
void Multiply(double flops) {
  constexpr int kSize = 384;
  static const std::vector<float> a(kSize * kSize, 0.5F);
  const auto products = static_cast<std::int64_t>(flops / (2.0 * kSize * kSize * kSize) + 0.5);
  base::ParallelFor(0, products, 1, [&](std::int64_t, std::int64_t) {
    thread_local std::vector<float> c(kSize * kSize);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, kSize, kSize, kSize, 1.0F, a.data(), kSize, a.data(), kSize,
                0.0F, c.data(), kSize);
  });
}

void Main() {
  UseAllCores();
  const data::Csr rows = RandomLog(kUsers, kItems, kClicks);
  const core::AlgorithmSpec spec = algos::IalsSpec();
  const auto trainer = spec.make_trainer(spec.make_config(), {rows.view(), kItems}, {});
  const NumpyTwin numpy(rows);
  const double flops = SweepFlops(rows);
  std::vector<Contender> contenders = {{"iALS sweep, d = 64", [&] { trainer->Epoch({}); }},
                                       {"as many operations in products", [&] { Multiply(flops); }},
                                       {"NumPy, one solve a row", [&] { numpy.Sweep(); }}};
  Run(contenders, 5);
  std::printf("%.2f GFLOP a sweep: %.0f GFLOP/s of the %.0f of matrix products\n", flops / 1e9,
              flops / 1e9 / Median(contenders[0].seconds), flops / 1e9 / Median(contenders[1].seconds));
  PrintRatio("iALS sweep over FLOP floor", contenders[0], contenders[1], "<= 3");
  PrintRatio("NumPy over iALS sweep", contenders[2], contenders[0], ">= 6");
}

}  // namespace
}  // namespace recforce::bench

int main() { recforce::bench::Main(); }
