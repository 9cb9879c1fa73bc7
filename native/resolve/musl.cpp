#include "resolve/musl.hpp"

#include <climits>

#include "resolve/load_check.hpp"
#include "resolve/preload.hpp"
#include "resolve/symbol_check.hpp"

namespace fixelf {

namespace {

// path_open's buffer, 2 * NAME_MAX + 2 bytes with the NUL: a longer path is skipped.
constexpr size_t kLongestPath = 2 * size_t{NAME_MAX} + 1;

// The names that stand for musl's loader, whatever is on disk.
bool namesMusl(const std::string& name) {
  for (const char* reserved :
       {"libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet."}) {
    if (name.starts_with(reserved)) return true;
  }
  return false;
}

// The directories from which a path to `name` is short enough.
SearchList withinBuffer(SearchList directories, const std::string& name) {
  std::erase_if(directories, [&](const std::string& directory) {
    return directory.size() + 1 + name.size() > kLongestPath;
  });
  return directories;
}

}  // namespace

Status MuslLoading::run(const Lookup& program) {
  addProgram(program);
  addInterpreter();
  if (!options_.secure) {
    libraryPath_ = splitMusl(files_, options_.libraryPath);
    for (const std::string& name : muslPreloads(options_.preload))
      need(kNone, files_.interned(name), "LD_PRELOAD");
  }
  // Breadth first, like load_deps. order_ grows meanwhile.
  for (size_t next = 0; next < order_.size(); ++next) {
    const size_t object = order_[next];
    for (const auto& [kind, name] : objects_[object].names().dependencies) {
      if (kind == DependencyKind::Needed) need(object, name, {});
    }
    if (Status status = withinLimits(); !status) return status;
  }
  if (profile().mayIgnorePackedRelocations) {
    for (const size_t object : order_)
      if (objects_[object].facts().packedRelocations)
        resolution_.relrProblems.push_back(objects_[object].path);
  }
  checkGeometry(files_, objects_, resolution_);
  checkOpening(files_, objects_, order_, resolution_);
  if (reachesSymbols()) {
    enqueue(interpreter_);  // it is the libc, whatever needs it
    checkSymbols(files_, loader_, objects_, order_, true, resolution_);
  }
  return Done{};
}

void MuslLoading::need(size_t requester, Interned name, const std::string& source) {
  Library* library = announce(requester, name, name, source,
                              source.empty() ? LibraryKind::Needed : LibraryKind::Preloaded);
  if (library == nullptr) return;
  if (name->empty()) {
    stopAt(*library, name, Refusal::EmptyName, "the name is empty");
  } else if (namesMusl(*name) || *name == profile().path) {
    takeInterpreter(*library);
  } else if (const auto loaded = byName_.find(name); loaded != byName_.end()) {
    takeLoaded(*library, loaded->second);
  } else {
    open(*library, requester);
  }
  if (!library->path && !library->reason) library->reason = files_.interned("not found");
  settle(*library);
}

void MuslLoading::open(Library& library, size_t requester) {
  const Interned name = library.soname;
  const bool slash = name->find('/') != std::string::npos;
  Step step = slash ? Step::NextPlace : tryOpener(library, name);
  if (slash) {
    const Interned path = files_.interned(files_.absolute(*name));
    step = tryPath(library, path);
    if (step == Step::Found) take(library, path, "path in the needed name");
  } else if (step == Step::NextPlace && name->size() <= NAME_MAX) {
    step = search(library, requester);
  }
  if (step != Step::Found) return;
  // An object is known by the last part of the path at which a search found it (shortname).
  if (const size_t same = sameFile(); takeSameFile(library, same)) {
    if (!slash) byName_.try_emplace(name, same);
    return;
  }
  // A second libc is rejected: load_library looks for __libc_start_main and stdin in it.
  const Interned soname = found_->names->soname;
  if (soname && soname->starts_with("libc.")) {
    note(library, library.path, Refusal::IsLibc, "it is a libc, in whose place musl takes itself");
    library.path = {};
    takeInterpreter(library);
    return;
  }
  const size_t object = addObject(library, requester);
  if (!slash) byName_.try_emplace(name, object);
  enqueue(object);
}

Step MuslLoading::search(Library& library, size_t requester) {
  const std::string& name = *library.soname;
  Step step = tryDirectories(library, name, withinBuffer(libraryPath_, name), "LD_LIBRARY_PATH");
  for (size_t at = requester; at != kNone && step == Step::NextPlace; at = objects_[at].loader) {
    const char* kind = objects_[at].facts().runpath ? "RUNPATH of " : "RPATH of ";
    step = tryDirectories(library, name, withinBuffer(rpathOf(at), name), kind, objects_[at].path);
  }
  if (opener_ != nullptr && step == Step::NextPlace) {
    step = tryDirectories(library, name, withinBuffer(opener_->rpath, name), "search path of ",
                          opener_->path);
  }
  if (step != Step::NextPlace) return step;
  return tryDirectories(library, name, profile().defaultDirectories,
                        "default directory of the loader");
}

const SearchList& MuslLoading::rpathOf(size_t index) {
  Object& object = objects_[index];
  if (!object.rpath) {
    // decode_dyn: there is one list, and RUNPATH takes precedence.
    const Facts& facts = object.facts();
    const auto& list = facts.runpath ? facts.runpath : facts.rpath;
    const std::string& text = list.value_or("");
    // fixup_rpath: the program's own $ORIGIN is not expanded for a set-user-ID program.
    const bool refused = options_.secure && index == 0 && text.find('$') != std::string::npos;
    const auto expanded = refused ? std::nullopt : expandOrigin(text, originOf(index));
    object.rpath = splitMusl(files_, expanded.value_or(""));
  }
  return *object.rpath;
}

}  // namespace fixelf
