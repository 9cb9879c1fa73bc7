#include "resolve/loading.hpp"

#include <algorithm>

namespace fixelf {

namespace {

constexpr size_t kMostLibraries = 20'000;
constexpr size_t kMostTried = 8192;  // per library

}  // namespace

std::string directoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): room_ is written before it is read
Loading::Loading(Files& files, InstalledLoader& loader, const OpeningProgram* opener,
                 const ResolveOptions& options, Resolution& resolution)
    : files_(files), loader_(loader), opener_(opener), options_(options), resolution_(resolution) {}

Status Loading::withinLimits() const {
  if (resolution_.libraries.size() < kMostLibraries && searches_ < kMostSearches) return Done{};
  const bool many = resolution_.libraries.size() >= kMostLibraries;
  return Error{ErrorCode::LimitExceeded,
               many ? "more than " + std::to_string(kMostLibraries) + " libraries are needed"
                    : "libraries are needed more than " + std::to_string(kMostSearches) + " times",
               resolution_.path, 0};
}

void Loading::addProgram(const Lookup& program) {
  program_ = program.facts->header;
  Object object;
  object.path = files_.interned(files_.absolute(resolution_.path));
  object.file = &program;
  objects_.push_back(std::move(object));
  enqueue(0);
}

void Loading::addInterpreter() {
  const std::string& path = profile().path;
  if (!resolution_.interpreterFound || path.empty()) return;
  interpreter_ = objects_.size();
  Object object;
  object.path = files_.interned(path);
  object.file = &files_.look(object.path);
  objects_.push_back(std::move(object));
}

const std::string& Loading::originOf(size_t index) {
  Object& object = objects_[index];
  if (!object.origin) {
    // A program's is that of /proc/self/exe (elf/dl-origin.c), so without symbolic links. A library
    // that is examined by itself is opened by the given path.
    const bool program = index == 0 && object.facts().kind != Kind::Shared;
    auto path = program ? files_.realPath(*object.path) : Result<std::string>(*object.path);
    object.origin = directoryOf(path ? *path : *object.path);
  }
  return *object.origin;
}

Library* Loading::announce(size_t requester, Interned written, Interned key,
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
  library.neededBy = source.empty() ? objects_[requester].path : files_.interned(source);
  return &library;
}

void Loading::settle(const Library& library) {
  if (library.path || before_ == kNone) return;
  resolution_.libraries[before_].optional &= library.optional;
  listed_[announced_] = before_;
  resolution_.libraries.pop_back();
}

void Loading::note(Library& library, Interned path, Refusal refusal, const std::string& why) {
  if (!options_.tried || library.tried.size() >= kMostTried) return;
  library.tried.push_back({path, refusal, files_.interned(why)});
}

Step Loading::stopAt(Library& library, Interned path, Refusal refusal, const std::string& why) {
  note(library, path, refusal, why);
  library.reason = files_.interned("the loader stops at " + *path + ": " + why);
  return Step::Stop;
}

Step Loading::tryPath(Library& library, Interned path) {
  const Lookup& lookup = files_.look(path);
  const Verdict verdict = judge(lookup);
  library.wrongMachineSeen |= verdict.wrongMachine();
  if (verdict.step == Step::Stop) return stopAt(library, path, verdict.refusal, verdict.why);
  if (verdict.step == Step::Found) {
    found_ = &lookup;
  } else {
    note(library, path, verdict.refusal, verdict.why);
  }
  return verdict.step;
}

Step Loading::tryOpener(Library& library, Interned name) {
  if (opener_ == nullptr) return Step::NextPlace;
  const auto loaded = opener_->loaded.find(name);
  if (loaded == opener_->loaded.end()) return Step::NextPlace;
  const Step step = tryPath(library, loaded->second);
  if (step == Step::Found) take(library, loaded->second, "already loaded for " + *opener_->path);
  return step;
}

Step Loading::tryDirectories(Library& library, const std::string& name,
                             const SearchList& directories, const char* kind, Interned owner) {
  for (const std::string& directory : directories) {
    const auto& places = loader_.placesIn(directory);
    if (places.empty()) {
      note(library, files_.interned(directory + "/" + name), Refusal::DirectoryMissing,
           "its directory is not there");
      continue;
    }
    for (const std::string& place : places) {
      const Interned path = files_.interned(place + name);
      const Step step = tryPath(library, path);
      if (step == Step::Found) take(library, path, owner ? kind + *owner : kind);
      // glibc checks the error after it has tried the directory itself, which comes last.
      if (step == Step::NextList && &place != &places.back()) continue;
      if (step != Step::NextPlace) return step == Step::NextList ? Step::NextPlace : step;
    }
  }
  return Step::NextPlace;
}

void Loading::take(Library& library, Interned path, Interned reason) {
  library.path = path;
  library.reason = reason;
}

void Loading::takeInterpreter(Library& library) {
  if (interpreter_ == kNone) {
    if (resolution_.interpreter)
      note(library, files_.interned(*resolution_.interpreter), Refusal::Missing, "not there");
    library.reason = files_.interned("it is the interpreter itself, which is not there");
    return;
  }
  take(library, objects_[interpreter_].path, "the interpreter itself");
  enqueue(interpreter_);
}

void Loading::takeLoaded(Library& library, size_t object) {
  if (object == interpreter_) return takeInterpreter(library);
  if (object == 0) return take(library, objects_[0].path, "the program itself");
  take(library, objects_[object].path, "already loaded for " + *objects_[object].neededBy);
}

size_t Loading::sameFile() const {
  const auto found = byFile_.find(FileIdentity{found_->device, found_->inode});
  return found == byFile_.end() ? kNone : found->second;
}

bool Loading::takeSameFile(Library& library, size_t object) {
  if (object == kNone) return false;
  const Interned opened = library.path;
  takeLoaded(library, object);
  if (library.path != opened) {
    note(library, opened, Refusal::SameFile, "it is the same file as " + *library.path);
  }
  return true;
}

size_t Loading::addObject(const Library& library, size_t requester) {
  const size_t index = objects_.size();
  Object object;
  object.path = library.path;
  object.neededBy = library.neededBy;
  object.file = found_;
  object.loader = requester;
  byFile_.try_emplace(FileIdentity{found_->device, found_->inode}, index);
  objects_.push_back(std::move(object));
  return index;
}

bool Loading::reachesSymbols() const {
  const auto& libraries = resolution_.libraries;
  const auto& versions = resolution_.versionProblems;
  return options_.symbols && resolution_.interpreterFound &&
         std::ranges::all_of(resolution_.loadProblems,
                             [](const LoadProblem& each) { return each.opened; }) &&
         resolution_.relrProblems.empty() &&
         std::ranges::all_of(libraries,
                             [](const Library& each) { return each.path || each.optional; }) &&
         std::ranges::all_of(versions, [](const VersionProblem& each) { return each.weak; });
}

void Loading::enqueue(size_t object) {
  if (object == kNone || objects_[object].queued) return;
  objects_[object].queued = true;
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
