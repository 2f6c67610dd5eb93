#include "fetch/oci/registry.h"

#include "fetch/http/http_policy.h"
#include "fetch/oci/challenge.h"
#include "resolver/base/base64.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMostManifestBytes = std::uint64_t{8} << 20U;
constexpr std::uint64_t kMostTokenBytes = std::uint64_t{1} << 20U;
constexpr int kMostRenewals = 3;  // none → one that has run out → a new one, which others may use up
constexpr const char* kAccept =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::size_t kMostToldBytes = 300, kMostTold = 5;
constexpr int kOk = 200, kCreated = 201, kUnauthorized = 401, kForbidden = 403, kNotFound = 404,
              kTooMany = 429;

Url url_of(const std::string& text) {
  auto url = Url::parse(text);
  if (!url)
    throw Error(ErrorKind::Network, fmt::format("{} is not a URL: {}", quote(text), url.error().message));
  return std::move(*url);
}

// The error message of a registry: {"errors": [{"code": …, "message": …}]}.
std::vector<std::string> told(const HttpResponse& response) {
  std::vector<std::string> out;
  const json value = json::parse(response.body, nullptr, false);
  const auto errors = value.is_object() ? value.find("errors") : value.end();
  if (!value.is_object() || errors == value.end() || !errors->is_array()) return out;
  for (const json& error : *errors) {
    if (out.size() == kMostTold) break;
    if (!error.is_object()) continue;
    std::string line;
    for (const char* key : {"code", "message"})
      if (const auto found = error.find(key); found != error.end() && found->is_string())
        line += (line.empty() ? "" : ": ") + found->get<std::string>();
    if (line.size() > kMostToldBytes) line.resize(kMostToldBytes);
    if (!line.empty()) out.push_back(std::move(line));
  }
  return out;
}

std::string basic(const RegistryLogin& login) {
  return "Basic " + to_base64(login.user + ":" + login.password);
}

}  // namespace

Registry::Registry(RegistryOptions options, HttpClient& http, Reporter& reporter, std::stop_token stop)
    : options_(std::move(options)), http_(http), reporter_(reporter), stop_(std::move(stop)) {}

// --- where it is ---

bool Registry::answers(const Url& there) {
  try {
    HttpRequest ping{.url = there, .headers = {}};
    ping.max_size = kMostTokenBytes;
    const HttpResponse response = http_.exchange(std::move(ping));
    return response.status == kOk || response.status == kUnauthorized ||
           response.header("docker-distribution-api-version") != nullptr;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::Network) return false;
    throw;
  }
}

// Registries on this machine often use plain http. The request that finds this out holds no secret.
Url Registry::find_base() {
  Url secure = url_of(fmt::format("https://{}/v2/", options_.reference.host));
  Url plain = url_of(fmt::format("http://{}/v2/", options_.reference.host));
  if (is_this_machine(plain)) return answers(plain) ? plain : secure;
  if (is_trusted(plain, options_.trusted_hosts) && !answers(secure) && answers(plain)) return plain;
  return secure;
}

const Url& Registry::base() {
  std::call_once(based_, [&] { base_ = find_base(); });
  return *base_;
}

HttpRequest Registry::request(std::string_view method, std::string_view path) {
  HttpRequest out{
      .url = url_of(fmt::format("{}{}/{}", base().to_string(), options_.reference.repository, path)),
      .headers = {}};
  out.method = method;
  out.max_size = kMostManifestBytes;
  return out;
}

// --- who asks ---

const std::optional<RegistryLogin>& Registry::login() {
  std::call_once(logged_in_, [&] {
    if (options_.login) login_ = options_.login();
  });
  return login_;
}

std::optional<std::string> Registry::authorization() {
  return authorization_.with([](const auto& value) { return value; });
}

HttpResponse Registry::ask(const HttpRequest& request) {
  const bool at_home = same_origin(request.url, base());
  for (int attempt = 0;; ++attempt) {
    if (stop_.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
    const std::optional<std::string> said = at_home ? authorization() : std::nullopt;
    HttpRequest one = request;
    if (said) one.headers.emplace_back("Authorization", *said);
    HttpResponse response = http_.exchange(std::move(one));
    // A refusal from the target of a redirect does not come from the registry.
    const bool is_its_own = at_home && same_origin(response.final_url, base());
    if (response.status != kUnauthorized || !is_its_own || attempt == kMostRenewals) return response;
    if (!renew(response, said)) return response;
  }
}

bool Registry::renew(const HttpResponse& refused, const std::optional<std::string>& said) {
  const std::lock_guard lock(renewing_);
  if (authorization() != said) return true;  // another thread was first
  for (const auto& [name, value] : refused.headers) {
    if (name != "www-authenticate") continue;
    for (const AuthChallenge& challenge : parse_challenges(value)) {
      std::optional<std::string> next;
      if (challenge.scheme == "bearer")
        next = "Bearer " + token(challenge.parameters);
      else if (challenge.scheme == "basic" && login() && login()->identity_token.empty())
        next = basic(*login());
      if (!next || next == said) continue;
      authorization_.with([&](auto& kept) { kept = next; });
      return true;
    }
  }
  return false;
}

// https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/ for identity tokens.
std::string Registry::token(const std::map<std::string, std::string>& challenge) {
  const auto parameter = [&](const char* name) {
    const auto found = challenge.find(name);
    return found == challenge.end() ? std::string() : found->second;
  };
  const std::string& host = options_.reference.host;
  const auto realm = Url::parse(parameter("realm"));
  if (!realm || (realm->scheme() != "https" && realm->scheme() != "http"))
    throw Error(ErrorKind::Network, fmt::format("{} names no token service to log in at", host));
  if (!is_protected(*realm, options_.trusted_hosts))
    throw Error(ErrorKind::Refused,
                fmt::format("{} wants credentials to be sent to {}, which is plain http", host,
                            quote(realm->without_credentials().origin())),
                {"if that host is meant to be trusted: --trusted-host " + realm->host()});
  const std::string asked =
      fmt::format("service={}&scope={}", percent_encode_path(parameter("service")),
                  percent_encode_path(fmt::format("repository:{}:{}", options_.reference.repository,
                                                  options_.pushes ? "pull,push" : "pull")));
  HttpRequest wanted{.url = realm->without_credentials().without_fragment(), .headers = {}};
  wanted.max_size = kMostTokenBytes;
  if (login() && !login()->identity_token.empty()) {
    wanted.method = "POST";
    wanted.body_is_secret = true;
    wanted.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    wanted.body = HttpBody::of(fmt::format("grant_type=refresh_token&client_id=moat&refresh_token={}&{}",
                                           percent_encode_path(login()->identity_token), asked));
  } else {
    wanted.url = url_of(wanted.url.to_string() + (wanted.url.query().empty() ? "?" : "&") + asked);
    if (login()) wanted.headers = {{"Authorization", basic(*login())}};
  }
  const HttpResponse response = http_.exchange(std::move(wanted));
  if (response.status != kOk) refuse(response, "a token for");
  const json value = json::parse(response.body, nullptr, false);
  for (const char* key : {"token", "access_token"})
    if (value.is_object() && value.contains(key) && value[key].is_string())
      return value[key].get<std::string>();
  throw Error(ErrorKind::Network, fmt::format("the token service of {} gives no token", host));
}

void Registry::refuse(const HttpResponse& response, std::string_view doing) {
  const RegistryReference& reference = options_.reference;
  const std::string subject = fmt::format("{}/{}", reference.host, reference.repository);
  const std::string login_hint =
      fmt::format("docker login {0}, podman login {0} or skopeo login {0}", reference.host);
  switch (response.status) {
    case kUnauthorized:
      throw Error(ErrorKind::Network,
                  login_ ? fmt::format("{} does not accept the credentials: {} {} (401)", reference.host,
                                       doing, subject)
                         : fmt::format("{} wants credentials: {} {} (401)", reference.host, doing, subject),
                  {login_hint}, told(response));
    case kForbidden:
      throw Error(ErrorKind::Network,
                  fmt::format("{} does not allow it: {} {} (403)", reference.host, doing, subject),
                  {login_hint}, told(response));
    case kNotFound:
      throw Error(ErrorKind::NotFound,
                  fmt::format("{} does not have it: {} {} (404)", reference.host, doing, subject), {},
                  told(response));
    case kTooMany:
      throw Error(ErrorKind::Network,
                  fmt::format("{} gets too many requests: {} {} (429)", reference.host, doing, subject),
                  {"try again later"}, told(response));
    default:
      throw Error(ErrorKind::Network,
                  fmt::format("{} answers with HTTP status {}: {} {}", reference.host, response.status, doing,
                              subject),
                  {}, told(response));
  }
}

// --- manifests ---

Registry::Manifest Registry::manifest(const std::string& wanted) {
  HttpRequest asked = request("GET", "manifests/" + wanted);
  asked.headers = {{"Accept", kAccept}};
  const HttpResponse response = ask(asked);
  if (response.status == kNotFound)
    throw Error(ErrorKind::NotFound,
                fmt::format("{} has no {} of {}", options_.reference.host, quote(wanted),
                            quote(options_.reference.repository)),
                {}, told(response));
  if (response.status != kOk) refuse(response, fmt::format("the manifest {} of", wanted));
  Manifest out{
      .descriptor = {.media_type = {}, .digest = hash_bytes(response.body), .size = response.body.size()},
      .bytes = response.body};
  const std::string* type = response.header("content-type");
  if (type != nullptr) out.descriptor.media_type = trim(type->substr(0, type->find(';')));
  const std::string* said = response.header("docker-content-digest");
  for (const std::string& digest :
       {wanted.starts_with("sha256:") ? wanted : "", said != nullptr ? *said : ""})
    if (!digest.empty() && digest != out.descriptor.digest.to_string())
      throw Error(ErrorKind::HashMismatch,
                  fmt::format("{} sends a manifest with the hash {}, expected {}", options_.reference.host,
                              out.descriptor.digest.to_string(), quote(digest)));
  return out;
}

bool Registry::has_manifest(const Digest& digest) {
  HttpRequest asked = request("HEAD", "manifests/" + digest.to_string());
  asked.headers = {{"Accept", kAccept}};
  const HttpResponse response = ask(asked);
  if (response.status != kOk && response.status != kNotFound) refuse(response, "to look into");
  return response.status == kOk;
}

void Registry::put_manifest(const std::string& name, std::string_view media_type, const std::string& bytes) {
  HttpRequest sent = request("PUT", "manifests/" + name);
  sent.headers = {{"Content-Type", std::string(media_type)}};
  sent.body = HttpBody::of(bytes);
  const HttpResponse response = ask(sent);
  if (response.status != kCreated && response.status != kOk) refuse(response, "to push to");
}

}  // namespace moat
