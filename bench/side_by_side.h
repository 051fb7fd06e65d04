// SPDX-License-Identifier: Apache-2.0
// Times several bodies in turn, round after round, in one process: on a noisy machine only ratios between things
// that ran side by side mean anything. Prints the median of each and the median of the ratios, round by round.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "nn/gemm.h"
#include "recforce/base/threads.h"

namespace recforce::bench {

struct Contender {
  std::string name;
  std::function<void()> body;
  std::vector<double> seconds = {};
};

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// One round that is not counted, then `rounds` that are.
inline void Run(std::vector<Contender>& contenders, int rounds) {
  for (int round = -1; round < rounds; ++round) {
    for (Contender& contender : contenders) {
      // BLAS threads of another process or library go on spinning for a while after their work is done.
      std::this_thread::sleep_for(std::chrono::milliseconds(60));
      const auto start = std::chrono::steady_clock::now();
      contender.body();
      const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
      if (round >= 0) {
        contender.seconds.push_back(taken.count());
      }
    }
  }
  for (const Contender& contender : contenders) {
    const auto [low, high] = std::minmax_element(contender.seconds.begin(), contender.seconds.end());
    std::printf("%-34s median %8.4f s   min %8.4f   max %8.4f\n", contender.name.c_str(), Median(contender.seconds),
                *low, *high);
  }
}

// "ratio NAME: VALUE (a / b), wanted ..." with the median over rounds of a / b.
inline void PrintRatio(const std::string& name, const Contender& a, const Contender& b, const std::string& wanted) {
  std::vector<double> ratios;
  for (std::size_t round = 0; round < a.seconds.size(); ++round) {
    ratios.push_back(a.seconds[round] / b.seconds[round]);
  }
  std::printf("ratio %s: %.2f (%s / %s; wanted %s)\n", name.c_str(), Median(ratios), a.name.c_str(), b.name.c_str(),
              wanted.c_str());
}

inline void UseAllCores() {
  base::SetThreads(base::AvailableCores());
  nn::UseOneBlasThread();
  std::printf("threads %d\n", base::Threads());
}

}  // namespace recforce::bench
