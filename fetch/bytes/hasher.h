// Incremental hashing (OpenSSL behind it).
#pragma once

#include "resolver/files/digest.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace moat {

// One digest over bytes fed in pieces. Move-only; one thread at a time.
class Hasher {
 public:
  // Algorithms of Digest; throws std::invalid_argument for others.
  explicit Hasher(std::string_view algorithm = "sha256");
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(std::string_view bytes);
  Digest finish();  // the hasher is spent after this

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest hash_bytes(std::string_view bytes, std::string_view algorithm = "sha256");
Digest hash_file(const std::filesystem::path& path, std::string_view algorithm = "sha256");

}  // namespace moat
