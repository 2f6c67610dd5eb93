// moat store dir | size | prune | verify | repair | export
#include "cli/commands/commands.h"
#include "cli/session/run_environments.h"
#include "fetch/bytes/hasher.h"
#include "fetch/download/originals.h"
#include "fetch/os/leftovers.h"
#include "fetch/store/wheel_file.h"
#include "resolver/base/text.h"
#include "resolver/base/url.h"
#include "resolver/files/time_spec.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <map>
#include <optional>

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

// "5GB", "500 MB", "1.5G": decimal units, as sizes are told.
std::optional<std::uint64_t> parse_size(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(trim(std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end))));
  unit = ascii_lower(std::string_view(unit));
  if (unit.ends_with('b')) unit.pop_back();
  static const std::map<std::string, double> kUnits = {
      {"", 1}, {"k", 1e3}, {"m", 1e6}, {"g", 1e9}, {"t", 1e12}};
  const auto factor = kUnits.find(unit);
  if (error != std::errc() || factor == kUnits.end() || !(number >= 0) || number * factor->second > 1e18)
    return std::nullopt;
  return static_cast<std::uint64_t>(number * factor->second);
}

PruneRule rule_of(const StorePruneCommand& command) {
  PruneRule out{.fetched = command.ci};
  const std::optional<std::chrono::seconds> age = parse_age(command.older_than);
  if (!age)
    throw Error(ErrorKind::Usage,
                fmt::format("--older-than: {} is not a valid age", quote(command.older_than)),
                {"30d, 12h, 0d"});
  out.older_than = *age;
  if (!command.max_size) return out;
  out.most_bytes = parse_size(*command.max_size);
  if (!out.most_bytes)
    throw Error(ErrorKind::Usage, fmt::format("--max-size: {} is not a valid size", quote(*command.max_size)),
                {"5GB, 500MB"});
  return out;
}

// Environments of `moat run` are copies of the store's contents: they are removed first.
std::chrono::seconds age_of_runs(const PruneRule& rule, Session& session) {
  if (rule.fetched) return std::chrono::seconds(0);
  if (!rule.most_bytes) return rule.older_than;
  std::uint64_t total = run_environments_size(session.settings().store_dir).bytes;
  for (const StoreUsage& usage : session.store().usage()) total += usage.bytes;
  return total > *rule.most_bytes ? std::chrono::seconds(0) : rule.older_than;
}

Store::Pruned prunable(const PruneRule& rule, Session& session) {
  return with(session.store().prunable(rule),
              sweepable_run_environments(session.settings().store_dir, age_of_runs(rule, session)));
}

Store::Pruned prune(const PruneRule& rule, Session& session) {
  // Remains of killed commands next to environments.
  sweep_leftovers(session.settings().envs_dir());
  sweep_leftovers(session.settings().working_directory);
  const RunEnvironmentUsage swept =
      sweep_run_environments(session.settings().store_dir, age_of_runs(rule, session));
  return with(session.store().prune(rule, std::chrono::minutes(1)), swept);
}

}  // namespace

int execute(const StorePruneCommand& command, Session& session) {
  const PruneRule rule = rule_of(command);
  const Store::Pruned pruned = command.dry_run ? prunable(rule, session) : prune(rule, session);
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

namespace {

// The wheel of a damaged entry, from the file that it was unpacked from. false: that file was not kept.
bool unpack_again(const StoredWheel& wheel, Session& session) {
  Store& store = session.store();
  const fs::path original = original_path(wheel.digest, store);
  std::error_code missing;
  if (!fs::is_regular_file(original, missing) || hash_file(original) != wheel.digest) return false;
  store.add_wheel(original, WheelFilename::parse(wheel.filename).value(), wheel.filename, wheel.digest,
                  session.workers());
  return true;
}

// Writes it into `folder`, under its name. true: it is the exact file that its index served.
bool export_wheel(const StoredWheel& wheel, const fs::path& folder, Store& store) {
  const fs::path part = folder / ("." + wheel.filename + ".part"), file = folder / wheel.filename;
  std::error_code gone;
  fs::remove(part, gone);
  const fs::path original = original_path(wheel.digest, store);
  const bool is_original = fs::is_regular_file(original, gone) && hash_file(original) == wheel.digest;
  if (is_original)
    fs::copy_file(original, part);
  else
    write_wheel_file(wheel, part);
  rename_over(part, file);
  return is_original;
}

// A page for `--find-links` of pip, uv and moat.
std::string listing(const std::map<std::string, std::string>& hashes) {
  std::string out = "<!DOCTYPE html>\n<html><body>\n";
  for (const auto& [name, sha256] : hashes)
    out += fmt::format("<a href=\"{}#sha256={}\">{}</a><br>\n", percent_encode_path(name), sha256, name);
  return out + "</body></html>\n";
}

}  // namespace

int execute(const StoreRepairCommand&, Session& session) {
  std::map<fs::path, StoredWheel> wheels;
  for (StoredWheel& wheel : session.store().list_wheels())
    wheels.emplace(session.store().layout().wheel(wheel.digest), std::move(wheel));
  const std::vector<Store::Damage> damaged = session.store().verify_wheels(session.workers(), true);
  Output& output = session.output();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const Store::Damage& damage : damaged) {
    const auto wheel = wheels.find(damage.entry);
    const bool is_back = wheel != wheels.end() && unpack_again(wheel->second, session);
    output.result(fmt::format("{}: {}; {}", damage.entry.native(), damage.problem,
                              is_back ? "unpacked again" : "removed"));
    documents.push_back(
        {{"entry", damage.entry.native()}, {"problem", damage.problem}, {"unpacked_again", is_back}});
  }
  if (output.json()) output.document({{"schema", 1}, {"damaged", documents}});
  output.say(damaged.empty() ? "all wheels verified" : "what was removed is fetched again when it is needed");
  return 0;
}

int execute(const StoreExportCommand& command, Session& session) {
  const fs::path folder = session.settings().working_directory / command.folder;
  make_directories(folder);
  std::map<std::string, std::string> hashes;
  std::uint64_t bytes = 0;
  std::size_t originals = 0;
  for (const StoredWheel& wheel : session.store().list_wheels()) {
    if (hashes.contains(wheel.filename)) {
      session.reporter().warn(
          fmt::format("the store has another {} too: only one can have the name", wheel.filename));
      continue;
    }
    const bool is_original = export_wheel(wheel, folder, session.store());
    originals += is_original ? 1U : 0U;
    hashes[wheel.filename] = is_original ? wheel.digest.hex : hash_file(folder / wheel.filename).hex;
    bytes += fs::file_size(folder / wheel.filename);
  }
  write_file_atomically(folder / "index.html", listing(hashes));
  Output& output = session.output();
  output.say(fmt::format("{}: {}, {}", folder.lexically_normal().native(), counted(hashes.size(), "wheel"),
                         human_bytes(bytes)));
  if (originals < hashes.size())
    output.say(
        fmt::format("packed again, with another hash than their index has: {}; the store keeps only what "
                    "it unpacked",
                    hashes.size() - originals));
  if (output.json())
    output.document({{"schema", 1},
                     {"folder", folder.lexically_normal().native()},
                     {"wheels", hashes.size()},
                     {"originals", originals},
                     {"bytes", bytes}});
  return 0;
}

}  // namespace moat
