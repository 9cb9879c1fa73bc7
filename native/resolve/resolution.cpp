#include "resolve/resolution.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>

#include "resolve/cache.hpp"

namespace fixelf {

namespace {

constexpr size_t kMostLibraries = 20'000;
constexpr size_t kMostDirectories = 4096;  // of one list
constexpr size_t kMostTried = 8192;        // of one library
constexpr size_t kMostProblems = 20'000;
constexpr size_t kLongestPath = 65'536;  // after $ORIGIN has been put in
constexpr size_t kNone = SIZE_MAX;

// What the loader does after it has looked at one path.
enum class Step {
  Found,
  NextPlace,
  NextList,  // open_path gives the whole list up: the kernel refused for an unusual reason
  Stop,      // the loader ends the program with an error
};

// One loaded object, a link_map.
struct Object {
  std::string path;  // as it was opened, absolute
  std::string origin;
  std::string neededBy;
  std::shared_ptr<const Facts> facts;
  size_t loader = kNone;  // l_loader: the object that first needed it

  // Their directories; none until they are asked for.
  std::optional<std::vector<std::string>> rpath;
  std::optional<std::vector<std::string>> runpath;
};

std::string directoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// The length of a token such as ORIGIN or {ORIGIN} at the start of `text`, 0 where it is another
// (is_dst in elf/dl-load.c).
size_t tokenLength(std::string_view text, std::string_view name) {
  const bool braces = text.starts_with('{');
  if (braces) text.remove_prefix(1);
  if (!text.starts_with(name)) return 0;
  const char after = text.size() > name.size() ? text[name.size()] : '\0';
  if (braces) return after == '}' ? name.size() + 2 : 0;
  const bool longer = (after >= 'A' && after <= 'Z') || (after >= 'a' && after <= 'z') ||
                      (after >= '0' && after <= '9') || after == '_';
  return longer ? 0 : name.size();
}

// The directories in which a library is looked for where a list names `directory`, best first.
// This is where glibc-hwcaps belongs ("/glibc-hwcaps/x86-64-v3" and so on, elf/dl-hwcaps.c).
std::vector<std::string> expandDirectory(const std::string& directory) {
  return {directory};
}

class Loading {
 public:
  Loading(Files& files, const ResolveOptions& options, Resolution& resolution)
      : files_(files), options_(options), resolution_(resolution) {}

  Status run(std::shared_ptr<const Facts> program) {
    program_ = program->header;
    addProgram(std::move(program));
    addInterpreter();
    if (!musl())
      cache_ = LoaderCache(files_.content(resolution_.loader.cachePath), program_.byteOrder);
    libraryPath_ = muslOr(splitMusl(options_.libraryPath, ""),
                          [&] { return split(options_.libraryPath, ":;", objects_[0]); });

    for (const std::string& name : options_.preload)
      need(0, name, "LD_PRELOAD", true);
    for (const std::string& name : preloadedBySystem()) {
      need(0, name, resolution_.loader.preloadPath, true);
    }
    // Breadth first, as _dl_map_object_deps and musl's load_deps go.
    for (size_t next = 0; next < order_.size(); ++next) {
      const size_t object = order_[next];
      const std::shared_ptr<const Facts> facts = objects_[object].facts;
      for (const std::string& name : facts->needed)
        need(object, name, {}, false);
      if (!musl()) {
        for (const std::string& name : facts->filter)
          need(object, name, {}, false);
        for (const std::string& name : facts->auxiliary)
          need(object, name, {}, true);
      }
      if (resolution_.libraries.size() >= kMostLibraries) {
        return Error{ErrorCode::LimitExceeded,
                     "more than " + std::to_string(kMostLibraries) + " libraries are needed",
                     resolution_.path, 0};
      }
    }
    // musl knows no versions.
    if (!musl()) checkVersions();
    return Done{};
  }

 private:
  using FileIdentity = std::pair<uint64_t, uint64_t>;

  [[nodiscard]] bool musl() const { return resolution_.loader.libc == LoaderProfile::Musl; }

  template <class Otherwise>
  std::vector<std::string> muslOr(std::vector<std::string> list, Otherwise otherwise) {
    return musl() ? std::move(list) : otherwise();
  }

  void addProgram(std::shared_ptr<const Facts> facts) {
    Object object;
    object.path = files_.absolute(resolution_.path);
    // /proc/self/exe (elf/dl-origin.c), so without symbolic links. A library that is looked at by
    // itself is opened by the path given.
    auto real = files_.realPath(resolution_.path);
    const bool library = facts->kind == Kind::Shared;
    object.origin = directoryOf(real && !library ? *real : object.path);
    if (facts->soname) byName_.try_emplace(*facts->soname, 0);
    object.facts = std::move(facts);
    objects_.push_back(std::move(object));
    order_.push_back(0);
  }

  // It is in memory before anything is searched, under its path and its own soname.
  void addInterpreter() {
    const std::string& path = resolution_.loader.path;
    if (!resolution_.interpreterFound || path.empty()) return;
    const Lookup& lookup = files_.look(path);
    interpreter_ = objects_.size();
    Object object;
    object.path = path;
    object.origin = directoryOf(path);
    object.facts = lookup.facts;
    byName_.try_emplace(path, interpreter_);
    if (lookup.facts->soname) byName_.try_emplace(*lookup.facts->soname, interpreter_);
    byFile_.try_emplace(FileIdentity{lookup.device, lookup.inode}, interpreter_);
    objects_.push_back(std::move(object));
  }

  // /etc/ld.so.preload: names between white space and colons, comments from # on (rtld.c).
  std::vector<std::string> preloadedBySystem() {
    std::vector<std::string> names;
    if (musl() || resolution_.loader.preloadPath.empty()) return names;
    const auto bytes = files_.content(resolution_.loader.preloadPath);
    if (!bytes) return names;
    std::string name;
    bool comment = false;
    for (size_t at = 0; at <= bytes->size() && names.size() < kMostDirectories; ++at) {
      const char byte = at < bytes->size() ? static_cast<char>((*bytes)[at]) : '\n';
      if (byte == '\n') comment = false;
      if (byte == '#') comment = true;
      if (comment || byte == ' ' || byte == '\t' || byte == '\n' || byte == ':') {
        if (!name.empty()) names.push_back(std::move(name));
        name.clear();
      } else {
        name += byte;
      }
    }
    return names;
  }

  // --- Tokens and lists -------------------------------------------------------------------------

  // None where a token has no value: glibc then leaves the whole element out.
  [[nodiscard]] std::optional<std::string> expandTokens(std::string_view text,
                                                        const Object& object) const {
    std::string result;
    while (!text.empty()) {
      if (text.front() != '$') {
        result += text.front();
        text.remove_prefix(1);
        continue;
      }
      text.remove_prefix(1);
      size_t length = 0;
      if ((length = tokenLength(text, "ORIGIN")) != 0) {
        result += object.origin;
      } else if ((length = tokenLength(text, "PLATFORM")) != 0) {
        if (resolution_.loader.platformToken.empty()) return std::nullopt;
        result += resolution_.loader.platformToken;
      } else if ((length = tokenLength(text, "LIB")) != 0) {
        result += resolution_.loader.libToken;
      } else {
        result += '$';
      }
      text.remove_prefix(length);
      if (result.size() > kLongestPath) return std::nullopt;
    }
    return result;
  }

  static void addDirectory(std::vector<std::string>& list, std::string directory) {
    while (directory.size() > 1 && directory.back() == '/')
      directory.pop_back();
    if (list.size() < kMostDirectories &&
        std::find(list.begin(), list.end(), directory) == list.end()) {
      list.push_back(std::move(directory));
    }
  }

  // fillin_rpath: an empty element is the current directory, but an empty list is none.
  [[nodiscard]] std::vector<std::string> split(const std::string& list, const char* separators,
                                               const Object& object) const {
    std::vector<std::string> directories;
    if (list.empty()) return directories;
    size_t at = 0;
    while (at <= list.size() && directories.size() < kMostDirectories) {
      const size_t end = std::min(list.find_first_of(separators, at), list.size());
      const std::string_view element = std::string_view(list).substr(at, end - at);
      at = end + 1;
      if (element.empty()) {
        addDirectory(directories, files_.absolute("."));
      } else if (auto expanded = expandTokens(element, object); expanded && !expanded->empty()) {
        addDirectory(directories, files_.absolute(*expanded));
      }
    }
    return directories;
  }

  // musl's fixup_rpath and path_open: no token but $ORIGIN, empty elements do not count.
  [[nodiscard]] std::vector<std::string> splitMusl(std::string_view list,
                                                   const std::string& origin) const {
    std::string expanded;
    while (!list.empty()) {
      if (list.front() != '$' || origin.empty()) {
        expanded += list.front();
        list.remove_prefix(1);
        continue;
      }
      const size_t length = list.starts_with("$ORIGIN") ? 7 : list.starts_with("${ORIGIN}") ? 9 : 0;
      if (length == 0 || expanded.size() > kLongestPath) return {};
      expanded += origin;
      list.remove_prefix(length);
    }
    std::vector<std::string> directories;
    size_t at = 0;
    while (at < expanded.size() && directories.size() < kMostDirectories) {
      const size_t end = std::min(expanded.find_first_of(":\n", at), expanded.size());
      if (end > at) addDirectory(directories, files_.absolute(expanded.substr(at, end - at)));
      at = end + 1;
    }
    return directories;
  }

  const std::vector<std::string>& rpathOf(Object& object) {
    if (!object.rpath) {
      const Facts& facts = *object.facts;
      if (musl()) {
        // decode_dyn: one list, and RUNPATH is the one that counts.
        const auto& list = facts.runpath ? facts.runpath : facts.rpath;
        object.rpath = splitMusl(list.value_or(""), object.origin);
      } else if (facts.runpath) {
        // elf_get_dynamic_info: DT_RUNPATH makes the loader forget DT_RPATH.
        object.rpath.emplace();
      } else {
        object.rpath = split(facts.rpath.value_or(""), ":", object);
      }
    }
    return *object.rpath;
  }

  const std::vector<std::string>& runpathOf(Object& object) {
    if (!object.runpath) object.runpath = split(object.facts->runpath.value_or(""), ":", object);
    return *object.runpath;
  }

  // --- Looking at files -------------------------------------------------------------------------

  void note(Library& library, const std::string& path, std::string why) const {
    if (library.tried.size() < kMostTried) library.tried.push_back({path, std::move(why)});
  }

  Step stopAt(Library& library, const std::string& path, const std::string& why) const {
    note(library, path, why);
    library.reason = "the loader stops at " + path + ": " + why;
    return Step::Stop;
  }

  // open_verify, for one path.
  Step tryPath(Library& library, const std::string& path) {
    const Lookup& lookup = files_.look(path);
    switch (lookup.state) {
      case Lookup::Missing:
        note(library, path, lookup.message);
        return Step::NextPlace;
      case Lookup::Unreadable:
        note(library, path, lookup.message);
        if (!lookup.tooManyLinks) return Step::NextPlace;
        return musl() ? stopAt(library, path, lookup.message) : Step::NextList;
      // It can be opened, so the search ends here: "invalid ELF header", "file too short",
      // "cannot read file data".
      case Lookup::NotRegular:
      case Lookup::NotElf:
      case Lookup::Malformed:
        return stopAt(library, path, lookup.message);
      case Lookup::Elf:
        break;
    }
    const FileHeader& header = lookup.facts->header;
    const std::string wrong = wrongMachineReason(header, program_);
    if (!wrong.empty()) {
      library.wrongMachineSeen = true;
      // musl takes the first file of the name, whatever it is for. glibc passes over another class
      // or machine, but compares the byte order before the machine, and ends there.
      const bool stops = musl() || (header.fileClass == program_.fileClass &&
                                    header.byteOrder != program_.byteOrder);
      if (stops) return stopAt(library, path, wrong);
      note(library, path, wrong);
      return Step::NextPlace;
    }
    if (header.type != ET_DYN || (lookup.facts->flags1 & DF_1_PIE) != 0) {
      return stopAt(library, path,
                    "it is a " + std::string(kindName(lookup.facts->kind)) +
                        ", which cannot be loaded as a library");
    }
    return Step::Found;
  }

  Step tryDirectories(Library& library, const std::vector<std::string>& directories,
                      const std::string& reason) {
    for (const std::string& named : directories) {
      for (const std::string& directory : expandDirectory(named)) {
        const std::string path = (directory == "/" ? "" : directory) + "/" + library.soname;
        if (!files_.directoryExists(directory)) {
          note(library, path, "its directory is not there");
          continue;
        }
        const Step step = tryPath(library, path);
        if (step == Step::NextPlace) continue;
        if (step == Step::Found) take(library, path, reason);
        return step == Step::NextList ? Step::NextPlace : step;
      }
    }
    return Step::NextPlace;
  }

  static void take(Library& library, const std::string& path, const std::string& reason) {
    library.path = path;
    library.reason = reason;
  }

  // --- The search -------------------------------------------------------------------------------

  // _dl_map_new_object, for a name without a slash. Whatever it does not find is NextPlace.
  Step searchGlibc(Library& library, size_t requesterIndex) {
    Object& requester = objects_[requesterIndex];
    Step step = Step::NextPlace;
    if (!requester.facts->runpath) {
      bool programTried = false;
      for (size_t at = requesterIndex; at != kNone; at = objects_[at].loader) {
        programTried |= at == 0;
        step = tryDirectories(library, rpathOf(objects_[at]), "RPATH of " + objects_[at].path);
        if (step != Step::NextPlace) return step;
      }
      if (!programTried) {
        step = tryDirectories(library, rpathOf(objects_[0]), "RPATH of " + objects_[0].path);
        if (step != Step::NextPlace) return step;
      }
    }
    step = tryDirectories(library, libraryPath_, "LD_LIBRARY_PATH");
    if (step != Step::NextPlace) return step;
    step = tryDirectories(library, runpathOf(requester), "RUNPATH of " + requester.path);
    if (step != Step::NextPlace) return step;

    const bool noDefaults = requester.facts->noDefaultLibraries();
    const auto cached = cache_.find(library.soname, cacheFlags(program_));
    if (!cached.empty() && !(noDefaults && inDefaultDirectory(cached.front()))) {
      step = tryPath(library, cached.front());
      if (step == Step::Found) take(library, cached.front(), resolution_.loader.cachePath);
      if (step == Step::Found || step == Step::Stop) return step;
    }
    if (noDefaults) {
      library.reason = "not found; " + requester.path +
                       " has DF_1_NODEFLIB, so no default directory is searched";
      return Step::NextPlace;
    }
    return tryDirectories(library, resolution_.loader.defaultDirectories,
                          "default directory of the loader");
  }

  [[nodiscard]] bool inDefaultDirectory(const std::string& path) const {
    return std::any_of(
        resolution_.loader.defaultDirectories.begin(), resolution_.loader.defaultDirectories.end(),
        [&](const std::string& directory) { return path.starts_with(directory + "/"); });
  }

  // load_library in musl's ldso/dynlink.c, for a name without a slash.
  Step searchMusl(Library& library, size_t requesterIndex) {
    Step step = tryDirectories(library, libraryPath_, "LD_LIBRARY_PATH");
    for (size_t at = requesterIndex; at != kNone && step == Step::NextPlace;
         at = objects_[at].loader) {
      const char* kind = objects_[at].facts->runpath ? "RUNPATH of " : "RPATH of ";
      step = tryDirectories(library, rpathOf(objects_[at]), kind + objects_[at].path);
    }
    if (step != Step::NextPlace) return step;
    return tryDirectories(library, resolution_.loader.defaultDirectories,
                          "default directory of the loader");
  }

  // The names that are musl's loader, whatever the disk holds.
  static bool namesMusl(const std::string& name) {
    for (const char* reserved :
         {"libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet."}) {
      if (name.starts_with(reserved)) return true;
    }
    return false;
  }

  void takeInterpreter(Library& library) {
    if (interpreter_ == kNone) {
      library.reason = "it is the interpreter itself, which is not there";
      return;
    }
    take(library, objects_[interpreter_].path, "the interpreter itself");
    queueInterpreter();
  }

  // It is in the list of objects from when it is first needed.
  void queueInterpreter() {
    if (interpreterQueued_) return;
    interpreterQueued_ = true;
    order_.push_back(interpreter_);
  }

  void takeLoaded(Library& library, size_t object) {
    if (object == interpreter_) return takeInterpreter(library);
    if (object == 0) return take(library, objects_[0].path, "the program itself");
    take(library, objects_[object].path, "already loaded for " + objects_[object].neededBy);
  }

  void need(size_t requester, const std::string& name, const std::string& source, bool optional) {
    if (auto listed = listed_.find(name); listed != listed_.end()) {
      Library& library = resolution_.libraries[listed->second];
      if (!optional) library.optional = false;
      return;
    }
    if (resolution_.libraries.size() >= kMostLibraries) return;
    listed_.emplace(name, resolution_.libraries.size());
    Library& library = resolution_.libraries.emplace_back();
    library.soname = name;
    library.optional = optional;
    library.neededBy = source.empty() ? objects_[requester].path : source;

    if (musl() && (namesMusl(name) || name == resolution_.loader.path)) {
      return takeInterpreter(library);
    }
    const bool slash = name.find('/') != std::string::npos;
    // glibc knows an object by all its names; musl by its last one, and only where it was searched.
    if (auto loaded = byName_.find(name);
        loaded != byName_.end() && !(musl() && (slash || loaded->second == 0))) {
      return takeLoaded(library, loaded->second);
    }
    Step step = Step::NextPlace;
    if (name.empty()) {
      step = stopAt(library, name, "the name is empty");
    } else if (slash) {
      step = openDirectly(library, requester);
    } else {
      // musl's preloaded libraries have no requester whose lists would count.
      const bool preloaded = !source.empty();
      step = musl() ? searchMusl(library, preloaded ? kNone : requester)
                    : searchGlibc(library, requester);
    }
    if (step == Step::Found) {
      load(library, requester);
    } else if (library.reason.empty()) {
      library.reason = "not found";
    }
  }

  Step openDirectly(Library& library, size_t requester) {
    const auto expanded =
        musl() ? std::optional(library.soname) : expandTokens(library.soname, objects_[requester]);
    if (!expanded || expanded->empty()) {
      return stopAt(library, library.soname, "it holds a token without a value");
    }
    const std::string path = files_.absolute(*expanded);
    const Step step = tryPath(library, path);
    if (step == Step::Found) take(library, path, "path in the needed name");
    return step;
  }

  void load(Library& library, size_t requester) {
    const Lookup& lookup = files_.look(*library.path);
    const FileIdentity identity{lookup.device, lookup.inode};
    if (auto loaded = byFile_.find(identity); loaded != byFile_.end()) {
      byName_.try_emplace(library.soname, loaded->second);
      const std::string opened = *library.path;
      takeLoaded(library, loaded->second);
      if (library.path && *library.path != opened) {
        note(library, opened, "it is the same file as " + *library.path);
      }
      return;
    }
    // A second libc is not let in: load_library looks for __libc_start_main and stdin in it.
    if (musl() && lookup.facts->soname && lookup.facts->soname->starts_with("libc.")) {
      note(library, *library.path, "it is a libc, in whose place musl takes itself");
      library.path.reset();
      return takeInterpreter(library);
    }
    const size_t index = objects_.size();
    Object object;
    object.path = *library.path;
    object.origin = directoryOf(object.path);
    object.neededBy = library.neededBy;
    object.facts = lookup.facts;
    object.loader = requester;
    if (!musl() || library.soname.find('/') == std::string::npos) {
      byName_.try_emplace(library.soname, index);
    }
    if (!musl()) {
      byName_.try_emplace(object.path, index);
      if (lookup.facts->soname) byName_.try_emplace(*lookup.facts->soname, index);
    }
    byFile_.try_emplace(identity, index);
    objects_.push_back(std::move(object));
    order_.push_back(index);
  }

  // _dl_check_map_versions (elf/dl-version.c).
  void checkVersions() {
    for (const size_t index : order_) {
      const Object& object = objects_[index];
      for (const NeededVersions& needed : object.facts->versionsNeeded) {
        const auto provider = byName_.find(needed.library);
        if (provider == byName_.end()) continue;
        const Object& library = objects_[provider->second];
        const auto& defined = library.facts->versionsDefined;
        // "no version information available": a warning at most.
        if (defined.empty()) continue;
        for (const NeededVersion& version : needed.versions) {
          if (std::find(defined.begin(), defined.end(), version.name) != defined.end()) continue;
          if (resolution_.versionProblems.size() >= kMostProblems) return;
          resolution_.versionProblems.push_back(
              {version.name, needed.library, library.path, object.path, version.weak});
        }
      }
    }
  }

  Files& files_;
  const ResolveOptions& options_;
  Resolution& resolution_;
  FileHeader program_;
  LoaderCache cache_;
  std::vector<std::string> libraryPath_;
  std::vector<Object> objects_;  // the program first
  std::vector<size_t> order_;    // of objects_, as the loader lists them
  size_t interpreter_ = kNone;
  bool interpreterQueued_ = false;
  std::unordered_map<std::string, size_t> byName_;
  std::map<FileIdentity, size_t> byFile_;
  std::unordered_map<std::string, size_t> listed_;  // name to resolution_.libraries
};

Error errorOf(const Lookup& lookup, const std::string& path) {
  const auto error = [&](ErrorCode code) { return Error{code, lookup.message, path, 0}; };
  switch (lookup.state) {
    case Lookup::Missing:
      return error(ErrorCode::NotFound);
    case Lookup::NotRegular:
      return error(ErrorCode::NotRegular);
    case Lookup::Unreadable:
      return error(ErrorCode::PermissionDenied);
    case Lookup::NotElf:
      return error(ErrorCode::NotElf);
    case Lookup::Malformed:
    case Lookup::Elf:
      break;
  }
  return error(ErrorCode::Malformed);
}

// Decides which interpreter counts, and whether it could be started.
void chooseInterpreter(Files& files, const Facts& facts, const ResolveOptions& options,
                       Resolution& resolution) {
  std::string path;
  std::string reason;
  if (options.interpreter) {
    resolution.interpreter = options.interpreter;
    path = *options.interpreter;
    reason = "assumed, as asked";
  } else if (facts.interpreter) {
    resolution.interpreter = facts.interpreter;
    path = *facts.interpreter;
    reason = "named by the program";
  } else {
    path = usualInterpreter(facts);
    reason = "a library names no interpreter; the usual one for its machine is assumed";
  }
  if (path.empty()) {
    resolution.interpreterReason =
        "no interpreter is known for " + machineName(facts.header.machine);
  } else if (const Lookup& lookup = files.look(path); lookup.state != Lookup::Elf) {
    resolution.interpreterReason = lookup.message;
  } else if (const std::string wrong = wrongMachineReason(lookup.facts->header, facts.header);
             !wrong.empty()) {
    resolution.interpreterReason = wrong;
  } else {
    resolution.interpreterFound = true;
    resolution.interpreterReason = reason;
  }
  resolution.loader = loaderProfile(files, path, facts);
}

}  // namespace

std::string wrongMachineReason(const FileHeader& library, const FileHeader& program) {
  if (library.machine != program.machine) {
    return "it is for " + machineName(library.machine) + ", not " + machineName(program.machine);
  }
  if (library.fileClass != program.fileClass) {
    return library.fileClass == Class::Elf32 ? "it is 32-bit, not 64-bit"
                                             : "it is 64-bit, not 32-bit";
  }
  if (library.byteOrder != program.byteOrder) {
    return library.byteOrder == ByteOrder::Big ? "it is big-endian, not little-endian"
                                               : "it is little-endian, not big-endian";
  }
  // elf_machine_matches_host of sysdeps/riscv: EF_RISCV_FLOAT_ABI.
  if (library.machine == EM_RISCV && (library.flags & 6) != (program.flags & 6)) {
    return "it is for another floating-point ABI";
  }
  return {};
}

Result<Resolution> resolve(Files& files, const std::string& path, const ResolveOptions& options) {
  const Lookup& lookup = files.look(path);
  if (lookup.state != Lookup::Elf) return errorOf(lookup, path);
  const std::shared_ptr<const Facts> facts = lookup.facts;
  if (facts->header.type != ET_DYN && facts->header.type != ET_EXEC) {
    return Error{ErrorCode::Unsupported,
                 "the file is neither a program nor a shared library, so no loader opens it", path,
                 0};
  }
  Resolution resolution;
  resolution.path = path;
  if ((facts->kind == Kind::Static || facts->kind == Kind::StaticPie) && facts->needed.empty() &&
      !facts->interpreter) {
    resolution.interpreterReason = "the program is static, so it needs none";
    return resolution;
  }
  chooseInterpreter(files, *facts, options, resolution);
  if (Status status = Loading(files, options, resolution).run(facts); !status) {
    return status.error();
  }
  return resolution;
}

}  // namespace fixelf
