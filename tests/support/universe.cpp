#include "tests/support/universe.h"

#include "resolver/base/text.h"
#include "tests/support/scenario.h"

#include <algorithm>

namespace moat::testing {
namespace {

std::string extra_of(int extra) { return "x" + std::to_string(extra); }

std::string marker_of(const Need& need) {
  std::vector<std::string> parts;
  switch (need.when) {
    case When::Always:
      break;
    case When::First:
      parts.emplace_back("extra == \"x0\"");
      break;
    case When::Second:
      parts.emplace_back("extra == \"x1\"");
      break;
    case When::Either:
      parts.emplace_back("(extra == \"x0\" or extra == \"x1\")");
      break;
    case When::Both:
      parts.emplace_back("extra == \"x0\" and extra == \"x1\"");
      break;
    case When::NotFirst:
      parts.emplace_back("extra != \"x0\"");
      break;
  }
  if (need.elsewhere) parts.emplace_back("sys_platform == \"win32\"");
  if (need.says_here) parts.emplace_back("python_version >= \"3.8\"");
  return join(parts, " and ");
}

}  // namespace

bool Need::in_force(const std::set<int>& with) const {
  if (elsewhere) return false;
  switch (when) {
    case When::Always:
      return true;
    case When::First:
      return with.contains(0);
    case When::Second:
      return with.contains(1);
    case When::Either:
      return with.contains(0) || with.contains(1);
    case When::Both:
      return with.contains(0) && with.contains(1);
    case When::NotFirst:
      return !with.contains(0);
  }
  return true;
}

std::string name_of(int name) { return "p" + std::to_string(name); }

std::string text_of(const Need& need) {
  std::vector<std::string> extras;
  for (const int extra : need.extras) extras.push_back(extra_of(extra));
  const std::string marker = marker_of(need);
  return name_of(need.name) + (extras.empty() ? "" : "[" + join(extras, ",") + "]") +
         (need.url.empty() ? need.specifier : " @ " + need.url) + (marker.empty() ? "" : " ; " + marker);
}

// ---- the universe

Universe::Universe(std::uint64_t seed, const Traits& traits) : random_(seed), traits_(traits) {
  const int names = 3 + below(5);
  for (int name = 0; name < names; ++name) projects_.push_back(versions(name));
  for (int name = 0; name < names; ++name)
    for (Row& row : projects_[static_cast<std::size_t>(name)]) add_needs(name, row);
  const int requests = 1 + below(3);
  for (int i = 0; i < requests; ++i) requests_.push_back(need(below(names), true));
}

std::vector<Row> Universe::versions(int name) {
  std::vector<Row> rows;
  const int count = 1 + below(5);
  for (int v = 1; v <= count; ++v) {
    const bool pre = traits_.prereleases && chance(30);
    rows.push_back({.version = std::to_string(v) + (pre ? ".0rc1" : ".0"), .url = "", .needs = {}});
    rows.back().yanked = traits_.yanked && chance(25);
    rows.back().half_yanked = traits_.yanked && !rows.back().yanked && chance(10);
    rows.back().broken = chance(4);
  }
  for (int i = 0; i < 2 && traits_.urls && chance(40); ++i)
    rows.push_back({.version = std::to_string(1 + below(6)) + ".0",
                    .url = "https://files.example/" + name_of(name) + "-" + std::to_string(i) + ".whl",
                    .needs = {}});
  return rows;
}

std::string Universe::specifier(bool of_request) {
  const std::string v = std::to_string(1 + below(5)) + (traits_.prereleases && chance(15) ? ".0rc1" : ".0");
  switch (below(of_request ? 9 : 7)) {
    case 0:
      return ">=" + v;
    case 1:
      return "<" + v;
    case 2:
      return "!=" + v;
    case 3:
      return "==" + v;
    case 4:
      return ">=" + v + ",!=" + std::to_string(1 + below(5)) + ".0";
    case 5:
      return "<=" + v + ",!=" + std::to_string(1 + below(5)) + ".0,!=" + std::to_string(1 + below(5)) + ".0";
    default:
      return "";
  }
}

Need Universe::need(int name, bool of_request) {
  Need out{.name = name, .specifier = specifier(of_request), .url = "", .extras = {}};
  for (int extra = 0; extra < 2 && traits_.extras; ++extra)
    if (chance(25)) out.extras.insert(extra);
  if (traits_.urls && chance(of_request ? 10 : 20)) {
    std::vector<std::string> urls;
    for (const Row& row : rows(name))
      if (!row.url.empty()) urls.push_back(row.url);
    if (!urls.empty()) {
      out.url = urls[static_cast<std::size_t>(below(static_cast<int>(urls.size())))];
      out.specifier.clear();
    }
  }
  if (traits_.markers && chance(15)) (chance(50) ? out.elsewhere : out.says_here) = true;
  return out;
}

void Universe::add_needs(int name, Row& row) {
  const int count = below(4);
  for (int i = 0; i < count; ++i) {
    const int on = below(static_cast<int>(projects_.size()));
    if (on == name && !chance(20)) continue;
    Need needed = need(on, false);
    if (on == name) needed.url.clear();
    if (traits_.extras && chance(40)) needed.when = chance(50) ? When::First : When::Second;
    if (traits_.extras && traits_.markers && chance(10)) needed.when = When::Either;
    if (traits_.two_extras && chance(20)) needed.when = When::Both;
    if (traits_.not_extras && chance(20)) needed.when = When::NotFirst;
    row.needs.push_back(std::move(needed));
  }
  if (traits_.self_extras && chance(30))
    row.needs.push_back({.name = name,
                         .specifier = chance(20) ? specifier(false) : "",
                         .url = "",
                         .extras = {1},
                         .when = When::First});
  if (traits_.self_extras && chance(15))
    row.needs.push_back({.name = name, .specifier = "", .url = "", .extras = {0}, .when = When::Second});
}

void Universe::fill(FakeSource& source) const {
  for (std::size_t name = 0; name < projects_.size(); ++name) {
    int age = 0;
    for (const Row& row : projects_[name]) {
      FakeRelease release{
          .name = name_of(static_cast<int>(name)), .version = row.version, .extras = {"x0", "x1"}};
      for (const Need& need : row.needs) release.requirements.push_back(text_of(need));
      if (row.yanked || row.half_yanked) release.yanked = "broken";
      if (row.half_yanked) {
        release.tags = {"cp312-cp312-manylinux_2_17_x86_64", "py3-none-any"};
        release.yanked_files = {release.tags.front()};
      }
      if (row.broken) release.unusable = "broken metadata";
      release.url = row.url;
      if (traits_.dates)
        release.date = std::to_string(2015 + 2 * age++ + static_cast<int>(name) % 2) + "-06-01";
      source.add(release);
    }
  }
}

std::string Universe::to_string() const {
  std::string out = "resolve";
  for (const Need& request : requests_) out += "  " + text_of(request);
  for (std::size_t name = 0; name < projects_.size(); ++name)
    for (const Row& row : projects_[name]) {
      out += "\n  " + name_of(static_cast<int>(name)) + " " + row.version;
      if (!row.url.empty()) out += "  url  " + row.url;
      if (row.yanked) out += "  yanked";
      if (row.broken) out += "  unusable";
      if (!row.needs.empty()) out += "  requires";
      for (const Need& need : row.needs) out += "  " + text_of(need);
    }
  return out;
}

ResolveRequest Universe::request() const {
  ResolveRequest request{.target = linux_target("3.12.4")};
  for (const Need& need : requests_) request.requirements.push_back({requirement(text_of(need)), {}, {}});
  return request;
}

std::map<int, std::size_t> Universe::rows_of(const Resolution& resolution) const {
  std::map<int, std::size_t> out;
  for (const ResolvedPackage& package : resolution.packages) {
    const int name = std::stoi(package.name.normalized().substr(1));
    for (std::size_t i = 0; i < rows(name).size(); ++i) {
      const Row& row = rows(name)[i];
      // The index's releases have an index; a URL's are told apart by their version, or the first will do.
      if (version(row.version) == package.version && row.url.empty() == !package.index.empty()) {
        const bool asked =
            row.url.empty() || std::any_of(package.required_by.begin(), package.required_by.end(),
                                           [&](const Edge& edge) { return edge.requirement.url == row.url; });
        if (asked) out[name] = i;
      }
    }
  }
  return out;
}

// ---- the oracle

bool Oracle::eligible(int name, std::size_t index) const {
  const Row& row = universe_.rows(name)[index];
  if (row.broken) return false;
  if (!row.url.empty()) return true;
  if (!prereleases_ && row.is_prerelease()) return false;
  if (!row.yanked) return true;
  // Only a request that pins opens the door, whichever requests are looked at.
  return std::any_of(universe_.requests().begin(), universe_.requests().end(), [&](const Need& request) {
    return request.name == name && !request.elsewhere && request.specifier == "==" + row.version;
  });
}

bool Oracle::admits(const Need& need, std::size_t index) const {
  const Row& row = universe_.rows(need.name)[index];
  if (!need.url.empty()) return row.url == need.url;
  const auto [known, is_new] = admitted_.try_emplace({need.specifier, row.version}, false);
  if (is_new) known->second = SpecifierSet::parse(need.specifier)->contains(version(row.version));
  return known->second;
}

bool Oracle::is_preferred(int name, std::size_t a, std::size_t b) const {
  const auto key = [&](std::size_t i) { return std::pair(!universe_.rows(name)[i].yanked, i); };
  return key(a) > key(b);
}

bool Oracle::solvable(const std::vector<Need>& requests, const Chosen& pinned) {
  requests_ = &requests;
  pinned_ = &pinned;
  State state;
  for (const Need& request : requests)
    if (request.in_force({})) state.open.push_back(&request);
  return search(std::move(state));
}

void Oracle::open_needs(int name, State& state) const {
  for (const Need& need : universe_.rows(name)[state.chosen.at(name)].needs)
    if (need.in_force(state.extras[name]) && state.opened.insert(&need).second) state.open.push_back(&need);
}

bool Oracle::search(State state) const {
  while (!state.open.empty()) {
    const Need& need = *state.open.back();
    state.open.pop_back();
    if (const auto found = state.chosen.find(need.name); found != state.chosen.end()) {
      if (!admits(need, found->second)) return false;
      state.extras[need.name].insert(need.extras.begin(), need.extras.end());
      open_needs(need.name, state);
      continue;
    }
    for (std::size_t index = 0; index < universe_.rows(need.name).size(); ++index) {
      if (!eligible(need.name, index) || !admits(need, index)) continue;
      if (const auto pin = pinned_->find(need.name); pin != pinned_->end() && pin->second != index) continue;
      State with = state;
      with.chosen[need.name] = index;
      with.extras[need.name].insert(need.extras.begin(), need.extras.end());
      open_needs(need.name, with);
      if (search(std::move(with))) return true;
    }
    return false;
  }
  return urls_are_asked_for(state);
}

bool Oracle::urls_are_asked_for(const State& state) const {
  std::set<std::string> asked;
  for (const Need& request : *requests_)
    if (request.in_force({})) asked.insert(request.url);
  for (const Need* need : state.opened) asked.insert(need->url);
  return std::all_of(state.chosen.begin(), state.chosen.end(), [&](const auto& chosen) {
    const std::string& url = universe_.rows(chosen.first)[chosen.second].url;
    return url.empty() || asked.contains(url);
  });
}

Oracle::Followed Oracle::followed(const std::vector<Need>& requests, const Chosen& chosen,
                                  const Extras* known) const {
  Followed out;
  std::set<int> reached;
  for (bool grew = true; grew;) {
    grew = false;
    out.needs.clear();
    const auto take = [&](const Need& need) {
      out.needs.push_back(need);
      grew |= reached.insert(need.name).second;
      for (const int extra : need.extras) grew |= out.extras[need.name].insert(extra).second;
    };
    for (const Need& request : requests)
      if (request.in_force({})) take(request);
    for (const int name : std::set<int>(reached)) {
      const auto row = chosen.find(name);
      if (row == chosen.end()) continue;
      std::set<int> with = out.extras[name];
      if (known != nullptr) with = known->contains(name) ? known->at(name) : std::set<int>();
      for (const Need& need : universe_.rows(name)[row->second].needs)
        if (need.in_force(with)) take(need);
    }
  }
  std::erase_if(out.extras, [](const auto& entry) { return entry.second.empty(); });
  return out;
}

bool Oracle::settles(const std::vector<Need>& requests, const Chosen& chosen) const {
  return settled(requests, chosen).has_value();
}

std::optional<Oracle::Followed> Oracle::settled(const std::vector<Need>& requests,
                                                const Chosen& chosen) const {
  // Where extras only bring in more, the first look settles it.
  Followed before = followed(requests, chosen, nullptr);
  for (int again = 0; again < 20; ++again) {
    Followed now = followed(requests, chosen, &before.extras);
    if (now.extras == before.extras) return now;
    before = std::move(now);
  }
  return std::nullopt;
}

std::optional<std::vector<Need>> Oracle::in_force(const std::vector<Need>& requests,
                                                  const Chosen& chosen) const {
  const std::optional<Followed> all = settled(requests, chosen);
  if (!all) return std::nullopt;
  for (const Need& need : all->needs) {
    const auto row = chosen.find(need.name);
    if (row == chosen.end() || !admits(need, row->second)) return std::nullopt;
  }
  return all->needs;
}

}  // namespace moat::testing
