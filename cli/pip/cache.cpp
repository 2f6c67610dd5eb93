// moat pip cache: the store, in the words of pip's cache.
#include "cli/pip/commands.h"
#include "cli/pip/place.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>

namespace moat {
namespace {

constexpr std::chrono::seconds kPatience{10};

// A pattern with a dash gives the version as well; one without is a name.
std::vector<StoredWheel> matching(const std::string& pattern, const Store& store) {
  const std::string whole = pattern + (pattern.find('-') == pattern.npos ? "-*.whl" : "*.whl");
  std::vector<StoredWheel> wheels = store.list_wheels();
  std::erase_if(wheels, [&](const StoredWheel& wheel) {
    return ::fnmatch(whole.c_str(), wheel.filename.c_str(), 0) != 0;
  });
  return wheels;
}

std::uint64_t size_of(const StoredWheel& wheel) {
  std::uint64_t bytes = 0;
  for (const StoredFile& file : wheel.files) bytes += file.size;
  return bytes;
}

void say_what_went(const Store::Pruned& pruned, Session& session) {
  pip_say(session, fmt::format("Files removed: {} ({})", pruned.entries, human_bytes(pruned.bytes)));
}

void print_info(Session& session) {
  const Store& store = session.store();
  const auto say = [&](std::string_view label, const std::string& value) {
    pip_say(session, fmt::format("{}: {}", label, value));
  };
  say("Store location", store.layout().root.native());
  for (const StoreUsage& use : store.usage()) {
    if (use.kind == "index") {
      say("Package index page cache location", store.layout().index().native());
      say("Package index page cache size", human_bytes(use.bytes));
      say("Number of HTTP files", std::to_string(use.entries));
    } else if (use.kind == "wheels") {
      say("Wheels location", (store.layout().root / "wheels").native());
      say("Wheels size", human_bytes(use.bytes));
      say("Number of wheels", std::to_string(use.entries));
    }
  }
}

void list_wheels(const PipCommand& command, const std::string& pattern, Session& session) {
  const Store& store = session.store();
  const std::vector<StoredWheel> wheels = matching(pattern, store);
  const bool paths = command.value("format") == "abspath";
  if (wheels.empty() && !paths) pip_say(session, "No wheels cached.");
  if (!wheels.empty() && !paths) pip_say(session, "Cache contents:\n");
  for (const StoredWheel& wheel : wheels)
    pip_say(session, paths ? store.layout().wheel(wheel.digest).native()
                           : fmt::format(" - {} ({})", wheel.filename, human_bytes(size_of(wheel))));
}

void remove_wheels(const std::string& pattern, Session& session) {
  const std::vector<StoredWheel> wheels = matching(pattern, session.store());
  if (wheels.empty())
    session.output().warn(fmt::format("no matching packages for pattern {}", quote(pattern)));
  say_what_went(session.store().remove_wheels(wheels, kPatience), session);
}

}  // namespace

int pip_cache(const PipCommand& command, Session& session) {
  const std::vector<std::string>& words = command.arguments;
  const std::string action = words.empty() ? "" : words.front();
  const bool takes_pattern = action == "list" || action == "remove";
  if (!takes_pattern && action != "dir" && action != "info" && action != "purge")
    throw Error(ErrorKind::Usage, "need an action (dir, info, list, purge, remove) to perform",
                {"moat pip cache list"});
  if (words.size() > (takes_pattern ? 2U : 1U)) throw Error(ErrorKind::Usage, "too many arguments");
  if (action == "remove" && words.size() < 2)
    throw Error(ErrorKind::Usage, "please provide a pattern", {"moat pip cache remove six"});

  if (action == "dir") pip_say(session, session.settings().store_dir.native());
  if (action == "info") print_info(session);
  if (action == "list") list_wheels(command, words.size() > 1 ? words[1] : "*", session);
  if (action == "remove") remove_wheels(words[1], session);
  if (action == "purge") say_what_went(session.store().prune(std::chrono::seconds(0), kPatience), session);
  return 0;
}

}  // namespace moat
