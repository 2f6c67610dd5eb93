#include "resolver/files/dependency_groups.h"

#include "resolver/base/text.h"
#include "resolver/pep/requirement.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace moat {
namespace {

struct Group {
  std::string spelled;
  const TomlValue* items = nullptr;
};
using Groups = std::map<GroupName, Group>;

Expected<Groups> read_groups(const TomlTable& file) {
  Groups groups;
  const TomlValue* found = find_key(file, "dependency-groups");
  if (found == nullptr) return groups;
  if (found->table() == nullptr) return error_at(found->line, "`dependency-groups` is not a table");
  for (const auto& [key, items] : *found->table()) {
    const Expected<GroupName> name = GroupName::parse(key);
    if (!name) return error_at(items.line, fmt::format("{} is not a name of a dependency group", quote(key)));
    const auto [place, is_new] = groups.emplace(*name, Group{key, &items});
    if (!is_new)
      return error_at(items.line, fmt::format("the dependency groups {} and {} have the same name",
                                              quote(place->second.spelled), quote(key)));
  }
  return groups;
}

class GroupExpansion {
 public:
  explicit GroupExpansion(const Groups& groups) : groups_(groups) {}

  // asked: the name as spelled; line: where it stands, 0 for the command line.
  Expected<void> add(const GroupName& name, std::string_view asked, std::uint32_t line) {
    const auto found = groups_.find(name);
    if (found == groups_.end()) return unknown(asked, line);
    const Group& group = found->second;
    if (std::find(open_.begin(), open_.end(), group.spelled) != open_.end()) {
      open_.push_back(group.spelled);
      return error_at(line, fmt::format("dependency groups include each other in a circle: {}",
                                        fmt::join(open_, " -> ")));
    }
    if (group.items->array() == nullptr)
      return error_at(group.items->line,
                      fmt::format("the dependency group {} is not a list", quote(group.spelled)));
    open_.push_back(group.spelled);
    for (const TomlValue& item : *group.items->array())
      if (Expected<void> added = add_item(item, group); !added) return added;
    open_.pop_back();
    return {};
  }

  std::vector<ProjectLine> take() && { return std::move(lines_); }

 private:
  Expected<void> add_item(const TomlValue& item, const Group& group) {
    if (item.string() != nullptr) {
      if (const Expected<Requirement> requirement = Requirement::parse(*item.string()); !requirement)
        return error_at(
            item.line, fmt::format("{} in the dependency group {} is not a requirement: {}",
                                   quote(*item.string()), quote(group.spelled), requirement.error().message));
      lines_.push_back({*item.string(), item.line});
      return {};
    }
    const TomlTable* table = item.table();
    const TomlValue* include = table == nullptr ? nullptr : find_key(*table, "include-group");
    if (include == nullptr || table->size() != 1 || include->string() == nullptr)
      return error_at(item.line,
                      fmt::format("the dependency group {} holds something that is neither a requirement nor "
                                  "{{include-group = \"NAME\"}}",
                                  quote(group.spelled)));
    const Expected<GroupName> name = GroupName::parse(*include->string());
    if (!name)
      return error_at(item.line,
                      fmt::format("{} is not a name of a dependency group", quote(*include->string())));
    return add(*name, *include->string(), item.line);
  }

  tl::unexpected<ParseError> unknown(std::string_view asked, std::uint32_t line) const {
    std::vector<std::string> known;
    for (const auto& [name, group] : groups_) known.push_back(group.spelled);
    const std::string what =
        known.empty() ? fmt::format("there is no dependency group {}: there are none", quote(asked))
                      : fmt::format("there is no dependency group {}; there are {}", quote(asked),
                                    fmt::join(known, ", "));
    return line == 0 ? parse_error(what) : error_at(line, what);
  }

  const Groups& groups_;
  std::vector<std::string> open_;  // as spelled, outermost first
  std::vector<ProjectLine> lines_;
};

class OwnExtras {
 public:
  explicit OwnExtras(const ProjectTable& project) : project_(project) {}

  Expected<void> add(const ProjectLine& line, const std::optional<Marker>& under) {
    const Expected<Requirement> requirement = Requirement::parse(line.text);
    // A line that does not parse is reported later, when it is read as a requirement.
    if (!requirement || requirement->name != project_.name || requirement->url) {
      lines_.push_back(requirement && under ? marked(*requirement, *under, line.line) : line);
      return {};
    }
    std::optional<Marker> marker = requirement->marker;
    if (under) marker = marker ? marker->both(*under) : *under;
    for (const ExtraName& extra : requirement->extras) {
      const auto found = project_.optional_dependencies.find(extra);
      if (found == project_.optional_dependencies.end())
        return error_at(line.line, fmt::format("{} asks for an extra that {} does not have: {}",
                                               quote(line.text), project_.name.display(), extra.display()));
      if (!seen_.emplace(extra, marker ? marker->to_string() : "").second) continue;
      if (!open_.insert(extra).second) continue;  // a circle
      for (const ProjectLine& inner : found->second)
        if (Expected<void> added = add(inner, marker); !added) return added;
      open_.erase(extra);
    }
    return {};
  }

  std::vector<ProjectLine> take() && { return std::move(lines_); }

 private:
  static ProjectLine marked(Requirement requirement, const Marker& under, std::uint32_t line) {
    requirement.marker = requirement.marker ? requirement.marker->both(under) : under;
    return {requirement.to_string(), line};
  }

  const ProjectTable& project_;
  std::set<std::pair<ExtraName, std::string>> seen_;  // with the marker it was asked under
  std::set<ExtraName> open_;
  std::vector<ProjectLine> lines_;
};

}  // namespace

Expected<std::vector<ProjectLine>> expand_group(const PyProject& file, const GroupName& group) {
  const Expected<Groups> groups = read_groups(file.table());
  if (!groups) return tl::unexpected(groups.error());
  GroupExpansion expansion(*groups);
  if (const Expected<void> added = expansion.add(group, group.display(), 0); !added)
    return tl::unexpected(added.error());
  return std::move(expansion).take();
}

Expected<std::vector<ProjectLine>> expand_own_extras(const ProjectTable& project,
                                                     const std::vector<ProjectLine>& lines) {
  OwnExtras own(project);
  for (const ProjectLine& line : lines)
    if (const Expected<void> added = own.add(line, std::nullopt); !added)
      return tl::unexpected(added.error());
  return std::move(own).take();
}

}  // namespace moat
