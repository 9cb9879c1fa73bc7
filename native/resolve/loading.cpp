#include "resolve/loading.hpp"

#include <algorithm>

namespace fixelf {

namespace {

constexpr size_t kMostLibraries = 20'000;
constexpr size_t kMostTried = 8192;  // of one library

std::string directoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Loading::Loading(Resolver& resolver, const ResolveOptions& options, Resolution& resolution)
    : resolver_(resolver), files_(resolver.files()), options_(options), resolution_(resolution) {}

Status Loading::withinLimits() const {
  if (resolution_.libraries.size() < kMostLibraries && searches_ < kMostSearches) return Done{};
  const bool many = resolution_.libraries.size() >= kMostLibraries;
  return Error{ErrorCode::LimitExceeded,
               many ? "more than " + std::to_string(kMostLibraries) + " libraries are needed"
                    : "libraries are needed more than " + std::to_string(kMostSearches) + " times",
               resolution_.path, 0};
}

void Loading::addProgram(std::shared_ptr<const Facts> facts) {
  program_ = facts->header;
  Object object;
  object.path = files_.absolute(resolution_.path);
  // /proc/self/exe (elf/dl-origin.c), so without symbolic links. A library that is looked at by
  // itself is opened by the path given.
  const bool library = facts->kind == Kind::Shared;
  auto real = library ? Result<std::string>(object.path) : files_.realPath(resolution_.path);
  object.origin = directoryOf(real ? *real : object.path);
  object.facts = std::move(facts);
  objects_.push_back(std::move(object));
  enqueue(0);
}

void Loading::addInterpreter() {
  const std::string& path = profile().path;
  if (!resolution_.interpreterFound || path.empty()) return;
  const Lookup& lookup = files_.look(path);
  interpreter_ = objects_.size();
  Object object;
  object.path = path;
  object.origin = directoryOf(path);
  object.facts = lookup.facts;
  objects_.push_back(std::move(object));
}

Library* Loading::announce(size_t requester, const std::string& written, const std::string& key,
                           const std::string& source, LibraryKind kind) {
  if (!withinLimits()) return nullptr;
  // The loader goes on without them.
  const bool optional = kind == LibraryKind::Preloaded || kind == LibraryKind::Auxiliary;
  ++searches_;
  const auto listed = listed_.find(key);
  announced_ = key;
  before_ = listed == listed_.end() ? kNone : listed->second;
  if (before_ != kNone) {
    Library& before = resolution_.libraries[before_];
    if (before.path) {
      before.optional &= optional;
      return nullptr;
    }
  }
  listed_.insert_or_assign(key, resolution_.libraries.size());
  Library& library = resolution_.libraries.emplace_back();
  library.soname = written;
  library.optional = optional;
  library.kind = kind;
  library.neededBy = source.empty() ? objects_[requester].path : source;
  return &library;
}

void Loading::settle(const Library& library) {
  if (library.path || before_ == kNone) return;
  resolution_.libraries[before_].optional &= library.optional;
  listed_[announced_] = before_;
  resolution_.libraries.pop_back();
}

void Loading::note(Library& library, const std::string& path, Refusal refusal,
                   std::string why) const {
  if (!options_.tried) return;
  if (library.tried.size() < kMostTried) library.tried.push_back({path, refusal, std::move(why)});
}

Step Loading::stopAt(Library& library, const std::string& path, Refusal refusal,
                     const std::string& why) const {
  note(library, path, refusal, why);
  library.reason = "the loader stops at " + path + ": " + why;
  return Step::Stop;
}

Step Loading::tryPath(Library& library, const std::string& path) {
  const Verdict verdict = judge(files_.look(path));
  library.wrongMachineSeen |= verdict.wrongMachine();
  if (verdict.step == Step::Stop) return stopAt(library, path, verdict.refusal, verdict.why);
  if (verdict.step != Step::Found) note(library, path, verdict.refusal, verdict.why);
  return verdict.step;
}

Step Loading::tryDirectories(Library& library, const std::string& name,
                             const SearchList& directories, const char* kind,
                             const std::string& owner) {
  for (const std::string& directory : directories) {
    const auto& places = resolver_.placesIn(profile(), directory);
    if (places.empty()) {
      note(library, directory + "/" + name, Refusal::DirectoryMissing,
           "its directory is not there");
      continue;
    }
    for (const std::string& place : places) {
      const std::string path = place + name;
      const Step step = tryPath(library, path);
      if (step == Step::Found) take(library, path, kind + owner);
      // glibc looks at the error after it has tried the directory itself, which comes last.
      if (step == Step::NextList && &place != &places.back()) continue;
      if (step != Step::NextPlace) return step == Step::NextList ? Step::NextPlace : step;
    }
  }
  return Step::NextPlace;
}

void Loading::take(Library& library, const std::string& path, const std::string& reason) {
  library.path = path;
  library.reason = reason;
}

void Loading::takeInterpreter(Library& library) {
  if (interpreter_ == kNone) {
    library.reason = "it is the interpreter itself, which is not there";
    return;
  }
  take(library, objects_[interpreter_].path, "the interpreter itself");
  enqueue(interpreter_);
}

void Loading::takeLoaded(Library& library, size_t object) {
  if (object == interpreter_) return takeInterpreter(library);
  if (object == 0) return take(library, objects_[0].path, "the program itself");
  take(library, objects_[object].path, "already loaded for " + objects_[object].neededBy);
}

size_t Loading::sameFile(const Library& library) {
  const Lookup& lookup = files_.look(*library.path);
  const auto found = byFile_.find(FileIdentity{lookup.device, lookup.inode});
  return found == byFile_.end() ? kNone : found->second;
}

bool Loading::takeSameFile(Library& library, size_t object) {
  if (object == kNone) return false;
  const std::string opened = *library.path;
  takeLoaded(library, object);
  if (*library.path != opened) {
    note(library, opened, Refusal::SameFile, "it is the same file as " + *library.path);
  }
  return true;
}

size_t Loading::addObject(const Library& library, size_t requester) {
  const Lookup& lookup = files_.look(*library.path);
  const size_t index = objects_.size();
  Object object;
  object.path = *library.path;
  object.origin = directoryOf(object.path);
  object.neededBy = library.neededBy;
  object.facts = lookup.facts;
  object.loader = requester;
  byFile_.try_emplace(FileIdentity{lookup.device, lookup.inode}, index);
  objects_.push_back(std::move(object));
  return index;
}

void Loading::enqueue(size_t object) {
  if (object == kNone) return;
  if (queued_.size() <= object) queued_.resize(object + 1);
  if (queued_[object]) return;
  queued_[object] = true;
  order_.push_back(object);
}

void Loading::insertBefore(size_t object, size_t next) {
  if (object == kNone || object == next) return;
  const auto place = std::find(order_.begin(), order_.end(), next);
  if (std::find(order_.begin(), place, object) != place) return;
  if (const auto behind = std::find(place, order_.end(), object); behind != order_.end()) {
    std::rotate(place, behind, behind + 1);
    return;
  }
  enqueue(object);
  std::rotate(std::find(order_.begin(), order_.end(), next), order_.end() - 1, order_.end());
}

}  // namespace fixelf
