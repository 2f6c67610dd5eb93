#include "resolver/solve/missing_candidates.h"

#include "resolver/base/text.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {
namespace {

// At most `most` of `items`, from the end, in words.
std::string some_of(const std::vector<std::string>& items, std::size_t most) {
  if (items.size() <= most) return join(items, ", ");
  const std::vector<std::string> last(items.end() - static_cast<std::ptrdiff_t>(most), items.end());
  return join(last, ", ") + ", " + std::to_string(items.size() - most) + " others";
}

std::string existing(const std::vector<std::string>& versions) {
  if (versions.size() == 1) return "the only version is " + versions.front();
  if (versions.size() <= 3) return "the versions are " + join(versions, ", ");
  return "the versions are " + versions.front() + " to " + versions.back();
}

// "3.11" of cp311, "3" of py3; "" for another implementation's.
std::string python_of(std::string_view tag) {
  if (tag.size() < 3 || (tag.substr(0, 2) != "cp" && tag.substr(0, 2) != "py")) return "";
  const std::string minor(tag.substr(3));
  return std::string(1, tag[2]) + (minor.empty() ? "" : "." + minor);
}

// The tags of its wheels, each once, in the index's order.
std::vector<std::string> tags_of(const Release& release) {
  std::set<std::string> seen;
  std::vector<std::string> tags;
  for (const ReleaseFile& file : release.files()) {
    if (!file.wheel) continue;
    for (const Tag& tag : file.wheel->tags)
      if (seen.insert(tag.to_string()).second) tags.push_back(tag.to_string());
  }
  return tags;
}

// Which Pythons have a wheel on the target's platform, oldest first.
std::vector<std::string> pythons_with_wheels(const Release& release, const Target& target) {
  std::set<std::string_view> platforms;
  for (const Tag& tag : target.tags.tags()) platforms.insert(tag.platform);
  std::vector<std::string> pythons;
  for (const ReleaseFile& file : release.files()) {
    if (!file.wheel) continue;
    for (const Tag& tag : file.wheel->tags)
      if (std::string python = python_of(tag.python); !python.empty() && platforms.contains(tag.platform))
        pythons.push_back(std::move(python));
  }
  const auto older = [](const std::string& a, const std::string& b) {
    return std::pair(a.size(), std::string_view(a)) < std::pair(b.size(), std::string_view(b));
  };
  std::sort(pythons.begin(), pythons.end(), older);
  pythons.erase(std::unique(pythons.begin(), pythons.end()), pythons.end());
  return pythons;
}

// If another Python would work, names it; else the platforms that have wheels.
std::string wheels_that_exist(const Release& release, const MissingCandidatesFacts& facts) {
  if (!facts.pythons.empty()) return "Python " + join(facts.pythons, ", ") + " on this platform";
  // Of a wheel for several platforms of one kind (manylinux) the first says enough.
  std::set<std::string> seen;
  std::vector<std::string> tags;
  for (const ReleaseFile& file : release.files())
    if (file.wheel && !file.wheel->tags.empty())
      if (std::string tag = file.wheel->tags.front().to_string(); seen.insert(tag).second)
        tags.push_back(std::move(tag));
  return some_of(tags, 6);
}

std::string requires_python_of(const Release& release) {
  for (const FileTraits& file : release.traits())
    if (!file.requires_python.empty()) return std::string(file.requires_python);
  return "";
}

std::string yank_reason(const Release& release) {
  for (const ReleaseFile& file : release.files())
    if (file.artifact.yanked && !file.artifact.yanked->empty()) return ": " + quote(*file.artifact.yanked);
  return "";
}

bool has_wheels(const Release& release) {
  return std::any_of(release.traits().begin(), release.traits().end(),
                     [](const FileTraits& file) { return file.is_wheel(); });
}

MissingCandidates kind_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::NoFiles:
    case Verdict::WrongTags:
      return MissingCandidates::NoUsableFile;
    case Verdict::KindForbidden:
      return MissingCandidates::ForbiddenKind;
    case Verdict::WrongHash:
      return MissingCandidates::NoHash;
    case Verdict::CutByDate:
      return MissingCandidates::CutByDate;
    case Verdict::WrongPython:
      return MissingCandidates::NeedsNewerPython;
    case Verdict::OnlySdist:
      return MissingCandidates::OnlySdist;
    case Verdict::Yanked:
      return MissingCandidates::OnlyYanked;
    case Verdict::Prerelease:
      return MissingCandidates::OnlyPrereleases;
    case Verdict::Eligible:
      return MissingCandidates::Conflicting;
  }
  return MissingCandidates::Conflicting;
}

// The index has the project but no files of it: PEP 792 says why.
std::string nothing_there(const Project& project) {
  if (project.status.empty()) return "the index has no wheel or source distribution of it";
  return "it is " + project.status +
         (project.status_reason.empty() ? "" : ": " + quote(project.status_reason));
}

// `allowed`: nullptr where no hash is given at all, and every file must have one.
std::string detail_of_hash(const Release& release, const std::vector<Digest>* allowed) {
  const std::string version = release.version.to_string();
  if (allowed == nullptr) return "no hash is given for " + version + ", and every file must have one";
  if (allowed->empty()) return "the lines that give hashes for it have none in common";
  std::vector<std::string> promised;
  for (const ReleaseFile& file : release.files())
    if (const Digest* digest = file.artifact.strongest_digest())
      promised.push_back(file.artifact.filename + " has " + digest->to_string());
  return "no file of " + version + " has one of the hashes that are given; " + some_of(promised, 3);
}

std::string detail_of(Verdict verdict, const Release& release, const Target& target,
                      const MissingCandidatesFacts& facts, const std::vector<Digest>* allowed) {
  const std::string& version = facts.version;
  switch (verdict) {
    case Verdict::NoFiles:
      return version + " has no files";
    case Verdict::KindForbidden:
      return version + (has_wheels(release) ? " has only wheels, which --no-binary forbids"
                                            : " has only source distributions, which --only-binary forbids");
    case Verdict::WrongHash:
      return detail_of_hash(release, allowed);
    case Verdict::WrongTags:
      return version + " has wheels for " + wheels_that_exist(release, facts) + " and none for " +
             target.description;
    case Verdict::WrongPython:
      return version + " needs Python " + facts.requires_python + " and this is " + target.python.to_string();
    case Verdict::OnlySdist:
      return version + " has a source distribution, which would have to be built" +
             (facts.pythons.empty() ? "" : "; it has wheels for " + wheels_that_exist(release, facts));
    case Verdict::CutByDate:
      if (!facts.since)
        return "the index does not say when " + version + " was uploaded, as --exclude-newer needs";
      return "the first one that could be used came out on " + calendar_day(*facts.since) +
             ", after --exclude-newer";
    case Verdict::Yanked:
      return version + " was yanked" + yank_reason(release);
    case Verdict::Prerelease:
      return version + " is a pre-release";
    case Verdict::Eligible:
      break;
  }
  return "";
}

}  // namespace

MissingCandidatesReason missing_candidates_of(const Project& project, const FilteredProject& filtered,
                                              const SpecifierSet& specifiers, CandidateFilter& filter) {
  if (project.releases.empty()) {
    if (project.index.empty() && project.status.empty()) return {MissingCandidates::UnknownProject, "", {}};
    return {MissingCandidates::NoVersionInRange, nothing_there(project), {}};
  }
  std::optional<std::size_t> closest;
  std::vector<std::string> finals, all;
  for (std::size_t i = 0; i < project.releases.size(); ++i) {
    const Release& release = *project.releases[i];
    all.push_back(release.version.to_string());
    if (!release.version.is_prerelease()) finals.push_back(all.back());
    if (!admits(specifiers, release)) continue;
    // Of the releases in range, reports the newest of those that got furthest.
    if (!closest || filtered.verdicts[i] >= filtered.verdicts[*closest]) closest = i;
  }
  if (!closest) return {MissingCandidates::NoVersionInRange, existing(finals.empty() ? all : finals), {}};
  const Verdict verdict = filtered.verdicts[*closest];
  const Release& release = *project.releases[*closest];
  MissingCandidatesFacts facts{
      .version = release.version.to_string(), .tags = {}, .pythons = {}, .requires_python = {}, .since = {}};
  if (verdict == Verdict::WrongTags) facts.tags = tags_of(release);
  if (verdict == Verdict::WrongTags || verdict == Verdict::OnlySdist)
    facts.pythons = pythons_with_wheels(release, filter.target());
  if (verdict == Verdict::WrongPython) facts.requires_python = requires_python_of(release);
  if (verdict == Verdict::CutByDate) facts.since = filter.first_usable(project, specifiers);
  std::string detail = detail_of(verdict, release, filter.target(), facts, filter.hashes().of(project.name));
  return {kind_of(verdict), std::move(detail), std::move(facts)};
}

}  // namespace moat
