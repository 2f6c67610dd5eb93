// moat deploy SOURCE DEST | rollback | history | verify | status
#include "envs/deploy/deploy.h"

#include "cli/commands/bundle.h"
#include "cli/commands/commands.h"
#include "envs/deploy/runtime_blob.h"
#include "envs/environment/spawn.h"
#include "fetch/os/interrupt.h"
#include "resolver/base/text.h"
#include "resolver/files/time_spec.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <functional>

namespace moat {
namespace {

fs::path place(const std::string& dest, const Session& session) {
  const fs::path path = (session.settings().working_directory / dest).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

std::chrono::seconds duration(const std::string& text, std::string_view option) {
  const std::optional<std::chrono::seconds> out = parse_age(text);
  if (!out || out->count() < 1)
    throw Error(ErrorKind::Usage, fmt::format("{}: {} is not a valid duration", option, quote(text)),
                {"60s, 5m"});
  return *out;
}

DeployOptions options_of(const HookOptions& hooks, const Session& session) {
  DeployOptions out{.command = session.command_line(), .signed_by = {}, .hooks = {}};
  out.hooks.check = hooks.check;
  out.hooks.after = hooks.after;
  out.hooks.probe = hooks.probe;
  out.hooks.check_timeout = duration(hooks.check_timeout, "--check-timeout");
  out.hooks.probe_timeout = duration(hooks.probe_timeout, "--probe-timeout");
  out.hooks.variables = [variables = session.settings().variables](const fs::path& environment) {
    const Variables of_program = program_variables(variables, environment, false);
    return DeployHooks::Variables{of_program.begin(), of_program.end()};
  };
  return out;
}

std::string user_name() {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> room{};
  if (::getpwuid_r(::getuid(), &entry, room.data(), room.size(), &found) != 0 || found == nullptr)
    return std::to_string(::getuid());
  return found->pw_name;
}

// Writes one line of history for `act`, whether it succeeds or fails.
Deployed recorded(const DeploymentChange& change, Attempt attempt,
                  const std::function<Deployed(Attempt&)>& act, Output& output) {
  attempt.time = static_cast<std::int64_t>(std::time(nullptr));
  attempt.user = user_name();
  const auto begun = std::chrono::steady_clock::now();
  const auto append = [&] {
    attempt.milliseconds =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun)
            .count();
    try {
      change.append(attempt);
    } catch (const Error& error) {
      output.warn(fmt::format("the history has no line of this: {}", error.what()));
    }
  };
  try {
    Deployed deployed = act(attempt);
    attempt.release = deployed.release.folder;
    attempt.digest = deployed.release.digest;
    if (!deployed.was_live) append();
    return deployed;
  } catch (const Error& error) {
    // There is no such release: nothing was attempted.
    if (attempt.action == "rollback" && error.kind() == ErrorKind::NotFound) throw;
    attempt.result = AttemptResult::Failed;
    attempt.reason = error.what();
    append();
    throw;
  }
}

// --- the bundle ---

// Standard input is stored in DEST, because a bundle is read more than once.
UniqueFd spool_input(const fs::path& file, const std::stop_token& stop) {
  const UniqueFd out = open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
  std::string buffer(std::size_t{1} << 18U, '\0');
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    throw_if_interrupted(stop);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("read", "standard input", errno);
    if (count == 0) return open_file(file, O_RDONLY);
    write_all(out.get(), {buffer.data(), static_cast<std::size_t>(count)}, file);
  }
}

BundleAccess open_source(const std::string& source, const DeploymentChange& change,
                         std::optional<TempDir>& spool, Session& session) {
  if (source != "-") return open_bundle(source, session);
  spool.emplace(change.root(), kIncoming);
  BundleAccess out;
  out.bundle =
      std::make_unique<const Bundle>(spool_input(spool->path() / "bundle", session.stop()), "standard input");
  return out;
}

std::vector<PublicKey> trusted_keys(const DeployCommand& command, const Session& session) {
  if (!command.insecure && command.keys.empty())
    throw Error(ErrorKind::Usage,
                "`moat deploy` requires `--key`: the public key that must have signed the bundle",
                {"`--insecure` takes any bundle, whoever made it"});
  return named_keys(command.keys, session.settings());
}

// The fingerprint of the key that signed it; "" if signatures are not checked.
std::string check_trust(const Bundle& bundle, const std::vector<PublicKey>& keys) {
  if (keys.empty()) return "";
  const std::optional<std::string> signer = bundle.signed_by(keys);
  if (!signer) refuse_untrusted(bundle);
  return *signer;
}

Deployed deploy_bundle(const DeployCommand& command, const std::vector<PublicKey>& keys,
                       DeployOptions options, const DeploymentChange& change, Attempt& attempt,
                       Session& session) {
  std::optional<TempDir> spool;
  const BundleAccess opened = open_source(command.source, change, spool, session);
  const Bundle& bundle = *opened.bundle;
  attempt.digest = bundle.digest().to_string();
  options.not_older = command.not_older;
  options.signed_by = check_trust(bundle, keys);
  options.begun = [&](const std::string& release) { attempt.release = release; };
  const BundleTarget& target = fitting_target(bundle, session);
  if (opened.registry == nullptr)
    hash_all(bundle, session);
  else  // each blob is verified as it arrives, and those in the store are not fetched
    opened.registry->fetch(missing_blobs(target, session.store()));
  // What came from a registry is kept in the store, so that the next release fetches only what is new.
  const auto obtain = [&](PartsIn place) {
    return bundle_parts(bundle, target, opened.registry == nullptr ? place : PartsIn::Store, session);
  };
  return deploy(bundle, target, obtain, change, options, session.store(), session.workers(),
                session.reporter());
}

// --- what is told ---

std::string title(const DeployedRelease& release) {
  return release.version.empty() ? release.name : fmt::format("{} {}", release.name, release.version);
}

std::string time_text(std::int64_t time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(time)));
}

nlohmann::ordered_json text_or_null(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
}

nlohmann::ordered_json document_of(const DeployedRelease& release) {
  return {{"release", release.folder},    {"number", release.number},
          {"digest", release.digest},     {"name", release.name},
          {"version", release.version},   {"python", release.python},
          {"deployed", release.deployed}, {"signed_by", text_or_null(release.signed_by)}};
}

nlohmann::ordered_json document_of(const Attempt& attempt) {
  return {{"time", attempt.time},
          {"user", attempt.user},
          {"action", attempt.action},
          {"source", attempt.source},
          {"release", text_or_null(attempt.release)},
          {"digest", text_or_null(attempt.digest)},
          {"result", attempt.result == AttemptResult::Live ? "live" : "failed"},
          {"reason", text_or_null(attempt.reason)},
          {"milliseconds", attempt.milliseconds}};
}

void tell_live(const Deployed& deployed, Output& output) {
  if (deployed.was_live)
    output.say(fmt::format("{} is live already", deployed.release.folder));
  else
    output.say(fmt::format("{} is live: {}, Python {}{}", deployed.release.folder, title(deployed.release),
                           deployed.release.python,
                           deployed.before.empty() ? "" : fmt::format(" (before: {})", deployed.before)));
}

void tell(const Deployed& deployed, const std::vector<std::string>& removed, Output& output) {
  for (const std::string& release : removed) output.say(fmt::format("removed {}", release));
  if (!output.json()) return;
  output.document({{"schema", 1},
                   {"release", document_of(deployed.release)},
                   {"before", text_or_null(deployed.before)},
                   {"changed", !deployed.was_live},
                   {"removed", removed}});
}

}  // namespace

int execute(const DeployCommand& command, Session& session) {
  const std::vector<PublicKey> keys = trusted_keys(command, session);
  const DeployOptions options = options_of(command.hooks, session);
  // An unreadable bundle must not create DEST.
  if (command.source != "-" && !is_reference(command.source))
    open_bundle_file(command.source, session.settings());
  const DeploymentChange change =
      DeploymentChange::begin(place(command.dest, session), session.command_line());
  Attempt attempt;
  attempt.action = "deploy";
  attempt.source = command.source;
  const Deployed deployed = recorded(
      change, std::move(attempt),
      [&](Attempt& one) { return deploy_bundle(command, keys, options, change, one, session); },
      session.output());
  tell_live(deployed, session.output());
  // Only now: on some disks this takes longer than all the previous steps.
  std::vector<std::string> removed;
  if (!deployed.was_live) removed = remove_old_releases(change, deployed, command.keep, session.reporter());
  tell(deployed, removed, session.output());
  return 0;
}

int execute(const DeployRollbackCommand& command, Session& session) {
  const DeployOptions options = options_of(command.hooks, session);
  Deployment::open(place(command.dest, session));  // creates nothing
  const DeploymentChange change =
      DeploymentChange::begin(place(command.dest, session), session.command_line());
  Attempt attempt;
  attempt.action = "rollback";
  const Deployed deployed = recorded(
      change, std::move(attempt),
      [&](Attempt&) { return roll_back(change, command.release, options, session.reporter()); },
      session.output());
  tell_live(deployed, session.output());
  tell(deployed, {}, session.output());
  return 0;
}

int execute(const DeployHistoryCommand& command, Session& session) {
  std::vector<Attempt> attempts = Deployment::open(place(command.dest, session)).attempts();
  std::reverse(attempts.begin(), attempts.end());
  if (command.limit && attempts.size() > static_cast<std::size_t>(std::max(*command.limit, 0)))
    attempts.resize(static_cast<std::size_t>(std::max(*command.limit, 0)));
  Output& output = session.output();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const Attempt& attempt : attempts) {
    const bool live = attempt.result == AttemptResult::Live;
    output.result(fmt::format("{}  {:<8}  {:<6}  {:<17}  {}  {}", time_text(attempt.time), attempt.action,
                              live ? "live" : "failed", attempt.release.empty() ? "-" : attempt.release,
                              attempt.user, attempt.source));
    if (!live) output.result(fmt::format("    {}", attempt.reason));
    documents.push_back(document_of(attempt));
  }
  if (output.json()) output.document({{"schema", 1}, {"attempts", documents}});
  return 0;
}

int execute(const DeployVerifyCommand& command, Session& session) {
  const Deployment deployment = Deployment::open(place(command.dest, session));
  Output& output = session.output();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  bool good = true;
  const std::vector<DeployedRelease> releases = deployment.releases();
  for (const std::string& folder : deployment.incomplete()) {
    good = false;
    output.result(fmt::format("{}: changed\n    release.json is missing or damaged", folder));
    documents.push_back({{"release", folder}, {"changed", {"release.json is missing or damaged"}}});
  }
  for (const DeployedRelease& release : releases) {
    const std::vector<std::string> changed = changed_files(deployment, release, session.workers());
    good = good && changed.empty();
    output.result(fmt::format("{}: {}", release.folder, changed.empty() ? "unchanged" : "changed"));
    for (const std::string& line : changed) output.result(fmt::format("    {}", line));
    documents.push_back({{"release", release.folder}, {"changed", changed}});
  }
  if (output.json()) output.document({{"schema", 1}, {"sound", good}, {"releases", documents}});
  if (!good)
    output.say(fmt::format("deploy another bundle, or go back: moat deploy rollback {}",
                           deployment.root().native()));
  return good ? 0 : 1;
}

int execute(const DeployStatusCommand& command, Session& session) {
  const Deployment deployment = Deployment::open(place(command.dest, session));
  const std::optional<DeployedRelease> live = deployment.live();
  const std::optional<Unfinished> unfinished = deployment.unfinished();
  const std::vector<Attempt> attempts = deployment.attempts();
  Output& output = session.output();
  nlohmann::ordered_json releases = nlohmann::ordered_json::array();
  for (const DeployedRelease& release : deployment.releases()) releases.push_back(release.folder);
  if (live) {
    output.result(fmt::format("{}  {}, Python {}", live->folder, title(*live), live->python));
    output.result(fmt::format("digest    {}", live->digest));
    output.result(fmt::format("deployed  {}", time_text(live->deployed)));
    output.result(fmt::format("signed    {}",
                              live->signed_by.empty() ? "not checked" : "by the key " + live->signed_by));
  } else {
    output.result("nothing is live");
  }
  output.result(fmt::format("releases  {}", releases.size()));
  if (unfinished)
    output.result(fmt::format("{} is not confirmed: its deploy is under way, or was killed", unfinished->to));
  if (!attempts.empty() && attempts.back().result == AttemptResult::Failed)
    output.result(fmt::format("the last attempt failed: {}", attempts.back().reason));
  if (output.json())
    output.document({{"schema", 1},
                     {"live", live ? document_of(*live) : nlohmann::ordered_json()},
                     {"confirmed", !unfinished},
                     {"releases", releases},
                     {"last", attempts.empty() ? nlohmann::ordered_json() : document_of(attempts.back())}});
  return live ? 0 : 1;
}

}  // namespace moat
