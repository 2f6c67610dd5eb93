// moat env list | clone | move: where environments are.
#include "cli/commands/commands.h"
#include "cli/session/bytecode_later.h"
#include "cli/session/which_env.h"
#include "envs/environment/copy_environment.h"
#include "envs/environment/installed.h"
#include "envs/environment/known_environments.h"
#include "envs/journal/sealed.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>

namespace moat {
namespace {

struct Listed {
  std::string name;  // "" for one that has none
  fs::path root;
  std::string python, problem;
  std::uint64_t bytes = 0;
  std::int64_t last_use = 0;  // unix seconds
};

// When its Python was last started, as far as the file system records it (relatime: to the day), or when it
// was changed.
std::int64_t last_use_of(const fs::path& root) {
  std::int64_t last = 0;
  struct stat facts {};
  if (::stat((root / "bin/python").c_str(), &facts) == 0) last = std::max<std::int64_t>(last, facts.st_atime);
  if (::stat((root / ".moat/manifest").c_str(), &facts) == 0)
    last = std::max<std::int64_t>(last, facts.st_mtime);
  return last;
}

Listed look_at(const std::string& name, const fs::path& root) {
  Listed listed{name, root, "", ""};
  listed.last_use = last_use_of(root);
  try {
    const Environment environment = Environment::open(root, Environment::Foreign::Allowed);
    if (environment.is_foreign()) {
      listed.python = "foreign";
    } else {
      listed.python = environment.interpreter().version;
      const Environment::Placed placed = environment.placed();
      for (const ManifestEntry& entry : placed.manifest.entries) listed.bytes += entry.size;
      for (const BytecodeEntry& entry : placed.bytecode) listed.bytes += entry.size;
    }
  } catch (const Error& error) {
    listed.problem = error.what();
  }
  return listed;
}

// Named ones first, then the user's own, then those in other places.
std::vector<Listed> known_environments(const Settings& settings) {
  std::vector<Listed> out;
  std::vector<fs::path> named;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(settings.envs_dir(), error))
    if (is_environment_name(entry.path().filename().native())) named.push_back(entry.path());
  std::sort(named.begin(), named.end());
  for (const fs::path& root : named) out.push_back(look_at(root.filename().native(), root));
  if (Environment::exists_at(settings.user_env())) out.push_back(look_at("--user", settings.user_env()));
  for (const fs::path& root : remembered_environments(settings.data_dir)) out.push_back(look_at("", root));
  return out;
}

std::string local_day(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  localtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts)};
}

// Commands in ~/.local/bin point into it.
void refuse_the_users_own(const fs::path& root, const Settings& settings, std::string_view doing) {
  std::error_code ignored;
  if (fs::equivalent(root, settings.user_env(), ignored))
    throw Error(ErrorKind::Refused,
                fmt::format("cannot {} this user's own environment: commands in {} point into it", doing,
                            settings.bin_dir.native()));
}

fs::path new_place(const std::string& path_or_name, const Settings& settings) {
  std::error_code failure;
  fs::path out = fs::weakly_canonical(environment_path(path_or_name, settings), failure);
  if (failure) throw_errno("find", path_or_name, failure.value());
  return out;
}

// A project inside the environment's folder that was installed as editable is found by its path.
void warn_of_editables(const Environment& environment, const fs::path& to, Session& session) {
  const std::string inside = "file://" + environment.root().native() + "/";
  for (const InstalledDistribution& distribution :
       InstalledDistributions::read(environment.site_packages()).all)
    if (distribution.direct_url && distribution.direct_url->find(inside) != std::string::npos)
      session.output().warn(
          fmt::format("{} is an editable install from {}; to edit it in {}, install it again from there",
                      distribution.name.display(), environment.root().native(), to.native()));
}

}  // namespace

int execute(const EnvListCommand&, Session& session) {
  Output& output = session.output();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const Listed& listed : known_environments(session.settings())) {
    output.result(fmt::format("{:<16} {:<10} {:>8}  {}  {}", listed.name,
                              listed.problem.empty() ? listed.python : "damaged",
                              listed.bytes == 0 ? "" : human_bytes(listed.bytes), local_day(listed.last_use),
                              listed.root.native()));
    documents.push_back({{"name", listed.name},
                         {"path", listed.root.native()},
                         {"python", listed.python},
                         {"bytes", listed.bytes},
                         {"last_use", listed.last_use},
                         {"problem", listed.problem}});
  }
  if (output.json())
    output.document({{"schema", 1}, {"environments", documents}});
  else if (documents.empty())
    output.say(
        "there are no environments; `moat create` makes one in ./.venv, `moat create -n NAME` a named one");
  return 0;
}

int execute(const EnvCloneCommand& command, Session& session) {
  const Settings& settings = session.settings();
  const fs::path to = new_place(command.to, settings);
  const Environment environment = Environment::open(environment_path(command.from, settings));
  const bool is_pending = is_bytecode_pending(environment.root(), settings);
  const Environment clone = clone_environment(environment, to, session.workers());
  if (is_pending) session.lacks_bytecode(clone.root());
  remember_environment(clone.root(), settings.data_dir);
  warn_of_editables(environment, to, session);
  session.output().say(fmt::format("copied {} to {}", environment.root().native(), clone.root().native()));
  if (session.output().json())
    session.output().document(
        {{"schema", 1}, {"from", environment.root().native()}, {"to", clone.root().native()}});
  return 0;
}

int execute(const EnvMoveCommand& command, Session& session) {
  const Settings& settings = session.settings();
  const fs::path to = new_place(command.to, settings);
  const Environment environment = Environment::open(environment_path(command.from, settings));
  refuse_release(environment.root());
  refuse_the_users_own(environment.root(), settings, "move");
  const fs::path from = environment.root();
  const bool is_pending = is_bytecode_pending(from, settings);
  const Environment moved = move_environment(environment, to, session.workers());
  if (is_pending) session.lacks_bytecode(moved.root());
  remember_environment(moved.root(), settings.data_dir);
  session.output().say(fmt::format("moved {} to {}", from.native(), moved.root().native()));
  if (session.output().json())
    session.output().document({{"schema", 1}, {"from", from.native()}, {"to", moved.root().native()}});
  return 0;
}

}  // namespace moat
