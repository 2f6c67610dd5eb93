#include "resolver/base/error.h"

namespace moat {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::NotFound:
      return "not_found";
    case ErrorKind::NoSolution:
      return "no_solution";
    case ErrorKind::HashMismatch:
      return "hash_mismatch";
    case ErrorKind::BadArchive:
      return "bad_archive";
    case ErrorKind::Refused:
      return "refused";
    case ErrorKind::Usage:
      return "usage";
    case ErrorKind::BadInput:
      return "bad_input";
    case ErrorKind::NoEnvironment:
      return "no_environment";
    case ErrorKind::Exists:
      return "exists";
    case ErrorKind::ForeignEnvironment:
      return "foreign_environment";
    case ErrorKind::NoInterpreter:
      return "no_interpreter";
    case ErrorKind::Network:
      return "network";
    case ErrorKind::Offline:
      return "offline";
    case ErrorKind::Disk:
      return "disk";
    case ErrorKind::Interpreter:
      return "interpreter";
    case ErrorKind::Build:
      return "build";
    case ErrorKind::Busy:
      return "busy";
    case ErrorKind::Interrupted:
      return "interrupted";
    case ErrorKind::Internal:
      return "internal";
  }
  return "error";
}

}  // namespace moat
