// moat store jobs: the background work.
#include "fetch/store/store_jobs.h"

#include "cli/commands/commands.h"
#include "envs/place/bytecode_behind.h"
#include "fetch/os/waiting.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <ctime>

namespace moat {
namespace {

// Seconds: the worker has just been started.
constexpr std::int64_t kBeginning = 5;

// Does the work itself if nobody else does: the background process may have been killed.
void wait_for_jobs(const fs::path& store, Session& session) {
  const StoreJobs jobs(store);
  const auto failed = [&](const Error& error) { session.output().warn(error.what()); };
  Wait wait(std::chrono::hours(24), [&] { return lock_holder(store / "worker"); });
  while (!jobs.list().empty())
    if (!work_off_jobs(store, session.stop(), failed) && !wait.pause()) return;
}

}  // namespace

int execute(const StoreJobsCommand& command, Session& session) {
  const fs::path& store = session.settings().store_dir;
  if (command.work) {
    work_off_jobs(store, session.stop(), [](const Error&) {});
    return 0;
  }
  if (command.wait) wait_for_jobs(store, session);
  Output& output = session.output();
  const StoreJobs jobs(store);
  const std::vector<StoreJob> waiting = jobs.list();
  const bool is_worked_on = !waiting.empty() && jobs.is_worked_on();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const StoreJob& job : waiting) {
    if (!job.spare_of.empty()) {
      output.result(fmt::format("spare     a copy of the runtime {}", job.spare_of));
      documents.push_back({{"kind", "spare"}, {"runtime", job.spare_of}, {"time", job.time}});
      continue;
    }
    output.result(fmt::format("bytecode  {}", job.environment.native()));
    documents.push_back(
        {{"kind", "bytecode"}, {"environment", job.environment.native()}, {"time", job.time}});
  }
  if (waiting.empty())
    output.say("nothing is left to do");
  else if (!is_worked_on && waiting.front().time + kBeginning < std::time(nullptr))
    output.say(
        "nothing is working on it; `moat store jobs --wait` does it, or the next change of an environment");
  if (output.json()) output.document({{"schema", 1}, {"at_work", is_worked_on}, {"jobs", documents}});
  return 0;
}

}  // namespace moat
