// The recorded changes of an environment (ENV/.moat/history): internals of envs/journal.
#pragma once

#include "envs/journal/manifest.h"
#include "envs/launcher/journal.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace moat {

// A journal with the text it points into.
class Journal {
 public:
  // Error(Disk) where the text is not a journal; `path` for the message.
  Journal(std::string text, const std::filesystem::path& path);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal() { moat_journal_free(&parsed_); }
  const moat_journal& operator*() const { return parsed_; }
  const moat_journal* operator->() const { return &parsed_; }

 private:
  std::string text_;
  moat_journal parsed_{};
};

// "3.11.7" of a runtime's fingerprint, "3.11.7-0123456789abcdef".
std::string_view python_version_of(std::string_view runtime);

// What `moat env history` shows of a change: "~ Python 3.11.7 → 3.12.1", "+ flask 3.0", "~ jinja2 3.1.2
// → 3.1.4", "- six 1.16.0".
std::vector<std::string> summarize(const Manifest& before, const Manifest& after);

inline constexpr std::size_t kHistoryEntries = 10;
inline constexpr std::int64_t kHistorySeconds = std::int64_t{30} * 24 * 3600;

// The journal of the change to a state, in the history.
std::filesystem::path moves_file(const std::filesystem::path& environment, int state);
// Numbers of the states in history, newest first.
std::vector<int> history_states(const std::filesystem::path& environment);
// The highest number in it, abandoned changes included; 0 if there is none.
int newest_history_number(const std::filesystem::path& environment);
// Drops history beyond the limits above; always keeps the newest. REQUIRES: the environment's lock.
void prune_history(const std::filesystem::path& environment, std::int64_t now);

}  // namespace moat
