#include "resolver/pep/marker_cells.h"

#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace moat {

// ---- sets of cells

CellSet CellSet::none(std::size_t size) {
  CellSet out;
  out.size_ = size;
  out.words_.assign((size + 63) / 64, 0);
  return out;
}

CellSet CellSet::all(std::size_t size) { return none(size).complement(); }

bool CellSet::empty() const { return !first(); }

std::size_t CellSet::count() const {
  std::size_t out = 0;
  for (const std::uint64_t word : words_) out += static_cast<std::size_t>(std::popcount(word));
  return out;
}

std::optional<std::size_t> CellSet::first() const {
  for (std::size_t i = 0; i < words_.size(); ++i)
    if (words_[i] != 0) return i * 64 + static_cast<std::size_t>(std::countr_zero(words_[i]));
  return std::nullopt;
}

bool CellSet::is_subset_of(const CellSet& other) const {
  for (std::size_t i = 0; i < words_.size(); ++i)
    if ((words_[i] & ~other.words_[i]) != 0) return false;
  return true;
}

bool CellSet::meets(const CellSet& other) const {
  for (std::size_t i = 0; i < words_.size(); ++i)
    if ((words_[i] & other.words_[i]) != 0) return true;
  return false;
}

CellSet& CellSet::operator|=(const CellSet& other) {
  for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  return *this;
}

CellSet& CellSet::operator&=(const CellSet& other) {
  for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
  return *this;
}

CellSet& CellSet::operator-=(const CellSet& other) {
  for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
  return *this;
}

CellSet CellSet::complement() const {
  CellSet out = *this;
  for (std::uint64_t& word : out.words_) word = ~word;
  if (size_ % 64 != 0) out.words_.back() &= (std::uint64_t{1} << (size_ % 64)) - 1;
  return out;
}

// ---- what is told apart

std::string PythonMinor::to_string() const { return fmt::format("{}.{}", major, minor); }

bool MarkerAtoms::add(const Marker& marker) {
  bool is_new = false;
  for (const auto& [variable, literal] : marker.comparands())
    is_new |= literals_[variable].insert(literal).second;
  return is_new;
}

bool MarkerAtoms::add(const SpecifierSet& requires_python) {
  bool is_new = false;
  for (const Specifier& clause : requires_python.clauses())
    is_new |= literals_["python_full_version"].insert(clause.text()).second;
  return is_new;
}

const std::set<std::string>& MarkerAtoms::of(const std::string& variable) const {
  static const std::set<std::string> kNone;
  const auto found = literals_.find(variable);
  return found == literals_.end() ? kNone : found->second;
}

namespace {

// A value that equals none of the named ones and is not part of any.
constexpr std::string_view kOther = "?";

// `in` compares with several words at once: "linux darwin", "3.8.1,3.8.2".
std::vector<std::string> words_of(std::string_view literal) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : std::string(literal) + " ") {
    if (c != ' ' && c != ',' && c != '|' && c != ';') {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::exchange(word, ""));
    }
  }
  return out;
}

void add_words(std::set<std::string>& values, const std::set<std::string>& literals) {
  for (const std::string& literal : literals)
    for (std::string& word : words_of(literal)) values.insert(std::move(word));
}

// The micro releases of a minor Python at which the truth of a literal may change.
void add_breaks(std::set<std::uint64_t>& breaks, const std::set<std::string>& literals,
                const PythonMinor& minor) {
  for (const std::string& literal : literals)
    for (std::string word : words_of(literal)) {
      if (word.ends_with(".*")) word.resize(word.size() - 2);
      const Expected<Version> version = Version::parse(word);
      if (!version || version->release().size() < 2 || version->release_at(0) != minor.major ||
          version->release_at(1) != minor.minor)
        continue;
      if (const auto micro = version->release_at(2).as_uint64(); micro && *micro < 1'000'000) {
        breaks.insert(*micro);
        breaks.insert(*micro + 1);
      }
    }
}

// The possible unknown releases of a system: the literals it is compared with, and values around them.
std::vector<std::string> free_values(const std::set<std::string>& literals, const std::string& known) {
  std::vector<std::string> out = {known};
  if (!known.empty()) return out;
  for (const std::string& literal : literals) {
    out.push_back(literal);
    if (Version::parse(literal)) out.push_back(literal + ".1");
  }
  return out;
}

struct SystemNames {
  std::string_view os_name, sys_platform, platform_system;
};
constexpr std::array kSystems = {
    SystemNames{"posix", "linux", "Linux"},
    SystemNames{"posix", "darwin", "Darwin"},
    SystemNames{"nt", "win32", "Windows"},
};
constexpr std::array kRareSystems = {
    SystemNames{"posix", "android", "Android"},
    SystemNames{"posix", "ios", "iOS"},
    SystemNames{"posix", "emscripten", "Emscripten"},
    SystemNames{"posix", "wasi", "wasi"},
    SystemNames{"posix", "cygwin", "CYGWIN_NT-10.0"},
    SystemNames{"posix", "aix", "AIX"},
    SystemNames{"posix", "sunos5", "SunOS"},
    SystemNames{"posix", "freebsd", "FreeBSD"},
    SystemNames{"java", "java", "Java"},
};

struct ImplementationNames {
  std::string_view name, platform_name;
};
constexpr std::array kImplementations = {
    ImplementationNames{"cpython", "CPython"},
    ImplementationNames{"pypy", "PyPy"},
    ImplementationNames{"graalpy", "GraalVM"},
};

bool knows(const std::set<std::string>& words, std::string_view value) {
  return words.contains(std::string(value));
}

// The systems that markers tell apart, each as a base without machine and Python.
std::vector<MarkerEnvironment> systems_of(const MarkerAtoms& atoms) {
  std::vector<MarkerEnvironment> out;
  std::set<std::string> os_names, platforms, systems;
  add_words(os_names, atoms.of("os_name"));
  add_words(platforms, atoms.of("sys_platform"));
  add_words(systems, atoms.of("platform_system"));
  const auto add = [&](std::string_view os, std::string_view platform, std::string_view system) {
    MarkerEnvironment& one = out.emplace_back();
    one.os_name = os, one.sys_platform = platform, one.platform_system = system;
    os_names.erase(one.os_name), platforms.erase(one.sys_platform), systems.erase(one.platform_system);
  };
  for (const SystemNames& one : kSystems) add(one.os_name, one.sys_platform, one.platform_system);
  for (const SystemNames& one : kRareSystems)
    if (knows(platforms, one.sys_platform) || knows(systems, one.platform_system))
      add(one.os_name, one.sys_platform, one.platform_system);
  for (const std::string& platform : std::set(platforms)) add("posix", platform, kOther);
  for (const std::string& system : std::set(systems)) add("posix", kOther, system);
  for (const std::string& os : std::set(os_names)) add(os, kOther, kOther);
  add("posix", kOther, kOther);
  return out;
}

std::vector<std::pair<std::string, std::string>> implementations_of(const MarkerAtoms& atoms) {
  std::vector<std::pair<std::string, std::string>> out;
  std::set<std::string> names, platform_names;
  add_words(names, atoms.of("implementation_name"));
  add_words(platform_names, atoms.of("platform_python_implementation"));
  const auto add = [&](std::string_view name, std::string_view platform_name) {
    out.emplace_back(name, platform_name);
    names.erase(out.back().first), platform_names.erase(out.back().second);
  };
  add("cpython", "CPython");
  for (const ImplementationNames& one : kImplementations)
    if (knows(names, one.name) || knows(platform_names, one.platform_name)) add(one.name, one.platform_name);
  for (const std::string& name : std::set(names)) add(name, kOther);
  for (const std::string& name : std::set(platform_names)) add(kOther, name);
  add(kOther, kOther);
  return out;
}

}  // namespace

// ---- cells

namespace {

// Takes a second or two at most; locks of real projects have dozens.
constexpr std::size_t kMostCells = 20'000;

[[noreturn]] void throw_too_many(const MarkerAtoms& atoms) {
  std::string variable;
  for (const char* name :
       {"python_full_version", "implementation_version", "platform_release", "platform_version",
        "platform_machine", "sys_platform", "os_name", "platform_system"})
    if (variable.empty() || atoms.of(name).size() > atoms.of(variable).size()) variable = name;
  throw Error(ErrorKind::Refused,
              fmt::format("the markers tell more than {} environments apart: {} values of {}", kMostCells,
                          atoms.of(variable).size(), variable),
              {"a lock for one environment needs no markers: `moat lock -r FILE -o pylock.toml`"});
}

// The releases of a minor Python that are told apart, newest first.
std::vector<Version> releases_of(const PythonMinor& minor, const SpecifierSet& requires_python,
                                 const MarkerAtoms& atoms) {
  std::set<std::uint64_t> micros = {0};
  add_breaks(micros, atoms.of("python_full_version"), minor);
  add_breaks(micros, atoms.of("implementation_version"), minor);
  for (const Specifier& clause : requires_python.clauses()) add_breaks(micros, {clause.text()}, minor);
  std::vector<Version> out;
  for (auto micro = micros.rbegin(); micro != micros.rend(); ++micro) {
    Version python = Version::of({minor.major, minor.minor, *micro});
    if (requires_python.contains(python)) out.push_back(std::move(python));
  }
  return out;
}

}  // namespace

MarkerCells::MarkerCells(const EnvironmentSpace& space, const MarkerAtoms& atoms) : atoms_(atoms) {
  std::map<PythonMinor, std::vector<Version>> known;  // the same on all platforms
  const auto releases = [&](const PythonMinor& minor) -> const std::vector<Version>& {
    const auto [entry, is_new] = known.try_emplace(minor);
    if (is_new) entry->second = releases_of(minor, space.requires_python, atoms);
    return entry->second;
  };
  for (std::size_t i = 0; i < space.named.size(); ++i) {
    if (space.left_out.contains(i)) continue;
    const Expected<Version> python = Version::parse(space.named[i].python_version);
    const auto major = python ? python->release_at(0).as_uint64() : std::nullopt;
    const auto minor = python ? python->release_at(1).as_uint64() : std::nullopt;
    if (!major || !minor) throw std::logic_error("an environment without a python_version");
    const PythonMinor of{static_cast<unsigned>(*major), static_cast<unsigned>(*minor)};
    add_cells(space.named[i], of, releases(of), i);
  }
  for (const PythonMinor& minor : space.everywhere) add_everywhere(minor, releases(minor), space.named);
  sort_cells();
}

// Newest Pythons first. Cells are large: each moves once.
void MarkerCells::sort_cells() {
  std::vector<std::size_t> order(cells_.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(
      order, [this](std::size_t a, std::size_t b) { return cells_[a].python > cells_[b].python; });
  std::vector<Cell> sorted;
  sorted.reserve(cells_.size());
  for (const std::size_t place : order) sorted.push_back(std::move(cells_[place]));
  cells_ = std::move(sorted);
}

// The releases of one minor Python on one platform. Newest first.
void MarkerCells::add_cells(const MarkerEnvironment& base, const PythonMinor& minor,
                            const std::vector<Version>& pythons, std::optional<std::size_t> named) {
  const bool is_cpython = base.implementation_name == "cpython";
  std::vector<std::string> implementation_versions = {""};
  if (!is_cpython) implementation_versions = free_values(atoms_.of("implementation_version"), "");
  const std::vector<std::string> releases = free_values(atoms_.of("platform_release"), base.platform_release);
  const std::vector<std::string> versions = free_values(atoms_.of("platform_version"), base.platform_version);
  const std::string python_version = minor.to_string();
  for (const Version& python : pythons) {
    const std::string full_version = python.to_string();
    for (const std::string& release : releases)
      for (const std::string& version : versions)
        for (const std::string& implementation : implementation_versions) {
          MarkerEnvironment one = base;
          one.python_version = python_version;
          one.python_full_version = full_version;
          one.implementation_version = is_cpython ? one.python_full_version : implementation;
          one.platform_release = release;
          one.platform_version = version;
          cells_.push_back({std::move(one), python, named});
          if (cells_.size() > kMostCells) throw_too_many(atoms_);
        }
  }
}

void MarkerCells::add_everywhere(const PythonMinor& minor, const std::vector<Version>& pythons,
                                 const std::vector<MarkerEnvironment>& named) {
  std::set<std::string> machines = {"x86_64", "aarch64", "arm64", "AMD64", std::string(kOther)};
  add_words(machines, atoms_.of("platform_machine"));
  const std::string python = minor.to_string();
  const auto is_named = [&](const MarkerEnvironment& one) {
    return std::any_of(named.begin(), named.end(), [&](const MarkerEnvironment& other) {
      return other.sys_platform == one.sys_platform && other.platform_machine == one.platform_machine &&
             other.implementation_name == one.implementation_name && other.python_version == python;
    });
  };
  const std::vector<MarkerEnvironment> systems = systems_of(atoms_);
  for (const auto& [name, platform_name] : implementations_of(atoms_))
    for (MarkerEnvironment one : systems) {
      one.implementation_name = name;
      one.platform_python_implementation = platform_name;
      for (const std::string& machine : machines) {
        one.platform_machine = machine;
        if (!is_named(one)) add_cells(one, minor, pythons, std::nullopt);
      }
    }
}

const CellSet& MarkerCells::where(const Marker& marker) const { return where(marker, {}); }

const CellSet& MarkerCells::where(const Marker& marker, const std::set<ExtraName>& extras) const {
  std::string key = marker.to_string();
  for (const ExtraName& extra : extras) key += "\n" + extra.normalized();
  const auto [entry, is_new] = known_.try_emplace(std::move(key));
  if (is_new) entry->second = evaluated(marker, extras);
  return entry->second;
}

// Cells with the same values for the marker's variables are evaluated once.
CellSet MarkerCells::evaluated(const Marker& marker, const std::set<ExtraName>& extras) const {
  std::vector<const ValueNumbers*> variables;
  for (const auto& [name, literal] : marker.comparands())
    if (const ValueNumbers* numbers = numbers_of(name);
        numbers != nullptr && std::find(variables.begin(), variables.end(), numbers) == variables.end())
      variables.push_back(numbers);
  std::unordered_map<std::size_t, bool> answers;
  CellSet out = none();
  for (std::size_t i = 0; i < size(); ++i) {
    std::size_t number = 0;
    for (const ValueNumbers* one : variables) number = number * one->count + one->of_cell[i];
    const auto [answer, is_new] = answers.try_emplace(number);
    if (is_new) answer->second = marker.evaluate(cells_[i].environment, extras);
    if (answer->second) out.insert(i);
  }
  return out;
}

// nullptr: no variable of environments (`extra`).
const MarkerCells::ValueNumbers* MarkerCells::numbers_of(const std::string& variable) const {
  const auto [entry, is_new] = numbers_.try_emplace(variable);
  if (is_new && MarkerEnvironment().find(variable) != nullptr) {
    std::map<std::string, std::size_t> numbers;
    for (const Cell& cell : cells_)
      entry->second.of_cell.push_back(
          numbers.try_emplace(*cell.environment.find(variable), numbers.size()).first->second);
    entry->second.count = numbers.size();
  }
  return entry->second.count == 0 ? nullptr : &entry->second;
}

const CellSet& MarkerCells::admitted_by(const SpecifierSet& requires_python) const {
  const auto [entry, is_new] = known_.try_emplace("requires-python " + requires_python.to_string());
  if (is_new) {
    entry->second = none();
    bool contains = false;
    for (std::size_t i = 0; i < size(); ++i) {
      if (i == 0 || cells_[i].python != cells_[i - 1].python)  // cells of one Python follow each other
        contains = requires_python.contains(cells_[i].python);
      if (contains) entry->second.insert(i);
    }
  }
  return entry->second;
}

// ---- from cells back to markers

void MarkerCells::add_pair(const std::string& positive, const std::string& negative, double cost) const {
  for (const std::string& text : {positive, negative}) {
    const Expected<Marker> marker = Marker::parse(text);
    if (!marker) return;  // a literal with both kinds of quotes
    terms_.push_back({text, where(*marker), cost, std::nullopt});
  }
  Term& yes = terms_[terms_.size() - 2];
  Term& no = terms_.back();
  if (yes.holds.complement() != no.holds) return;
  yes.negation = terms_.size() - 1;
  no.negation = terms_.size() - 2;
}

void MarkerCells::add_terms() const {
  std::set<Version> pythons;
  std::set<std::string> minors;
  for (const Cell& cell : cells_) {
    pythons.insert(cell.python);
    minors.insert(cell.environment.python_version);
  }
  for (const Version& python : pythons) {
    if (python == *pythons.begin()) continue;
    const bool begins_minor = python.release_at(2).is_zero();
    const std::string variable = begins_minor ? "python_version" : "python_full_version";
    const std::string literal =
        begins_minor ? python.release_at(0).to_string() + "." + python.release_at(1).to_string()
                     : python.to_string();
    add_pair(fmt::format("{} < \"{}\"", variable, literal), fmt::format("{} >= \"{}\"", variable, literal),
             begins_minor ? 1 : 1.1);
  }
  if (minors.size() > 1)
    for (const std::string& minor : minors)
      add_pair(fmt::format("python_version == \"{}\"", minor), fmt::format("python_version != \"{}\"", minor),
               1.05);
  struct Variable {
    std::string_view name;
    double cost;
  };
  for (const Variable& variable :
       {Variable{"sys_platform", 1}, Variable{"platform_machine", 1}, Variable{"implementation_name", 1.1},
        Variable{"platform_python_implementation", 1.3}, Variable{"os_name", 1.2},
        Variable{"platform_system", 1.3}}) {
    std::set<std::string> values;
    for (const Cell& cell : cells_) values.insert(*cell.environment.find(variable.name));
    if (values.size() < 2) continue;
    for (const std::string& value : values)
      if (!value.empty() && value != kOther)
        add_pair(fmt::format("{} == \"{}\"", variable.name, value),
                 fmt::format("{} != \"{}\"", variable.name, value), variable.cost);
  }
  for (const std::string name : {"platform_release", "platform_version", "implementation_version"})
    for (const std::string& literal : atoms_.of(name)) {
      if (name == "implementation_version" && space_is_cpython()) continue;
      add_pair(fmt::format("{} < \"{}\"", name, literal), fmt::format("{} >= \"{}\"", name, literal), 1.5);
      add_pair(fmt::format("{} <= \"{}\"", name, literal), fmt::format("{} > \"{}\"", name, literal), 1.5);
      add_pair(fmt::format("{} == \"{}\"", name, literal), fmt::format("{} != \"{}\"", name, literal), 1.5);
      add_pair(fmt::format("\"{}\" in {}", literal, name), fmt::format("\"{}\" not in {}", literal, name),
               1.6);
    }
}

bool MarkerCells::space_is_cpython() const {
  return std::all_of(cells_.begin(), cells_.end(),
                     [](const Cell& cell) { return cell.environment.implementation_name == "cpython"; });
}

// Terms that hold in the cell `seed` and together in no cell of `off`; chosen greedily to be few, and among
// equals the ones that hold in more of `on`.
std::optional<MarkerCells::Product> MarkerCells::product_for(std::size_t seed, const CellSet& on,
                                                             const CellSet& off) const {
  Product product;
  CellSet left = off;
  CellSet held = on;
  while (!left.empty()) {
    std::optional<std::size_t> best;
    std::tuple<std::size_t, double, double> best_key;
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      const Term& term = terms_[i];
      if (!term.holds.contains(seed)) continue;
      const std::size_t excluded = (left - term.holds).count();
      if (excluded == 0) continue;
      const std::tuple key(excluded, static_cast<double>((held & term.holds).count()), -term.cost);
      if (!best || key > best_key) best = i, best_key = key;
    }
    if (!best) return std::nullopt;
    product.push_back(*best);
    left &= terms_[*best].holds;
    held &= terms_[*best].holds;
  }
  // A later term may have made an earlier one needless.
  for (std::size_t i = 0; i < product.size();) {
    CellSet without = off;
    for (std::size_t j = 0; j < product.size(); ++j)
      if (j != i) without &= terms_[product[j]].holds;
    if (without.empty())
      product.erase(product.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
  }
  std::sort(product.begin(), product.end());
  return product;
}

// `on` as a union of products, none of which meets `off`.
std::optional<MarkerCells::Cover> MarkerCells::cover(const CellSet& on, const CellSet& off) const {
  Cover out;
  CellSet left = on;
  while (const auto seed = left.first()) {
    std::optional<Product> product = product_for(*seed, left, off);
    if (!product) return std::nullopt;
    for (const std::size_t term : *product) out.cost += terms_[term].cost;
    CellSet held = all();
    for (const std::size_t term : *product) held &= terms_[term].holds;
    left -= held;
    out.products.push_back(std::move(*product));
  }
  std::sort(out.products.begin(), out.products.end());
  return out;
}

std::optional<Marker> MarkerCells::marker_of(const CellSet& set, const CellSet& among) const {
  const CellSet on = set & among, off = among - set;
  if (on.empty()) throw std::logic_error("a marker for no environment");
  if (off.empty()) return std::nullopt;
  if (terms_.empty()) add_terms();
  // Either some products hold, or none of those of the rest does.
  const std::optional<Cover> sum = cover(on, off);
  std::optional<Cover> rest = cover(off, on);
  const auto has_negation = [this](const Product& product) {
    return std::all_of(product.begin(), product.end(),
                       [this](std::size_t term) { return terms_[term].negation.has_value(); });
  };
  if (rest && !std::all_of(rest->products.begin(), rest->products.end(), has_negation)) rest.reset();
  if (!sum && !rest) throw std::logic_error("no marker tells these environments apart");
  const bool negated = !sum || (rest && rest->cost < sum->cost);
  std::vector<std::string> parts;
  for (const Product& product : (negated ? *rest : *sum).products) {
    std::vector<std::string> texts;
    for (const std::size_t term : product)
      texts.push_back(terms_[negated ? *terms_[term].negation : term].text);
    std::string part = fmt::format("{}", fmt::join(texts, negated ? " or " : " and "));
    parts.push_back(texts.size() > 1 ? "(" + part + ")" : part);
  }
  return Marker::parse(fmt::format("{}", fmt::join(parts, negated ? " and " : " or ")),
                       MarkerContext::LockFile)
      .value();
}

}  // namespace moat
