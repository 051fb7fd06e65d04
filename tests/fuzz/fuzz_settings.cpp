// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a configuration file. Whatever is accepted must print as YAML that reads back to itself.
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "fuzz_log.h"
#include "recforce/config/settings.h"
#include "recforce/data/split.h"

namespace recforce::test {
namespace {

// A file that exists in memory alone.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view text) : descriptor_(memfd_create("fuzz", 0)) {
    Require(descriptor_ >= 0 && write(descriptor_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

config::Settings Fresh() {
  return config::Settings({config::Section::Make<data::SplitConfig>("split", data::SplitFields())}, "split");
}

}  // namespace
}  // namespace recforce::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce::test;
  ExpectNoBug([&] {
    recforce::config::Settings settings = Fresh();
    settings.LoadYaml(MemoryFile(AsText(bytes, size)).path());
    const std::string yaml = settings.ToYaml();
    recforce::config::Settings again = Fresh();
    again.LoadYaml(MemoryFile(yaml).path());
    Require(again.ToYaml() == yaml);
  });
  return 0;
}
