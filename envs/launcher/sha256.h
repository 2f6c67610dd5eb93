// SHA-256 (FIPS 180-4) without a library: the launcher links none.
#ifndef MOAT_ENVS_LAUNCHER_SHA256_H
#define MOAT_ENVS_LAUNCHER_SHA256_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
// NOLINTBEGIN(readability-identifier-naming)

struct moat_sha256 {
  uint32_t state[8];
  uint64_t length;
  unsigned char block[64];
};

void moat_sha256_begin(struct moat_sha256* hash);
void moat_sha256_add(struct moat_sha256* hash, const void* bytes, size_t size);
void moat_sha256_end(struct moat_sha256* hash, char hex[65]);  // lower case, ended by a NUL

// NOLINTEND(readability-identifier-naming)
#ifdef __cplusplus
}
#endif

#endif
