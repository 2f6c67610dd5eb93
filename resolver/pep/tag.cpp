#include "resolver/pep/tag.h"

#include "resolver/base/text.h"

#include <algorithm>

namespace moat {

// ---- parsing

namespace {

// A file name of some hundred dots stands for millions of tags.
constexpr std::size_t kMostTags = 10'000;

bool is_identifier(std::string_view text) {
  return !text.empty() && !is_ascii_digit(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_ascii_alnum(c) || c == '_'; });
}

}  // namespace

Expected<std::vector<Tag>> parse_tags(std::string_view compressed) {
  const std::vector<std::string_view> components = split(compressed, '-');
  if (components.size() != 3) return parse_error("a tag has three parts: python-abi-platform");
  std::vector<std::vector<std::string_view>> parts;
  std::size_t count = 1;
  for (const std::string_view component : components) {
    parts.push_back(split(component, '.'));
    const auto offset = static_cast<std::size_t>(component.data() - compressed.data());
    if (std::find(parts.back().begin(), parts.back().end(), "") != parts.back().end())
      return parse_error("a part of the tag is empty", offset);
    count *= parts.back().size();
    if (count > kMostTags) return parse_error("the tag stands for more than 10,000 tags", offset);
  }
  for (const std::string_view python : parts[0])
    if (!is_identifier(python))
      return parse_error("a python tag is letters, digits and `_`, and begins with a letter",
                         static_cast<std::size_t>(python.data() - compressed.data()));
  std::vector<Tag> tags;
  tags.reserve(count);
  for (const std::string_view python : parts[0])
    for (const std::string_view abi : parts[1])
      for (const std::string_view platform : parts[2])
        tags.push_back({ascii_lower(python), ascii_lower(abi), ascii_lower(platform)});
  return tags;
}

// ---- what an interpreter accepts

namespace {

class TagList {
 public:
  explicit TagList(const std::vector<std::string>& platforms) : platforms_(platforms) {}

  void on_platforms(const std::string& python, const std::string& abi) {
    for (const std::string& platform : platforms_) tags_.push_back({python, abi, platform});
  }
  void anywhere(const std::string& python) { tags_.push_back({python, "none", "any"}); }
  std::vector<Tag> take() { return std::move(tags_); }

 private:
  const std::vector<std::string>& platforms_;
  std::vector<Tag> tags_;
};

std::string version_digits(unsigned major, unsigned minor) {
  return std::to_string(major) + std::to_string(minor);
}

bool is_at_least(const TagTarget& target, unsigned major, unsigned minor) {
  return std::pair(target.major, target.minor) >= std::pair(major, minor);
}

bool is_free_threaded(const TagTarget& target) { return target.free_threaded && is_at_least(target, 3, 13); }

// The interpreter's own ABIs, its own first: cp312d loads what cp312 does.
std::vector<std::string> cpython_abis(const TagTarget& target) {
  const std::string plain =
      "cp" + version_digits(target.major, target.minor) + (is_free_threaded(target) ? "t" : "");
  const std::string debug = target.debug ? "d" : "";
  if (!is_at_least(target, 3, 8)) return {plain + debug + (is_at_least(target, 3, 3) ? "m" : "mu")};
  if (target.debug) return {plain + debug, plain};
  return {plain};
}

void add_cpython(TagList& tags, const TagTarget& target) {
  const std::string interpreter = "cp" + version_digits(target.major, target.minor);
  const std::string stable_abi = is_free_threaded(target) ? "abi3t" : "abi3";
  const bool has_stable_abi = is_at_least(target, 3, 2);
  for (const std::string& abi : cpython_abis(target)) tags.on_platforms(interpreter, abi);
  if (has_stable_abi) tags.on_platforms(interpreter, stable_abi);
  tags.on_platforms(interpreter, "none");
  if (!has_stable_abi) return;
  for (unsigned minor = target.minor - 1; minor >= 2; --minor)
    tags.on_platforms("cp" + version_digits(target.major, minor), stable_abi);
}

std::string short_name(const std::string& implementation) {
  if (implementation == "cpython") return "cp";
  if (implementation == "pypy") return "pp";
  if (implementation == "ironpython") return "ip";
  if (implementation == "jython") return "jy";
  return implementation == "python" ? "py" : implementation;
}

void add_other(TagList& tags, const TagTarget& target) {
  const std::string digits = version_digits(target.major, target.minor);
  const std::string interpreter = short_name(target.implementation) + digits;
  std::string abi = target.interpreter_abi;
  if (abi.empty() && target.implementation == "pypy") abi = "pypy" + digits + "_pp73";
  if (!abi.empty() && abi != "none") tags.on_platforms(interpreter, abi);
  tags.on_platforms(interpreter, "none");
}

// py312, py3, py311 … py30.
std::vector<std::string> python_names(const TagTarget& target) {
  std::vector<std::string> names = {"py" + version_digits(target.major, target.minor),
                                    "py" + std::to_string(target.major)};
  for (unsigned minor = target.minor; minor > 0; --minor)
    names.push_back("py" + version_digits(target.major, minor - 1));
  return names;
}

}  // namespace

std::vector<Tag> compatible_tags(const TagTarget& target) {
  TagList tags(target.platforms);
  const bool is_cpython = target.implementation == "cpython";
  if (is_cpython)
    add_cpython(tags, target);
  else
    add_other(tags, target);

  const std::vector<std::string> names = python_names(target);
  for (const std::string& name : names) tags.on_platforms(name, "none");
  if (is_cpython) tags.anywhere("cp" + version_digits(target.major, target.minor));
  if (target.implementation == "pypy") tags.anywhere("pp" + std::to_string(target.major));
  for (const std::string& name : names) tags.anywhere(name);
  return tags.take();
}

// ---- TagSet

const std::shared_ptr<const TagSet::All>& TagSet::none() {
  static const std::shared_ptr<const All> kNone = std::make_shared<const All>();
  return kNone;
}

TagSet::TagSet(std::vector<Tag> best_first) {
  auto all = std::make_shared<All>();
  all->tags = std::move(best_first);
  all->ranks.reserve(all->tags.size());
  for (std::size_t i = 0; i < all->tags.size(); ++i) all->ranks.try_emplace(all->tags[i].to_string(), i);
  all_ = std::move(all);
}

TagSet TagSet::anything() {
  TagSet out;
  out.anything_ = true;
  return out;
}

std::optional<std::size_t> TagSet::rank(const Tag& tag) const { return rank(std::span(&tag, 1)); }

std::optional<std::size_t> TagSet::rank(std::span<const Tag> tags) const {
  if (anything_) return tags.empty() ? std::nullopt : std::optional<std::size_t>(0);
  std::optional<std::size_t> best;
  std::string key;  // one for all: this is asked of every file of every release
  for (const Tag& tag : tags) {
    key.assign(tag.python).append("-").append(tag.abi).append("-").append(tag.platform);
    const auto found = all_->ranks.find(key);
    if (found != all_->ranks.end() && (!best || found->second < *best)) best = found->second;
  }
  return best;
}

}  // namespace moat
