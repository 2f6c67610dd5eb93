// moat show NAME…
#include "cli/commands/commands.h"
#include "cli/session/goal.h"
#include "cli/session/open_env.h"
#include "envs/environment/installed.h"
#include "envs/install/requests.h"
#include "envs/place/direct_url.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {
namespace {

struct Facts {
  std::string name, version, summary, license, home_page, author, location, installer;
  bool requested = false;
  std::vector<std::string> asked_for;
  std::optional<DirectUrl> from;  // of a package that came from no index
  std::string index;
  std::vector<std::string> requires_list, required_by, project_urls;
};

// The index of a package, if moat placed the installed one.
std::string index_of(const InstalledDistribution& distribution, const Manifest& manifest) {
  for (const ManifestPackage& package : manifest.packages)
    if (package.name == distribution.name.normalized() && package.version == distribution.version.to_string())
      return package.index;
  return "";
}

Facts facts_of(const InstalledNode& node, const InstalledGraph& graph, const Manifest& manifest) {
  const InstalledDistribution& distribution = node.distribution;
  Facts facts{.name = distribution.name.display(),
              .version = distribution.version.to_string(),
              .location = distribution.info.parent_path().native(),
              .installer = distribution.installer,
              .requested = distribution.requested};
  facts.asked_for = told_requests(manifest.requests, &distribution.name);
  if (distribution.direct_url)
    facts.from = DirectUrl::parse(*distribution.direct_url);
  else
    facts.index = index_of(distribution, manifest);
  if (node.metadata) {
    facts.summary = node.metadata->summary;
    facts.license = node.metadata->license_expression.empty() ? node.metadata->license
                                                              : node.metadata->license_expression;
    facts.home_page = node.metadata->home_page;
    facts.author = node.metadata->author;
    facts.project_urls = node.metadata->project_urls;
  }
  for (const Requirement& requirement : graph.requirements_of(node)) {
    const std::string& name = requirement.name.display();
    if (facts.requires_list.empty() || facts.requires_list.back() != name)
      facts.requires_list.push_back(name);
  }
  for (const InstalledNode* dependent : graph.dependents_of(distribution.name))
    facts.required_by.push_back(dependent->distribution.name.display());
  return facts;
}

nlohmann::ordered_json or_null(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
}

nlohmann::ordered_json source_of(const Facts& facts) {
  if (!facts.index.empty()) return {{"kind", "index"}, {"url", facts.index}};
  if (!facts.from) return nullptr;
  const DirectUrl& from = *facts.from;
  nlohmann::ordered_json out;
  switch (from.kind) {
    case SourceKind::Git:
      out = {{"kind", "git"},
             {"url", from.url},
             {"revision", or_null(from.requested_revision)},
             {"commit", from.commit}};
      break;
    case SourceKind::Directory:
      out = {{"kind", "folder"}, {"url", from.url}, {"editable", from.editable}};
      break;
    case SourceKind::Wheel:
    case SourceKind::Archive:
      out = {{"kind", "file"}, {"url", from.url}, {"sha256", or_null(from.sha256 ? from.sha256->hex : "")}};
      break;
  }
  out["subdirectory"] = or_null(from.subdirectory);
  return out;
}

std::string told(const DirectUrl& from) {
  if (from.editable) return from.place() + " (editable)";
  return from.requested_revision.empty() ? from.place()
                                         : fmt::format("{} ({})", from.place(), from.requested_revision);
}

nlohmann::ordered_json to_document(const Facts& facts) {
  return {{"name", facts.name},
          {"version", facts.version},
          {"summary", facts.summary},
          {"license", facts.license},
          {"home_page", facts.home_page},
          {"author", facts.author},
          {"project_urls", facts.project_urls},
          {"location", facts.location},
          {"installer", facts.installer},
          {"source", source_of(facts)},
          {"requested", facts.requested},
          {"asked_for", facts.asked_for},
          {"requires", facts.requires_list},
          {"required_by", facts.required_by}};
}

void print(const Facts& facts, Output& output) {
  const auto line = [&](std::string_view label, std::string_view value) {
    if (!value.empty()) output.result(fmt::format("{:<14}{}", fmt::format("{}:", label), value));
  };
  line("Name", facts.name);
  line("Version", facts.version);
  line("Summary", facts.summary);
  // Some projects put the whole licence text here.
  line("License", split_lines(facts.license).empty() ? "" : split_lines(facts.license).front());
  line("Home page", facts.home_page);
  for (const std::string& url : facts.project_urls) line("URL", url);
  line("Author", facts.author);
  line("Location", facts.location);
  line("Installed by", facts.installer);
  line("From", facts.from ? told(*facts.from) : facts.index);
  line("Requested", facts.requested ? "yes" : "no");
  for (const std::string& words : facts.asked_for) line("Asked for", words);
  line("Requires", facts.requires_list.empty() ? "nothing" : join(facts.requires_list, ", "));
  line("Required by", facts.required_by.empty() ? "nothing" : join(facts.required_by, ", "));
}

}  // namespace

int execute(const ShowCommand& command, Session& session) {
  const Environment environment = open_for_reading(session);
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const InstalledGraph graph = graph_of(environment, installed, session);
  const Manifest manifest = environment.is_foreign() ? Manifest{} : environment.manifest_without_files();
  std::vector<std::string> missing;
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const std::string& text : command.names) {
    const InstalledNode* node = graph.find(parse_package_name(text));
    if (node == nullptr) {
      missing.push_back(text);
      continue;
    }
    const Facts facts = facts_of(*node, graph, manifest);
    if (!documents.empty()) session.output().result("");
    print(facts, session.output());
    documents.push_back(to_document(facts));
  }
  if (!missing.empty() && documents.empty())
    throw Error(ErrorKind::NotFound,
                fmt::format("{} is not installed in {}", join(missing, ", "), environment.root().native()));
  if (session.output().json())
    session.output().document({{"schema", 1}, {"packages", documents}, {"missing", missing}});
  for (const std::string& name : missing)
    session.output().warn(fmt::format("{} is not installed", quote(name)));
  return missing.empty() ? 0 : 1;
}

}  // namespace moat
