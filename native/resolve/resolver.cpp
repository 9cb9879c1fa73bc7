#include "resolve/resolver.hpp"

#include "resolve/glibc.hpp"
#include "resolve/musl.hpp"

namespace fixelf {

namespace {

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

// What of a header makes a difference to a loader.
std::string keyOf(const FileHeader& header) {
  return std::to_string(header.machine) + (header.fileClass == Class::Elf64 ? "w" : "n") +
         (header.byteOrder == ByteOrder::Little ? "l" : "b") + std::to_string(header.flags);
}

// The loader is given LD_LIBRARY_PATH: the caller's own, then NIX_LD_LIBRARY_PATH, with no second
// colon between (nix-ld 2, src/main.rs; native/shim/library_path.cpp).
ResolveOptions throughNixLd(const ResolveOptions& options) {
  ResolveOptions seen = options;
  if (!options.nixLd || options.nixLd->libraryPath.empty()) return seen;
  if (!seen.libraryPath.empty() && seen.libraryPath.back() != ':') seen.libraryPath += ':';
  seen.libraryPath += options.nixLd->libraryPath;
  return seen;
}

}  // namespace

const char* libraryKindName(LibraryKind kind) {
  switch (kind) {
    case LibraryKind::Needed:
      return "needed";
    case LibraryKind::Preloaded:
      return "preloaded";
    case LibraryKind::Auxiliary:
      return "auxiliary";
    case LibraryKind::Filter:
      return "filter";
  }
  return "needed";
}

Result<Resolution> Resolver::resolve(const std::string& path, const ResolveOptions& options) {
  const Lookup& lookup = files_.look(path);
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
  const ResolveOptions seen = throughNixLd(options);
  chooseInterpreter(*facts, seen, resolution);
  Status status = Done{};
  if (resolution.loader.libc == LoaderProfile::Musl) {
    status = MuslLoading(*this, seen, resolution).run(facts);
  } else {
    status = GlibcLoading(*this, seen, resolution).run(facts);
  }
  if (!status) return status.error();
  return resolution;
}

// Decides which interpreter counts, and whether it could be started.
void Resolver::chooseInterpreter(const Facts& facts, const ResolveOptions& options,
                                 Resolution& resolution) {
  std::string path;
  std::string reason;
  if (options.interpreter) {
    resolution.interpreter = options.interpreter;
    path = *options.interpreter;
    reason = "assumed, as asked";
  } else if (options.nixLd && facts.interpreter) {
    resolution.interpreter = options.nixLd->loader;
    path = options.nixLd->loader;
    reason = "NIX_LD, for nix-ld at " + *facts.interpreter;
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
  } else if (const Lookup& lookup = files_.look(path); lookup.state != Lookup::Elf) {
    resolution.interpreterReason = lookup.message;
  } else if (const std::string wrong = wrongMachineReason(lookup.facts->header, facts.header);
             !wrong.empty()) {
    resolution.interpreterReason = wrong;
  } else {
    resolution.interpreterFound = true;
    resolution.interpreterReason = reason;
  }
  resolution.loader = *profileOf(path, facts, options);
}

std::shared_ptr<const LoaderProfile> Resolver::profileOf(const std::string& interpreter,
                                                         const Facts& facts,
                                                         const ResolveOptions& options) {
  const std::string key =
      interpreter + '\n' + keyOf(facts.header) + '\n' + options.processor.value_or("");
  {
    const std::lock_guard lock(mutex_);
    if (auto found = profiles_.find(key); found != profiles_.end()) return found->second;
  }
  LoaderProfile profile = loaderProfile(files_, interpreter, facts);
  profile.processor = options.processor ? processorOf(facts.header, *options.processor)
                                        : processorFor(facts.header);
  profile.hardware = hardwareDirectories(profile, profile.processor);
  profile.key = key;
  const std::lock_guard lock(mutex_);
  return profiles_.try_emplace(key, std::make_shared<const LoaderProfile>(std::move(profile)))
      .first->second;
}

std::shared_ptr<const LoaderCache> Resolver::cacheOf(const LoaderProfile& loader,
                                                     const FileHeader& program) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const LoaderCache>& cache = caches_[loader.key];
  if (!cache) {
    cache = std::make_shared<const LoaderCache>(
        loader.cachePath.empty() ? nullptr : files_.content(loader.cachePath), program,
        loader.hardware, x86IsaBits(loader.processor, program));
  }
  return cache;
}

const std::vector<std::string>& Resolver::placesIn(const LoaderProfile& loader,
                                                   const std::string& directory) {
  const std::string key = directory + '\n' + loader.key;
  {
    const std::lock_guard lock(mutex_);
    if (auto found = places_.find(key); found != places_.end()) return found->second;
  }
  std::vector<std::string> places;
  if (files_.directoryExists(directory)) {
    const std::string start = directory == "/" ? directory : directory + "/";
    for (const std::string& subdirectory : loader.hardware.subdirectories) {
      if (files_.directoryExists(start + subdirectory.substr(0, subdirectory.find('/'))) &&
          files_.directoryExists(start + subdirectory)) {
        places.push_back(start + subdirectory + "/");
      }
    }
    places.push_back(start);
  }
  const std::lock_guard lock(mutex_);
  return places_.try_emplace(key, std::move(places)).first->second;
}

Result<Resolution> resolve(Files& files, const std::string& path, const ResolveOptions& options) {
  return Resolver(files).resolve(path, options);
}

}  // namespace fixelf
