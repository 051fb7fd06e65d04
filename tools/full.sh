# SPDX-License-Identifier: Apache-2.0
# The stages of `./dev full`; sourced by ./dev, whose functions it uses.
# shellcheck shell=bash disable=SC2154  # build_packages and jobs come from ./dev

sanitize_address() {
  need libclang-rt-14-dev
  configure asan
  make_targets asan
  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 run_tests asan -LE slow
}

sanitize_thread() {
  need libclang-rt-14-dev
  configure tsan
  make_targets tsan unit_fast
  run_tests tsan -R '^unit_fast$'
}

build_gcc() {
  need g++
  configure gcc
  make_targets gcc
  run_tests gcc -R '^unit_'
}

fuzz() {
  need libclang-rt-14-dev
  configure fuzz
  local names=(tests/fuzz/fuzz_*.cpp) name found
  names=("${names[@]##*/fuzz_}")
  names=("${names[@]%.cpp}")
  make_targets fuzz "${names[@]/#/fuzz_}"
  for name in "${names[@]}"; do
    # yaml-cpp 0.7 does not give back the memory of documents that it refuses, which ends a long run; its corpus is
    # replayed by every test run.
    [ "$name" != settings ] || continue
    found=$(mktemp -d)
    "build/fuzz/bin/fuzz_$name" -max_total_time=30 -max_len=65536 -artifact_prefix="build/fuzz/$name-" "$found" \
      "tests/fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1 || {
      tail -n 60 "build/fuzz/$name.log"
      return 1
    }
    rm -rf "$found"
    echo "fuzz $name: 30 s without a crash"
  done
}

# Benchmarks are not run here, where nobody would look at their numbers; they have to build.
build_benchmarks() {
  need "${build_packages[@]}" libbenchmark-dev
  configure bench
  make_targets bench
}

# A stranger's project builds against the installed package.
consumer() {
  rm -rf build/consumer
  cmake --install build/release --prefix "$PWD/build/consumer/prefix" >/dev/null
  cmake -S tests/consumer -B build/consumer/build -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_PREFIX_PATH="$PWD/build/consumer/prefix" >/dev/null
  cmake --build build/consumer/build >&2
  build/consumer/build/consumer
}

golden() {
  if /usr/bin/python3 -c 'import torch' 2>/dev/null; then
    /usr/bin/python3 tests/golden/make_golden.py --check
  else
    echo "golden: skipped: python3-torch is not installed"
  fi
}

slow() { run_tests release -L slow; }

# stage NAME COMMAND...: runs on after a failure; cases count by the closing line, a stage without one as one case.
stage() {
  local name=$1 start=$SECONDS status=0 log
  shift
  log=$(mktemp)
  echo "== $name"
  set +e
  (set -e && "$@") 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  set -e
  if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
  elif [ "$status" = 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
  rm -f "$log"
  echo "== $name: $([ "$status" = 0 ] && echo ok || echo FAILED), $((SECONDS - start)) s"
}

full() {
  passed=0 failed=0
  stage check check --tidy
  stage test release_tests
  stage slow slow
  stage golden golden
  stage asan sanitize_address
  stage tsan sanitize_thread
  stage gcc build_gcc
  stage fuzz fuzz
  stage consumer consumer
  stage benchmarks build_benchmarks
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}

