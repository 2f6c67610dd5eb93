// The authentication that a 401 asks for: the WWW-Authenticate header (RFC 9110, 11.6.1).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// `Bearer realm="https://auth.example/token",service="registry.example"`
struct AuthChallenge {
  std::string scheme;                             // lower case
  std::map<std::string, std::string> parameters;  // names lower case; the first of a name counts
};

// The challenges of one header, which may hold several. Parsing stops at the first invalid one.
std::vector<AuthChallenge> parse_challenges(std::string_view header);

}  // namespace moat
