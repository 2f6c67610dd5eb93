#include "fetch/http/auth.h"

#include "fetch/http/http_policy.h"
#include "fetch/os/file.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>

namespace moat {
namespace {

// A locked keyring may ask its user first.
constexpr std::chrono::seconds kKeyringPatience{60};

std::size_t shared_segments(std::string_view a, std::string_view b) {
  const std::vector<std::string_view> left = split(a, '/');
  const std::vector<std::string_view> right = split(b, '/');
  std::size_t count = 0;
  while (count < left.size() && count < right.size() && left[count] == right[count]) ++count;
  return count;
}

std::string user_of(const Url& url) {
  const std::string& userinfo = url.userinfo();
  return percent_decode(std::string_view(userinfo).substr(0, userinfo.find(':')));
}

bool has_password(const Url& url) { return url.userinfo().find(':') != std::string::npos; }

std::string_view without_brackets(std::string_view host) {
  return !host.empty() && host.front() == '[' ? host.substr(1, host.size() - 2) : host;
}

std::vector<NetrcEntry> read_netrc(const fs::path& path, Reporter& reporter) {
  if (path.empty()) return {};
  std::optional<std::string> text;
  try {
    text = read_file_if_exists(path);
  } catch (const Error& error) {
    reporter.warn(fmt::format("passwords are not taken from the netrc file: {}", error.what()));
  }
  if (!text) return {};
  auto entries = parse_netrc(*text);
  if (!entries) {
    const std::string_view before = std::string_view(*text).substr(0, entries.error().offset);
    reporter.warn(fmt::format("{} is not used: {} in line {}", quote(path.native()), entries.error().message,
                              1 + std::count(before.begin(), before.end(), '\n')));
    return {};
  }
  struct stat status {};
  const bool secret =
      std::any_of(entries->begin(), entries->end(), [](const auto& e) { return !e.password.empty(); });
  if (secret && ::stat(path.c_str(), &status) == 0 && (status.st_mode & 077U) != 0)
    reporter.warn(fmt::format("others can read the passwords in {}: chmod 600 {}", quote(path.native()),
                              path.native()));
  return std::move(*entries);
}

std::optional<std::string> run_keyring(const fs::path& keyring, const std::string& service,
                                       const std::string& user, const std::stop_token& stop) {
  Command command;
  command.argv = {keyring, "--mode=creds", "--output=json", "get", service};
  if (!user.empty()) command.argv.push_back(user);
  command.timeout = kKeyringPatience;
  ProcessResult result = run_process(command, stop);
  if (result.status == 0) return parse_keyring_answer(result.output);
  // Before version 25.2 there was only this form, which requires a user name.
  constexpr int kBadOption = 2;
  if (result.status != kBadOption || user.empty()) return std::nullopt;
  command.argv = {keyring, "get", service, user};
  result = run_process(command, stop);
  if (result.status != 0) return std::nullopt;
  const std::vector<std::string_view> lines = split_lines(result.output);
  if (lines.empty() || lines.front().empty()) return std::nullopt;
  return user + ":" + std::string(lines.front());
}

}  // namespace

const Url* find_index_of(const std::vector<Url>& indexes, const Url& url) {
  const Url* best = nullptr;
  std::size_t most = 0;
  for (const Url& index : indexes) {
    if (!same_origin(index, url)) continue;
    const std::size_t shared = shared_segments(index.path(), url.path());
    if (best != nullptr && shared <= most) continue;
    best = &index;
    most = shared;
  }
  return best;
}

std::optional<std::string> parse_keyring_answer(std::string_view json) {
  const auto answer = nlohmann::json::parse(json, nullptr, false);
  if (!answer.is_object()) return std::nullopt;
  const auto user = answer.find("username");
  const auto password = answer.find("password");
  if (password == answer.end() || !password->is_string()) return std::nullopt;
  const bool has_user = user != answer.end() && user->is_string();
  return (has_user ? user->get<std::string>() : "") + ":" + password->get<std::string>();
}

Credentials::Credentials(CredentialOptions options, Reporter& reporter, std::stop_token stop)
    : options_(std::move(options)), stop_(std::move(stop)), netrc_(read_netrc(options_.netrc, reporter)) {}

std::optional<std::string> Credentials::find(const Url& url, bool again) {
  const Url* index = find_index_of(options_.indexes, url);
  const std::string service = index != nullptr ? index->without_credentials().to_string() : url.origin();
  {
    const std::lock_guard lock(mutex_);
    const auto known = asked_.find(service);
    if (known != asked_.end() && (again || known->second)) return known->second;
  }
  if (again) {
    // Outside the lock, because a person may have to answer. Two threads asking at once both get an answer.
    std::optional<std::string> found = ask_keyring(url, index);
    if (!found) found = ask_person(url, index);
    const std::lock_guard lock(mutex_);
    return asked_[service] = std::move(found);
  }
  if (index != nullptr && has_password(*index)) return decode_userinfo(index->userinfo());
  const std::string user = index != nullptr ? user_of(*index) : "";
  if (const NetrcEntry* entry = find_netrc_entry(netrc_, without_brackets(url.host()), user))
    if (is_for(*entry, url)) return entry->login + ":" + entry->password;
  if (!user.empty()) return user + ":";
  return std::nullopt;
}

// netrc entries name machines without ports: on this machine another user may listen on the next port.
bool Credentials::is_for(const NetrcEntry& entry, const Url& url) const {
  return (!entry.machine.empty() && !is_this_machine(url)) || find_index_of(options_.users, url) != nullptr;
}

std::optional<std::string> Credentials::ask_keyring(const Url& url, const Url* index) const {
  if (options_.keyring.empty()) return std::nullopt;
  std::string user = user_of(url);
  if (user.empty() && index != nullptr) user = user_of(*index);
  if (index != nullptr)
    if (auto found = run_keyring(options_.keyring, index->without_credentials().to_string(), user, stop_))
      return found;
  const std::string host = url.port().empty() ? url.host() : url.host() + ":" + url.port();
  return run_keyring(options_.keyring, host, user, stop_);
}

std::optional<std::string> Credentials::ask_person(const Url& url, const Url* index) const {
  if (!options_.prompt) return std::nullopt;
  std::string user = user_of(url);
  if (user.empty() && index != nullptr) user = user_of(*index);
  return options_.prompt(url.origin(), user);
}

}  // namespace moat
