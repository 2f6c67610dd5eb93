#include "cli/args/pip_command.h"

#include <algorithm>

namespace moat {

bool PipCommand::has(std::string_view name) const { return count(name) != 0; }

std::size_t PipCommand::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(given.begin(), given.end(), [&](const auto& one) { return one.first == name; }));
}

std::string PipCommand::value(std::string_view name) const {
  const auto found =
      std::find_if(given.rbegin(), given.rend(), [&](const auto& one) { return one.first == name; });
  return found == given.rend() ? std::string() : found->second;
}

std::vector<std::string> PipCommand::values(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : given)
    if (key == name) out.push_back(value);
  return out;
}

bool PipCommand::on(std::string_view yes, std::string_view no, bool otherwise) const {
  for (auto one = given.rbegin(); one != given.rend(); ++one) {
    if (one->first == yes) return true;
    if (one->first == no) return false;
  }
  return otherwise;
}

}  // namespace moat
