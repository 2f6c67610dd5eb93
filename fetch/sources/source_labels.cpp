#include "fetch/sources/source_labels.h"

#include "resolver/base/text.h"

namespace moat {

std::string shown_place(const SourceUrl& source) {
  if (source.kind == SourceKind::Git || source.url.scheme() != "file") return source.display();
  return source.url.file_path() + (source.subdirectory.empty() ? "" : "#subdirectory=" + source.subdirectory);
}

Error wrong_name(const std::string& label, const PackageName& found, const PackageName& asked) {
  return Error(ErrorKind::BadInput,
               quote(label) + ": its metadata says that it is " + quote(found.display()) + ", not " +
                   quote(asked.display()),
               {"ask for it by the name that it has, " + quote(found.display()) + ", or without a name"});
}

}  // namespace moat
