#include "resolver/files/project_edit.h"

#include "resolver/base/text.h"
#include "resolver/files/toml.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

const TomlPath kExtras{"project", "optional-dependencies"};
const TomlPath kGroups{"dependency-groups"};
const TomlPath kSources{"tool", "moat", "sources"};

TomlPath below(TomlPath path, std::string key) {
  path.push_back(std::move(key));
  return path;
}

// The requirement in one line of a list; nullopt for an include and for anything else.
std::optional<Requirement> requirement_of(const TomlNode& item) {
  if (item.kind != TomlNode::Kind::String) return std::nullopt;
  Expected<Requirement> requirement = Requirement::parse(item.text);
  return requirement ? std::optional(std::move(*requirement)) : std::nullopt;
}

std::string marker_text(const std::optional<Marker>& marker) { return marker ? marker->to_string() : ""; }

// Chooses quotes for the marker that need no escapes.
std::string for_quotes(const std::string& text, char quotes) {
  const char other = quotes == '"' ? '\'' : '"';
  if (text.find(quotes) == std::string::npos || text.find(other) != std::string::npos) return text;
  std::string out = text;
  std::replace(out.begin(), out.end(), quotes, other);
  return Requirement::parse(out) ? out : text;
}

// The key of the table that has this name after normalisation, as the file spells it.
TomlPath as_spelled(const TomlEdit& edit, const TomlPath& table, const std::string& name) {
  for (const std::string& key : edit.keys(table))
    if (normalize_name(key) == normalize_name(name)) return below(table, key);
  return below(table, name);
}

std::string sort_key(const TomlNode& item) {
  if (const auto requirement = requirement_of(item)) return requirement->name.normalized();
  return item.text;
}

// After its neighbour if the list holds two or more and is sorted; else at the end.
std::size_t place_for(const TomlNode& array, const PackageName& name) {
  std::vector<std::string> keys;
  for (const TomlNode& item : array.items) {
    if (item.kind != TomlNode::Kind::String) return array.items.size();
    keys.push_back(sort_key(item));
  }
  if (keys.size() < 2 || !std::is_sorted(keys.begin(), keys.end())) return keys.size();
  const auto behind = std::upper_bound(keys.begin(), keys.end(), name.normalized());
  return static_cast<std::size_t>(behind - keys.begin());
}

Expected<bool> check_list(const TomlEdit& edit, const TomlPath& path, bool may_include) {
  const TomlNode* list = edit.find(path);
  const std::string shown = join(path, ".");
  if (list == nullptr || list->kind != TomlNode::Kind::Array)
    return parse_error(fmt::format("`{}` is not a list", shown));
  for (const TomlNode& item : list->items)
    if (item.kind != TomlNode::Kind::String && !(may_include && item.kind == TomlNode::Kind::InlineTable))
      return parse_error(fmt::format("`{}` holds something other than requirements", shown));
  return true;
}

}  // namespace

std::string RequirementList::told() const {
  switch (kind) {
    case Kind::Dependencies:
      return "`dependencies`";
    case Kind::Extra:
      return fmt::format("the extra {}", quote(name));
    case Kind::Group:
      return fmt::format("the group {}", quote(name));
  }
  return {};
}

Expected<ProjectEdit> ProjectEdit::parse(std::string text) {
  Expected<TomlEdit> edit = TomlEdit::parse(std::move(text));
  if (!edit) return tl::unexpected(edit.error());
  return checked(ProjectEdit(std::move(*edit), false));
}

Expected<ProjectEdit> ProjectEdit::parse_script(std::string toml) {
  Expected<TomlEdit> edit = TomlEdit::parse(std::move(toml));
  if (!edit) return tl::unexpected(edit.error());
  return checked(ProjectEdit(std::move(*edit), true));
}

Expected<ProjectEdit> ProjectEdit::checked(ProjectEdit out) {
  for (const RequirementList& list : out.lists())
    if (const auto checked =
            check_list(out.edit_, out.path_of(list), list.kind == RequirementList::Kind::Group);
        !checked)
      return tl::unexpected(checked.error());
  return out;
}

std::vector<RequirementList> ProjectEdit::lists() const {
  std::vector<RequirementList> out;
  if (edit_.has(path_of({}))) out.push_back({});
  if (of_script_) return out;
  for (const std::string& key : edit_.keys(kExtras)) out.push_back({RequirementList::Kind::Extra, key});
  for (const std::string& key : edit_.keys(kGroups)) out.push_back({RequirementList::Kind::Group, key});
  return out;
}

TomlPath ProjectEdit::path_of(const RequirementList& list) const {
  if (list.kind == RequirementList::Kind::Dependencies)
    return of_script_ ? TomlPath{"dependencies"} : TomlPath{"project", "dependencies"};
  return as_spelled(edit_, list.kind == RequirementList::Kind::Extra ? kExtras : kGroups, list.name);
}

std::vector<RequirementList> ProjectEdit::lists_of(const PackageName& name) const {
  std::vector<RequirementList> out;
  for (const RequirementList& list : lists())
    if (!lines_of(list, name).empty()) out.push_back(list);
  return out;
}

std::optional<std::string> ProjectEdit::find(const RequirementList& list, const PackageName& name,
                                             const std::optional<Marker>& marker) const {
  const TomlNode* array = edit_.find(path_of(list));
  if (array == nullptr) return std::nullopt;
  for (const TomlNode& item : array->items)
    if (const auto requirement = requirement_of(item);
        requirement && requirement->name == name && marker_text(requirement->marker) == marker_text(marker))
      return item.text;
  return std::nullopt;
}

std::vector<std::string> ProjectEdit::lines_of(const RequirementList& list, const PackageName& name) const {
  std::vector<std::string> out;
  if (const TomlNode* array = edit_.find(path_of(list)))
    for (const TomlNode& item : array->items)
      if (const auto requirement = requirement_of(item); requirement && requirement->name == name)
        out.push_back(item.text);
  return out;
}

void ProjectEdit::set(const RequirementList& list, const std::string& text) {
  const Requirement wanted = Requirement::parse(text).value();
  const TomlPath path = path_of(list);
  const TomlNode* array = edit_.find(path);
  if (array == nullptr) return edit_.insert_item(path, 0, for_quotes(text, edit_.quotes(path)));
  for (std::size_t i = 0; i < array->items.size(); ++i) {
    const auto there = requirement_of(array->items[i]);
    if (!there || there->name != wanted.name || marker_text(there->marker) != marker_text(wanted.marker))
      continue;
    const std::string written = for_quotes(text, edit_.text()[array->items[i].span.begin]);
    if (written != array->items[i].text) edit_.replace_item(path, i, written);
    return;
  }
  edit_.insert_item(path, place_for(*array, wanted.name), for_quotes(text, edit_.quotes(path)));
}

std::size_t ProjectEdit::remove(const RequirementList& list, const PackageName& name) {
  const TomlPath path = path_of(list);
  std::size_t removed = 0;
  const TomlNode* array = edit_.find(path);
  for (std::size_t i = array == nullptr ? 0 : array->items.size(); i-- > 0; array = edit_.find(path)) {
    const auto there = requirement_of(array->items[i]);
    if (!there || there->name != name) continue;
    edit_.remove_item(path, i);
    ++removed;
  }
  return removed;
}

void ProjectEdit::set_project(const std::string& key, std::string_view text) {
  edit_.set_value(of_script_ ? TomlPath{key} : TomlPath{"project", key}, toml_quote(text));
}

void ProjectEdit::set_source(const PackageName& name, const ProjectSource& source) {
  const TomlPath place = as_spelled(edit_, kSources, name.normalized());
  if (edit_.find(place) == nullptr) edit_.remove_key(place);  // a section, or keys with dots
  if (source.path.empty()) return edit_.set_value(place, "{ workspace = true }");
  edit_.set_value(place, fmt::format("{{ path = {}{} }}", toml_quote(source.path),
                                     source.editable ? ", editable = true" : ""));
}

void ProjectEdit::remove_source(const PackageName& name) {
  edit_.remove_key(as_spelled(edit_, kSources, name.normalized()));
}

}  // namespace moat
