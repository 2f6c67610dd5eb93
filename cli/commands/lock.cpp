// moat lock: requirements → pylock.toml, every file pinned with its hash.
#include "cli/commands/lock.h"

#include "cli/commands/commands.h"
#include "cli/session/environment_facts.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/open_env.h"
#include "cli/session/required_python.h"
#include "cli/session/source_setup.h"
#include "envs/environment/shell_words.h"
#include "envs/install/earlier_lock.h"
#include "envs/install/make_lock.h"
#include "envs/project/project_files.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/lock/lock_changes.h"
#include "resolver/lock/lock_merge.h"
#include "resolver/lock/lockfile.h"
#include "resolver/lock/requirements_lock.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace moat {
namespace {

LockForm form_of(const LockCommand& command) {
  const bool text_file = command.output && fs::path(*command.output).extension() == ".txt";
  const std::string name = command.format.value_or(text_file ? "requirements" : "pylock");
  if (name == "pylock") return LockForm::Pylock;
  if (name == "requirements") return LockForm::Requirements;
  throw Error(ErrorKind::Usage,
              fmt::format("--format: {} must be one of: pylock, requirements", quote(name)));
}

// Other tools, and moat, would refuse a lock with another name.
void check_lock_name(const LockCommand& command, const Settings& settings) {
  std::error_code gone;
  const fs::file_status there = fs::status(settings.working_directory / *command.output, gone);
  if (fs::exists(there) && !fs::is_regular_file(there)) return;  // /dev/stdout, a pipe
  const fs::path output = *command.output;
  const std::string name = output.filename();
  if (form_of(command) != LockForm::Pylock || is_lock_name(name)) return;
  std::string stem = output.stem().native();
  if (stem.starts_with("pylock.")) stem.erase(0, std::string_view("pylock.").size());
  std::ranges::replace(stem, '.', '-');
  const std::string valid = stem.empty() ? "pylock.toml" : "pylock." + stem + ".toml";
  throw Error(ErrorKind::Usage,
              fmt::format("a lock is called pylock.toml or pylock.NAME.toml, not {}", quote(name)),
              {fmt::format("`-o {}`", shell_word((output.parent_path() / valid).native())),
               fmt::format("`--format requirements -o {}` writes a requirements file with hashes",
                           shell_word(output.native()))});
}

fs::path lock_path(const LockCommand& command, const Settings& settings) {
  if (command.output == "-") return "/dev/stdout";
  if (command.output) {
    check_lock_name(command, settings);
    return settings.working_directory / *command.output;
  }
  if (form_of(command) == LockForm::Requirements)
    throw Error(ErrorKind::Usage, "`--format requirements` requires a file name",
                {"moat lock -r requirements.in -o requirements.txt"});
  if (command.script) return script_lock_path(*settings.script);
  const std::optional<fs::path> project =
      command.requirement_files.empty() ? project_folder(settings) : std::nullopt;
  return project.value_or(settings.working_directory) / "pylock.toml";
}

// --python, else the environment found here if its Python suits the project, else the default.
Interpreter interpreter_for(const LockCommand& command, Session& session,
                            const std::optional<SpecifierSet>& project) {
  const Settings& settings = session.settings();
  // If another Python is the target, this one only runs builds.
  const std::optional<SpecifierSet> required = command.python_versions.empty() ? project : std::nullopt;
  if (settings.env && settings.python_is_option)
    throw Error(ErrorKind::Usage,
                "`--env` and `-p` cannot be used together: both say which Python to lock for");
  // The environment found here is the project's, and a script has none.
  if (command.script && !settings.env) return session.chosen_interpreter(required);
  const auto chosen = choose_environment(settings, ForProject::Yes);
  if ((settings.python && !settings.env) || !chosen || !Environment::exists_at(chosen->root))
    return session.chosen_interpreter(required);
  const Environment environment = Environment::open(chosen->root, Environment::Foreign::Allowed);
  Interpreter python = interpreter_like(environment, session);
  if (settings.env || !required || admits(*required, python)) return python;
  Interpreter other = session.chosen_interpreter(required);
  session.output().warn(fmt::format("{} has Python {}, but the project requires Python {}: locking for {}",
                                    environment.root().native(), python.version, required->to_string(),
                                    other.version));
  return other;
}

Target target_for(const LockCommand& command, const Interpreter& here) {
  if (command.python_versions.empty() && command.platforms.empty()) return target_of(here);
  const std::string version =
      command.python_versions.empty() ? here.version : command.python_versions.front();
  Expected<Target> target = foreign_target(version, command.platforms, &here);
  if (!target)
    throw Error(ErrorKind::Usage, target.error().message,
                {"--python-version 3.12 --platform manylinux_2_28_x86_64"});
  return std::move(*target);
}

// Sources are best built by the Python that the lock is for; if it is not installed, by this one.
Interpreter builder_for(const Target& target, const Interpreter& here, Session& session) {
  const std::string& version = target.environment.python_version;
  if (here.major_minor() == version || session.settings().no_build) return here;
  try {
    return find_interpreter(here.implementation + "@" + version, session.discovery(), session.store());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::NoInterpreter) throw;
    return here;
  }
}

// --group; else those of the existing lock: a missing option must not drop locked groups.
std::vector<std::string> groups_for(const LockCommand& command, const EarlierLock& earlier,
                                    const fs::path& path, Session& session) {
  if (!command.groups.empty() || command.no_groups || earlier.groups.empty()) return command.groups;
  std::vector<std::string> groups;
  for (const std::string& group : earlier.groups)
    groups.push_back(group_seen_from(group, path.parent_path(), session.settings().working_directory));
  session.output().say(fmt::format(
      "keeping the groups of the existing lock: {} (`--no-groups` leaves them out)", join(groups, ", ")));
  return groups;
}

ResolvePolicy policy_of(const LockCommand& command) {
  ResolvePolicy policy{.upgrade = command.upgrade};
  for (const std::string& name : command.upgrade_packages)
    policy.upgrade_packages.insert(parse_package_name(name));
  return policy;
}

LockQuestion question_for(const LockCommand& command, Session& session, const Script* script = nullptr) {
  const Settings& settings = session.settings();
  LockQuestion out{.path = lock_path(command, settings).lexically_normal(), .around = settings};
  out.earlier =
      earlier_lock(out.path, form_of(command), command.upgrade, file_terms(session), session.reporter());
  out.groups = groups_for(command, out.earlier, out.path, session);
  out.of_project = command.requirement_files.empty() && !command.script;
  if (command.script && script == nullptr) script = &*settings.script;
  if (command.script) out.script = script->lines();
  out.targets = {.platforms = command.platforms,
                 .python_versions = command.python_versions,
                 .universal = command.universal,
                 .declared = settings.targets,
                 .is_for_all = out.of_project || command.script,
                 .requires_python = {}};
  if (out.of_project) out.targets.requires_python = required_python(settings);
  if (command.script) out.targets.requires_python = script->metadata.requires_python;
  out.interpreter = interpreter_for(command, session, out.targets.requires_python);
  out.policy = policy_of(command);
  out.fewest_forks = settings.fewest_forks;
  out.may_build = !settings.no_build;
  return out;
}

LockTools lock_tools(Session& session) {
  return {.prepare =
              [&session](Goal& goal, const Interpreter& builder) {
                prepare_sources(goal, builder, session, std::nullopt, true);
              },
          .sources = session.sources(),
          .resolving = [&session](const Goal& goal) { return resolve_tools(goal, session); },
          .reporter = session.reporter(),
          .stop = session.stop()};
}

// The targets of the lock, if there are several.
std::optional<LockSpace> space_of(const LockQuestion& question) {
  const std::optional<Pylock>& earlier = question.earlier.pylock;
  return lock_space(question.targets, question.interpreter, earlier ? &*earlier : nullptr);
}

struct OfflineCheck {
  std::size_t packages = 0;         // in the lock
  std::vector<std::string> faults;  // what is out of date, or cannot be installed
};

// Checks a lock for several targets without resolving; nullopt: it is not such a lock.
std::optional<OfflineCheck> check_offline(const LockCommand& command, Session& session) {
  const LockQuestion question = question_for(command, session);
  std::optional<LockSpace> space = space_of(question);
  if (!space || !question.earlier.pylock || !question.earlier.pylock->inputs) return std::nullopt;
  Goal goal = read_goal({}, command.requirement_files, command.constraint_files, session);
  return OfflineCheck{package_count(*question.earlier.pylock),
                      lock_faults(question, *std::move(space), std::move(goal), lock_tools(session))};
}

LockDocument resolved_lock(const LockCommand& command, const LockQuestion& question,
                           std::optional<LockSpace> space, Goal goal, Session& session) {
  const LockTools with = lock_tools(session);
  if (space) return answer_of(lock_for_all(question, *space, goal, with));
  const Target target = target_for(command, question.interpreter);
  return answer_of(
      lock_for_one(question, target, builder_for(target, question.interpreter, session), goal, with));
}

}  // namespace

std::optional<std::vector<std::string>> lock_faults(const LockCommand& command, Session& session) {
  std::optional<OfflineCheck> check = check_offline(command, session);
  if (!check) return std::nullopt;
  return std::move(check->faults);
}

MadeLock make_lock(const LockCommand& command, Session& session, const Pylock* kept, const Script* script) {
  const LockForm form = form_of(command);
  LockQuestion question = question_for(command, session, script);
  const std::optional<std::string> before = std::move(question.earlier.text);
  std::shared_ptr<const Pylock> was = std::move(question.earlier.whole);
  if (kept != nullptr) question.earlier = versions_of(*kept);
  Goal goal = read_goal({}, command.requirement_files, command.constraint_files, session);
  std::optional<LockSpace> space = space_of(question);
  if (space && form == LockForm::Requirements) {
    if (command.universal || command.platforms.size() > 1 || command.python_versions.size() > 1)
      throw Error(ErrorKind::Usage, "a requirements file is for one target; only a pylock.toml holds several",
                  {"moat lock -o pylock.toml"});
    space.reset();
  }
  LockDocument lock = resolved_lock(command, question, std::move(space), std::move(goal), session);
  std::string text =
      form == LockForm::Pylock ? lock.text() : format_requirements(*lock, question.path.parent_path());
  const bool differs = before != text;
  return {question.path, std::move(lock), std::move(text), before, std::move(was), differs};
}

namespace {

int report(const OfflineCheck& check, const LockCommand& command, Session& session) {
  Output& output = session.output();
  const fs::path path = lock_path(command, session.settings()).lexically_normal();
  if (output.json())
    output.document({{"schema", 1},
                     {"lock", path.native()},
                     {"packages", check.packages},
                     {"changed", !check.faults.empty()},
                     {"written", false},
                     {"differences", check.faults}});
  if (check.faults.empty()) {
    output.say(fmt::format("{}: up to date", path.native()));
    return 0;
  }
  output.say(fmt::format("{} is out of date; `{}` updates it", path.native(),
                         command.script ? "moat lock --script " + shell_word(*command.script) : "moat lock"));
  for (const std::string& fault : check.faults) output.say("  " + fault);
  return 1;
}

}  // namespace

std::vector<std::string> lock_changes(const MadeLock& made) {
  if (!made.was || !made.differs) return {};
  return lock_changes(*made.was, *made.lock);
}

namespace {

Pylock whole_lock(const std::string& text, const std::string& file) {
  Expected<Pylock> lock = parse_pylock(text, "");
  if (!lock) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", quote(file), lock.error().message));
  return std::move(*lock);
}

// As git's merge driver: the result replaces the file of our side. Nothing is resolved here, because the
// pyproject.toml may not be merged yet.
int merge_files(const LockCommand& command, Session& session) {
  const auto text_of = [&](std::size_t side) {
    return read_named_file(session.settings().working_directory / command.merge_files[side]);
  };
  // git passes an empty base if both sides added the file.
  const std::string base_text = text_of(0);
  std::optional<Pylock> base;
  if (!trim(base_text).empty()) base = whole_lock(base_text, command.merge_files[0]);
  const Pylock ours = whole_lock(text_of(1), command.merge_files[1]);
  const Pylock theirs = whole_lock(text_of(2), command.merge_files[2]);
  const fs::path path = session.settings().working_directory / command.merge_files[1];
  write_output_file(path, format_pylock(merge_locks(base ? &*base : nullptr, ours, theirs)), 0666,
                    Durability::Synced);
  session.output().say("merged both locks; run `moat lock` to check the versions against pyproject.toml");
  return 0;
}

}  // namespace

int execute(const LockCommand& command, Session& session) {
  if (!command.merge_files.empty()) return merge_files(command, session);
  if (session.settings().env) open_for_reading(session);  // `sync --env` creates it; here it must exist
  if (command.check)
    if (const auto check = check_offline(command, session)) return report(*check, command, session);
  const MadeLock made = make_lock(command, session);
  if (made.differs && !command.check && !command.dry_run)
    write_output_file(made.path, made.text, 0666, Durability::Synced);

  Output& output = session.output();
  const std::string packages = counted(made.lock.packages(), "package");
  if (output.json())
    output.document({{"schema", 1},
                     {"lock", made.path.native()},
                     {"packages", made.lock.packages()},
                     {"changed", made.differs},
                     {"written", made.differs && !command.check && !command.dry_run}});
  if (!output.json() && output.verbosity() >= 0)
    for (const std::string& line : lock_changes(made)) output.result(line);
  if (command.dry_run) {
    output.say(made.differs ? "nothing was written"
                            : fmt::format("{}: {}, nothing to change", made.path.native(), packages));
    return 0;
  }
  if (command.check && made.differs) {
    output.say(fmt::format("{} would change; `moat lock` writes it", made.path.native()));
    return 1;
  }
  output.say(fmt::format("{}: {}{}", made.path.native(), packages,
                         made.differs ? " locked" : ", nothing to change"));
  return 0;
}

}  // namespace moat
