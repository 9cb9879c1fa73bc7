#include "resolve/glibc.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "resolve/load_check.hpp"
#include "resolve/preload.hpp"
#include "resolve/symbol_check.hpp"
#include "resolve/version_check.hpp"

namespace fixelf {

namespace {

// The names that the kernel gives to its own library in memory (arch/*/vdso).
const char* vdsoName(const FileHeader& program) {
  const bool wide = program.fileClass == Class::Elf64;
  switch (program.machine) {
    case EM_386:
      return "linux-gate.so.1";
    case EM_PPC:
    case EM_PPC64:
    case EM_S390:
      return wide ? "linux-vdso64.so.1" : "linux-vdso32.so.1";
    default:
      return "linux-vdso.so.1";
  }
}

}  // namespace

Status GlibcLoading::run(const Lookup& program) {
  addProgram(program);
  if (program.names->soname) byName_.try_emplace(program.names->soname, 0);
  // The program's own name is empty (l_name), so an empty name means the program.
  byName_.try_emplace(files_.interned(""), 0);
  addInterpreter();
  if (interpreter_ != kNone) {
    // It is known by the name that the program gives it, and by its soname.
    const Object& interpreter = objects_[interpreter_];
    const auto& named = program.facts->interpreter;
    if (named) byName_.try_emplace(files_.interned(*named), interpreter_);
    byName_.try_emplace(interpreter.path, interpreter_);
    if (interpreter.names().soname) byName_.try_emplace(interpreter.names().soname, interpreter_);
  }
  // The loader of a set-user-ID program ignores it (process_envvars in elf/rtld.c).
  if (!options_.secure && !options_.libraryPath.empty()) {
    libraryPath_ = splitGlibc(files_, options_.libraryPath, ":;", tokensOf(0));
  }
  preload();
  // Breadth first, like _dl_map_object_deps. What filters an object is put before it, and so is
  // visited next.
  for (size_t next = 0; next < order_.size();) {
    const size_t object = order_[next];
    if (objects_[object].visited) {
      ++next;
      continue;
    }
    objects_[object].visited = true;
    needAll(object);
    if (Status status = withinLimits(); !status) return status;
  }
  checkAcceptance(files_, objects_[0], resolution_);
  checkGeometry(files_, objects_, resolution_);
  checkOpening(files_, objects_, order_, resolution_);
  checkVersions(files_, objects_, order_, byName_, resolution_);
  checkIsaLevels();
  if (reachesSymbols() && !needsVdso_)
    checkSymbols(files_, loader_, objects_, order_, options_.bindNow, resolution_);
  return Done{};
}

// The kernel starts a loader that may be executed and not read. Its soname is not known then, but
// usually the last part of its path.
bool GlibcLoading::isUnreadInterpreter(const std::string& name) const {
  const std::string& path = profile().path;
  return interpreter_ == kNone && path.ends_with("/" + name) &&
         files_.look(path).state == Lookup::Unreadable;
}

void GlibcLoading::preload() {
  preloading_ = true;
  for (const std::string& name : glibcPreloads(options_.preload)) {
    // dso_name_valid_for_suid of elf/rtld.c.
    const bool plain = name.find('/') == std::string::npos && name.size() < 255;
    if (plain || !options_.secure) {
      enqueue(need(0, files_.interned(name), "LD_PRELOAD", LibraryKind::Preloaded));
    }
  }
  const std::string& file = profile().preloadPath;
  if (const auto content = file.empty() ? nullptr : files_.content(file)) {
    for (const std::string& name : filePreloads(*content))
      enqueue(need(0, files_.interned(name), file, LibraryKind::Preloaded));
  }
  preloading_ = false;
}

void GlibcLoading::needAll(size_t object) {
  for (const auto& [kind, name] : objects_[object].names().dependencies) {
    switch (kind) {
      case DependencyKind::Needed:
        enqueue(need(object, name, {}, LibraryKind::Needed));
        break;
      case DependencyKind::Filter:
        insertBefore(need(object, name, {}, LibraryKind::Filter), object);
        break;
      case DependencyKind::Auxiliary:
        insertBefore(need(object, name, {}, LibraryKind::Auxiliary), object);
        break;
    }
  }
}

size_t GlibcLoading::need(size_t requester, Interned written, const std::string& source,
                          LibraryKind kind) {
  // Tokens in DT_NEEDED are expanded first (expand_dst in elf/dl-deps.c), in a preloaded name only
  // if it is a path.
  const bool tokens = written->find('$') != std::string::npos;
  const bool slash = written->find('/') != std::string::npos;
  Interned name = written;
  if (tokens && (!preloading_ || slash)) {
    const auto expanded = expandTokens(*written, tokensOf(requester));
    name = expanded ? files_.interned(*expanded) : Interned();
  }
  // It is in memory before any search (elf/setup-vdso.h).
  if (name && *name == vdsoName(program_)) {
    needsVdso_ = true;
    return kNone;
  }
  const auto loaded = name ? byName_.find(name) : byName_.end();
  Library* library = announce(requester, written, name ? name : written, source, kind);
  if (library == nullptr) return loaded == byName_.end() ? kNone : loaded->second;
  if (loaded != byName_.end()) {
    takeLoaded(*library, loaded->second);
    return loaded->second;
  }
  size_t object = kNone;
  if (!name || name->empty()) {
    stopAt(*library, written, Refusal::TokenWithoutValue, "it holds a token without a value");
  } else if (isUnreadInterpreter(*name)) {
    note(*library, files_.interned(profile().path), Refusal::Unreadable, "it cannot be read");
    library->reason = files_.interned("it is the interpreter itself, which cannot be read");
  } else if (tokens && options_.secure && !preloading_) {
    stopAt(*library, written, Refusal::TokenWithoutValue,
           "a set-user-ID program may not have tokens in it");
    library->optional = false;  // not even in DT_AUXILIARY (expand_dst)
  } else {
    object = open(*library, requester, name);
  }
  if (!library->path && !library->reason) library->reason = files_.interned("not found");
  settle(*library);
  return object;
}

size_t GlibcLoading::open(Library& library, size_t requester, Interned name) {
  Step step = tryOpener(library, name);
  const bool isPath = name->find('/') != std::string::npos;
  // Only open_path checks the mode, and a path bypasses it.
  setUserIdOnly_ = preloading_ && options_.secure && !isPath;
  if (step == Step::NextPlace && isPath) {
    const Interned path = files_.interned(files_.absolute(*name));
    step = tryPath(library, path);
    if (step == Step::Found) take(library, path, "path in the needed name");
  } else if (step == Step::NextPlace) {
    step = search(library, requester, name);
  }
  if (step != Step::Found) return kNone;
  if (const size_t same = sameFile(); takeSameFile(library, same)) {
    byName_.try_emplace(name, same);
    return same;
  }
  const size_t object = addObject(library, requester);
  byName_.try_emplace(name, object);
  byName_.try_emplace(objects_[object].path, object);
  if (const Interned soname = objects_[object].names().soname) {
    byName_.try_emplace(soname, object);
  }
  return object;
}

Step GlibcLoading::search(Library& library, size_t requester, Interned name) {
  Step step = Step::NextPlace;
  if (!objects_[requester].facts().runpath) {
    bool programTried = false;
    for (size_t at = requester; at != kNone; at = objects_[at].loader) {
      programTried |= at == 0;
      step = tryDirectories(library, *name, rpathOf(at), "RPATH of ", objects_[at].path);
      if (step != Step::NextPlace) return step;
    }
    if (!programTried) {
      step = tryDirectories(library, *name, rpathOf(0), "RPATH of ", objects_[0].path);
      if (step != Step::NextPlace) return step;
    }
    if (opener_ != nullptr) {
      step = tryDirectories(library, *name, opener_->rpath, "RPATH of ", opener_->path);
      if (step != Step::NextPlace) return step;
    }
  }
  step = tryDirectories(library, *name, libraryPath_, "LD_LIBRARY_PATH");
  if (step != Step::NextPlace) return step;
  step =
      tryDirectories(library, *name, runpathOf(requester), "RUNPATH of ", objects_[requester].path);
  if (step != Step::NextPlace) return step;

  const bool noDefaults = objects_[requester].facts().noDefaultLibraries();
  // A preload into a set-user-ID program must not come from the cache.
  if (!preloading_ || !options_.secure) {
    const Interned cached = loader_.cached(name);
    if (cached && !(noDefaults && inDefaultDirectory(*cached))) {
      step = tryPath(library, cached);
      if (step == Step::Found) take(library, cached, loader_.cachePath());
      if (step == Step::Found || step == Step::Stop) return step;
    }
  }
  if (noDefaults) {
    library.reason = files_.interned("not found; " + *objects_[requester].path +
                                     " has DF_1_NODEFLIB, so no default directory is searched");
    return Step::NextPlace;
  }
  return tryDirectories(library, *name, profile().defaultDirectories,
                        "default directory of the loader");
}

Verdict GlibcLoading::judge(const Lookup& lookup) const {
  Verdict verdict = judgeGlibc(lookup, program_, profile());
  if (verdict.step == Step::Found && setUserIdOnly_ && (lookup.mode & S_ISUID) == 0) {
    return {Step::NextPlace, Refusal::NotSetUserId,
            "a set-user-ID program preloads only what is set-user-ID too"};
  }
  return verdict;
}

bool GlibcLoading::inDefaultDirectory(const std::string& path) const {
  const auto& directories = profile().defaultDirectories;
  return std::any_of(directories.begin(), directories.end(), [&](const std::string& directory) {
    return path.starts_with(directory + "/");
  });
}

TokenValues GlibcLoading::tokensOf(size_t object) {
  return {originOf(object), profile().libToken, profile().processor.platform, options_.secure,
          options_.secure && object == 0 ? &profile().defaultDirectories : nullptr};
}

const SearchList& GlibcLoading::rpathOf(size_t index) {
  Object& object = objects_[index];
  if (!object.rpath) {
    // elf_get_dynamic_info: DT_RUNPATH makes the loader forget DT_RPATH.
    const Facts& facts = object.facts();
    const bool counts = facts.rpath && !facts.runpath;
    object.rpath = counts ? splitGlibc(files_, *facts.rpath, ":", tokensOf(index)) : SearchList();
  }
  return *object.rpath;
}

const SearchList& GlibcLoading::runpathOf(size_t index) {
  Object& object = objects_[index];
  if (!object.runpath) {
    const auto& list = object.facts().runpath;
    object.runpath = list ? splitGlibc(files_, *list, ":", tokensOf(index)) : SearchList();
  }
  return *object.runpath;
}

// dl_isa_level_check in sysdeps/x86/dl-prop.h. The loader itself is already running.
void GlibcLoading::checkIsaLevels() {
  const auto own = x86IsaBits(profile().processor, program_);
  if (!own || !profile().checksIsaLevel()) return;
  for (const size_t object : order_) {
    const uint32_t needed = objects_[object].facts().notes.x86IsaNeeded.value_or(0);
    const uint32_t missing = needed & ~*own;
    if (object == interpreter_ || missing == 0) continue;
    resolution_.isaProblems.push_back({objects_[object].path, missing});
  }
}

}  // namespace fixelf
