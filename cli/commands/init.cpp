// moat init [PATH]: a pyproject.toml to begin with.
#include "cli/commands/commands.h"
#include "fetch/os/file.h"
#include "fetch/os/presence.h"
#include "resolver/base/text.h"
#include "resolver/files/toml.h"
#include "resolver/pep/name.h"
#include "resolver/pep/specifier.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {
namespace {

// "My App!" → "my-app"; "" if no valid character of the folder's name is left.
std::string name_from(const fs::path& folder) {
  const std::string last = folder.filename().native();
  std::string out;
  for (const char c : last) out += is_ascii_alnum(c) ? ascii_lower(c) : '-';
  out = normalize_name(out);
  const std::size_t begin = out.find_first_not_of('-');
  return begin == std::string::npos ? "" : out.substr(begin, out.find_last_not_of('-') + 1 - begin);
}

PackageName name_for(const InitCommand& command, const fs::path& folder) {
  const std::string text = command.name.value_or(name_from(folder));
  Expected<PackageName> name = PackageName::parse(text);
  if (name) return std::move(*name);
  if (command.name)
    throw Error(ErrorKind::Usage, fmt::format("--name: {}: {}", quote(text), name.error().message));
  throw Error(ErrorKind::Usage, fmt::format("the name of {} cannot be a project's", folder.native()),
              {"`moat init --name NAME` names it"});
}

// The typed specifier; else the version of the named Python as a lower bound.
std::string requires_python(Session& session) {
  const Settings& settings = session.settings();
  if (settings.python_is_option)
    if (const auto specifier = SpecifierSet::parse(*settings.python); specifier && !specifier->empty())
      return specifier->to_string();
  return ">=" + session.chosen_interpreter().major_minor();
}

std::string pyproject_text(const PackageName& name, const std::string& python, bool package) {
  std::string text = fmt::format(
      "[project]\n"
      "name = {}\n"
      "version = \"0.1.0\"\n"
      "description = \"\"\n"
      "requires-python = {}\n"
      "dependencies = []\n",
      toml_quote(name.display()), toml_quote(python));
  if (!package) return text;
  return text + fmt::format(
                    "\n[project.scripts]\n"
                    "{} = \"{}:main\"\n"
                    "\n[build-system]\n"
                    "requires = [\"flit_core>=3.11,<4\"]\n"
                    "build-backend = \"flit_core.buildapi\"\n",
                    name.normalized(), name.escaped());
}

std::string module_text(const PackageName& name) {
  return fmt::format("def main() -> None:\n    print(\"Hello from {}!\")\n", name.display());
}

}  // namespace

int execute(const InitCommand& command, Session& session) {
  const fs::path given = session.settings().working_directory / command.path.value_or(".");
  const fs::path folder = given.lexically_normal().has_filename() ? given.lexically_normal()
                                                                  : given.lexically_normal().parent_path();
  const fs::path pyproject = folder / "pyproject.toml";
  if (is_there(pyproject))
    throw Error(ErrorKind::Exists, fmt::format("{} already exists", pyproject.native()),
                {"`moat add PACKAGE` adds to it"});
  const PackageName name = name_for(command, folder);
  const std::string python = requires_python(session);
  const fs::path module = folder / "src" / name.escaped() / "__init__.py";
  make_directories(folder);
  if (command.package && !is_there(module)) {
    make_directories(module.parent_path());
    write_file_atomically(module, module_text(name));
  }
  write_file_atomically(pyproject, pyproject_text(name, python, command.package));
  Output& output = session.output();
  if (output.json())
    output.document({{"schema", 1},
                     {"pyproject", pyproject.native()},
                     {"name", name.display()},
                     {"requires_python", python}});
  output.say(fmt::format("created {}: {}, for Python {}", pyproject.native(), name.display(), python));
  return 0;
}

}  // namespace moat
