#include "cli/session/goal.h"

#include "cli/settings/index_list.h"
#include "envs/install/read_goal.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <utility>

namespace moat {

FileTerms file_terms(Session& session) {
  const Settings& settings = session.settings();
  return {.working_directory = settings.working_directory,
          .home = settings.home,
          .variable = [&settings](const std::string& name) -> std::optional<std::string> {
            const auto found = settings.variables.find(name);
            return found == settings.variables.end() ? std::nullopt : std::optional(found->second);
          },
          .client = [&session]() -> HttpClient& { return session.http(index_list(session.settings())); },
          .as_pip = settings.files_as_pip,
          .expand_variables = settings.expand_variables,
          .own_indexes = settings.own_indexes};
}

Goal read_goal(const std::vector<std::string>& packages, const std::vector<std::string>& requirement_files,
               const std::vector<std::string>& constraint_files, Session& session,
               const std::vector<std::string>& editables) {
  return read_goal({.packages = packages,
                    .editables = editables,
                    .requirement_files = requirement_files,
                    .constraint_files = constraint_files,
                    .override_files = session.settings().overrides},
                   file_terms(session), session.reporter());
}

void add_lines(const std::vector<NamedLine>& lines, Goal& goal, const Session& session) {
  add_lines(lines, session.settings().working_directory, goal);
}

PackageName parse_package_name(const std::string& text) {
  Expected<PackageName> name = PackageName::parse(text);
  if (!name)
    throw Error(ErrorKind::Usage,
                fmt::format("{} is not a valid package name: {}", quote(text), name.error().message));
  return std::move(*name);
}

}  // namespace moat
