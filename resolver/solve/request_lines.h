// The user's own lines (requirements and constraints that apply on the target), and the goals made of them.
#pragma once

#include "resolver/solv/solver.h"
#include "resolver/solve/encode.h"
#include "resolver/solve/solve.h"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moat {

struct RequestLine {
  const RootRequirement* line = nullptr;
  bool is_constraint = false;  // limits, but does not ask

  const Requirement& requirement() const { return line->requirement; }
};

using LineIndex = std::size_t;

class RequestLines {
 public:
  // Lines whose marker does not hold on the target are left out.
  explicit RequestLines(const ResolveRequest& request);

  const std::vector<RequestLine>& lines() const { return lines_; }
  // Of one project, in the user's order; empty for others.
  const std::vector<LineIndex>& of(const PackageName& name) const;
  // The projects asked for, in the user's order, each once.
  const std::vector<PackageName>& requested() const { return requested_; }
  bool is_requested(const PackageName& name) const;
  // URLs that projects are pinned to by lines, by name; the first where there are several.
  const std::map<PackageName, std::string>& urls() const { return urls_; }

  // The candidates of a project that the given lines allow, pre-releases included. dropped: by line, empty
  // for none.
  std::vector<bool> allowed(const ProjectView& view, const std::vector<bool>& dropped = {}) const;
  // The same by all lines, and by the window, which holds for projects asked for; nullopt: there is none.
  std::vector<bool> allowed_inside(const ProjectView& view,
                                   const std::optional<std::chrono::seconds>& window) const;

 private:
  std::vector<RequestLine> lines_;
  std::map<PackageName, std::vector<LineIndex>> by_name_;
  std::vector<PackageName> requested_;
  std::map<PackageName, std::string> urls_;
};

// Options of one solve, apart from the lines themselves.
struct GoalOptions {
  std::optional<std::chrono::seconds>
      window;                 // requests only take candidates this close to the newest allowed
  std::vector<bool> dropped;  // lines left out; empty for none
  std::map<PackageIndex, std::vector<bool>> only;  // requests limited further, to these candidates
};

struct RequestGoal {
  solv::Goal goal;
  // By item of the goal: the project it is about.
  std::vector<PackageIndex> items;
  bool window_excludes = false;  // the window alone excludes some candidate
};

// REQUIRES: all requested projects are in the encoding. permitted: by package, may be shorter.
RequestGoal make_goal(const RequestLines& lines, Encoding& encoding, const std::vector<bool>& permitted,
                      const GoalOptions& options);

// The allowed candidates that are at most `window` older than the newest version among them.
std::vector<bool> inside_window(const ProjectView& view, const std::vector<bool>& allowed,
                                std::chrono::seconds window);

}  // namespace moat
