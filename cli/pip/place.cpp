#include "cli/pip/place.h"

#include "cli/session/environment_facts.h"
#include "cli/session/open_env.h"
#include "envs/place/direct_url.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace moat {
namespace {

// The folders where a base keeps its packages, in the order of sys.path.
std::vector<fs::path> site_folders(const Interpreter& base) {
  if (!base.debian) return {base.stdlib / "site-packages"};
  return {fs::path("/usr/local/lib") / ("python" + base.major_minor()) / "dist-packages",
          base.prefix / "lib/python3/dist-packages"};
}

// Earlier folders hide later ones.
InstalledDistributions read_folders(const std::vector<fs::path>& folders) {
  InstalledDistributions out;
  for (const fs::path& folder : folders) {
    InstalledDistributions one = InstalledDistributions::read(folder);
    for (InstalledDistribution& distribution : one.all)
      if (std::none_of(out.all.begin(), out.all.end(),
                       [&](const auto& earlier) { return earlier.name == distribution.name; }))
        out.all.push_back(std::move(distribution));
    out.problems.insert(out.problems.end(), one.problems.begin(), one.problems.end());
  }
  std::stable_sort(out.all.begin(), out.all.end(),
                   [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

[[noreturn]] void bad_python_version(const std::string& text) {
  throw Error(ErrorKind::Usage, fmt::format("invalid --python-version value: {}", quote(text)),
              {"3, 3.12, 3.12.1, or 312"});
}

// "3" → "3.0", "312" → "3.12", "3.12" and "3.12.1" as they are.
std::string python_version(const std::string& text) {
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), is_ascii_digit);
  if (digits && text.size() == 1) return text + ".0";
  if (digits) return text.substr(0, 1) + "." + text.substr(1);
  return text;
}

// The tags that --implementation and --abi leave or add.
TagSet narrowed(const TagSet& all, const PipCommand& command, const std::string& version,
                const std::vector<std::string>& platforms) {
  const std::string implementation = command.has("implementation") ? command.value("implementation") : "cp";
  const std::vector<std::string> abis = command.values("abi");
  const std::vector<std::string_view> numbers = split(version, '.');
  const std::string python =
      fmt::format("{}{}{}", implementation, numbers[0], numbers.size() > 1 ? numbers[1] : "");
  std::vector<Tag> out;
  if (implementation != "py")
    for (const std::string& abi : abis)
      if (abi != "none" && abi != "abi3")
        for (const std::string& platform : platforms) out.push_back({python, abi, platform});
  for (const Tag& tag : all.tags()) {
    const bool generic = tag.python.substr(0, 2) == "py";
    const bool neutral = tag.abi == "none" || tag.abi == "abi3";
    if (generic || (implementation == "cp" && (neutral || abis.empty()))) out.push_back(tag);
  }
  return TagSet(std::move(out));
}

}  // namespace

InstalledGraph PipPlace::graph(Session& session) const { return {installed, markers(session)}; }

MarkerEnvironment PipPlace::markers(Session& session) const {
  if (interpreter) return interpreter->markers;
  if (environment) return target_of(*environment, session).environment;
  return session.chosen_interpreter().markers;
}

PipPlace pip_place(const PipCommand& command, Session& session) {
  PipPlace place;
  if (command.has("path")) {
    std::vector<fs::path> folders;
    for (const std::string& path : command.values("path"))
      folders.push_back(session.settings().working_directory / path);
    place.installed = read_folders(folders);
  } else if (command.has("python") && session.settings().python && !session.settings().env) {
    place.interpreter = session.chosen_interpreter();
    place.installed = read_folders(site_folders(*place.interpreter));
  } else {
    place.environment = open_for_reading(session);
    place.installed = InstalledDistributions::read(place.environment->site_packages());
  }
  for (const std::string& problem : place.installed.problems) session.reporter().warn(problem);
  return place;
}

void refuse_base_interpreter(const PipCommand& command, Session& session) {
  if (!command.has("python") || session.settings().env) return;
  const Interpreter base = session.chosen_interpreter();
  std::error_code ignored;
  const bool managed = fs::exists(base.stdlib / "EXTERNALLY-MANAGED", ignored);
  throw Error(ErrorKind::Refused,
              fmt::format("{} is a base interpreter{}, and moat installs into environments only",
                          base.executable.native(), managed ? ", managed by the system" : ""),
              {fmt::format("`moat create -p {} .venv`, then `moat pip --python .venv {} …`",
                           base.executable.native(), command.command),
               "`--target DIR` installs into a plain folder"});
}

std::optional<Environment> pip_environment(const PipCommand& command, const Settings& settings) {
  if (command.has("python") && !settings.env) return std::nullopt;
  const std::optional<ChosenEnvironment> chosen = choose_environment(settings);
  if (!chosen || (chosen->by != ChosenBy::Option && !Environment::exists_at(chosen->root)))
    return std::nullopt;
  return Environment::open(chosen->root, Environment::Foreign::Allowed);
}

Interpreter pip_interpreter(const PipCommand& command, Session& session) {
  const std::optional<Environment> environment = pip_environment(command, session.settings());
  if (!environment) return session.chosen_interpreter();
  return interpreter_like(*environment, session);
}

bool is_foreign_target(const PipCommand& command) {
  return command.has("platform") || command.has("python-version") || command.has("implementation") ||
         command.has("abi");
}

Target pip_target(const PipCommand& command, const Interpreter& here) {
  if (!is_foreign_target(command)) return target_of(here);
  const std::string version =
      command.has("python-version") ? python_version(command.value("python-version")) : here.version;
  const std::vector<std::string> names = command.values("platform");
  Expected<Target> target = foreign_target(version, names, &here);
  if (!target && command.has("python-version") && names.empty())
    bad_python_version(command.value("python-version"));
  if (!target) throw Error(ErrorKind::Usage, target.error().message);
  if (!command.has("implementation") && !command.has("abi")) return std::move(*target);
  std::vector<std::string> platforms;
  for (const std::string& name : names)
    if (const auto known = platforms_of(name))
      platforms.insert(platforms.end(), known->begin(), known->end());
  if (platforms.empty()) platforms = here.tags.platforms;
  target->tags = narrowed(target->tags, command, version, platforms);
  return std::move(*target);
}

std::vector<Requirement> plain_requirements(const InstalledNode& node, const MarkerEnvironment& markers) {
  std::vector<Requirement> out;
  if (!node.metadata) return out;
  for (const Requirement& requirement : node.metadata->requires_dist)
    if (!requirement.marker || requirement.marker->evaluate(markers)) out.push_back(requirement);
  return out;
}

void pip_say(Session& session, std::string_view line) {
  if (session.output().verbosity() >= 0) session.output().result(line);
}

std::optional<std::string> editable_location(const InstalledDistribution& distribution) {
  const auto from = distribution.direct_url ? DirectUrl::parse(*distribution.direct_url) : std::nullopt;
  if (!from || !from->editable) return std::nullopt;
  const Expected<Url> url = Url::parse(from->url);
  if (!url || url->scheme() != "file") return std::nullopt;
  return url->file_path();
}

}  // namespace moat
