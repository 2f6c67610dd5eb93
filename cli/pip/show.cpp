// moat pip show
#include "cli/pip/commands.h"
#include "cli/pip/place.h"
#include "cli/session/goal.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/pep/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace moat {
namespace {

std::string value(const MetadataFields& fields, std::string_view name) {
  return std::string(fields.find(name).value_or(""));
}

// Label of a Project-URL as the specification compares it: without punctuation and spaces, lower case.
bool is_homepage(std::string_view label) {
  std::string plain;
  for (const char c : label)
    if (is_ascii_alnum(c)) plain += ascii_lower(c);
  return plain == "homepage";
}

std::string home_page(const MetadataFields& fields) {
  if (std::string page = value(fields, "Home-page"); !page.empty()) return page;
  for (const std::string_view line : fields.find_all("Project-URL")) {
    const std::size_t comma = line.find(',');
    if (comma != line.npos && is_homepage(line.substr(0, comma)))
      return std::string(trim(line.substr(comma + 1)));
  }
  return "";
}

std::vector<std::string> sorted(const std::set<std::string>& names) {
  std::vector<std::string> out(names.begin(), names.end());
  std::sort(out.begin(), out.end(),
            [](const std::string& a, const std::string& b) { return ascii_lower(a) < ascii_lower(b); });
  return out;
}

std::vector<std::string> required_by(const PackageName& name, const InstalledGraph& graph) {
  std::set<std::string> out;
  for (const auto& [other, node] : graph.nodes())
    for (const Requirement& requirement : plain_requirements(node, graph.markers()))
      if (requirement.name == name) out.insert(node.distribution.name.display());
  return sorted(out);
}

fs::path metadata_file(const InstalledDistribution& distribution) {
  if (!distribution.legacy) return distribution.info / "METADATA";
  return fs::is_directory(distribution.info) ? distribution.info / "PKG-INFO" : distribution.info;
}

class Printer {
 public:
  Printer(const PipCommand& command, const InstalledGraph& graph, Session& session)
      : files_(command.has("files")),
        verbose_(session.output().verbosity() > 0),
        graph_(graph),
        session_(session) {}

  void print(const InstalledNode& node) {
    const InstalledDistribution& distribution = node.distribution;
    const MetadataFields fields = parse_metadata_fields(read_file(metadata_file(distribution)));
    line("Name", distribution.name.display());
    line("Version", std::string(trim(value(fields, "Version"))));
    line("Summary", value(fields, "Summary"));
    line("Home-page", home_page(fields));
    line("Author", value(fields, "Author"));
    line("Author-email", value(fields, "Author-email"));
    if (const std::string expression = value(fields, "License-Expression"); !expression.empty())
      line("License-Expression", expression);
    else
      line("License", value(fields, "License"));
    line("Location", distribution.info.parent_path().native());
    if (const auto location = editable_location(distribution)) line("Editable project location", *location);
    std::set<std::string> needs;
    for (const Requirement& requirement : plain_requirements(node, graph_.markers()))
      needs.insert(requirement.name.display());
    line("Requires", join(sorted(needs), ", "));
    line("Required-by", join(required_by(distribution.name, graph_), ", "));
    if (verbose_) print_more(distribution, fields);
    if (files_) print_files(distribution);
  }

 private:
  void line(std::string_view label, std::string_view text) {
    pip_say(session_, fmt::format("{}: {}", label, text));
  }

  void print_more(const InstalledDistribution& distribution, const MetadataFields& fields) {
    line("Metadata-Version", value(fields, "Metadata-Version"));
    line("Installer", distribution.installer);
    pip_say(session_, "Classifiers:");
    for (const std::string_view one : fields.find_all("Classifier"))
      pip_say(session_, fmt::format("  {}", one));
    pip_say(session_, "Entry-points:");
    const std::string entries = read_file_if_exists(distribution.info / "entry_points.txt").value_or("");
    for (const std::string_view one : split_lines(entries)) pip_say(session_, fmt::format("  {}", trim(one)));
    pip_say(session_, "Project-URLs:");
    for (const std::string_view one : fields.find_all("Project-URL"))
      pip_say(session_, fmt::format("  {}", one));
  }

  void print_files(const InstalledDistribution& distribution) {
    pip_say(session_, "Files:");
    const std::optional<std::string> text = read_file_if_exists(distribution.info / "RECORD");
    const auto rows = text ? parse_record(*text) : Expected<std::vector<RecordEntry>>(parse_error(""));
    if (!rows) {
      pip_say(session_, "Cannot locate RECORD or installed-files.txt");
      return;
    }
    std::set<std::string> paths;
    for (const RecordEntry& row : *rows) paths.insert(row.path);
    for (const std::string& path : paths) pip_say(session_, "  " + path);
  }

  bool files_, verbose_;
  const InstalledGraph& graph_;
  Session& session_;
};

}  // namespace

int pip_show(const PipCommand& command, Session& session) {
  if (command.arguments.empty()) {
    session.output().warn("please provide a package name or names");
    return 1;
  }
  const PipPlace place = pip_place(command, session);
  const InstalledGraph graph = place.graph(session);
  std::vector<std::string> missing;
  std::vector<const InstalledNode*> found;
  for (const std::string& text : command.arguments) {
    const Expected<PackageName> name = PackageName::parse(text);
    if (const InstalledNode* node = name ? graph.find(*name) : nullptr)
      found.push_back(node);
    else
      missing.push_back(text);
  }
  std::sort(missing.begin(), missing.end());
  if (!missing.empty()) session.output().warn(fmt::format("package(s) not found: {}", join(missing, ", ")));
  Printer printer(command, graph, session);
  for (const InstalledNode* node : found) {
    if (node != found.front()) pip_say(session, "---");
    printer.print(*node);
  }
  return found.empty() ? 1 : 0;
}

}  // namespace moat
