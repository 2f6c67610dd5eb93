#include "envs/project/workspace.h"

#include "fetch/os/file.h"
#include "fetch/os/ownership.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <set>
#include <system_error>
#include <utility>

namespace moat {
namespace {

constexpr const char* kFile = "pyproject.toml";

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

Error bad(const fs::path& folder, const std::string& why, std::vector<std::string> hints = {}) {
  return {ErrorKind::BadInput, fmt::format("{}: {}", (folder / kFile).native(), why), std::move(hints)};
}

std::vector<std::string> patterns_of(const TomlTable& workspace, const char* key, const fs::path& folder) {
  std::vector<std::string> out;
  const TomlValue* list = find_key(workspace, key);
  if (list == nullptr) return out;
  const auto wrong = [&](std::uint32_t line) {
    return bad(folder,
               fmt::format("`{}` of [tool.moat.workspace] must be a list of folders (line {})", key, line));
  };
  if (list->array() == nullptr) throw wrong(list->line);
  for (const TomlValue& one : *list->array()) {
    if (one.string() == nullptr) throw wrong(one.line);
    const fs::path path(*one.string());
    if (path.is_absolute() ||
        std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; }))
      throw bad(folder, fmt::format("members of a workspace lie below its folder, and {} does not (line {})",
                                    quote(*one.string()), one.line));
    out.push_back(path.lexically_normal().generic_string());
  }
  return out;
}

bool has_wildcard(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

// The folders that match a pattern, one component after the other.
std::set<fs::path> matching_folders(const fs::path& folder, const fs::path& pattern) {
  std::set<fs::path> found{folder};
  for (const fs::path& part : pattern) {
    if (part.empty() || part == ".") continue;
    std::set<fs::path> next;
    for (const fs::path& here : found) {
      if (!has_wildcard(part.native())) {
        next.insert(here / part);
        continue;
      }
      std::error_code error;
      for (const fs::directory_entry& entry : fs::directory_iterator(here, error))
        if (entry.is_directory(error) &&
            ::fnmatch(part.c_str(), entry.path().filename().c_str(), FNM_PERIOD) == 0)
          next.insert(entry.path());
    }
    found = std::move(next);
  }
  return found;
}

TomlTable table_of(const fs::path& folder, const SurroundingProject& around) {
  const fs::path path = folder / kFile;
  const std::optional<std::string> text = pyproject_text(path, around);
  Expected<TomlTable> table = parse_toml(text ? *text : read_file(path));
  if (!table) throw bad(folder, table.error().message);
  return std::move(*table);
}

// Most projects are not workspaces, which is known without parsing them.
bool may_be_workspace(const SurroundingProject& around) {
  return around.pyproject && around.pyproject_text &&
         around.pyproject_text->find("workspace") != std::string::npos;
}

WorkspaceMember member_of(const fs::path& folder, const TomlTable& table) {
  const TomlValue* name = find_path(table, {"project", "name"});
  if (name == nullptr || name->string() == nullptr)
    throw bad(folder, "a member of a workspace needs a `name` in [project]",
              {"`exclude` under [tool.moat.workspace] leaves a folder out"});
  Expected<PackageName> parsed = PackageName::parse(*name->string());
  if (!parsed) throw bad(folder, fmt::format("{} (line {})", parsed.error().message, name->line));
  WorkspaceMember out{folder, std::move(*parsed), std::nullopt};
  const TomlValue* version = find_path(table, {"project", "version"});
  if (version != nullptr && version->string() != nullptr)
    if (const Expected<Version> value = Version::parse(*version->string())) out.version = *value;
  return out;
}

std::string told(const std::vector<WorkspaceMember>& members) {
  std::vector<std::string> names;
  for (const WorkspaceMember& one : members) names.push_back(one.name.display());
  return join(names, ", ");
}

const WorkspaceMember* find_named(const std::vector<WorkspaceMember>& members, const PackageName& name) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const WorkspaceMember& one) { return one.name == name; });
  return found == members.end() ? nullptr : &*found;
}

// Follows the lines of members to other members.
class MemberLines {
 public:
  MemberLines(const std::vector<WorkspaceMember>& members, const SurroundingProject& around,
              const AskBackend& ask)
      : members_(members), around_(around), ask_(ask) {}

  void take(const std::vector<NamedLine>& lines, const WorkspaceMember* of) {
    for (const NamedLine& line : lines) {
      const Expected<Requirement> requirement = Requirement::parse(line.text);
      const WorkspaceMember* member = requirement ? find_named(members_, requirement->name) : nullptr;
      if (line.of_workspace && member == nullptr) throw no_such_member(line);
      if (member == nullptr) {
        out_.push_back(line);
        continue;
      }
      met_.insert(member->name);
      check(line, *requirement, *member, of);
      for (const ExtraName& extra : requirement->extras) take_extra(line, *member, extra);
    }
  }

  std::vector<NamedLine> finish() { return std::move(out_); }
  const std::set<PackageName>& met() const { return met_; }

 private:
  Error no_such_member(const NamedLine& line) const {
    return {ErrorKind::BadInput,
            fmt::format("{}: {} is to come from the workspace, which has no such member{}", line.where,
                        quote(line.text), members_.empty() ? "" : "; it has " + told(members_)),
            {members_.empty() ? "`members = [\"packages/*\"]` under [tool.moat.workspace] makes a workspace"
                              : "`members` under [tool.moat.workspace] names the folders of members"}};
  }

  static void check(const NamedLine& line, const Requirement& requirement, const WorkspaceMember& member,
                    const WorkspaceMember* of) {
    if (of != nullptr && of->name == member.name)
      throw Error(ErrorKind::BadInput,
                  fmt::format("{}: {} depends on itself", line.where, member.name.display()),
                  {"take that line out"});
    if (member.version && !requirement.url && !requirement.specifier.contains(*member.version))
      throw Error(ErrorKind::NoSolution,
                  fmt::format("{} requires {}, and {} of this workspace is {}", line.where, line.text,
                              member.name.display(), member.version->to_string()),
                  {"a member has one version in its workspace: change either of the two"});
  }

  void take_extra(const NamedLine& line, const WorkspaceMember& member, const ExtraName& extra) {
    if (!seen_.emplace(member.name, extra).second) return;
    const ProjectChoices choices = read_choices(member.folder, around_, ask_);
    const auto found = choices.extras.find(extra.normalized());
    if (found == choices.extras.end())
      throw Error(ErrorKind::BadInput, fmt::format("{}: {} has no extra {}", line.where,
                                                   member.name.display(), quote(extra.display())));
    take(found->second, nullptr);
  }

  const std::vector<WorkspaceMember>& members_;
  const SurroundingProject& around_;
  const AskBackend& ask_;
  std::vector<NamedLine> out_;
  std::set<PackageName> met_;  // members that lines named
  std::set<std::pair<PackageName, ExtraName>> seen_;
};

// A member named without wildcards must exist.
void refuse_missing(const TomlTable& pyproject, const fs::path& folder) {
  const TomlValue* const workspace = find_path(pyproject, {"tool", "moat", "workspace"});
  for (const std::string& pattern : patterns_of(*workspace->table(), "members", folder))
    if (!has_wildcard(pattern))
      for (const fs::path& one : matching_folders(folder, pattern))
        if (!is_file(one / kFile))
          throw bad(folder,
                    fmt::format("the member {} of the workspace has no pyproject.toml", quote(pattern)),
                    {fmt::format("`moat init {}` makes one", pattern)});
}

}  // namespace

std::optional<std::vector<fs::path>> member_folders(const TomlTable& pyproject, const fs::path& folder) {
  const TomlValue* workspace = find_path(pyproject, {"tool", "moat", "workspace"});
  if (workspace == nullptr) return std::nullopt;
  if (workspace->table() == nullptr)
    throw bad(folder, fmt::format("`workspace` is not a table (line {})", workspace->line));
  std::set<fs::path> found;
  for (const std::string& pattern : patterns_of(*workspace->table(), "members", folder))
    for (const fs::path& one : matching_folders(folder, pattern)) {
      if (is_file(one / kFile)) found.insert(one);
    }
  for (const std::string& pattern : patterns_of(*workspace->table(), "exclude", folder))
    for (const fs::path& one : matching_folders(folder, pattern)) found.erase(one);
  found.erase(folder);
  return std::vector<fs::path>(found.begin(), found.end());
}

std::optional<fs::path> workspace_root(const fs::path& member) {
  const fs::path folder = member.parent_path();
  for (fs::path above = folder; above.has_relative_path();) {
    above = above.parent_path();
    const fs::path file = above / kFile;
    // Only if the owner of the current folder owns it: another user's workspace does not take in a project.
    if (!is_file(file) || !is_obeyed(file, folder)) continue;
    const std::string text = read_file(file);
    if (text.find("workspace") == std::string::npos) continue;
    const Expected<TomlTable> table = parse_toml(text);
    const auto folders = table ? member_folders(*table, above) : std::nullopt;
    if (folders && std::find(folders->begin(), folders->end(), folder) != folders->end()) return file;
  }
  return std::nullopt;
}

std::vector<fs::path> workspace_folders(const SurroundingProject& around) {
  if (!may_be_workspace(around)) return {};
  const fs::path root = around.pyproject->parent_path();
  return member_folders(table_of(root, around), root).value_or(std::vector<fs::path>());
}

std::vector<WorkspaceMember> workspace_members(const SurroundingProject& around) {
  if (!may_be_workspace(around)) return {};
  const fs::path root = around.pyproject->parent_path();
  const TomlTable table = table_of(root, around);
  const auto folders = member_folders(table, root);
  if (!folders) return {};
  refuse_missing(table, root);
  std::vector<WorkspaceMember> out;
  if (find_key(table, "project") != nullptr) out.push_back(member_of(root, table));
  for (const fs::path& folder : *folders) out.push_back(member_of(folder, table_of(folder, around)));
  std::sort(out.begin(), out.end(),
            [](const WorkspaceMember& a, const WorkspaceMember& b) { return a.name < b.name; });
  for (std::size_t i = 1; i < out.size(); ++i)
    if (out[i].name == out[i - 1].name)
      throw bad(root, fmt::format("two members of the workspace are called {}: {} and {}",
                                  out[i].name.display(), out[i - 1].folder.lexically_relative(root).native(),
                                  out[i].folder.lexically_relative(root).native()));
  return out;
}

const WorkspaceMember& find_member(const std::vector<WorkspaceMember>& members, const std::string& name) {
  const Expected<PackageName> parsed = PackageName::parse(name);
  const WorkspaceMember* found = parsed ? find_named(members, *parsed) : nullptr;
  if (found != nullptr) return *found;
  throw Error(ErrorKind::Usage, members.empty()
                                    ? fmt::format("--package {}: there is no workspace here", name)
                                    : fmt::format("--package: the workspace has no member {}; it has {}",
                                                  quote(name), told(members)));
}

std::vector<NamedLine> without_members(const std::vector<NamedLine>& lines, const WorkspaceMember* of,
                                       const std::vector<WorkspaceMember>& members,
                                       const SurroundingProject& around, const AskBackend& ask,
                                       std::set<PackageName>* met) {
  MemberLines out(members, around, ask);
  out.take(lines, of);
  if (met != nullptr) met->insert(out.met().begin(), out.met().end());
  return out.finish();
}

ProjectFacts read_workspace(const SurroundingProject& around, const AskBackend& ask) {
  const fs::path root = *project_folder(around);
  ProjectFacts out = read_project(root, around, ask);
  const std::vector<WorkspaceMember> members = workspace_members(around);
  std::vector<NamedLine> lines;
  if (out.dependencies) {
    const auto own = std::find_if(members.begin(), members.end(),
                                  [&](const WorkspaceMember& one) { return one.folder == root; });
    lines = without_members(*out.dependencies, own == members.end() ? nullptr : &*own, members, around, ask);
  }
  for (const WorkspaceMember& member : members) {
    if (member.folder == root) continue;
    const ProjectFacts facts = read_project(member.folder, around, ask);
    if (!facts.dependencies) continue;
    for (NamedLine& line : without_members(*facts.dependencies, &member, members, around, ask))
      lines.push_back(std::move(line));
  }
  if (out.dependencies || !members.empty()) out.dependencies = std::move(lines);
  return out;
}

ProjectChoices read_workspace_choices(const SurroundingProject& around, const AskBackend& ask) {
  const fs::path root = *project_folder(around);
  const std::vector<WorkspaceMember> members = workspace_members(around);
  ProjectChoices out;
  const auto take = [&](const fs::path& folder) {
    const ProjectChoices choices = read_choices(folder, around, ask);
    for (const auto& [name, lines] : choices.extras)
      for (NamedLine& line : without_members(lines, nullptr, members, around, ask))
        out.extras[name].push_back(std::move(line));
    for (const auto& [name, lines] : choices.groups)
      for (NamedLine& line : without_members(lines, nullptr, members, around, ask))
        out.groups[name].push_back(std::move(line));
    for (const auto& [name, lines] : choices.extras) out.extras.try_emplace(name);
    for (const auto& [name, lines] : choices.groups) out.groups.try_emplace(name);
  };
  take(root);
  for (const WorkspaceMember& member : members)
    if (member.folder != root) take(member.folder);
  return out;
}

std::vector<OwnPackage> own_packages(const SurroundingProject& around) {
  std::vector<OwnPackage> out;
  if (std::optional<OwnPackage> own = own_package(around)) out.push_back(std::move(*own));
  for (const fs::path& member : workspace_folders(around))
    if (std::optional<OwnPackage> own = own_package(member, around)) out.push_back(std::move(*own));
  return out;
}

MemberNeeds needs_of_member(const std::string& name, const std::set<ExtraName>& extras,
                            const std::set<GroupName>& groups, const SurroundingProject& around,
                            const AskBackend& ask) {
  const std::vector<WorkspaceMember> members = workspace_members(around);
  const WorkspaceMember& first = find_member(members, name);
  MemberNeeds out;
  std::set<PackageName> met{first.name}, done;
  const auto take = [&](const std::vector<NamedLine>& lines) {
    for (const NamedLine& line : without_members(lines, nullptr, members, around, ask, &met))
      if (const auto requirement = Requirement::parse(line.text)) out.names.insert(requirement->name);
  };
  const ProjectChoices choices = read_choices(first.folder, around, ask);
  for (const auto& [extra, lines] : choices.extras)
    if (extras.contains(ExtraName::parse(extra).value())) take(lines);
  for (const auto& [group, lines] : choices.groups)
    if (groups.contains(GroupName::parse(group).value())) take(lines);
  // Each may name further ones.
  while (done.size() < met.size())
    for (const WorkspaceMember& member : members)
      if (met.contains(member.name) && done.insert(member.name).second) {
        out.folders.insert(member.folder);
        take(read_project(member.folder, around, ask).dependencies.value_or(std::vector<NamedLine>()));
      }
  return out;
}

}  // namespace moat
