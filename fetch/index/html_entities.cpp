// The table is made when moat is built (html_entities_table.py): names and texts as the HTML standard lists
// them (13.5, Named character references), sorted by bytes.
#include "fetch/index/html_entities.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace moat {
namespace {

using std::string_view_literals::operator""sv;

// Each: name, space, text, NUL. One text and no table of pointers: nothing is relocated when the program
// starts.
constexpr std::string_view kEntities =
#include "html_entities.inc"
    ""sv;

std::vector<HtmlEntity> read_entities() {
  std::vector<HtmlEntity> entities;
  for (std::size_t at = 0; at < kEntities.size();) {
    const std::size_t end = kEntities.find('\0', at);
    const std::size_t space = kEntities.find(' ', at);
    entities.push_back({kEntities.substr(at, space - at), kEntities.substr(space + 1, end - space - 1)});
    at = end + 1;
  }
  return entities;
}

}  // namespace

HtmlEntity longest_html_entity(std::string_view text) {
  static const std::vector<HtmlEntity> entities = read_entities();
  auto begin = entities.begin();
  auto end = entities.end();
  HtmlEntity longest;
  // The names that begin as the text does, one character after the other.
  for (std::size_t i = 0; i < text.size() && begin != end; ++i) {
    const auto character = [i](const HtmlEntity& entity) {
      return i < entity.name.size() ? static_cast<int>(static_cast<unsigned char>(entity.name[i])) : -1;
    };
    const int wanted = static_cast<unsigned char>(text[i]);
    begin = std::partition_point(begin, end, [&](const HtmlEntity& e) { return character(e) < wanted; });
    end = std::partition_point(begin, end, [&](const HtmlEntity& e) { return character(e) == wanted; });
    if (begin != end && begin->name.size() == i + 1) longest = *begin;
  }
  return longest;
}

}  // namespace moat
