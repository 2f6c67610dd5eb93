#include "cli/session/bytecode_later.h"

#include "fetch/os/detached.h"
#include "fetch/store/store_jobs.h"

#include <algorithm>

namespace moat {

void make_bytecode_later(const Session& session) {
  const Settings& settings = session.settings();
  const std::set<fs::path>& lacking = session.lacking_bytecode();
  if (!settings.works_behind || (lacking.empty() && session.used_runtime().empty())) return;
  const StoreJobs jobs(settings.store_dir);
  try {
    if (!session.used_runtime().empty()) jobs.add_spare(session.used_runtime());
    for (const fs::path& environment : lacking) jobs.add(environment);
    if (!jobs.is_worked_on() && !start_detached({"--store-dir", settings.store_dir.native(), "--no-config",
                                                 "store", "jobs", "--work"}))
      return;
  } catch (const Error& error) {
    // A full disk, say: Python compiles what it imports all the same.
    session.output().note(error.what());
    return;
  }
  if (!lacking.empty())
    session.output().say("bytecode is being made in the background; see `moat store jobs`");
}

bool is_bytecode_pending(const fs::path& environment, const Settings& settings) {
  return std::ranges::any_of(StoreJobs(settings.store_dir).list(),
                             [&](const StoreJob& job) { return job.environment == environment; });
}

}  // namespace moat
