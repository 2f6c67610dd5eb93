#include "fetch/index/project_look_up.h"

#include "resolver/base/text.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace moat {
namespace {

// The same project from several places: files of equal versions are merged, in the order of the
// places.
std::vector<std::shared_ptr<const Release>> merge(std::vector<PageSummary> pages) {
  std::vector<std::shared_ptr<const Release>> all;
  for (PageSummary& page : pages) {
    const auto middle = static_cast<std::ptrdiff_t>(all.size());
    std::move(page.releases.begin(), page.releases.end(), std::back_inserter(all));
    std::inplace_merge(all.begin(), all.begin() + middle, all.end(),
                       [](const auto& a, const auto& b) { return a->version < b->version; });
  }
  if (pages.size() < 2) return all;
  std::vector<std::shared_ptr<const Release>> unique;
  for (std::shared_ptr<const Release>& release : all) {
    if (unique.empty() || unique.back()->version != release->version) {
      unique.push_back(std::move(release));
      continue;
    }
    std::vector<ReleaseFile> files = unique.back()->files();
    files.insert(files.end(), release->files().begin(), release->files().end());
    unique.back() = std::make_shared<Release>(release->version, std::move(files));
  }
  return unique;
}

// What a project was made of: for each index its page's hash, or that it has none. "" if one is not known.
std::string made_of(const std::vector<IndexPages::Answer>& answers, const FindLinks::Answer& from_links) {
  const auto* linked = std::get_if<std::vector<PageSummary>>(&from_links);
  if (linked == nullptr || !linked->empty()) return "";
  std::string out;
  for (const IndexPages::Answer& answer : answers) {
    const auto* page = std::get_if<PageSummary>(&answer);
    if (page != nullptr ? page->made_of.empty() : !std::holds_alternative<NoSuchProject>(answer)) return "";
    out += (out.empty() ? "" : " ") + (page != nullptr ? page->made_of : "absent");
  }
  return out;
}

const Error* unknown_offline(const IndexPages::Answer& answer) {
  const auto* error = std::get_if<Error>(&answer);
  return error != nullptr && error->kind() == ErrorKind::Offline ? error : nullptr;
}

std::vector<Index> named_for(const PackageName& project, const IndexList& list) {
  const auto pin = list.pins.find(project);
  if (pin == list.pins.end()) return list.indexes;
  const auto found = std::find_if(list.indexes.begin(), list.indexes.end(),
                                  [&](const Index& index) { return index.name == pin->second; });
  if (found == list.indexes.end())
    throw Error(ErrorKind::BadInput,
                quote(project.display()) + " is pinned to the index " + quote(pin->second) +
                    ", but no index has that name",
                {"`--index NAME=URL`, or the setting `index`, gives an index its name"});
  return {*found};
}

class LookUp : public std::enable_shared_from_this<LookUp> {
 public:
  LookUp(PackageName name, std::vector<Index> indexes, IndexStrategy strategy, bool refresh,
         IndexPages& pages, FindLinks& links, std::function<void(FoundProject)> done)
      : name_(std::move(name)),
        indexes_(std::move(indexes)),
        strategy_(strategy),
        refresh_(refresh),
        pages_(pages),
        links_(links),
        done_(std::move(done)),
        answers_(indexes_.size()) {}

  void start() {
    if (indexes_.empty()) return ask_links();
    if (strategy_ == IndexStrategy::FirstIndex) return ask(0);
    missing_ = indexes_.size();
    for (std::size_t i = 0; i < indexes_.size(); ++i) ask(i);
  }

 private:
  void ask(std::size_t i) {
    pages_.fetch(indexes_[i], name_, refresh_, [self = shared_from_this(), i](IndexPages::Answer answer) {
      if (self->strategy_ == IndexStrategy::FirstIndex)
        self->take_first(i, std::move(answer));
      else
        self->take_one_of_all(i, std::move(answer));
    });
  }

  void take_first(std::size_t i, IndexPages::Answer answer) {
    const bool goes_on = leads_to_next_index(answer);
    answers_[i] = std::move(answer);
    if (goes_on && i + 1 < indexes_.size()) return ask(i + 1);
    ask_links();
  }

  void take_one_of_all(std::size_t i, IndexPages::Answer answer) {
    {
      const std::lock_guard lock(mutex_);
      answers_[i] = std::move(answer);
      if (--missing_ > 0) return;
    }
    ask_links();
  }

  void ask_links() {
    links_.look_up(name_, [self = shared_from_this()](FindLinks::Answer from_links) {
      self->done_(
          merge_answers(self->name_, self->indexes_, std::move(self->answers_), std::move(from_links)));
    });
  }

  const PackageName name_;
  const std::vector<Index> indexes_;
  const IndexStrategy strategy_;
  const bool refresh_;
  IndexPages& pages_;
  FindLinks& links_;
  const std::function<void(FoundProject)> done_;
  std::mutex mutex_;
  std::size_t missing_ = 0;
  std::vector<IndexPages::Answer> answers_;
};

}  // namespace

std::vector<Index> indexes_for(const PackageName& project, const IndexList& list) {
  std::vector<Index> asked = named_for(project, list);
  for (const Index& index : asked) require_protected(index.url, "the index", list.trusted_hosts);
  return asked;
}

bool leads_to_next_index(const IndexPages::Answer& answer) {
  return std::holds_alternative<NoSuchProject>(answer) || std::holds_alternative<ForbiddenProject>(answer) ||
         unknown_offline(answer) != nullptr;
}

FoundProject merge_answers(const PackageName& project, const std::vector<Index>& indexes,
                           std::vector<IndexPages::Answer> answers, FindLinks::Answer from_links) {
  if (auto* error = std::get_if<Error>(&from_links)) return std::move(*error);
  Project found{project, {}, "", "", "", made_of(answers, from_links)};
  std::vector<PageSummary> pages;
  std::optional<Error> otherwise;  // reported if no place has the project
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (const Error* unknown = unknown_offline(answers[i])) {
      if (!otherwise) otherwise = *unknown;
    } else if (const auto* forbidden = std::get_if<ForbiddenProject>(&answers[i])) {
      if (!otherwise) otherwise = forbidden->error;
    } else if (auto* error = std::get_if<Error>(&answers[i])) {
      return std::move(*error);
    } else if (auto* page = std::get_if<PageSummary>(&answers[i])) {
      if (found.index.empty()) {
        found.index = indexes[i].url.display();
        found.status = page->status;
        found.status_reason = page->status_reason;
      }
      pages.push_back(std::move(*page));
    }
  }
  auto& linked = std::get<std::vector<PageSummary>>(from_links);
  std::move(linked.begin(), linked.end(), std::back_inserter(pages));
  if (pages.empty() && otherwise) return std::move(*otherwise);
  found.releases = merge(std::move(pages));
  return found;
}

void look_up_project(const PackageName& project, std::vector<Index> indexes, IndexStrategy strategy,
                     bool refresh, IndexPages& pages, FindLinks& links,
                     std::function<void(FoundProject)> done) {
  std::make_shared<LookUp>(project, std::move(indexes), strategy, refresh, pages, links, std::move(done))
      ->start();
}

}  // namespace moat
