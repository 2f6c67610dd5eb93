// Ed25519 signatures (OpenSSL behind it). Keys are PEM texts, as `openssl genpkey -algorithm ed25519` and
// `openssl pkey -pubout` write them.
#pragma once

#include "resolver/base/error.h"

#include <memory>
#include <string>
#include <string_view>

namespace moat {

class PublicKey {
 public:
  static Expected<PublicKey> parse(std::string_view pem);

  // Hex of the sha256 of the key in its DER form: names it.
  std::string fingerprint() const;
  bool verifies(std::string_view text, std::string_view signature) const;

 private:
  friend class PrivateKey;
  explicit PublicKey(std::shared_ptr<void> key) : key_(std::move(key)) {}
  std::shared_ptr<void> key_;  // EVP_PKEY
};

class PrivateKey {
 public:
  // A key that is protected by a passphrase does not parse; nobody is asked for it.
  static Expected<PrivateKey> parse(std::string_view pem);

  PublicKey public_key() const { return PublicKey(key_); }
  std::string sign(std::string_view text) const;  // 64 bytes

 private:
  explicit PrivateKey(std::shared_ptr<void> key) : key_(std::move(key)) {}
  std::shared_ptr<void> key_;  // EVP_PKEY
};

}  // namespace moat
