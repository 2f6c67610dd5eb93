// One repository of a registry (OCI distribution API 1.1): manifests and blobs that come and go by their
// digests. Knows nothing of what they mean.
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
  // Asked once, when the registry wants to know; may run a program. nullopt: nobody.
  std::function<std::optional<RegistryLogin>()> login;
  std::vector<std::string> trusted_hosts;  // as in HttpOptions; plain http will do there
  bool pushes = false;                     // else it only reads
};

// Thread-safe; everything blocks. Throws Error(NotFound) for what the registry does not have,
// Error(HashMismatch) for what is not what its digest says, Error(Network) also where it does not let this
// user.
//
// Who asks says who he is to the registry's own origin, and to the token service that it names: never to
// where a redirect or an upload leads on another host. Except on this machine and trusted hosts all is https.
class Registry {
 public:
  // `http` must have no credentials of its own.
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
  // Into `file`, verified. What an earlier attempt left in `file` is gone on with; of what comes all is kept
  // there, also where it ends with an Error.
  void get_blob(const OciDescriptor& blob, const std::filesystem::path& file);
  // REQUIRES: has_blob() said no. `read` as in HttpBody.
  void put_blob(const OciDescriptor& blob,
                const std::function<std::size_t(std::uint64_t, char*, std::size_t)>& read);

  // Bytes of blobs so far.
  std::uint64_t bytes_received() const { return received_; }
  std::uint64_t bytes_sent() const { return sent_; }

 private:
  HttpResponse ask(HttpRequest request);
  HttpRequest request(std::string_view method, std::string_view path);
  const Url& base();
  Url find_base();
  bool answers(const Url& there);
  std::optional<std::string> authorization();
  // What to say from now on, after a 401 to what was said before.
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
