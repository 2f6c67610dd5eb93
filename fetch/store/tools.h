// The tools for fetching, building and placing.
#pragma once

#include "fetch/http/http.h"
#include "fetch/os/workers.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"

#include <stop_token>

namespace moat {

// References to objects that outlive the work. `http` is the client for the indexes of this work: its
// credentials are sent nowhere else.
struct Tools {
  HttpClient& http;
  Store& store;
  Workers& workers;
  Reporter& reporter;
  std::stop_token stop;
};

}  // namespace moat
