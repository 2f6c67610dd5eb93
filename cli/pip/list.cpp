// moat pip list, moat pip freeze
#include "cli/pip/commands.h"
#include "cli/pip/frozen.h"
#include "cli/pip/place.h"
#include "cli/pip/report.h"
#include "cli/session/available.h"
#include "cli/session/goal.h"
#include "resolver/base/text.h"
#include "resolver/files/requirement_line.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>

namespace moat {
namespace {

std::set<PackageName> names_of(const PipCommand& command, std::string_view option) {
  std::set<PackageName> out;
  for (const std::string& text : command.values(option)) out.insert(parse_package_name(text));
  return out;
}

// A package that no other of these requires. As in pip, extras that nobody asked for do not count.
std::set<PackageName> required(const InstalledGraph& graph,
                               const std::vector<InstalledDistribution>& listed) {
  std::set<PackageName> out;
  for (const InstalledDistribution& distribution : listed)
    if (const InstalledNode* node = graph.find(distribution.name))
      for (const Requirement& requirement : plain_requirements(*node, graph.markers()))
        out.insert(requirement.name);
  return out;
}

void keep_if(std::vector<InstalledDistribution>& list,
             const std::function<bool(const InstalledDistribution&)>& test) {
  std::erase_if(list, [&](const InstalledDistribution& one) { return !test(one); });
}

// The packages that list is about, before indexes are asked.
std::vector<InstalledDistribution> listed(const PipCommand& command, const PipPlace& place,
                                          Session& session) {
  std::vector<InstalledDistribution> out = place.installed.all;
  if (command.has("editable"))
    keep_if(out, [](const auto& one) { return editable_location(one).has_value(); });
  if (!command.on("include-editable", "exclude-editable", true))
    keep_if(out, [](const auto& one) { return !editable_location(one); });
  if (command.has("not-required")) {
    const std::set<PackageName> needed = required(place.graph(session), out);
    keep_if(out, [&](const auto& one) { return needed.count(one.name) == 0; });
  }
  const std::set<PackageName> excluded = names_of(command, "exclude");
  keep_if(out, [&](const auto& one) { return excluded.count(one.name) == 0; });
  return out;
}

using Latest = std::map<PackageName, AvailableVersion>;

void print_columns(std::vector<std::vector<std::string>> rows, Session& session) {
  std::vector<std::size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::vector<std::string> dashes;
  for (const std::size_t width : widths) dashes.emplace_back(width, '-');
  rows.insert(rows.begin() + 1, dashes);
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += fmt::format("{}{:<{}}", i == 0 ? "" : " ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    pip_say(session, line);
  }
}

void list_columns(const std::vector<InstalledDistribution>& packages, const Latest& latest, bool outdated,
                  bool verbose, Session& session) {
  if (packages.empty()) return;
  const bool editable = std::any_of(packages.begin(), packages.end(),
                                    [](const auto& one) { return editable_location(one).has_value(); });
  std::vector<std::vector<std::string>> rows{{"Package", "Version"}};
  const auto add_if = [](std::vector<std::string>& row, bool wanted,
                         std::initializer_list<std::string> cells) {
    if (wanted) row.insert(row.end(), cells);
  };
  add_if(rows[0], outdated, {"Latest", "Type"});
  add_if(rows[0], editable, {"Editable project location"});
  add_if(rows[0], verbose, {"Location", "Installer"});
  for (const InstalledDistribution& one : packages) {
    std::vector<std::string> row{one.name.display(), one.version.to_string()};
    if (outdated) {
      const AvailableVersion& newest = latest.at(one.name);
      add_if(row, true, {newest.version.to_string(), newest.wheel ? "wheel" : "sdist"});
    }
    add_if(row, editable, {editable_location(one).value_or("")});
    add_if(row, verbose, {one.info.parent_path().native(), one.installer});
    rows.push_back(std::move(row));
  }
  print_columns(std::move(rows), session);
}

void list_json(const std::vector<InstalledDistribution>& packages, const Latest& latest, bool outdated,
               bool verbose, Session& session) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const InstalledDistribution& one : packages) {
    nlohmann::ordered_json entry{{"name", one.name.display()}, {"version", one.version.to_string()}};
    if (verbose) {
      entry["location"] = one.info.parent_path().native();
      entry["installer"] = one.installer;
    }
    if (outdated) {
      const AvailableVersion& newest = latest.at(one.name);
      entry["latest_version"] = newest.version.to_string();
      entry["latest_filetype"] = newest.wheel ? "wheel" : "sdist";
    }
    if (const auto location = editable_location(one)) entry["editable_project_location"] = *location;
    out.push_back(std::move(entry));
  }
  pip_say(session, python_json(out));
}

// ---- freeze ----

bool is_option_line(std::string_view line) {
  constexpr std::array<std::string_view, 11> kKept = {"-r",
                                                      "--requirement",
                                                      "-f",
                                                      "--find-links",
                                                      "-i",
                                                      "--index-url",
                                                      "--pre",
                                                      "--trusted-host",
                                                      "--process-dependency-links",
                                                      "--extra-index-url",
                                                      "--use-feature"};
  return std::any_of(kKept.begin(), kKept.end(),
                     [&](std::string_view option) { return line.substr(0, option.size()) == option; });
}

std::string_view without_comment(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i)
    if (line[i] == '#' && (i == 0 || is_ascii_space(line[i - 1]))) return trim(line.substr(0, i));
  return trim(line);
}

// The lines that freeze still has to print, by name.
using Frozen = std::map<PackageName, std::string>;

// Lines of the user's own file first, in their order, with the versions that are installed.
void print_like_file(const std::string& path, Frozen& frozen, std::set<std::string>& seen, Session& session) {
  const fs::path directory = session.settings().working_directory;
  Output& output = session.output();
  const std::string text = read_named_file(directory / path);
  for (const std::string_view whole : split_lines(text)) {
    const std::string_view line = whole.substr(0, whole.find_last_not_of(" \t") + 1);
    if (trim(line).empty() || trim(line).front() == '#' || is_option_line(line)) {
      if (seen.emplace(line).second) output.text(std::string(line) + "\n");
      continue;
    }
    std::string_view requirement = without_comment(line);
    if (requirement.substr(0, 2) == "-e") requirement = trim(requirement.substr(2));
    requirement = trim(requirement.substr(0, requirement.find(" --")));
    const Expected<RequirementLine> line_read = parse_requirement_line(requirement, directory.native());
    const Requirement* parsed = line_read ? std::get_if<Requirement>(&*line_read) : nullptr;
    if (parsed == nullptr) continue;  // it is not clear what it would install
    const auto found = frozen.find(parsed->name);
    if (found == frozen.end()) {
      output.warn(fmt::format("requirement file [{}] contains {}, but package {} is not installed", path,
                              requirement, quote(parsed->name.display())));
      continue;
    }
    output.text(found->second + "\n");
    frozen.erase(found);
  }
}

bool is_tool(const PackageName& name, const MarkerEnvironment& markers) {
  if (name.normalized() == "pip") return true;
  const Expected<Version> python = Version::parse(markers.python_version);
  const bool old = python && *python < *Version::parse("3.12");
  return old && (name.normalized() == "setuptools" || name.normalized() == "wheel" ||
                 name.normalized() == "distribute");
}

}  // namespace

int pip_list(const PipCommand& command, Session& session) {
  const bool outdated = command.has("outdated"), uptodate = command.has("uptodate");
  const std::string format = command.has("format") ? command.value("format") : "columns";
  if (outdated && uptodate)
    throw Error(ErrorKind::Usage, "options --outdated and --uptodate cannot be combined");
  if (outdated && format == "freeze")
    throw Error(ErrorKind::Usage, "list format 'freeze' cannot be used with the --outdated option");
  const PipPlace place = pip_place(command, session);
  std::vector<InstalledDistribution> packages = listed(command, place, session);
  Latest latest;
  if (outdated || uptodate) {
    latest = newest_versions(versions_of(packages), pip_target(command, pip_interpreter(command, session)),
                             NewerPrereleases::AsRequested, session);
    keep_if(packages, [&](const auto& one) {
      const auto found = latest.find(one.name);
      if (found == latest.end()) return false;
      return outdated ? one.version < found->second.version : one.version == found->second.version;
    });
  }
  const bool verbose = session.output().verbosity() > 0;
  if (format == "columns") list_columns(packages, latest, outdated, verbose, session);
  if (format == "json") list_json(packages, latest, outdated, verbose, session);
  if (format == "freeze")
    for (const InstalledDistribution& one : packages)
      pip_say(session, verbose
                           ? fmt::format("{} ({})", name_and_version(one), one.info.parent_path().native())
                           : name_and_version(one));
  return 0;
}

int pip_freeze(const PipCommand& command, Session& session) {
  const PipPlace place = pip_place(command, session);
  std::set<PackageName> skipped = names_of(command, "exclude");
  if (!command.has("all")) {
    const MarkerEnvironment markers = place.markers(session);
    for (const InstalledDistribution& one : place.installed.all)
      if (is_tool(one.name, markers)) skipped.insert(one.name);
  }
  Frozen frozen;
  for (const InstalledDistribution& one : place.installed.all)
    if (!command.has("exclude-editable") || !editable_location(one))
      frozen.emplace(one.name, frozen_requirement(one));
  std::set<std::string> seen;
  for (const std::string& path : command.values("requirement")) print_like_file(path, frozen, seen, session);
  if (command.has("requirement"))
    session.output().text("## The following requirements were added by pip freeze:\n");
  std::vector<std::pair<std::string, const Frozen::value_type*>> order;
  for (const Frozen::value_type& one : frozen)
    if (skipped.count(one.first) == 0) order.emplace_back(ascii_lower(one.first.display()), &one);
  std::sort(order.begin(), order.end());
  for (const auto& [name, one] : order) session.output().text(one->second + "\n");
  return 0;
}

}  // namespace moat
