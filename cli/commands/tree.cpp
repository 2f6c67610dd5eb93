// moat tree [NAME…]
#include "cli/commands/commands.h"
#include "cli/session/goal.h"
#include "cli/session/open_env.h"
#include "envs/environment/installed.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace moat {
namespace {

struct Branch {
  PackageName name;
  std::string asks;                     // "jinja2>=3.1"; by the parent, or with --invert by this one
  const InstalledNode* node = nullptr;  // nullptr: required and not installed
};

class TreePrinter {
 public:
  TreePrinter(const InstalledGraph& graph, const TreeCommand& command, Output& output)
      : graph_(graph),
        invert_(command.invert),
        depth_(command.depth.value_or(std::numeric_limits<int>::max())),
        output_(output) {}

  nlohmann::ordered_json root(const InstalledNode& node) {
    output_.result(fmt::format("{} {}", output_.out(Paint::Bold, node.distribution.name.display()),
                               node.distribution.version.to_string()));
    nlohmann::ordered_json document = described(node);
    document["children"] = below(node, "", 1);
    return document;
  }

 private:
  std::vector<Branch> branches_of(const InstalledNode& node) const {
    std::vector<Branch> out;
    if (invert_) {
      for (const InstalledNode* dependent : graph_.dependents_of(node.distribution.name))
        for (const Requirement& requirement : graph_.requirements_of(*dependent))
          if (requirement.name == node.distribution.name) {
            out.push_back({dependent->distribution.name, bare(requirement), dependent});
            break;
          }
      return out;
    }
    for (const Requirement& requirement : graph_.requirements_of(node))
      if (out.empty() || out.back().name != requirement.name)
        out.push_back({requirement.name, bare(requirement), graph_.find(requirement.name)});
    return out;
  }

  static std::string bare(Requirement requirement) {
    requirement.marker.reset();
    return requirement.to_string();
  }

  static nlohmann::ordered_json described(const InstalledNode& node) {
    return {{"name", node.distribution.name.normalized()},
            {"version", node.distribution.version.to_string()}};
  }

  nlohmann::ordered_json below(const InstalledNode& node, const std::string& indent, int level) {
    nlohmann::ordered_json documents = nlohmann::ordered_json::array();
    if (level > depth_) return documents;
    path_.push_back(&node);
    const std::vector<Branch> branches = branches_of(node);
    for (std::size_t i = 0; i < branches.size(); ++i) {
      const bool last = i + 1 == branches.size();
      documents.push_back(
          branch(branches[i], indent + (last ? "└── " : "├── "), indent + (last ? "    " : "│   "), level));
    }
    path_.pop_back();
    return documents;
  }

  nlohmann::ordered_json branch(const Branch& branch, const std::string& head, const std::string& indent,
                                int level) {
    if (branch.node == nullptr) {
      output_.result(fmt::format("{}{} {}", head, branch.asks, output_.out(Paint::Bad, "(not installed)")));
      return {{"name", branch.name.normalized()}, {"version", nullptr}, {"requirement", branch.asks}};
    }
    const InstalledNode& node = *branch.node;
    const bool circle = std::find(path_.begin(), path_.end(), &node) != path_.end();
    output_.result(fmt::format(
        "{}{} {}  {}{}", head, node.distribution.name.display(), node.distribution.version.to_string(),
        output_.out(Paint::Dim, fmt::format("({}{})", invert_ ? "requires " : "", branch.asks)),
        circle ? "  (again)" : ""));
    nlohmann::ordered_json document = described(node);
    document["requirement"] = branch.asks;
    document["children"] = circle ? nlohmann::ordered_json::array() : below(node, indent, level + 1);
    return document;
  }

  const InstalledGraph& graph_;
  bool invert_;
  int depth_;
  Output& output_;
  std::vector<const InstalledNode*> path_;  // from the root to here
};

// Packages asked for by name, and those that nothing else leads to. With --invert: those that need nothing.
std::vector<const InstalledNode*> roots_of(const TreeCommand& command, const InstalledGraph& graph) {
  std::vector<const InstalledNode*> roots;
  if (!command.names.empty()) {
    for (const std::string& text : command.names) {
      const InstalledNode* node = graph.find(parse_package_name(text));
      if (node == nullptr) throw Error(ErrorKind::NotFound, fmt::format("{} is not installed", quote(text)));
      roots.push_back(node);
    }
    return roots;
  }
  std::set<PackageName> reached;
  const auto add = [&](const PackageName& name, const InstalledNode& node) {
    roots.push_back(&node);
    if (command.invert) return;
    reached.merge(graph.closure({name}, InstalledGraph::Extras::InEffect));
  };
  for (const auto& [name, node] : graph.nodes())
    if (command.invert ? graph.requirements_of(node).empty()
                       : node.distribution.requested || graph.dependents_of(name).empty())
      add(name, node);
  if (!command.invert)
    for (const auto& [name, node] : graph.nodes())  // cycles that nothing leads to
      if (reached.count(name) == 0) add(name, node);
  return roots;
}

}  // namespace

int execute(const TreeCommand& command, Session& session) {
  if (command.depth && *command.depth < 0) throw Error(ErrorKind::Usage, "--depth cannot be negative");
  const Environment environment = open_for_reading(session, ForProject::Yes);
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const InstalledGraph graph = graph_of(environment, installed, session);
  TreePrinter printer(graph, command, session.output());
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const InstalledNode* root : roots_of(command, graph)) documents.push_back(printer.root(*root));
  if (session.output().json())
    session.output().document(
        {{"schema", 1}, {"environment", environment.root().native()}, {"roots", documents}});
  else if (documents.empty())
    session.output().say("nothing is installed");
  return 0;
}

}  // namespace moat
