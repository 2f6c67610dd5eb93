#include "resolver/explain.h"

#include "resolver/base/text.h"
#include "resolver/source_url.h"

#include <algorithm>
#include <set>

namespace moat {
namespace {

std::string subject(const Origin& origin) {
  return origin.where.empty() ? "you ask" : origin.where + " asks";
}

std::string place(const Origin& origin) { return origin.where.empty() ? "you ask for it" : origin.where; }

// ", but …": why a requirement cannot be met by anything.
std::string but(const ConflictStep& step) {
  if (!step.lack) return "";
  switch (*step.lack) {
    case Lack::UnknownProject:
      return ", but no index has " + quote(step.requirement.name.display());
    case Lack::OnlyPrereleases:
      return ", but " + step.detail + ", and those are not wanted";
    case Lack::CutByDate:
    case Lack::NoVersionInRange:
    case Lack::NoUsableFile:
    case Lack::NoHash:
    case Lack::NeedsNewerPython:
    case Lack::OnlySdist:
    case Lack::OnlyYanked:
      return ", but " + step.detail;
    case Lack::Conflicting:
      return "";
  }
  return "";
}

std::string headline(const Conflict& conflict, const Target& target) {
  if (conflict.steps.size() == 1 && conflict.steps.front().lack) {
    const Requirement& requirement = conflict.steps.front().requirement;
    switch (*conflict.steps.front().lack) {
      case Lack::UnknownProject:
        return "there is no project " + quote(requirement.name.display());
      case Lack::NoVersionInRange:
        return "there is no " + told(requirement);
      case Lack::NoUsableFile:
      case Lack::OnlySdist:
      case Lack::NoHash:
        return "no file of " + told(requirement) + " can be used";
      case Lack::NeedsNewerPython:
        return "there is no " + told(requirement) + " for Python " + target.python.to_string();
      case Lack::OnlyYanked:
        return "every " + told(requirement) + " was yanked";
      case Lack::CutByDate:
        return "there was no " + told(requirement) + " yet";
      case Lack::OnlyPrereleases:
        return "there is no final version of " + told(requirement);
      case Lack::Conflicting:
        break;
    }
  }
  return "no set of versions meets your requirements";
}

std::string hint(const ConflictStep& step) {
  const std::string name = step.requirement.name.normalized();
  switch (*step.lack) {
    case Lack::UnknownProject:
      return "check the spelling, or name the index that has it: --index NAME=URL";
    case Lack::NoUsableFile:
    case Lack::NeedsNewerPython:
      return "another Python may do: moat create -p VERSION";
    case Lack::NoHash:
      return "if that file is the right one, give its hash: `moat lock -r FILE -o requirements.txt` writes "
             "all";
    case Lack::OnlySdist:
      return "without `--no-build` moat builds it";
    case Lack::OnlyYanked:
      return "to use a yanked version all the same, pin it: " + quote(name + "==VERSION");
    case Lack::CutByDate:
      return "give a later date: --exclude-newer DATE";
    case Lack::OnlyPrereleases:
      return "allow its pre-releases: --all-releases=" + name;
    case Lack::NoVersionInRange:
    case Lack::Conflicting:
      return "";
  }
  return "";
}

class Teller {
 public:
  Teller(const Conflict& conflict, const Target& target) : conflict_(conflict), target_(target) {}

  Explanation tell() {
    Explanation out{headline(conflict_, target_), {}, {}};
    for (const ConflictStep& step : conflict_.steps) {
      if (!step.package && is_said_elsewhere(step)) continue;
      out.lines.push_back(line(step));
      if (!step.lack) continue;
      const std::string advice = hint(step);
      if (!advice.empty() && std::find(out.hints.begin(), out.hints.end(), advice) == out.hints.end())
        out.hints.push_back(advice);
    }
    return out;
  }

 private:
  // "you ask pandas" is said by "pandas 3.1 (you ask for it) needs …" too.
  bool is_said_elsewhere(const ConflictStep& step) const {
    if (step.lack || step.requirement.url || !step.requirement.specifier.empty()) return false;
    return std::any_of(conflict_.steps.begin(), conflict_.steps.end(),
                       [&](const ConflictStep& other) { return other.package == step.requirement.name; });
  }

  std::string line(const ConflictStep& step) const {
    if (!step.package) return subject(step.origin) + " " + told(step.requirement) + but(step);
    std::string who = step.package->display();
    if (step.extra) who += "[" + step.extra->display() + "]";
    who = step.versions == "all versions" ? "every " + who : who + " " + step.versions;
    for (const Edge& edge : conflict_.core) {
      if (edge.requirement.name != *step.package) continue;
      who += " (" + place(edge.origin) + ")";
      break;
    }
    const bool several = step.versions.find(' ') != std::string::npos && step.versions != "all versions";
    return who + (several ? " need " : " needs ") + told(step.requirement) + but(step);
  }

  const Conflict& conflict_;
  const Target& target_;
};

}  // namespace

std::string told(const Requirement& requirement) {
  std::string out = requirement.name.display();
  if (!requirement.extras.empty()) {
    std::vector<std::string> extras;
    for (const ExtraName& extra : requirement.extras) extras.push_back(extra.display());
    out += "[" + join(extras, ",") + "]";
  }
  if (requirement.url) {
    const auto source = SourceUrl::parse(*requirement.url);
    return out + " @ " + (source ? source->display() : *requirement.url);
  }
  if (!requirement.specifier.empty()) out += " " + requirement.specifier.to_string();
  return out;
}

Explanation explain(const Conflict& conflict, const Target& target) {
  return Teller(conflict, target).tell();
}

}  // namespace moat
