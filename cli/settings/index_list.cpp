#include "cli/settings/index_list.h"

#include "fetch/http/http_policy.h"
#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

bool is_path(std::string_view text) {
  return text.find("://") == std::string_view::npos && text.substr(0, 5) != "file:";
}

std::string absolute(const fs::path& directory, const std::string& path) {
  return (directory / path).lexically_normal().native();
}

Url index_url(const std::string& text, const fs::path& directory) {
  if (is_path(text)) return Url::from_path(absolute(directory, text));
  Expected<Url> url = Url::parse(text);
  if (!url)
    throw Error(ErrorKind::Usage,
                fmt::format("{} is not a valid index URL: {}", quote(text), url.error().message));
  return std::move(*url);
}

// Does its 403 mean "not here"? pip assumes that for every index.
bool forbids_absent(const Settings& settings, const Index& index) {
  const std::vector<std::string>& told = settings.skip_forbidden;
  return settings.files_as_pip || std::any_of(told.begin(), told.end(), [&](const std::string& one) {
           return one == ":all:" || (!index.name.empty() && one == index.name) ||
                  is_trusted(index.url, {one});
         });
}

}  // namespace

IndexList index_list(const Settings& settings, const RequirementsOptions& file) {
  const fs::path& directory = settings.working_directory;
  IndexList list;
  list.strategy = settings.index_strategy;
  list.pins = settings.index_pins;
  list.trusted_hosts = settings.trusted_hosts;
  list.find_links = settings.find_links;
  list.find_links.insert(list.find_links.end(), file.find_links.begin(), file.find_links.end());
  for (std::string& link : list.find_links)
    if (is_path(link)) link = absolute(directory, link);
  if (settings.no_index || (file.no_index && !settings.index_url && settings.indexes.empty())) return list;
  for (const std::string& text : settings.indexes) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || text.find('/') < equals)
      throw Error(ErrorKind::Usage, fmt::format("--index: expected NAME=URL, not {}", quote(text)),
                  {"--index internal=https://index.example/simple"});
    list.indexes.push_back(
        {.name = text.substr(0, equals), .url = index_url(text.substr(equals + 1), directory)});
  }
  for (const std::vector<std::string>* urls : {&settings.extra_index_urls, &file.extra_index_urls})
    for (const std::string& text : *urls)
      list.indexes.push_back({.name = "", .url = index_url(text, directory)});
  const std::string last =
      settings.index_url ? *settings.index_url : file.index_url.value_or(MOAT_DEFAULT_INDEX);
  list.indexes.push_back({.name = "", .url = index_url(last, directory)});
  for (Index& index : list.indexes) index.forbids_absent = forbids_absent(settings, index);
  return list;
}

}  // namespace moat
