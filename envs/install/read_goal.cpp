#include "envs/install/read_goal.h"

#include "envs/environment/shell_words.h"
#include "fetch/os/file.h"
#include "fetch/os/presence.h"
#include "resolver/base/redact.h"
#include "resolver/base/text.h"
#include "resolver/files/conda_environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace moat {
namespace {

Error not_a_requirement(const RequirementsEntry& entry, const std::string& why) {
  const std::string shown = quote(hide_credentials(entry.text));
  return Error(ErrorKind::BadInput,
               entry.where.empty() ? fmt::format("{} is not a requirement: {}", shown, why)
                                   : fmt::format("{}: {} is not a requirement: {}", entry.where, shown, why));
}

// A file was given where a project name was expected: an index may have a project of that name, too.
void check_is_no_file(const std::string& text, const fs::path& directory) {
  const bool is_like_a_file = text.ends_with(".txt") || text.ends_with(".toml") || text.ends_with(".in") ||
                              text.ends_with(".lock") || text.ends_with(".yml") || text.ends_with(".yaml");
  if (!is_like_a_file || text.find('/') != std::string::npos || !is_there(directory / text)) return;
  throw Error(ErrorKind::Usage, fmt::format("{} is a file, not a requirement", quote(text)),
              {text == "pyproject.toml"      ? "`moat install .` installs this project"
               : text.starts_with("pylock.") ? fmt::format("`moat sync {}` installs what a lock says", text)
                                             : fmt::format("`-r {}` installs what a file lists", text)});
}

// `flask 3`, `flask=3`, `flask@3`, as in other tools.
void check_spelling(const std::vector<std::string>& packages, const fs::path& directory) {
  const auto did_you_mean = [](const std::string& text, std::string_view name, std::string_view version) {
    throw Error(ErrorKind::BadInput, fmt::format("{} is not a requirement", quote(text)),
                {fmt::format("did you mean `{}=={}`?", name, version)});
  };
  const auto is_name = [](std::string_view text) { return PackageName::parse(text).has_value(); };
  for (std::size_t i = 0; i < packages.size(); ++i) {
    const std::string& text = packages[i];
    if (i > 0 && Version::parse(text) && is_ascii_digit(text.front()) && is_name(packages[i - 1]) &&
        !Version::parse(packages[i - 1]))
      did_you_mean(packages[i - 1] + " " + text, packages[i - 1], text);
    check_is_no_file(text, directory);
    const std::size_t mark = text.find_first_of("=@");
    if (mark == std::string::npos || mark + 1 == text.size()) continue;
    const std::string_view name = trim(std::string_view(text).substr(0, mark));
    const std::string_view version = trim(std::string_view(text).substr(mark + 1));
    if (is_name(name) && Version::parse(version) && !is_there(directory / version))
      did_you_mean(text, name, version);
  }
}

void check_editable(const RequirementsEntry& entry, const std::string& url) {
  const Expected<SourceUrl> source = SourceUrl::parse(url);
  if (source && (source->kind == SourceKind::Directory || source->kind == SourceKind::Git)) return;
  throw Error(ErrorKind::BadInput, fmt::format("{}-e {}: only a folder or git repository can be editable",
                                               entry.where.empty() ? "" : entry.where + ": ",
                                               quote(hide_credentials(entry.text))));
}

// `foo @ URL`, and not a path or URL alone.
bool says_its_name(std::string_view text, const PackageName& name) {
  const Expected<PackageName> said =
      PackageName::parse(trim(text.substr(0, text.find_first_of("@[;<>=!~ "))));
  return said && *said == name;
}

// A constraint concerns a name that others ask for: pip's rules.
void check_constraint(const RequirementsEntry& entry, const RootRequirement& root) {
  const auto refuse = [&](std::string_view why) {
    throw Error(ErrorKind::BadInput, fmt::format("{}: {} cannot be a constraint: {}", entry.where,
                                                 quote(hide_credentials(entry.text)), why));
  };
  if (entry.editable) refuse("it is editable");
  if (!root.requirement.extras.empty()) refuse("a constraint cannot have extras");
  if (root.requirement.url && !says_its_name(entry.text, root.requirement.name))
    refuse(fmt::format("a constraint must begin with a name: {} @ …", root.requirement.name.display()));
}

// An editable is a folder: `-e proj` means `./proj`.
std::string editable_text(const std::string& text) {
  const bool says_so = text.find("://") != std::string::npos || text.find(" @ ") != std::string::npos ||
                       text.find_first_of("./") == 0 || text.substr(0, 5) == "file:";
  return says_so ? text : "./" + text;
}

}  // namespace

void add_line(const RequirementsEntry& entry, const fs::path& directory, Goal& goal) {
  Expected<RequirementLine> line =
      parse_requirement_line(entry.editable ? editable_text(entry.text) : entry.text, directory.native());
  if (!line) throw not_a_requirement(entry, line.error().message);
  std::vector<RootRequirement>& lines = entry.constraint ? goal.constraints : goal.requirements;
  if (auto* unnamed = std::get_if<UnnamedSource>(&*line)) {
    if (entry.constraint)
      throw Error(ErrorKind::BadInput,
                  fmt::format("{}: {} cannot be a constraint: a constraint must begin with a name: NAME @ …",
                              entry.where, quote(hide_credentials(entry.text))));
    if (entry.editable) check_editable(entry, unnamed->url);
    goal.unnamed.push_back({.source = std::move(*unnamed),
                            .text = entry.text,
                            .origin = {entry.where},
                            .hashes = entry.hashes,
                            .config_settings = entry.config_settings,
                            .editable = entry.editable,
                            .place = lines.size()});
    return;
  }
  Requirement& requirement = std::get<Requirement>(*line);
  if (entry.editable) {
    check_editable(entry, requirement.url.value_or(""));
    goal.editables.insert(requirement.name);
  }
  if (!entry.config_settings.empty()) goal.config_settings[requirement.name] = entry.config_settings;
  RootRequirement root{std::move(requirement), {entry.where}, entry.hashes};
  if (entry.constraint) check_constraint(entry, root);
  lines.push_back(std::move(root));
}

namespace {

// pip's rule: later files override, lists are joined. A file must not set trusted hosts.
void join_options(RequirementsOptions& into, RequirementsOptions from) {
  const auto append = [](auto& list, auto& more) { list.insert(list.end(), more.begin(), more.end()); };
  if (from.index_url) into.index_url = std::move(from.index_url);
  append(into.extra_index_urls, from.extra_index_urls);
  append(into.find_links, from.find_links);
  append(into.binary, from.binary);
  append(into.releases, from.releases);
  into.no_index = into.no_index || from.no_index;
  into.prefer_binary = into.prefer_binary || from.prefer_binary;
  if (from.require_hashes) into.require_hashes = from.require_hashes;
}

void read_file_into(const std::string& path, bool constraint, const FileTerms& terms, Reporter& reporter,
                    Goal& goal) {
  if (const std::string name = fs::path(path).filename();
      name == "pyproject.toml" || name.starts_with("pylock."))
    throw Error(ErrorKind::BadInput, fmt::format("{} is not a requirements file", quote(path)),
                {name == "pyproject.toml"
                     ? "`moat install -e .` installs the project with what it needs; `moat lock`, "
                       "then `moat sync`, only what it needs"
                     : fmt::format("`moat sync {}` installs what a lock says", path)});
  if (const std::string name = fs::path(path).filename(); name == "uv.lock" || name == "poetry.lock" ||
                                                          name == "pdm.lock" || name == "Pipfile" ||
                                                          name == "Pipfile.lock" || is_yaml_name(name)) {
    const std::string lock = name == "Pipfile" ? path + ".lock" : path;
    throw Error(ErrorKind::BadInput, fmt::format("{} is not a requirements file", quote(path)),
                {fmt::format("`moat import {}` takes over what it locks", shell_word(lock))});
  }
  RequirementsFile file = read_requirements(path, constraint, requirements_reader(path, terms));
  for (const std::string& warning : file.warnings) reporter.warn(warning);
  for (std::size_t i = 0; i < file.options.trusted_hosts.size(); ++i)
    reporter.warn(
        fmt::format("{}: `--trusted-host` ignored: a file cannot set it; give it on the command line, or set "
                    "MOAT_TRUSTED_HOST={}",
                    file.options.trusted_hosts_at.at(i), file.options.trusted_hosts[i]));
  for (const RequirementsEntry& entry : file.entries) add_line(entry, terms.working_directory, goal);
  join_options(goal.file_options, std::move(file.options));
}

}  // namespace

Goal read_goal(const GoalTexts& texts, const FileTerms& terms, Reporter& reporter) {
  Goal goal;
  const fs::path& directory = terms.working_directory;
  check_spelling(texts.packages, directory);
  for (const std::string& text : texts.packages)
    add_line({.text = text, .where = "", .hashes = {}, .config_settings = {}}, directory, goal);
  for (const std::string& text : texts.editables)
    add_line({.text = text, .where = "", .editable = true, .hashes = {}, .config_settings = {}}, directory,
             goal);
  for (const std::string& path : texts.requirement_files) {
    const std::size_t before = goal.requirements.size(), unnamed_before = goal.unnamed.size();
    read_file_into(path, false, terms, reporter, goal);
    const std::string file = path.find("://") != std::string::npos
                                 ? hide_credentials(path)
                                 : (directory / path).lexically_normal().native();
    for (std::size_t i = before; i < goal.requirements.size(); ++i)
      goal.files.emplace(goal.requirements[i].origin.where, file);
    for (std::size_t i = unnamed_before; i < goal.unnamed.size(); ++i)
      goal.files.emplace(goal.unnamed[i].origin.where, file);
  }
  for (const std::string& path : texts.constraint_files) read_file_into(path, true, terms, reporter, goal);
  for (const std::string& path : texts.override_files) {
    Goal overrides;
    read_file_into(path, false, terms, reporter, overrides);
    for (const RootRequirement& constraint : overrides.constraints)
      throw Error(ErrorKind::BadInput,
                  fmt::format("{}: an override file cannot have constraints", constraint.origin.where));
    goal.overrides.insert(goal.overrides.end(), overrides.requirements.begin(), overrides.requirements.end());
  }
  const auto has_hashes = [](const auto& line) { return !line.hashes.empty(); };
  const bool any_hash = std::any_of(goal.requirements.begin(), goal.requirements.end(), has_hashes) ||
                        std::any_of(goal.constraints.begin(), goal.constraints.end(), has_hashes) ||
                        std::any_of(goal.unnamed.begin(), goal.unnamed.end(), has_hashes);
  goal.require_hashes = goal.file_options.require_hashes.value_or(any_hash);
  return goal;
}

void add_lines(const std::vector<NamedLine>& lines, const fs::path& directory, Goal& goal) {
  for (const NamedLine& line : lines)
    add_line({.text = line.text,
              .where = line.where,
              .editable = line.editable,
              .hashes = {},
              .config_settings = {}},
             directory, goal);
}

}  // namespace moat
