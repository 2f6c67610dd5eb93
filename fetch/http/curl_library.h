// The functions of libcurl that moat calls, found in the library at the first use (fetch/os/lazy_library.h).
#pragma once

#include "fetch/os/lazy_library.h"

#include <curl/curl.h>

namespace moat {

struct CurlLibrary {
  LazyLibrary library{MOAT_LIBCURL};

// NOLINTBEGIN(bugprone-macro-parentheses): a name cannot stand in parentheses
#define MOAT_CURL(name) \
  decltype(&::curl_##name) name = library.function<decltype(&::curl_##name)>("curl_" #name)
  MOAT_CURL(global_init);
  MOAT_CURL(easy_init);
  MOAT_CURL(easy_setopt);
  MOAT_CURL(easy_getinfo);
  MOAT_CURL(easy_strerror);
  MOAT_CURL(easy_cleanup);
  MOAT_CURL(multi_init);
  MOAT_CURL(multi_setopt);
  MOAT_CURL(multi_add_handle);
  MOAT_CURL(multi_remove_handle);
  MOAT_CURL(multi_perform);
  MOAT_CURL(multi_poll);
  MOAT_CURL(multi_wakeup);
  MOAT_CURL(multi_info_read);
  MOAT_CURL(multi_cleanup);
  MOAT_CURL(slist_append);
  MOAT_CURL(slist_free_all);
#undef MOAT_CURL
  // NOLINTEND(bugprone-macro-parentheses)
};

// Loaded and initialised by the first call; from any thread. Error(Disk) if it is missing, Error(Network) if
// it does not start. Costs 4 ms once.
const CurlLibrary& curl();

}  // namespace moat
