#include "envs/journal/bytecode_list.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const auto entries = parse_bytecode_list(fuzz::text_of(data, size));
  if (!entries) {
    fuzz::require(entries.error().offset <= size, "an error lies within the text");
    return 0;
  }
  for (const BytecodeEntry& entry : *entries)
    fuzz::require(is_bytecode(entry.path) && ("/" + entry.path).find("/../") == std::string::npos &&
                      entry.path.front() != '/',
                  "only bytecode of the environment is named");
  const std::string written = format_bytecode_list(*entries);
  const auto again = parse_bytecode_list(written);
  fuzz::require(again && format_bytecode_list(*again) == written, "what is written is read back");
  return 0;
}
