// One repository of a registry (OCI distribution API 1.1): transfers manifests and blobs by their digests,
// without interpreting them.
#pragma once

#include "fetch/http/http.h"
#include "fetch/oci/logins.h"
#include "fetch/oci/oci_layout.h"
#include "fetch/oci/reference.h"
#include "fetch/os/guarded.h"
#include "resolver/base/reporter.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
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

struct RegistryOptions {
  RegistryReference reference;
  // Called once, when the registry asks for a login; may run a program. nullopt: there is none.
  std::function<std::optional<RegistryLogin>()> login;
  std::vector<std::string> trusted_hosts;  // as in HttpOptions; plain http will do there
  bool pushes = false;                     // else it is only read
};

// Thread-safe; everything blocks. Throws Error(NotFound) if the registry does not have something,
// Error(HashMismatch) if the bytes do not match the digest, Error(Network) also if the registry refuses this
// user.
//
// Credentials are sent to the registry's own origin and to the token service that it names: never to another
// host after a redirect or for an upload. Except on this machine and trusted hosts all is https.
class Registry {
 public:
  // `http` must not have credentials of its own.
  Registry(RegistryOptions options, HttpClient& http, Reporter& reporter, std::stop_token stop);

  const RegistryReference& reference() const { return options_.reference; }

  struct Manifest {
    OciDescriptor descriptor;
    std::string bytes;
  };
  // `wanted`: a tag or "sha256:…".
  Manifest manifest(const std::string& wanted);
  bool has_manifest(const Digest& digest);
  void put_manifest(const std::string& name, std::string_view media_type, const std::string& bytes);

  bool has_blob(const OciDescriptor& blob);
  // Downloads into `file`, verified. Continues what an earlier attempt left in `file`; all bytes received are
  // kept there, even if it ends with an Error.
  void get_blob(const OciDescriptor& blob, const std::filesystem::path& file);
  // REQUIRES: has_blob() returned false. `read` as in HttpBody.
  void put_blob(const OciDescriptor& blob,
                const std::function<std::size_t(std::uint64_t, char*, std::size_t)>& read);

  // Bytes of blobs so far.
  std::uint64_t bytes_received() const { return received_; }
  std::uint64_t bytes_sent() const { return sent_; }

 private:
  HttpResponse ask(const HttpRequest& request);
  HttpRequest request(std::string_view method, std::string_view path);
  const Url& base();
  Url find_base();
  bool answers(const Url& there);
  std::optional<std::string> authorization();
  // The Authorization to send from now on, after a 401 to the previous one.
  bool renew(const HttpResponse& refused, const std::optional<std::string>& said);
  std::string token(const std::map<std::string, std::string>& challenge);
  const std::optional<RegistryLogin>& login();
  [[noreturn]] void refuse(const HttpResponse& response, std::string_view doing);
  bool fetch_into(const OciDescriptor& blob, const std::filesystem::path& file, std::uint64_t from);
  Url begin_upload();
  void upload(const OciDescriptor& blob,
              const std::function<std::size_t(std::uint64_t, char*, std::size_t)>& read, Url place);
  std::uint64_t send_chunk(Url& place, const HttpBody& all, std::uint64_t offset);
  std::uint64_t find_out(Url& place, std::uint64_t offset);

  const RegistryOptions options_;
  HttpClient& http_;
  Reporter& reporter_;
  const std::stop_token stop_;
  std::once_flag based_, logged_in_;
  std::optional<Url> base_;
  std::optional<RegistryLogin> login_;
  std::mutex renewing_;
  Guarded<std::optional<std::string>> authorization_;
  std::atomic<std::uint64_t> received_ = 0, sent_ = 0;
};

}  // namespace moat
