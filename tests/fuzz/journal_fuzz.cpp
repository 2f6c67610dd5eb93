#include "envs/launcher/journal.h"
#include "tests/fuzz/fuzz.h"

#include <string>

namespace {

// Said in another way than the parser says it.
bool stays_below(std::string_view path) {
  const std::string framed = "/" + std::string(path) + "/";
  return framed.find("//") == std::string::npos && framed.find("/./") == std::string::npos &&
         framed.find("/../") == std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  std::string text(fuzz::text_of(data, size));
  moat_journal journal;
  if (moat_journal_parse(text.data(), text.size(), &journal) != 0) {
    fuzz::require(*moat_journal_error() != '\0', "a refusal says why");
    return 0;
  }
  fuzz::require(journal.state > 0, "a journal names its state");
  for (std::size_t i = 0; i < journal.move_count; ++i) {
    const moat_move& move = journal.moves[i];
    const bool renames = move.kind == MOAT_MOVE_OUT || move.kind == MOAT_MOVE_IN;
    fuzz::require(stays_below(move.from), "every path stays below the environment");
    fuzz::require(renames == (move.to != nullptr), "only renames have two paths");
    fuzz::require(!move.to || stays_below(move.to), "every path stays below the environment");
  }
  moat_journal_free(&journal);
  return 0;
}
