#include "envs/environment/scripts.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>

// What is accepted goes into the code and the name of a program: nothing but dotted names may get there.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const std::string_view text = fuzz::text_of(data, size);
  static_cast<void>(rewrite_script(text));
  const auto entries = parse_script_entry_points(text);
  if (!entries) {
    fuzz::require(entries.error().offset <= size, "an error lies within the text");
    return 0;
  }
  constexpr std::string_view kNotInNames = " \t\r\n\v\f()[]{}'\"#;:,=+-*/\\";
  for (const EntryPoint& entry : *entries) {
    fuzz::require(!entry.name.empty() && entry.name.find_first_of("/\n") == std::string::npos, "a file name");
    fuzz::require(entry.module.find_first_of(kNotInNames) == std::string::npos, "a module");
    fuzz::require(entry.attribute.find_first_of(kNotInNames) == std::string::npos, "an attribute");
    const std::string wrapper = script_wrapper(entry);
    fuzz::require(std::count(wrapper.begin(), wrapper.end(), '\n') == 12, "a wrapper has its twelve lines");
  }
  return 0;
}
