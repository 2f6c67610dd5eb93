// Reads requirements files as moat does, for comparison with pip: one JSON array of [path, constraint] a line
// in, what the file says a line out. Variables and files are those of this process.
#include "resolver/files/requirements_txt.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace moat {
namespace {

using nlohmann::json;

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path))
    throw Error(ErrorKind::BadInput, "there is no file " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

json told(const RequirementsFile& file) {
  json entries = json::array();
  for (const RequirementsEntry& entry : file.entries) {
    json hashes = json::object(), settings = json::object();
    for (const Digest& digest : entry.hashes) hashes[digest.algorithm].push_back(digest.hex);
    for (const auto& [key, value] : entry.config_settings) settings[key].push_back(value);
    entries.push_back({{"text", entry.text},
                       {"where", entry.where},
                       {"editable", entry.editable},
                       {"constraint", entry.constraint},
                       {"hashes", hashes},
                       {"settings", settings}});
  }
  const RequirementsOptions& options = file.options;
  return {{"entries", entries},
          {"index_url", options.index_url ? json(*options.index_url) : json()},
          {"extra_index_urls", options.extra_index_urls},
          {"no_index", options.no_index},
          {"find_links", options.find_links},
          {"trusted_hosts", options.trusted_hosts},
          {"binary", options.binary},
          {"releases", options.releases},
          {"prefer_binary", options.prefer_binary},
          {"require_hashes", options.require_hashes ? json(*options.require_hashes) : json()}};
}

json answer(const json& question) {
  const RequirementsReader reader{
      .read = read,
      .variable = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
      },
      .exists = [](const std::string& path) { return std::filesystem::exists(path); }};
  try {
    return told(read_requirements(question.at(0), question.at(1), reader));
  } catch (const Error& error) {
    return {{"error", error.what()}};
  }
}

}  // namespace
}  // namespace moat

int main() {
  for (std::string line; std::getline(std::cin, line);)
    std::cout << moat::answer(nlohmann::json::parse(line))
                     .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
              << '\n';
}
