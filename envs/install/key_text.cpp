#include "envs/install/key_text.h"

#include "fetch/bytes/hasher.h"

namespace moat {

KeyText& KeyText::add(std::string_view text) {
  text_ += std::to_string(text.size());  // faster than fmt: the targets of a lock have twenty thousand tags
  text_.append(":").append(text).append("\n");
  return *this;
}

KeyText& KeyText::add(const std::vector<RootRequirement>& lines) {
  count(lines.size());
  for (const RootRequirement& line : lines) {
    add(line.requirement.to_string()).count(line.hashes.size());
    for (const Digest& digest : line.hashes) add(digest.to_string());
  }
  return *this;
}

std::string KeyText::digest() const { return hash_bytes(text_).hex.substr(0, 32); }

}  // namespace moat
