#include "fetch/index/metadata_check.h"

#include "fetch/index/wheel_metadata.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>

namespace moat {
namespace {

using Texts = std::set<std::string>;

template <class Values, class Text>
Texts texts_of(const Values& values, Text text) {
  Texts out;
  for (const auto& value : values) out.insert(text(value));
  return out;
}

std::string first_missing(const Texts& from, const Texts& in) {
  const auto found =
      std::find_if(from.begin(), from.end(), [&](const std::string& text) { return in.count(text) == 0; });
  return found == from.end() ? "" : *found;
}

// The first requirement that only one of the two has.
std::optional<std::string> difference(std::string_view verb, const Texts& told, const Texts& own) {
  if (const std::string extra = first_missing(own, told); !extra.empty())
    return "it " + std::string(verb) + " " + quote(extra) + ", which was not said";
  if (const std::string missing = first_missing(told, own); !missing.empty())
    return "it does not say that it " + std::string(verb) + " " + quote(missing);
  return std::nullopt;
}

std::string python_text(const std::optional<SpecifierSet>& python) {
  return python ? python->to_string() : std::string();
}

}  // namespace

std::optional<std::string> metadata_disagreement(const ReleaseMetadata& told, const StoredWheel& wheel) {
  const std::string text = read_file(wheel.tree / wheel.dist_info / "METADATA");
  const auto own = CoreMetadata::parse(metadata_header(text));
  if (!own) return "it cannot be read: " + own.error().message;
  const auto requirement = [](const Requirement& value) { return value.to_string(); };
  if (auto found = difference("requires", texts_of(told.requires_dist, requirement),
                              texts_of(own->requires_dist, requirement)))
    return found;
  if (python_text(told.requires_python) != python_text(own->requires_python))
    return "it requires Python " + quote(python_text(own->requires_python)) + ", not " +
           quote(python_text(told.requires_python));
  const auto extra = [](const ExtraName& value) { return value.normalized(); };
  return difference("has the extra", texts_of(told.provides_extra, extra),
                    texts_of(own->provides_extra, extra));
}

}  // namespace moat
