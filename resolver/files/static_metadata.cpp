#include "resolver/files/static_metadata.h"

#include "resolver/base/text.h"
#include "resolver/files/pyproject.h"
#include "resolver/pep/metadata.h"

#include <algorithm>
#include <array>

namespace moat {
namespace {

bool promises_dependencies(std::string_view pkg_info) {
  const auto core = CoreMetadata::parse(pkg_info);
  if (!core || !core->dependencies_are_static()) return false;
  constexpr std::array<std::string_view, 2> kOthers = {"requires-python", "provides-extra"};
  return std::none_of(core->dynamic.begin(), core->dynamic.end(), [&](const std::string& field) {
    return std::find(kOthers.begin(), kOthers.end(), field) != kOthers.end();
  });
}

std::optional<ProjectTable> project_table(const SourceFiles& files) {
  if (!files.pyproject) return std::nullopt;
  const auto pyproject = PyProject::parse(*files.pyproject);
  if (!pyproject) return std::nullopt;
  auto project = pyproject->project();
  return project ? std::move(*project) : std::nullopt;
}

std::optional<std::string> field(const SourceFiles& files, std::string_view name) {
  if (!files.pkg_info) return std::nullopt;
  const MetadataFields fields = parse_metadata_fields(*files.pkg_info);
  const auto value = fields.find(name);
  return value ? std::optional(std::string(trim(*value))) : std::nullopt;
}

std::optional<std::string> version_text(const ProjectTable& project, const SourceFiles& files) {
  if (project.version && !project.dynamic.contains("version")) return project.version->to_string();
  auto text = field(files, "Version");
  if (!text || !Version::parse(*text)) return std::nullopt;
  return text;
}

// `requirement` of an extra, with the marker that says so. nullopt where it is none, or would not stay one
// line (a text in a marker may hold any character).
std::optional<std::string> with_extra(const std::string& text, const ExtraName* extra) {
  if (trim(text).find_first_of("\r\n") != std::string_view::npos) return std::nullopt;
  auto requirement = Requirement::parse(trim(text));
  if (!requirement) return std::nullopt;
  if (extra == nullptr) return requirement->to_string();
  const std::string clause = "extra == \"" + extra->normalized() + "\"";
  const std::string marker =
      requirement->marker ? "(" + requirement->marker->to_string() + ") and " + clause : clause;
  requirement->marker.reset();
  return requirement->to_string() + " ; " + marker;
}

std::optional<std::string> metadata_of(const ProjectTable& project, const SourceFiles& files) {
  if (!project.dependencies_are_static()) return std::nullopt;
  const auto version = version_text(project, files);
  if (!version) return std::nullopt;
  std::string out =
      "Metadata-Version: 2.3\nName: " + project.name.display() + "\nVersion: " + *version + "\n";
  if (project.requires_python) out += "Requires-Python: " + project.requires_python->to_string() + "\n";
  const auto add = [&out](const std::vector<ProjectLine>& lines, const ExtraName* extra) {
    for (const ProjectLine& line : lines) {
      const auto text = with_extra(line.text, extra);
      if (!text) return false;  // the backend will say what it makes of it
      out += "Requires-Dist: " + *text + "\n";
    }
    return true;
  };
  if (!add(project.dependencies, nullptr)) return std::nullopt;
  for (const auto& [extra, lines] : project.optional_dependencies) {
    out += "Provides-Extra: " + extra.normalized() + "\n";
    if (!add(lines, &extra)) return std::nullopt;
  }
  return out + "\n";
}

}  // namespace

std::optional<std::string> static_metadata(const SourceFiles& files) {
  if (files.pkg_info && promises_dependencies(*files.pkg_info)) return files.pkg_info;
  const auto project = project_table(files);
  return project ? metadata_of(*project, files) : std::nullopt;
}

std::optional<PackageName> static_name(const SourceFiles& files) {
  if (const auto text = field(files, "Name"))
    if (auto name = PackageName::parse(*text)) return std::move(*name);
  if (auto project = project_table(files)) return std::move(project->name);
  return std::nullopt;
}

}  // namespace moat
