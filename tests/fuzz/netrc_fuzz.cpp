// A netrc written out again from what was read reads the same.
#include "fetch/http/netrc.h"
#include "tests/fuzz/fuzz.h"

#include <string>

namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto entries = moat::parse_netrc(moat::fuzz::text_of(data, size));
  if (!entries) {
    moat::fuzz::require(entries.error().offset <= size, "errors lie within the text");
    return 0;
  }
  std::string again;
  for (const moat::NetrcEntry& entry : *entries) {
    again += entry.machine.empty() ? "default" : "machine " + quoted(entry.machine);
    again += " login " + quoted(entry.login) + "\n\tpassword " + quoted(entry.password) + "\n";
    moat::fuzz::require(moat::find_netrc_entry(*entries, entry.machine) != nullptr, "what is there is found");
  }
  const auto reread = moat::parse_netrc(again);
  moat::fuzz::require(reread && *reread == *entries, "written out, it reads the same");
  return 0;
}
