#include "resolver/solve/explain.h"

#include "resolver/base/text.h"
#include "resolver/files/source_url.h"

#include <algorithm>
#include <set>

namespace moat {
namespace {

constexpr std::string_view kEarlier = "asked for earlier by ";

std::string subject(const Origin& origin) {
  return origin.where.empty() ? "you asked for" : origin.where + " requires";
}

std::string place(const Origin& origin) { return origin.where.empty() ? "you asked for it" : origin.where; }

// ", but …": why a requirement cannot be met by anything.
std::string but(const ConflictStep& step) {
  if (!step.lack) return "";
  switch (*step.lack) {
    case MissingCandidates::UnknownProject:
      return ", but no index has it";
    case MissingCandidates::OnlyPrereleases:
      return ", but " + step.detail + ", and pre-releases are not allowed";
    case MissingCandidates::CutByDate:
    case MissingCandidates::NoVersionInRange:
    case MissingCandidates::NoUsableFile:
    case MissingCandidates::ForbiddenKind:
    case MissingCandidates::NoHash:
    case MissingCandidates::NeedsNewerPython:
    case MissingCandidates::OnlySdist:
    case MissingCandidates::OnlyYanked:
      return ", but " + step.detail;
    case MissingCandidates::Conflicting:
      return "";
  }
  return "";
}

std::string headline(const Conflict& conflict, const Target& target) {
  if (conflict.steps.size() == 1 && conflict.steps.front().lack) {
    const Requirement& requirement = conflict.steps.front().requirement;
    switch (*conflict.steps.front().lack) {
      case MissingCandidates::UnknownProject:
        return "there is no project " + quote(requirement.name.display());
      case MissingCandidates::NoVersionInRange:
        return "there is no " + told(requirement);
      case MissingCandidates::NoUsableFile:
      case MissingCandidates::ForbiddenKind:
      case MissingCandidates::OnlySdist:
      case MissingCandidates::NoHash:
        return "no file of " + told(requirement) + " can be used";
      case MissingCandidates::NeedsNewerPython:
        return "there is no " + told(requirement) + " for Python " + target.python.to_string();
      case MissingCandidates::OnlyYanked:
        return "every " + told(requirement) + " was yanked";
      case MissingCandidates::CutByDate:
        return "there was no " + told(requirement) + " yet";
      case MissingCandidates::OnlyPrereleases:
        return "there is no final version of " + told(requirement);
      case MissingCandidates::Conflicting:
        break;
    }
  }
  return "no set of versions meets your requirements";
}

// A Python that the text of a Requires-Python admits: the oldest above `ours`, else the newest below; "" for
// none.
std::string python_that_would_do(const std::string& requires_python, const Version& ours) {
  const auto specifiers = SpecifierSet::parse(requires_python);
  if (requires_python.empty() || !specifiers) return "";
  constexpr std::uint64_t kOldest = 6, kNewest = 20;
  const std::uint64_t minor = ours.release_at(1).as_uint64().value_or(0);
  const auto admitted = [&](std::uint64_t m) {
    const auto python = Version::parse("3." + std::to_string(m) + ".0");
    return python && specifiers->contains(*python);
  };
  for (std::uint64_t m = minor + 1; m <= kNewest; ++m)
    if (admitted(m)) return "3." + std::to_string(m);
  for (std::uint64_t m = minor; m-- > kOldest;)
    if (admitted(m)) return "3." + std::to_string(m);
  return "";
}

std::string hint(const ConflictStep& step, const Target& target) {
  const std::string name = step.requirement.name.normalized();
  const std::string python = step.facts.pythons.empty()
                                 ? python_that_would_do(step.facts.requires_python, target.python)
                                 : step.facts.pythons.back();
  switch (*step.lack) {
    case MissingCandidates::UnknownProject:
      return "check the spelling, or say where it is: --extra-index-url URL, or --find-links FOLDER";
    case MissingCandidates::NoUsableFile:
    case MissingCandidates::NeedsNewerPython:
      return python.empty() ? "" : "use another Python: moat create -p " + python;
    case MissingCandidates::NoHash:
      return "if that file is the right one, add its hash; `moat lock -r FILE -o requirements.txt` writes "
             "all hashes";
    case MissingCandidates::OnlySdist:
      return "without `--no-build` moat builds it";
    case MissingCandidates::OnlyYanked:
      return "to use a yanked version anyway, pin it: " + quote(name + "==" + step.facts.version);
    case MissingCandidates::CutByDate:
      if (!step.facts.since) return "";
      return "give a later date: --exclude-newer " + calendar_day(*step.facts.since + 86400);
    case MissingCandidates::OnlyPrereleases:
      return "allow its pre-releases: --all-releases=" + name;
    case MissingCandidates::ForbiddenKind:
    case MissingCandidates::NoVersionInRange:
    case MissingCandidates::Conflicting:
      return "";
  }
  return "";
}

// >=2.1,<2.2,!=2.1.3: from below, as people write it.
std::string told(const SpecifierSet& specifiers) {
  const auto place = [](const Specifier& clause) {
    switch (clause.op()) {
      case Operator::Equal:
      case Operator::ArbitraryEqual:
      case Operator::Compatible:
        return 0;
      case Operator::GreaterEqual:
      case Operator::Greater:
        return 1;
      case Operator::LessEqual:
      case Operator::Less:
        return 2;
      case Operator::NotEqual:
        return 3;
    }
    return 3;
  };
  std::vector<Specifier> clauses = specifiers.clauses();
  std::stable_sort(clauses.begin(), clauses.end(),
                   [&](const Specifier& a, const Specifier& b) { return place(a) < place(b); });
  std::vector<std::string> out;
  for (const Specifier& clause : clauses) out.push_back(clause.to_string());
  return join(out, ",");
}

class Teller {
 public:
  Teller(const Conflict& conflict, const Target& target) : conflict_(conflict), target_(target) {}

  Explanation tell() {
    Explanation out{headline(conflict_, target_), {}, {}};
    for (auto step = conflict_.steps.begin(); step != conflict_.steps.end();) {
      const auto next = std::find_if(step + 1, conflict_.steps.end(), [&](const ConflictStep& other) {
        return !step->package || other.package != step->package;
      });
      tell_alike(step, next, out);
      step = next;
    }
    return out;
  }

 private:
  using Steps = std::vector<ConflictStep>::const_iterator;

  // The steps of one package, newest first; only the first few if there are many.
  void tell_alike(Steps begin, Steps end, Explanation& out) {
    constexpr std::ptrdiff_t kMostAlike = 6, kOfMore = 4;
    const Steps told = end - begin > kMostAlike ? begin + kOfMore : end;
    for (Steps step = begin; step != told; ++step) {
      if (!step->package && is_said_elsewhere(*step)) continue;
      out.lines.push_back(line(*step));
      if (step->lack && hinted_.insert(*step->lack).second) add_hint(hint(*step, target_), out.hints);
    }
    if (told != end)
      out.lines.push_back("… and older versions of " + begin->package->display() + ", for " +
                          std::to_string(end - told) + " other reasons (--json lists them)");
  }

  // One reason of each kind is enough.
  static void add_hint(std::string advice, std::vector<std::string>& hints) {
    if (!advice.empty()) hints.push_back(std::move(advice));
  }

  // "pandas 3.1 (you asked for it) needs …" already says "you asked for pandas".
  bool is_said_elsewhere(const ConflictStep& step) const {
    if (step.lack || step.requirement.url || !step.requirement.specifier.empty()) return false;
    return std::any_of(conflict_.steps.begin(), conflict_.steps.end(),
                       [&](const ConflictStep& other) { return other.package == step.requirement.name; });
  }

  std::string line(const ConflictStep& step) const {
    if (!step.package && step.origin.where.starts_with(kEarlier))
      return told(step.requirement) + " was " + step.origin.where + but(step);
    if (!step.package) return subject(step.origin) + " " + told(step.requirement) + but(step);
    std::string who = step.package->display();
    if (step.extra) who += "[" + step.extra->display() + "]";
    who = step.versions == "all versions" ? "every " + who : who + " " + step.versions;
    for (const Edge& edge : conflict_.core) {
      if (edge.requirement.name != *step.package) continue;
      who += " (" + place(edge.origin) + ")";
      break;
    }
    if (!step.unusable.empty()) return who + " cannot be used: " + step.unusable;
    const bool several = step.versions.find(' ') != std::string::npos && step.versions != "all versions";
    return who + (several ? " need " : " needs ") + told(step.requirement) + but(step);
  }

  const Conflict& conflict_;
  const Target& target_;
  std::set<MissingCandidates> hinted_;
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
  if (!requirement.specifier.empty()) out += " " + told(requirement.specifier);
  return out;
}

std::string asked_earlier(std::string_view by) { return std::string(kEarlier).append(by); }

std::string_view to_string(MissingCandidates lack) {
  switch (lack) {
    case MissingCandidates::UnknownProject:
      return "unknown_project";
    case MissingCandidates::NoVersionInRange:
      return "no_version_in_range";
    case MissingCandidates::NoUsableFile:
      return "no_usable_file";
    case MissingCandidates::ForbiddenKind:
      return "forbidden_kind";
    case MissingCandidates::NoHash:
      return "no_hash";
    case MissingCandidates::NeedsNewerPython:
      return "other_python";
    case MissingCandidates::OnlySdist:
      return "only_sdist";
    case MissingCandidates::OnlyYanked:
      return "only_yanked";
    case MissingCandidates::CutByDate:
      return "cut_by_date";
    case MissingCandidates::OnlyPrereleases:
      return "only_prereleases";
    case MissingCandidates::Conflicting:
      return "conflicting";
  }
  return "";
}

Explanation explain(const Conflict& conflict, const Target& target) {
  return Teller(conflict, target).tell();
}

}  // namespace moat
