// What whoever fetches, builds or places works with.
#pragma once

#include "fetch/http/http.h"
#include "fetch/os/workers.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"

#include <stop_token>

namespace moat {

// References to what outlives the work. `http` is the client of the indexes that the work is about: its
// credentials travel nowhere else.
struct Tools {
  HttpClient& http;
  Store& store;
  Workers& workers;
  Reporter& reporter;
  std::stop_token stop;
};

}  // namespace moat
