#include "resolver/files/foreign_lock.h"

#include "resolver/base/text.h"
#include "resolver/pep/specifier.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace moat {
namespace {

const std::string* text_at(const TomlTable& table, std::string_view key) {
  const TomlValue* value = find_key(table, key);
  return value == nullptr ? nullptr : value->string();
}

void add_version(ForeignVersions& out, const std::string& name, const std::string& version) {
  Expected<PackageName> package = PackageName::parse(name);
  Expected<Version> parsed = Version::parse(version);
  if (package && parsed) out[std::move(*package)].push_back(std::move(*parsed));
}

// Is it a folder on the user's machine? uv says `source = { editable = "." }`, poetry `type = "directory"`.
bool is_folder(const TomlTable& package) {
  const TomlValue* source = find_key(package, "source");
  if (source == nullptr || source->table() == nullptr) return false;
  const TomlTable& table = *source->table();
  const std::string* type = text_at(table, "type");
  return find_key(table, "editable") != nullptr || find_key(table, "virtual") != nullptr ||
         find_key(table, "directory") != nullptr || (type != nullptr && *type == "directory");
}

// ---- poetry's versions

std::string joined_release(const Version& version, std::size_t parts) {
  std::string out;
  for (std::size_t i = 0; i < parts; ++i) out += (i == 0 ? "" : ".") + version.release_at(i).to_string();
  return out;
}

// The first release above all that share this one's parts up to `index`.
std::string bumped(const Version& version, std::size_t index) {
  std::string out = index == 0 ? "" : joined_release(version, index) + ".";
  return out + version.release_at(index).next().to_string();
}

// ^1.2.3 keeps the first part that is not 0.
std::string caret(const Version& version) {
  std::size_t index = 0;
  while (index + 1 < version.release().size() && version.release_at(index).is_zero()) ++index;
  return fmt::format(">={},<{}", version.to_string(), bumped(version, index));
}

std::string tilde(const Version& version) {
  return fmt::format(">={},<{}", version.to_string(), bumped(version, version.release().size() > 1 ? 1 : 0));
}

Expected<std::string> one_constraint(std::string_view text) {
  if (text.empty() || text == "*") return std::string();
  const bool is_caret = text.front() == '^';
  const bool is_tilde = text.front() == '~' && text.substr(0, 2) != "~=";
  if (is_caret || is_tilde) {
    const Expected<Version> version = Version::parse(trim(text.substr(1)));
    if (!version) return tl::unexpected(version.error());
    return is_caret ? caret(*version) : tilde(*version);
  }
  if (is_ascii_digit(text.front())) return "==" + std::string(text);
  if (text.front() == '=' && text.substr(0, 2) != "==") return "==" + std::string(trim(text.substr(1)));
  if (const auto specifier = SpecifierSet::parse(text); !specifier) return tl::unexpected(specifier.error());
  return std::string(text);
}

// A constraint on Python as a marker: ">=3.8,<4" → python_version >= '3.8' and python_version < '4'.
std::string python_marker(const std::string& specifiers) {
  std::string out;
  for (const std::string_view part : split(specifiers, ',')) {
    const std::string_view clause = trim(part);
    const std::size_t digits = clause.find_first_of("0123456789");
    if (digits == std::string_view::npos) continue;
    out += fmt::format("{}python_version {} '{}'", out.empty() ? "" : " and ", trim(clause.substr(0, digits)),
                       trim(clause.substr(digits)));
  }
  return out;
}

bool says(const TomlTable& table, const char* key) {
  const TomlValue* value = find_key(table, key);
  return value != nullptr && value->boolean() != nullptr && *value->boolean();
}

// ---- one requirement of poetry's, or of a Pipfile

struct Reader {
  ForeignProject& project;

  void leave_out(const std::string& name, std::string_view why) const {
    project.left_out.push_back(fmt::format("{}: {}", name, why));
  }

  static std::string extras_of(const TomlTable& table) {
    std::string out;
    if (const TomlValue* extras = find_key(table, "extras"); extras != nullptr && extras->array() != nullptr)
      for (const TomlValue& extra : *extras->array())
        if (extra.string() != nullptr) out += (out.empty() ? "" : ",") + *extra.string();
    return out.empty() ? "" : "[" + out + "]";
  }

  static std::string marker_of(const TomlTable& table) {
    std::vector<std::string> parts;
    if (const std::string* python = text_at(table, "python"))
      if (const auto specifiers = pep440_of_poetry(*python); specifiers && !specifiers->empty())
        parts.push_back(python_marker(*specifiers));
    if (const std::string* platform = text_at(table, "platform"))
      parts.push_back(fmt::format("sys_platform == '{}'", *platform));
    for (const char* key : {"markers", "marker"})
      if (const std::string* marker = text_at(table, key)) parts.push_back("(" + *marker + ")");
    return parts.empty() ? "" : "; " + join(parts, " and ");
  }

  // The URL of a repository or an archive; "" if the package comes from an index.
  static std::string url_of(const TomlTable& table) {
    const std::string* subdirectory = text_at(table, "subdirectory");
    const std::string fragment = subdirectory != nullptr ? "#subdirectory=" + *subdirectory : "";
    if (const std::string* url = text_at(table, "url")) return *url + fragment;
    if (const std::string* file = text_at(table, "file")) return *file + fragment;
    const std::string* git = text_at(table, "git");
    if (git == nullptr) return "";
    std::string out = "git+" + *git;
    if (git->find("://") == std::string::npos) {
      // user@host:path, as git and ssh have it.
      std::string place = *git;
      if (const std::size_t colon = place.find(':'); colon != std::string::npos) place[colon] = '/';
      out = "git+ssh://" + place;
    }
    for (const char* key : {"rev", "tag", "branch", "ref"})
      if (const std::string* revision = text_at(table, key)) {
        out += "@" + *revision;
        break;
      }
    return out + fragment;
  }

  void add(const RequirementList& list, const std::string& name, std::string text,
           std::optional<ProjectSource> source = std::nullopt) const {
    const Expected<Requirement> requirement = Requirement::parse(text);
    if (!requirement) return leave_out(name, requirement.error().message);
    // The lower bound first, as the author wrote it.
    if (!requirement->url)
      text = std::string(trim(std::string_view(text).substr(0, text.find(';')))) +
             (requirement->marker ? "; " + requirement->marker->to_string() : "");
    else
      text = requirement->to_string();
    project.requirements.push_back({list, std::move(text), std::move(source)});
  }

  void read(const RequirementList& list, const std::string& name, const TomlValue& value) const {
    if (const std::string* constraint = value.string()) {
      const auto specifiers = pep440_of_poetry(*constraint);
      if (!specifiers)
        return leave_out(name, fmt::format("{}: {}", quote(*constraint), specifiers.error().message));
      return add(list, name, name + *specifiers);
    }
    if (value.array() != nullptr) {
      for (const TomlValue& one : *value.array()) read(list, name, one);
      return;
    }
    if (value.table() == nullptr) return leave_out(name, "it is neither a text nor a table");
    const TomlTable& table = *value.table();
    const std::string head = name + extras_of(table), marker = marker_of(table);
    if (const std::string* path = text_at(table, "path")) {
      const bool edits = says(table, "develop") || says(table, "editable");
      return add(list, name, head + marker, ProjectSource{*path, edits});
    }
    if (const std::string url = url_of(table); !url.empty())
      return add(list, name, fmt::format("{} @ {}{}", head, url, marker.empty() ? "" : " " + marker));
    const std::string* version = text_at(table, "version");
    const auto specifiers = pep440_of_poetry(version == nullptr ? "*" : *version);
    if (!specifiers)
      return leave_out(name, fmt::format("{}: {}", quote(*version), specifiers.error().message));
    add(list, name, head + *specifiers + marker);
  }
};

bool is_optional(const TomlValue& value) {
  return value.table() != nullptr && says(*value.table(), "optional");
}

// An optional requirement belongs to the extras that name it.
void read_main(const TomlTable& dependencies, const TomlTable* extras, const Reader& reader) {
  for (const auto& [name, value] : dependencies) {
    if (name == "python") {
      if (value.string() == nullptr) continue;
      if (const auto specifiers = pep440_of_poetry(*value.string()))
        reader.project.requires_python = *specifiers;
      else
        reader.leave_out("python", specifiers.error().message);
      continue;
    }
    if (!is_optional(value)) {
      reader.read({}, name, value);
      continue;
    }
    bool is_named = false;
    for (const auto& [extra, members] : extras == nullptr ? TomlTable() : *extras)
      for (const TomlValue& member : members.array() == nullptr ? TomlArray() : *members.array())
        if (member.string() != nullptr && normalize_name(*member.string()) == normalize_name(name)) {
          reader.read({RequirementList::Kind::Extra, extra}, name, value);
          is_named = true;
        }
    if (!is_named) reader.leave_out(name, "it is optional, and no extra names it");
  }
}

const TomlTable* table_at(const TomlTable& table, std::initializer_list<std::string_view> path) {
  const TomlValue* value = find_path(table, path);
  return value == nullptr ? nullptr : value->table();
}

}  // namespace

Expected<ForeignVersions> read_package_tables(std::string_view text) {
  const Expected<TomlTable> table = parse_toml(text);
  if (!table) return tl::unexpected(table.error());
  const TomlValue* packages = find_key(*table, "package");
  ForeignVersions out;
  if (packages == nullptr) return out;
  if (packages->array() == nullptr) return parse_error("`package` is not a list of tables");
  for (const TomlValue& package : *packages->array()) {
    if (package.table() == nullptr || is_folder(*package.table())) continue;
    const std::string* name = text_at(*package.table(), "name");
    const std::string* version = text_at(*package.table(), "version");
    if (name != nullptr && version != nullptr) add_version(out, *name, *version);
  }
  return out;
}

Expected<ForeignVersions> read_pipfile_lock(std::string_view text) {
  const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object()) return parse_error("it is not JSON");
  ForeignVersions out;
  for (const auto& [section, packages] : document.items()) {
    if (section == "_meta" || !packages.is_object()) continue;
    for (const auto& [name, package] : packages.items()) {
      if (!package.is_object() || !package.contains("version") || !package["version"].is_string()) continue;
      const std::string version = package["version"];
      if (version.starts_with("==")) add_version(out, name, version.substr(2));
    }
  }
  return out;
}

ForeignProject read_poetry_project(const TomlTable& poetry) {
  ForeignProject out;
  const Reader reader{out};
  const auto take = [&](std::string_view key, std::string& into) {
    if (const std::string* text = text_at(poetry, key)) into = *text;
  };
  take("name", out.name);
  take("version", out.version);
  take("description", out.description);
  if (const TomlTable* dependencies = table_at(poetry, {"dependencies"}))
    read_main(*dependencies, table_at(poetry, {"extras"}), reader);
  if (const TomlTable* dev = table_at(poetry, {"dev-dependencies"}))
    for (const auto& [name, value] : *dev) reader.read({RequirementList::Kind::Group, "dev"}, name, value);
  if (const TomlTable* groups = table_at(poetry, {"group"}))
    for (const auto& [group, table] : *groups)
      if (const TomlTable* members =
              table.table() == nullptr ? nullptr : table_at(*table.table(), {"dependencies"}))
        for (const auto& [name, value] : *members)
          reader.read({RequirementList::Kind::Group, group}, name, value);
  return out;
}

Expected<ForeignProject> read_pipfile(std::string_view text) {
  const Expected<TomlTable> table = parse_toml(text);
  if (!table) return tl::unexpected(table.error());
  ForeignProject out;
  const Reader reader{out};
  for (const auto& [section, value] : *table) {
    if (value.table() == nullptr) continue;
    if (section == "requires") {
      for (const char* key : {"python_version", "python_full_version"})
        if (const std::string* python = text_at(*value.table(), key)) out.requires_python = ">=" + *python;
      continue;
    }
    if (section == "pipenv" || section == "scripts") continue;
    const RequirementList list = section == "packages" ? RequirementList{}
                                 : section == "dev-packages"
                                     ? RequirementList{RequirementList::Kind::Group, "dev"}
                                     : RequirementList{RequirementList::Kind::Group, section};
    for (const auto& [name, requirement] : *value.table()) reader.read(list, name, requirement);
  }
  return out;
}

namespace {

// One line with the source that uv's table gives it; nullopt if that source is an index.
std::optional<ForeignRequirement> placed_line(const RequirementList& list, Requirement requirement,
                                              const TomlTable& place) {
  if (const std::string* path = text_at(place, "path"))
    return ForeignRequirement{list, requirement.to_string(), ProjectSource{*path, says(place, "editable")},
                              true};
  if (says(place, "workspace"))
    return ForeignRequirement{list, requirement.to_string(), ProjectSource{}, true};
  const std::string url = Reader::url_of(place);
  if (url.empty()) return std::nullopt;
  requirement.specifier = {};
  requirement.url = url;
  return ForeignRequirement{list, requirement.to_string(), std::nullopt, true};
}

}  // namespace

ForeignProject read_uv_sources(const TomlTable& uv, const ProjectEdit& lists) {
  ForeignProject out;
  const TomlTable* sources = table_at(uv, {"sources"});
  for (const auto& [key, value] : sources == nullptr ? TomlTable() : *sources) {
    const Expected<PackageName> name = PackageName::parse(key);
    if (!name) continue;
    const TomlTable* const place = value.table();
    if (place == nullptr || find_key(*place, "marker") != nullptr || find_key(*place, "extra") != nullptr ||
        find_key(*place, "group") != nullptr) {
      out.left_out.push_back(fmt::format("{}: its source is only for some environments", key));
      continue;
    }
    if (const std::string* index = text_at(*place, "index"))
      out.left_out.push_back(fmt::format(
          "{}: it comes from the index {}; name it with `index` and `pins` under [tool.moat]", key, *index));
    for (const RequirementList& list : lists.lists_of(*name))
      for (const std::string& line : lists.lines_of(list, *name))
        if (const auto requirement = Requirement::parse(line); requirement && !requirement->url)
          if (auto placed = placed_line(list, *requirement, *place))
            out.requirements.push_back(std::move(*placed));
  }
  return out;
}

Expected<std::string> pep440_of_poetry(std::string_view constraint) {
  if (constraint.find('|') != std::string_view::npos)
    return parse_error("alternatives of versions have no counterpart");
  std::string out;
  for (const std::string_view part : split(constraint, ',')) {
    const auto one = one_constraint(trim(part));
    if (!one) return one;
    if (!one->empty()) out += (out.empty() ? "" : ",") + *one;
  }
  if (const auto specifiers = SpecifierSet::parse(out); !specifiers)
    return tl::unexpected(specifiers.error());
  return out;
}

}  // namespace moat
