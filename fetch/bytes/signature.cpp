#include "fetch/bytes/signature.h"

#include "fetch/bytes/hasher.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <cstddef>
#include <new>
#include <vector>

namespace moat {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { ::BIO_free(bio); }
};
struct ContextFree {
  void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextFree>;

EVP_PKEY* raw(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Never ask for a passphrase on the terminal.
int no_passphrase(char* /*into*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

using Reader = EVP_PKEY* (*)(BIO*, EVP_PKEY**, pem_password_cb*, void*);

Expected<std::shared_ptr<void>> read_key(std::string_view pem, Reader reader, const char* what) {
  const std::unique_ptr<BIO, BioFree> bio(::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) throw std::bad_alloc();
  EVP_PKEY* const key = reader(bio.get(), nullptr, no_passphrase, nullptr);
  ::ERR_clear_error();
  if (key == nullptr) return parse_error(std::string("it is not ") + what);
  std::shared_ptr<void> held(key, [](void* one) { ::EVP_PKEY_free(static_cast<EVP_PKEY*>(one)); });
  if (::EVP_PKEY_id(key) != EVP_PKEY_ED25519) return parse_error("it is a key of another kind than Ed25519");
  return held;
}

}  // namespace

Expected<PublicKey> PublicKey::parse(std::string_view pem) {
  auto key = read_key(pem, ::PEM_read_bio_PUBKEY, "a public key in PEM form");
  if (!key) return tl::unexpected(key.error());
  return PublicKey(std::move(*key));
}

std::string PublicKey::fingerprint() const {
  unsigned char* der = nullptr;
  const int size = ::i2d_PUBKEY(raw(key_), &der);
  if (size <= 0) throw std::bad_alloc();
  const std::unique_ptr<unsigned char, void (*)(unsigned char*)> held(
      der, [](unsigned char* one) { ::OPENSSL_free(one); });
  return hash_bytes({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)}).hex;
}

bool PublicKey::verifies(std::string_view text, std::string_view signature) const {
  const Context context(::EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  const bool good = ::EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, raw(key_)) == 1 &&
                    ::EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text),
                                       text.size()) == 1;
  ::ERR_clear_error();
  return good;
}

Expected<PrivateKey> PrivateKey::parse(std::string_view pem) {
  auto key = read_key(pem, ::PEM_read_bio_PrivateKey, "a private key in PEM form without a passphrase");
  if (!key) return tl::unexpected(key.error());
  return PrivateKey(std::move(*key));
}

std::string PrivateKey::sign(std::string_view text) const {
  const Context context(::EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  std::array<unsigned char, 64> signature{};
  std::size_t size = signature.size();
  if (::EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, raw(key_)) != 1 ||
      ::EVP_DigestSign(context.get(), signature.data(), &size, bytes_of(text), text.size()) != 1)
    throw Error(ErrorKind::Disk, "this system's cryptography refuses to sign with Ed25519");
  return {reinterpret_cast<const char*>(signature.data()), size};
}

}  // namespace moat
