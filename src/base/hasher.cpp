// SPDX-License-Identifier: Apache-2.0
// XXH3-128, through libxxhash. The digits are those of the canonical (big-endian) form, as `xxh128sum` prints.
#include <xxhash.h>

#include <new>

#include "recforce/base/text.h"

namespace recforce::base {

namespace {

XXH3_state_t* State(void* state) { return static_cast<XXH3_state_t*>(state); }

}  // namespace

Hasher::Hasher() : state_(XXH3_createState()) {
  if (state_ == nullptr) {
    throw std::bad_alloc();
  }
  XXH3_128bits_reset(State(state_));
}

Hasher::~Hasher() { XXH3_freeState(State(state_)); }

void Hasher::Add(std::span<const std::byte> bytes) {
  if (!bytes.empty()) {
    XXH3_128bits_update(State(state_), bytes.data(), bytes.size());
  }
}

std::string Hasher::Hex() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(State(state_)));
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * sizeof(canonical.digest));
  for (const unsigned char byte : canonical.digest) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace recforce::base
