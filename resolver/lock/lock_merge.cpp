#include "resolver/lock/lock_merge.h"

#include "resolver/base/text.h"
#include "resolver/pep/dist_filename.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace moat {
namespace {

using Entries = std::vector<LockedPackage>;

std::map<PackageName, Entries> by_name(const Pylock& lock) {
  std::map<PackageName, Entries> out;
  for (const LockedPackage& package : lock.packages) out[package.name].push_back(package);
  return out;
}

// Compared as they are written in a lock.
std::string text_of(const Entries& entries) {
  Pylock lock;
  lock.created_by = "moat";
  lock.packages = entries;
  return format_pylock(lock);
}

std::optional<Version> newest(const Entries& entries) {
  std::optional<Version> out;
  for (const LockedPackage& one : entries)
    if (one.version && (!out || *out < *one.version)) out = one.version;
  return out;
}

const Entries& merged(const Entries* base, const Entries& ours, const Entries& theirs) {
  const std::string our_text = text_of(ours), their_text = text_of(theirs);
  if (our_text == their_text) return ours;
  if (base != nullptr) {
    const std::string before = text_of(*base);
    if (before == our_text) return theirs;
    if (before == their_text) return ours;
  }
  // Dropped on one side and changed on the other, a package stays; locking again drops it if not needed.
  if (ours.empty()) return theirs;
  if (theirs.empty()) return ours;
  return newest(ours) < newest(theirs) ? theirs : ours;
}

template <class Name>
void join_names(std::vector<Name>& into, const std::vector<Name>& more) {
  std::set<Name> all(into.begin(), into.end());
  all.insert(more.begin(), more.end());
  into.assign(all.begin(), all.end());
}

// Keeps the targets of both sides; the inputs of either no longer describe the result.
std::optional<LockedInputs> merged_inputs(const Pylock& ours, const Pylock& theirs) {
  if (!ours.inputs && !theirs.inputs) return std::nullopt;
  LockedInputs out;
  for (const Pylock* side : {&ours, &theirs}) {
    if (!side->inputs) continue;
    join_names(out.targets, side->inputs->targets);
    join_names(out.pythons, side->inputs->pythons);
    out.universal |= side->inputs->universal;
  }
  return out;
}

// git may have merged lines of two packages into one entry: then its wheels belong to another package.
bool is_of_one_piece(const LockedPackage& package) {
  return std::all_of(package.wheels.begin(), package.wheels.end(), [&](const LockedFile& file) {
    const Expected<WheelFilename> wheel = WheelFilename::parse(file.name);
    return wheel && wheel->name == package.name && (!package.version || wheel->version == *package.version);
  });
}

// The text from one `[[packages]]` to the next.
std::vector<std::string> package_texts(std::string_view text) {
  std::vector<std::string> out;
  bool inside = false;
  for (const std::string_view line : split_lines(text)) {
    if (line.starts_with('[') && !line.starts_with("[packages.") && !line.starts_with("[[packages.")) {
      inside = trim(line) == "[[packages]]";
      if (inside) out.emplace_back();
    }
    if (inside) out.back().append(line).append("\n");
  }
  return out;
}

}  // namespace

std::optional<ConflictSides> conflict_sides(std::string_view text) {
  enum class Part { Both, Ours, Base, Theirs };
  Part part = Part::Both;
  bool found = false;
  ConflictSides out;
  for (const std::string_view line : split_lines(text)) {
    if (line.starts_with("<<<<<<< ") && part == Part::Both) {
      part = Part::Ours;
    } else if (line.starts_with("||||||| ") && part == Part::Ours) {
      part = Part::Base;
    } else if (line == "=======" && (part == Part::Ours || part == Part::Base)) {
      part = Part::Theirs;
    } else if (line.starts_with(">>>>>>> ") && part == Part::Theirs) {
      part = Part::Both;
      found = true;
    } else {
      if (part == Part::Both || part == Part::Ours) out.ours.append(line).append("\n");
      if (part == Part::Both || part == Part::Theirs) out.theirs.append(line).append("\n");
    }
  }
  if (!found || part != Part::Both) return std::nullopt;
  return out;
}

Pylock merge_locks(const Pylock* base, const Pylock& ours, const Pylock& theirs) {
  Pylock out = ours;
  out.inputs = merged_inputs(ours, theirs);
  out.packages.clear();
  join_names(out.extras, theirs.extras);
  join_names(out.dependency_groups, theirs.dependency_groups);
  const auto before = base != nullptr ? by_name(*base) : std::map<PackageName, Entries>();
  const auto our_packages = by_name(ours), their_packages = by_name(theirs);
  std::set<PackageName> names;
  for (const auto* packages : {&our_packages, &their_packages})
    for (const auto& [name, entries] : *packages) names.insert(name);
  static const Entries kNone;
  const auto of = [](const std::map<PackageName, Entries>& packages,
                     const PackageName& name) -> const Entries& {
    const auto found = packages.find(name);
    return found == packages.end() ? kNone : found->second;
  };
  for (const PackageName& name : names) {
    const Entries& entries = merged(base != nullptr ? &of(before, name) : nullptr, of(our_packages, name),
                                    of(their_packages, name));
    out.packages.insert(out.packages.end(), entries.begin(), entries.end());
  }
  return out;
}

std::optional<Pylock> readable_packages(std::string_view text) {
  std::optional<Pylock> out;
  for (const std::string& one : package_texts(text)) {
    Expected<Pylock> lock = parse_pylock("lock-version = \"1.0\"\ncreated-by = \"moat\"\n" + one, "");
    if (!lock || !std::all_of(lock->packages.begin(), lock->packages.end(), is_of_one_piece)) continue;
    if (!out) out.emplace();
    std::move(lock->packages.begin(), lock->packages.end(), std::back_inserter(out->packages));
  }
  return out;
}

}  // namespace moat
