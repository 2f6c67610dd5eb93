#include "resolver/candidate_filter.h"

#include "resolver/base/text.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace moat {
namespace {

enum class HashVerdict { Known, Unknown, Wrong };

// A file is wrong if the index promises a digest of an algorithm that the user gave, and it is another. Where
// the two cannot be compared the download decides.
HashVerdict judge_hash(const Artifact& artifact, const std::vector<Digest>& allowed) {
  bool comparable = allowed.empty();
  for (const Digest& digest : artifact.digests) {
    for (const Digest& candidate : allowed) {
      if (digest == candidate) return HashVerdict::Known;
      comparable |= digest.algorithm == candidate.algorithm;
    }
  }
  return comparable ? HashVerdict::Wrong : HashVerdict::Unknown;
}

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
  for (const ReleaseFile& file : release.files) {
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
  for (const ReleaseFile& file : release.files) {
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

// Where a Python would do, which; else what platforms there are wheels for.
std::string wheels_that_exist(const Release& release, const LackFacts& facts) {
  if (!facts.pythons.empty()) return "Python " + join(facts.pythons, ", ") + " on this platform";
  // Of a wheel for several platforms of one kind (manylinux) the first says enough.
  std::set<std::string> seen;
  std::vector<std::string> tags;
  for (const ReleaseFile& file : release.files)
    if (file.wheel && !file.wheel->tags.empty())
      if (std::string tag = file.wheel->tags.front().to_string(); seen.insert(tag).second)
        tags.push_back(std::move(tag));
  return some_of(tags, 6);
}

std::string requires_python_of(const Release& release) {
  for (const ReleaseFile& file : release.files)
    if (!file.artifact.requires_python.empty()) return file.artifact.requires_python;
  return "";
}

std::string yank_reason(const Release& release) {
  for (const ReleaseFile& file : release.files)
    if (file.artifact.yanked && !file.artifact.yanked->empty()) return ": " + quote(*file.artifact.yanked);
  return "";
}

bool has_wheels(const Release& release) {
  return std::any_of(release.files.begin(), release.files.end(),
                     [](const ReleaseFile& file) { return file.wheel.has_value(); });
}

Lack lack_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::NoFiles:
    case Verdict::WrongTags:
      return Lack::NoUsableFile;
    case Verdict::KindForbidden:
      return Lack::ForbiddenKind;
    case Verdict::WrongHash:
      return Lack::NoHash;
    case Verdict::CutByDate:
      return Lack::CutByDate;
    case Verdict::WrongPython:
      return Lack::NeedsNewerPython;
    case Verdict::OnlySdist:
      return Lack::OnlySdist;
    case Verdict::Yanked:
      return Lack::OnlyYanked;
    case Verdict::Prerelease:
      return Lack::OnlyPrereleases;
    case Verdict::Eligible:
      return Lack::Conflicting;
  }
  return Lack::Conflicting;
}

// An index has the project, and nothing of it: PEP 792 says why it may be so.
std::string nothing_there(const Project& project) {
  if (project.status.empty()) return "the index has no file of it that is a package";
  return "it is " + project.status +
         (project.status_reason.empty() ? "" : ": " + quote(project.status_reason));
}

// `allowed`: nullptr where no hash is given at all, and every file must have one.
std::string detail_of_hash(const Release& release, const std::vector<Digest>* allowed) {
  const std::string version = release.version.to_string();
  if (allowed == nullptr) return "no hash is given for " + version + ", and every file must have one";
  if (allowed->empty()) return "the lines that give hashes for it have none in common";
  std::vector<std::string> promised;
  for (const ReleaseFile& file : release.files)
    if (const Digest* digest = file.artifact.strongest_digest())
      promised.push_back(file.artifact.filename + " has " + digest->to_string());
  return "no file of " + version + " has one of the hashes that are given; " + some_of(promised, 3);
}

std::string detail_of(Verdict verdict, const Release& release, const Target& target, const LackFacts& facts,
                      const std::vector<Digest>* allowed) {
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

bool BinaryPolicy::wheels(const PackageName& name) const {
  const auto found = by_name.find(name);
  return found == by_name.end() ? allow_wheels : found->second.first;
}

bool BinaryPolicy::sdists(const PackageName& name) const {
  const auto found = by_name.find(name);
  return found == by_name.end() ? allow_sdists : found->second.second;
}

Prereleases PrereleasePolicy::of(const PackageName& name) const {
  const auto found = by_name.find(name);
  return found == by_name.end() ? otherwise : found->second;
}

std::string_view version_text(const Release& release) {
  for (const ReleaseFile& file : release.files)
    if (file.wheel) return file.wheel->version_text;
  return "";
}

CandidateFilter::CandidateFilter(const ResolveRequest& request) : request_(request), hashes_(request) {
  for (const auto* lines : {&request.requirements, &request.constraints}) {
    for (const RootRequirement& line : *lines) {
      const Requirement& requirement = line.requirement;
      if (requirement.marker && !requirement.marker->evaluate(request.target.environment)) continue;
      if (requirement.specifier.pinned_version()) pins_[requirement.name].push_back(requirement.specifier);
    }
  }
}

bool CandidateFilter::python_admitted(const std::string& requires_python) {
  if (requires_python.empty()) return true;
  const auto [entry, is_new] = python_admitted_.try_emplace(requires_python, true);
  if (is_new) {
    // What does not parse limits nothing here; the metadata has the last word.
    const auto specifiers = SpecifierSet::parse(requires_python);
    entry->second = !specifiers || specifiers->contains(request_.target.python);
  }
  return entry->second;
}

bool CandidateFilter::yanked_is_pinned(const PackageName& name, const Version& version) const {
  if (request_.may_use_yanked.contains({name, version})) return true;
  const auto pins = pins_.find(name);
  return pins != pins_.end() && std::any_of(pins->second.begin(), pins->second.end(),
                                            [&](const SpecifierSet& pin) { return pin.contains(version); });
}

CandidateFilter::FileVerdict CandidateFilter::judge(const PackageName& name, const ReleaseFile& file,
                                                    Rules rules) {
  FileVerdict out;
  out.yanked = file.artifact.yanked.has_value();
  const auto stops_at = [&out](Verdict verdict) {
    out.verdict = verdict;
    return out;
  };
  if (rules != Rules::FromUrl && !(file.wheel ? request_.binary.wheels(name) : request_.binary.sdists(name)))
    return stops_at(Verdict::KindForbidden);
  // A file without a date cannot be shown to be old enough.
  if (rules == Rules::All && request_.exclude_newer && !file.direct &&
      (!file.artifact.upload_time || *file.artifact.upload_time > *request_.exclude_newer))
    return stops_at(Verdict::CutByDate);
  if (const std::vector<Digest>* allowed = hashes_.of(name)) {
    const HashVerdict hash = judge_hash(file.artifact, *allowed);
    if (hash == HashVerdict::Wrong) return stops_at(Verdict::WrongHash);
    out.hash_known = hash == HashVerdict::Known;
  } else if (request_.require_hashes) {
    return stops_at(Verdict::WrongHash);
  }
  if (file.wheel) {
    const auto rank = request_.target.tags.rank(file.wheel->tags);
    if (!rank) return stops_at(Verdict::WrongTags);
    out.tag_rank = *rank;
  }
  if (!python_admitted(file.artifact.requires_python)) return stops_at(Verdict::WrongPython);
  if (!file.wheel && !request_.can_build) return stops_at(Verdict::OnlySdist);
  return stops_at(Verdict::Eligible);
}

FilteredProject CandidateFilter::filter(const Project& project, bool from_url) {
  FilteredProject out;
  out.verdicts.reserve(project.releases.size());
  const bool no_prereleases = !from_url && request_.prereleases.of(project.name) == Prereleases::Forbid;
  for (const std::shared_ptr<const Release>& release : project.releases) {
    Verdict verdict = Verdict::NoFiles;
    Candidate candidate{release, nullptr, false, std::nullopt};
    FileVerdict best;
    // Hash allowed > not yanked > wheel before sdist > tag rank > build tag.
    const auto is_better = [&](const ReleaseFile& file, const FileVerdict& judged) {
      if (candidate.file == nullptr) return true;
      const auto key = [](const ReleaseFile& f, const FileVerdict& j) {
        return std::tuple(j.hash_known, !j.yanked, f.wheel.has_value());
      };
      if (key(file, judged) != key(*candidate.file, best))
        return key(file, judged) > key(*candidate.file, best);
      if (!file.wheel) return false;
      if (judged.tag_rank != best.tag_rank) return judged.tag_rank < best.tag_rank;
      return file.wheel->build > candidate.file->wheel->build;
    };
    for (const ReleaseFile& file : release->files) {
      const FileVerdict judged = judge(project.name, file, from_url ? Rules::FromUrl : Rules::All);
      verdict = std::max(verdict, judged.verdict);
      if (judged.verdict != Verdict::Eligible) continue;
      if (file.artifact.upload_time &&
          (!candidate.uploaded || *file.artifact.upload_time < *candidate.uploaded))
        candidate.uploaded = file.artifact.upload_time;
      if (is_better(file, judged)) {
        candidate.file = &file;
        best = judged;
      }
    }
    if (verdict == Verdict::Eligible && best.yanked) {
      candidate.yanked = true;
      if (!yanked_is_pinned(project.name, release->version)) verdict = Verdict::Yanked;
    }
    if (verdict == Verdict::Eligible && no_prereleases && release->version.is_prerelease())
      verdict = Verdict::Prerelease;
    out.verdicts.push_back(verdict);
    if (verdict == Verdict::Eligible) out.candidates.push_back(std::move(candidate));
  }
  return out;
}

LackReason CandidateFilter::lack(const Project& project, const FilteredProject& filtered,
                                 const SpecifierSet& specifiers) {
  if (project.releases.empty()) {
    if (project.index.empty() && project.status.empty()) return {Lack::UnknownProject, "", {}};
    return {Lack::NoVersionInRange, nothing_there(project), {}};
  }
  std::optional<std::size_t> closest;
  std::vector<std::string> finals, all;
  for (std::size_t i = 0; i < project.releases.size(); ++i) {
    const Release& release = *project.releases[i];
    all.push_back(release.version.to_string());
    if (!release.version.is_prerelease()) finals.push_back(all.back());
    if (!specifiers.contains(release.version, version_text(release))) continue;
    // Of what is in range the newest of those that came furthest is worth telling.
    if (!closest || filtered.verdicts[i] >= filtered.verdicts[*closest]) closest = i;
  }
  if (!closest) return {Lack::NoVersionInRange, existing(finals.empty() ? all : finals), {}};
  const Verdict verdict = filtered.verdicts[*closest];
  const Release& release = *project.releases[*closest];
  LackFacts facts{
      .version = release.version.to_string(), .tags = {}, .pythons = {}, .requires_python = {}, .since = {}};
  if (verdict == Verdict::WrongTags) facts.tags = tags_of(release);
  if (verdict == Verdict::WrongTags || verdict == Verdict::OnlySdist)
    facts.pythons = pythons_with_wheels(release, request_.target);
  if (verdict == Verdict::WrongPython) facts.requires_python = requires_python_of(release);
  if (verdict == Verdict::CutByDate) facts.since = first_usable(project, specifiers);
  std::string detail = detail_of(verdict, release, request_.target, facts, hashes_.of(project.name));
  return {lack_of(verdict), std::move(detail), std::move(facts)};
}

// When the first file in range came out that only its date keeps out; of none, the first of all.
std::optional<UnixTime> CandidateFilter::first_usable(const Project& project,
                                                      const SpecifierSet& specifiers) {
  std::optional<UnixTime> usable, any;
  const auto take_earlier = [](std::optional<UnixTime>& earliest, UnixTime time) {
    if (!earliest || time < *earliest) earliest = time;
  };
  for (const std::shared_ptr<const Release>& release : project.releases) {
    if (!specifiers.contains(release->version, version_text(*release))) continue;
    for (const ReleaseFile& file : release->files) {
      if (!file.artifact.upload_time) continue;
      take_earlier(any, *file.artifact.upload_time);
      const FileVerdict verdict = judge(project.name, file, Rules::WhateverTheDate);
      if (verdict.verdict == Verdict::Eligible && !verdict.yanked)
        take_earlier(usable, *file.artifact.upload_time);
    }
  }
  return usable ? usable : any;
}

}  // namespace moat
