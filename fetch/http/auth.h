// Finds the user and password for a URL.
#pragma once

#include "fetch/http/netrc.h"
#include "resolver/base/reporter.h"
#include "resolver/base/url.h"

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct CredentialOptions {
  std::vector<Url> indexes;  // as configured, with the user information in them
  // Named by the user, not by a project: netrc's `default` and its entries for this machine apply to these.
  std::vector<Url> users;
  std::filesystem::path netrc;    // "" : none; that it is missing is fine
  std::filesystem::path keyring;  // the `keyring` program; "" : not asked
  // Asks a person if nothing else knows: place ("https://host"), user ("" to ask for it too) →
  // "user:password". Empty: there is nobody to ask.
  std::function<std::optional<std::string>(const std::string& place, const std::string& user)> prompt;
};

// The index a URL belongs to: of those with its origin, the one with the longest common run of path segments;
// the first of equals. Files often lie outside their index's path, so none in common is fine.
const Url* find_index_of(const std::vector<Url>& indexes, const Url& url);

// "user:password" out of what `keyring --mode=creds --output=json get` prints; nullopt for anything else.
std::optional<std::string> parse_keyring_answer(std::string_view json);

// User and password in the URL of the index, then netrc, then a user alone (a token); the keyring, and
// finally the person at the terminal, only after a 401, and their answers are remembered.
// Thread-safe. Its find() is what HttpOptions::credentials wants:
//   options.credentials = [&](const Url& url, bool again) { return credentials.find(url, again); };
class Credentials {
 public:
  // Reads the netrc; warns if others can read it, or if it is not valid.
  Credentials(CredentialOptions options, Reporter& reporter, std::stop_token stop = {});

  // "user:password", decoded. `again`: the server refused the previous ones; may run the keyring.
  std::optional<std::string> find(const Url& url, bool again);

 private:
  bool is_for(const NetrcEntry& entry, const Url& url) const;
  std::optional<std::string> ask_keyring(const Url& url, const Url* index) const;
  std::optional<std::string> ask_person(const Url& url, const Url* index) const;

  const CredentialOptions options_;
  const std::stop_token stop_;
  std::vector<NetrcEntry> netrc_;
  std::mutex mutex_;
  std::map<std::string, std::optional<std::string>> asked_;  // keyring or person, by index URL, or origin
};

}  // namespace moat
