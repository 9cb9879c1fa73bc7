#include "resolve/resolver.hpp"

#include "base/parallel.hpp"
#include "resolve/glibc.hpp"
#include "resolve/load_check.hpp"
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

// The parts of a header that matter to a loader.
std::string keyOf(const FileHeader& header) {
  return std::to_string(header.machine) + (header.fileClass == Class::Elf64 ? "w" : "n") +
         (header.byteOrder == ByteOrder::Little ? "l" : "b") + std::to_string(header.flags);
}

// The loader is given an LD_LIBRARY_PATH: the caller's own, then NIX_LD_LIBRARY_PATH. If the
// caller's ends in a colon, the empty element behind it is kept (native/shim/library_path.cpp);
// nix-ld 2 drops it (src/main.rs).
ResolveOptions throughNixLd(const ResolveOptions& options) {
  ResolveOptions seen = options;
  if (!options.nixLd || options.nixLd->libraryPath.empty()) return seen;
  if (!seen.libraryPath.empty()) seen.libraryPath += ':';
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
  // Never destroyed: other threads may be here while the process exits.
  static const auto& kNoLoader = *new std::shared_ptr(std::make_shared<const LoaderProfile>());
  const Lookup& lookup = files_.look(path);
  if (Status whole = files_.demandWhole(); !whole) return std::move(whole.error()).at(path);
  if (lookup.state != Lookup::Elf) return errorOf(lookup, path);
  const Facts& facts = *lookup.facts;
  if (facts.header.type != ET_DYN && facts.header.type != ET_EXEC) {
    return Error{ErrorCode::Unsupported,
                 "the file is neither a program nor a shared library, so no loader opens it", path,
                 0};
  }
  Resolution resolution;
  resolution.strings = files_.strings();
  resolution.path = path;
  resolution.loader = kNoLoader;
  const bool isStatic =
      (facts.kind == Kind::Static || facts.kind == Kind::StaticPie) && !facts.interpreter;
  if (isStatic && facts.needed.empty()) {
    resolution.interpreterReason = "the program is static, so it needs none";
    checkStatic(files_, lookup, resolution);
    return resolution;
  }
  const ResolveOptions seen = throughNixLd(options);
  const Loader loader = chooseInterpreter(facts, seen, resolution);
  const auto opener = openerOf(facts, options);
  Status status = Done{};
  if (loader->profile().libc == LoaderProfile::Musl) {
    status = MuslLoading(files_, *loader, opener.get(), seen, resolution).run(lookup);
  } else {
    status = GlibcLoading(files_, *loader, opener.get(), seen, resolution).run(lookup);
  }
  if (!status) return status.error();
  if (isStatic && !options.interpreter) checkStatic(files_, lookup, resolution);
  if (Status whole = files_.demandWhole(); !whole) return std::move(whole.error()).at(path);
  return resolution;
}

Result<std::vector<Result<Resolution>>> Resolver::resolveAll(std::span<const std::string> paths,
                                                             const ResolveOptions& options,
                                                             const std::stop_token& stop) {
  std::vector<Result<Resolution>> resolutions(paths.size(), Error{});
  inParallel(paths.size(), [&](size_t at) {
    if (!stop.stop_requested()) resolutions[at] = resolve(paths[at], options);
  });
  if (stop.stop_requested()) return cancelled("the resolution");
  return resolutions;
}

std::shared_ptr<const OpeningProgram> Resolver::openerOf(const Facts& module,
                                                         const ResolveOptions& options) {
  if (!options.opener || module.kind != Kind::Shared) return nullptr;
  // It is started as the module's caller assumes, by its own loader.
  ResolveOptions asked = options;
  asked.opener.reset();
  asked.interpreter.reset();
  asked.symbols = false;
  asked.tried = false;
  std::string key = *options.opener + '\n' + options.libraryPath + '\n' + options.preload;
  if (options.nixLd) key += '\n' + options.nixLd->loader;
  return openers_.of(key, [&]() -> std::shared_ptr<const OpeningProgram> {
    const auto resolution = resolve(*options.opener, asked);
    if (!resolution) return nullptr;
    auto opener = std::make_shared<OpeningProgram>();
    opener->path = files_.interned(*options.opener);
    for (const Library& library : resolution->libraries) {
      if (!library.path) continue;
      opener->loaded.try_emplace(library.soname, library.path);
      const auto& names = files_.look(library.path).names;
      if (names && names->soname) opener->loaded.try_emplace(names->soname, library.path);
    }
    opener->rpath = rpathOf(*resolution);
    return opener;
  });
}

SearchList Resolver::rpathOf(const Resolution& program) const {
  const auto& facts = files_.look(program.path).facts;
  const LoaderProfile& loader = *program.loader;
  const bool musl = loader.libc == LoaderProfile::Musl;
  // glibc uses DT_RUNPATH for what the file itself needs only, and then not DT_RPATH at all.
  if (facts == nullptr || (facts->runpath && !musl)) return {};
  const std::string list = (facts->runpath ? facts->runpath : facts->rpath).value_or("");
  const auto real = files_.realPath(program.path);
  const std::string origin = directoryOf(real ? *real : program.path);
  if (musl) return splitMusl(files_, expandOrigin(list, origin).value_or(""));
  return splitGlibc(files_, list, ":", {origin, loader.libToken, loader.processor.platform});
}

// Decides which interpreter counts, and whether it could be started.
Resolver::Loader Resolver::chooseInterpreter(const Facts& facts, const ResolveOptions& options,
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
    if (!path.empty()) resolution.interpreter = path;
    resolution.interpreterAssumed = true;
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
  Loader loader = loaderAt(path, facts, options);
  resolution.loader = {loader, &loader->profile()};
  return loader;
}

Resolver::Loader Resolver::loaderAt(const std::string& interpreter, const Facts& facts,
                                    const ResolveOptions& options) {
  const std::string key =
      interpreter + '\n' + keyOf(facts.header) + '\n' + options.processor.value_or("");
  return loaders_.of(key, [&] {
    LoaderProfile profile = loaderProfile(files_, interpreter, facts);
    profile.processor = options.processor ? processorOf(facts.header, *options.processor)
                                          : processorFor(facts.header);
    profile.hardware = hardwareDirectories(profile, profile.processor);
    return std::make_shared<InstalledLoader>(files_, std::move(profile), facts.header);
  });
}

Result<Resolution> resolve(Files& files, const std::string& path, const ResolveOptions& options) {
  return Resolver(files).resolve(path, options);
}

}  // namespace fixelf
