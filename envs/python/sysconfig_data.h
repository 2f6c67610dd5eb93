// Build variables of a copied interpreter (sysconfig): they name the base's folders, and every extension
// built in an environment would inherit them. Pure text in, text out.
#pragma once

#include <string>
#include <string_view>

namespace moat {

// `_sysconfigdata*.py`: flags that name the base's libraries and headers are removed; other paths below
// `prefix` become relative to sys.base_prefix when the module is imported, and so do those below the prefix
// that the text itself records, if the base was moved or copied since it was built. The result is the same in
// every environment. A prefix like /usr cannot be told from other uses of the path: then only keys known to
// hold it are changed.
std::string relocatable_build_variables(std::string_view text, std::string_view prefix,
                                        std::string_view multiarch);

// config-*/Makefile: removes the same flags; the prefix becomes a placeholder, as nothing evaluates the file.
std::string relocatable_makefile(std::string_view text, std::string_view prefix);

// "/usr", "/": prefixes that the whole system shares.
bool is_shared_prefix(std::string_view prefix);

}  // namespace moat
