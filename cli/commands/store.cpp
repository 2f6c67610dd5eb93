// moat store dir | size | prune | verify
#include "cli/commands/commands.h"
#include "cli/session/run_environments.h"
#include "cli/settings/moment.h"
#include "fetch/os/leftovers.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {

int execute(const StoreDirCommand&, Session& session) {
  const std::string folder = session.settings().store_dir.native();
  session.output().result(folder);
  if (session.output().json()) session.output().document({{"schema", 1}, {"store", folder}});
  return 0;
}

int execute(const StoreSizeCommand&, Session& session) {
  Output& output = session.output();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  std::uint64_t total = 0;
  for (const StoreUsage& usage : session.store().usage()) {
    output.result(fmt::format("{:<14} {:>8} {:>12}", usage.kind, usage.entries, human_bytes(usage.bytes)));
    documents.push_back({{"kind", usage.kind}, {"entries", usage.entries}, {"bytes", usage.bytes}});
    total += usage.bytes;
  }
  const RunEnvironmentUsage runs = run_environments_size(session.settings().store_dir);
  output.result(fmt::format("{:<14} {:>8} {:>12}", "environments", runs.count, human_bytes(runs.bytes)));
  documents.push_back({{"kind", "environments"}, {"entries", runs.count}, {"bytes", runs.bytes}});
  total += runs.bytes;
  output.result(fmt::format("{:<14} {:>8} {:>12}", "in all", "", human_bytes(total)));
  if (output.json())
    output.document({{"schema", 1},
                     {"store", session.settings().store_dir.native()},
                     {"bytes", total},
                     {"usage", documents}});
  return 0;
}

namespace {

Store::Pruned with(Store::Pruned of_store, const RunEnvironmentUsage& of_runs) {
  return {of_store.entries + of_runs.count, of_store.bytes + of_runs.bytes};
}

Store::Pruned prunable(std::chrono::seconds age, Session& session) {
  return with(session.store().prunable(age), sweepable_run_environments(session.settings().store_dir, age));
}

Store::Pruned prune(std::chrono::seconds age, Session& session) {
  // What killed commands left where environments are made.
  sweep_leftovers(session.settings().envs_dir());
  sweep_leftovers(session.settings().working_directory);
  const RunEnvironmentUsage swept = sweep_run_environments(session.settings().store_dir, age);
  return with(session.store().prune(age, std::chrono::minutes(1)), swept);
}

}  // namespace

int execute(const StorePruneCommand& command, Session& session) {
  const std::optional<std::chrono::seconds> age = parse_age(command.older_than);
  if (!age)
    throw Error(ErrorKind::Usage,
                fmt::format("--older-than: {} is not a valid age", quote(command.older_than)),
                {"30d, 12h, 0d"});
  const Store::Pruned pruned = command.dry_run ? prunable(*age, session) : prune(*age, session);
  session.output().say(fmt::format("{}: {}, {}",
                                   command.dry_run ? "entries that would be removed" : "entries removed",
                                   pruned.entries, human_bytes(pruned.bytes)));
  if (session.output().json())
    session.output().document(
        {{"schema", 1}, {"dry_run", command.dry_run}, {"removed", pruned.entries}, {"bytes", pruned.bytes}});
  return 0;
}

int execute(const StoreVerifyCommand&, Session& session) {
  const std::vector<Store::Damage> damaged = session.store().verify_wheels(session.workers(), false);
  Output& output = session.output();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const Store::Damage& damage : damaged) {
    output.result(fmt::format("{}: {}", damage.entry.native(), damage.problem));
    documents.push_back({{"entry", damage.entry.native()}, {"problem", damage.problem}});
  }
  if (output.json()) output.document({{"schema", 1}, {"sound", damaged.empty()}, {"damaged", documents}});
  output.say(damaged.empty() ? "all wheels verified"
                             : "damaged wheels are fetched again when they are needed");
  return damaged.empty() ? 0 : 1;
}

}  // namespace moat
