// The exit statuses of the process (docs/cli.md, Exit status).
#pragma once

#include "resolver/base/error.h"

namespace moat {

inline constexpr int kDone = 0;
inline constexpr int kAnswerIsNo = 1;
inline constexpr int kNoSense = 2;
inline constexpr int kWorldFailed = 3;
inline constexpr int kRunRefused = 126;
inline constexpr int kRunNotFound = 127;
inline constexpr int kInterrupted = 130;

constexpr int exit_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::NotFound:
    case ErrorKind::NoSolution:
    case ErrorKind::HashMismatch:
    case ErrorKind::BadArchive:
    case ErrorKind::Refused:
      return kAnswerIsNo;
    case ErrorKind::Usage:
    case ErrorKind::BadInput:
    case ErrorKind::NoEnvironment:
    case ErrorKind::Exists:
    case ErrorKind::ForeignEnvironment:
    case ErrorKind::NoInterpreter:
      return kNoSense;
    case ErrorKind::Network:
    case ErrorKind::Offline:
    case ErrorKind::Disk:
    case ErrorKind::Interpreter:
    case ErrorKind::Build:
    case ErrorKind::Busy:
    case ErrorKind::Internal:
      return kWorldFailed;
    case ErrorKind::Interrupted:
      return kInterrupted;
  }
  return kWorldFailed;
}

}  // namespace moat
