#include "fetch/bytes/hasher.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace moat {
namespace {

const EVP_MD* find_evp(std::string_view algorithm) {
  using Maker = const EVP_MD* (*)();
  static constexpr std::array<std::pair<std::string_view, Maker>, 7> kMakers = {
      {{"sha256", EVP_sha256},
       {"md5", EVP_md5},
       {"sha1", EVP_sha1},
       {"sha224", EVP_sha224},
       {"sha384", EVP_sha384},
       {"sha512", EVP_sha512},
       {"blake2b", EVP_blake2b512}}};
  for (const auto& [name, make] : kMakers)
    if (name == algorithm) return make();
  throw std::invalid_argument("not a hash algorithm: " + quote(algorithm));
}

void check(int result, std::string_view algorithm) {
  if (result != 1)  // e.g. md5 on a system in FIPS mode
    throw Error(ErrorKind::Disk, "this system's cryptography refuses to compute " + std::string(algorithm));
}

}  // namespace

struct Hasher::State {
  std::string algorithm;
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

Hasher::Hasher(std::string_view algorithm) : state_(std::make_unique<State>()) {
  const EVP_MD* evp = find_evp(algorithm);
  state_->algorithm = algorithm;
  if (!state_->context) throw std::bad_alloc();
  check(EVP_DigestInit_ex(state_->context.get(), evp, nullptr), algorithm);
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::string_view bytes) {
  check(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()), state_->algorithm);
}

Digest Hasher::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned length = 0;
  check(EVP_DigestFinal_ex(state_->context.get(), bytes.data(), &length), state_->algorithm);
  constexpr std::string_view kHex = "0123456789abcdef";
  Digest digest{state_->algorithm, {}};
  digest.hex.reserve(std::size_t{length} * 2);
  for (unsigned i = 0; i < length; ++i) {
    digest.hex += kHex[bytes[i] >> 4U];
    digest.hex += kHex[bytes[i] & 0xfU];
  }
  return digest;
}

Digest hash_bytes(std::string_view bytes, std::string_view algorithm) {
  Hasher hasher(algorithm);
  hasher.update(bytes);
  return hasher.finish();
}

Digest hash_file(const std::filesystem::path& path, std::string_view algorithm) {
  const UniqueFd fd = open_regular(path);
  Hasher hasher(algorithm);
  std::array<char, std::size_t{64} << 10U> buffer;  // not cleared: most files are small
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("read", path, errno);
    if (count == 0) return hasher.finish();
    hasher.update({buffer.data(), static_cast<std::size_t>(count)});
  }
}

}  // namespace moat
