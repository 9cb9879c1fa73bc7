// The addon's entry point: what JavaScript sees of the native half. Arguments are checked by
// lib/, which is the only caller.
#include <napi.h>

#include <array>

#include "addon/convert.hpp"
#include "addon/edit.hpp"
#include "addon/files_object.hpp"
#include "addon/patchelf.hpp"
#include "addon/promise.hpp"
#include "addon/run.hpp"
#include "addon/scan_object.hpp"
#include "addon/search.hpp"
#include "addon/watch_object.hpp"
#include "base/descriptor.hpp"
#include "base/location.hpp"
#include "base/own.hpp"
#include "elf/imports.hpp"
#include "index/nix_index.hpp"
#include "patch/first_line.hpp"
#include "patch/journal.hpp"
#include "patch/recorded_files.hpp"
#include "patch/replacement.hpp"
#include "patch/undo.hpp"
#include "resolve/loader.hpp"
#include "resolve/tokens.hpp"
#include "run/rights.hpp"
#include "scan/library_name.hpp"
#include "scan/store_listing.hpp"

namespace fixelf::addon {

namespace {

Napi::Value version(const Napi::CallbackInfo& call) {
  return toText(call.Env(), FIXELF_VERSION);
}

Napi::Value machineNamesOf(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  Napi::Object names = Napi::Object::New(env);
  for (const auto& [machine, name] : machineNames())
    names[uint32_t{machine}] = toText(env, name);
  return names;
}

Napi::Value inspect(const Napi::CallbackInfo& call) {
  return PromisedWork<Facts>::start(
      call, [path = toPath(call[0])] { return readFacts(path); },
      [](Napi::Env env, Facts& facts) { return toValue(env, facts); });
}

Napi::Value realPathOf(const Napi::CallbackInfo& call) {
  auto path = realPath(toPath(call[0]));
  if (!path) throw toError(call.Env(), path.error());
  return toText(call.Env(), *path);
}

Napi::Value realTargetOf(const Napi::CallbackInfo& call) {
  auto path = realTarget(toPath(call[0]));
  if (!path) throw toError(call.Env(), path.error());
  return toText(call.Env(), *path);
}

// Through the functions of <dlfcn.h>.
Napi::Value opensLibraries(const Napi::CallbackInfo& call) {
  return PromisedWork<bool>::start(
      call,
      [path = toPath(call[0])]() -> Result<bool> {
        static constexpr std::array<std::string_view, 2> kOpening{"dlopen", "dlmopen"};
        auto source = FileSource::open(path);
        if (!source) return source.error();
        auto opens = importsAny(**source, kOpening);
        if (!opens) return std::move(opens.error()).at(path);
        return *opens;
      },
      [](Napi::Env env, bool opens) { return Napi::Boolean::New(env, opens); });
}

// $LIB and $PLATFORM, whose values differ between loaders, stay as they are.
Napi::Value expandOriginOf(const Napi::CallbackInfo& call) {
  static const std::string kLib = "$LIB";
  static const std::string kPlatform = "$PLATFORM";
  const std::string origin = toPath(call[1]);
  const auto expanded = expandTokens(toBytes(call[0]), {origin, kLib, kPlatform});
  return expanded ? toText(call.Env(), *expanded) : call.Env().Null();
}

Napi::Value hasTokens(const Napi::CallbackInfo& call) {
  static const std::string kValue = "value";
  const std::string entry = toBytes(call[0]);
  const bool unchanged = expandTokens(entry, {kValue, kValue, kValue}) == entry;
  return Napi::Boolean::New(call.Env(), !unchanged);
}

Napi::Value usualInterpreterOf(const Napi::CallbackInfo& call) {
  const auto facts = readFacts(toPath(call[0]));
  if (!facts) throw toError(call.Env(), facts.error());
  return toText(call.Env(), usualInterpreter(*facts));
}

Napi::Value walkTree(const Napi::CallbackInfo& call) {
  return PromisedWork<Walked>::start(
      call, [root = toPath(call[0])](const std::stop_token& stop) { return walk(root, stop); },
      [](Napi::Env env, Walked& walked) { return toValue(env, walked); });
}

Napi::Value toBuffer(Napi::Env env, const std::string& bytes) {
  // Without what the class remembers about its bytes, which only C++ uses.
  return {env, Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size())};
}

Napi::Value listStorePaths(const Napi::CallbackInfo& call) {
  return PromisedWork<std::string>::start(
      call, [path = toPath(call[0])](const std::stop_token& stop) { return listStore(path, stop); },
      [](Napi::Env env, std::string& lines) { return toBuffer(env, lines); });
}

Napi::Value readLibrariesOf(const Napi::CallbackInfo& call) {
  using Libraries = std::vector<StorePathLibraries>;
  const auto place = call[0].As<Napi::Object>();
  return PromisedWork<Libraries>::start(
      call,
      [root = toBytes(place.Get("root")), store = toPath(place.Get("store")),
       storePaths = toPaths(call[1]),
       facts = call[2].As<Napi::Boolean>().Value()](const std::stop_token& stop) {
        return readLibraries(root, store, storePaths, facts, stop);
      },
      [](Napi::Env env, Libraries& libraries) {
        return toArray(env, libraries,
                       [&](const StorePathLibraries& of) { return toValue(env, of); });
      });
}

Napi::Value readNixIndexAt(const Napi::CallbackInfo& call) {
  return PromisedWork<NixIndexLibraries>::start(
      call,
      [path = toPath(call[0])](const std::stop_token& stop) { return readNixIndex(path, stop); },
      [](Napi::Env env, NixIndexLibraries& found) {
        Napi::Object value = Napi::Object::New(env);
        value["packages"] = toBuffer(env, found.packages);
        value["names"] = toBuffer(env, found.names);
        value["entries"] = toNumber(env, found.entries);
        value["others"] = toNumber(env, found.others);
        return value;
      });
}

Napi::Value looksLikeLibraryName(const Napi::CallbackInfo& call) {
  return Napi::Boolean::New(call.Env(), looksLikeLibrary(toPath(call[0])));
}

Napi::Value givenRightsOf(const Napi::CallbackInfo& call) {
  const GivenRights given = givenRights(toPath(call[0]));
  Napi::Object value = Napi::Object::New(call.Env());
  value["user"] = given.user;
  value["group"] = given.group;
  value["capabilities"] = given.capabilities;
  value["owner"] = given.owner;
  value["ignored"] = given.ignored;
  return value;
}

Napi::Value tryLockDescriptor(const Napi::CallbackInfo& call) {
  return Napi::Boolean::New(call.Env(), tryLock(call[0].As<Napi::Number>()));
}

// `change` makes a layout for an open file, which has to meet `demand`.
Napi::Value planLayout(const Napi::CallbackInfo& call, std::function<Status(const Source&)> demand,
                       std::function<Result<Layout>(const Source&)> change) {
  using Planned = std::shared_ptr<const PlannedLayout>;
  return PromisedWork<Planned>::start(
      call,
      [path = toPath(call[0]), demand = std::move(demand),
       change = std::move(change)](const std::stop_token& stop) -> Result<Planned> {
        const auto demandedChange = [&](const Source& source) -> Result<Layout> {
          if (Status status = demand(source); !status) return status.error();
          return change(source);
        };
        auto planned = planFile(path, demandedChange, stop);
        if (!planned) return planned.error();
        return std::make_shared<const PlannedLayout>(std::move(*planned));
      },
      [](Napi::Env env, Planned& planned) { return toValue(env, std::move(planned)); });
}

Napi::Value layOutFile(const Napi::CallbackInfo& call) {
  return planLayout(
      call,
      [premise = toPremise(call[2])](const Source& source) {
        return premise ? demandPremise(source, *premise) : Status(Done{});
      },
      [edits = toEdits(call[1].As<Napi::Object>())](const Source& source) {
        return layOut(source, edits);
      });
}

Napi::Value layOutFirstLine(const Napi::CallbackInfo& call) {
  return planLayout(
      call,
      [present = toBytes(call[1])](const Source& source) {
        return demandFirstLine(source, present);
      },
      [line = toBytes(call[2])](const Source& source) { return replaceFirstLine(source, line); });
}

using Answers = std::vector<Status>;

// Null for each that succeeded, or what went wrong.
Napi::Value toValue(Napi::Env env, const Answers& answers) {
  Napi::Array values = Napi::Array::New(env, answers.size());
  uint32_t index = 0;
  for (const Status& answer : answers) {
    values[index++] = answer ? env.Null() : toError(env, answer.error()).Value();
  }
  return values;
}

Napi::Value applyJobs(const Napi::CallbackInfo& call) {
  const auto array = call[0].As<Napi::Array>();
  std::vector<std::shared_ptr<const PlannedLayout>> layouts;
  std::vector<WriteJob> jobs;
  for (uint32_t index = 0; index < array.Length(); ++index) {
    PlannedWrite write = toPlannedWrite(array.Get(index).As<Napi::Object>());
    layouts.push_back(std::move(write.planned));
    jobs.push_back(std::move(write.job));
  }
  struct Written {
    Answers answers;
    std::vector<std::optional<FileSource::Identity>> left;
  };
  const auto tell = call[2].IsFunction() ? std::make_shared<Napi::FunctionReference>(
                                               Napi::Persistent(call[2].As<Napi::Function>()))
                                         : nullptr;
  return PromisedWork<Written>::start(
      call,
      [layouts = std::move(layouts), jobs = std::move(jobs),
       directory = toBytes(call[1])](const std::stop_token& stop) -> Result<Written> {
        Written written;
        written.answers = writeAll(jobs, {directory, Flush::Everything, &written.left, stop});
        return written;
      },
      [tell](Napi::Env env, Written& written) {
        for (size_t index = 0; tell && index < written.left.size(); ++index) {
          if (const auto& left = written.left[index])
            tell->Call({toNumber(env, index), addon::toValue(env, *left)});
        }
        return toValue(env, written.answers);
      });
}

Napi::Value removeAbandonedFiles(const Napi::CallbackInfo& call) {
  return PromisedWork<Done>::start(
      call,
      [paths = toPaths(call[0])](const std::stop_token& stop) -> Result<Done> {
        for (const std::string& path : paths) {
          if (stop.stop_requested()) return cancelled("the removal of abandoned files");
          Replacement::removeAbandoned(path);
        }
        return Done{};
      },
      [](Napi::Env env, Done&) { return env.Undefined(); });
}

Napi::Value toFailures(Napi::Env env, const std::vector<Error>& errors) {
  return toArray(env, errors, [&](const Error& error) { return toFailure(env, error); });
}

Napi::Value changedBelow(const Napi::CallbackInfo& call) {
  return PromisedWork<Journal::Below>::start(
      call,
      [directory = toPath(call[0]),
       records = toPath(call[1])](const std::stop_token& stop) -> Result<Journal::Below> {
        auto journal = Journal::openIfThere(records);
        if (!journal) return journal.error();
        return journal->pathsBelow(directory, stop);
      },
      [](Napi::Env env, Journal::Below& below) {
        Napi::Object object = Napi::Object::New(env);
        object["paths"] =
            toArray(env, below.paths, [&](const std::string& path) { return toText(env, path); });
        object["failures"] = toFailures(env, below.unreadable);
        return object;
      });
}

Napi::Value recordedElsewhereOf(const Napi::CallbackInfo& call) {
  using Paths = std::vector<std::string>;
  return PromisedWork<Paths>::start(
      call,
      [paths = toPaths(call[0]), records = toPath(call[1])] {
        return recordedElsewhere(paths, records);
      },
      [](Napi::Env env, Paths& paths) {
        return toArray(env, paths, [&](const std::string& path) { return toText(env, path); });
      });
}

Napi::Value recordedFilesBelow(const Napi::CallbackInfo& call) {
  return PromisedWork<RecordedFiles>::start(
      call,
      [below = toPath(call[0]), records = toPath(call[1])] {
        return recordedFiles(below, records);
      },
      [](Napi::Env env, RecordedFiles& recorded) {
        Napi::Object answer = Napi::Object::New(env);
        answer["files"] = toArray(env, recorded.files, [&](const RecordedFile& file) {
          Napi::Object object = Napi::Object::New(env);
          object["path"] = toText(env, file.path);
          object["state"] = toText(env, recordedStateName(file.state));
          object["originalSize"] = toNumber(env, file.originalSize);
          object["fixedSize"] = toNumber(env, file.fixedSize);
          object["inPlace"] = Napi::Boolean::New(env, file.inPlace);
          return object;
        });
        answer["failures"] = toFailures(env, recorded.failures);
        return answer;
      });
}

Napi::Value forgetRecords(const Napi::CallbackInfo& call) {
  return PromisedWork<Answers>::start(
      call,
      [paths = toPaths(call[0]), records = toPath(call[1]),
       force = call[2].ToBoolean().Value()]() -> Result<Answers> {
        return forgetAll(paths, records, force ? Forget::Any : Forget::Useless);
      },
      [](Napi::Env env, Answers& answers) { return toValue(env, answers); });
}

Napi::Value demandOwnFile(const Napi::CallbackInfo& call) {
  const Status own = demandOwn(call[0].As<Napi::Number>(), toPath(call[1]));
  if (!own) throw toError(call.Env(), own.error());
  return call.Env().Undefined();
}

Napi::Value demandOwnDirectory(const Napi::CallbackInfo& call) {
  auto directory = openOwnDirectory(toPath(call[0]));
  if (!directory) throw toError(call.Env(), directory.error());
  return call.Env().Undefined();
}

Napi::Value makeOwnDirectoryAt(const Napi::CallbackInfo& call) {
  const Status made = makeOwnDirectory(toPath(call[0]));
  if (!made) throw toError(call.Env(), made.error());
  return call.Env().Undefined();
}

Napi::Value makeDirectoryAt(const Napi::CallbackInfo& call) {
  constexpr mode_t kForAll = 0777;
  auto directory = makeDirectories(toPath(call[0]), kForAll);
  if (!directory) throw toError(call.Env(), directory.error());
  return Napi::Number::New(call.Env(), directory->release());
}

Napi::Value undoFiles(const Napi::CallbackInfo& call) {
  return PromisedWork<Answers>::start(
      call,
      [paths = toPaths(call[0]), directory = toPath(call[1])](const std::stop_token& stop)
          -> Result<Answers> { return undoAll(paths, directory, stop); },
      [](Napi::Env env, Answers& answers) { return toValue(env, answers); });
}

Napi::Value takeBackWritten(const Napi::CallbackInfo& call) {
  return PromisedWork<Done>::start(
      call,
      [path = toPath(call[0]), directory = toPath(call[1]),
       left = toIdentity(call[2].As<Napi::Object>())]() -> Result<Done> {
        if (Status status = undo(path, directory, left); !status) return status.error();
        return Done{};
      },
      [](Napi::Env env, Done&) { return env.Undefined(); });
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  Environment::attach(env);
  const auto define = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  define("version", version);
  define("machineNames", machineNamesOf);
  define("inspect", inspect);
  define("realPath", realPathOf);
  define("realTarget", realTargetOf);
  define("opensLibraries", opensLibraries);
  define("expandOrigin", expandOriginOf);
  define("hasTokens", hasTokens);
  define("walk", walkTree);
  define("listStore", listStorePaths);
  define("libraries", readLibrariesOf);
  define("readNixIndex", readNixIndexAt);
  define("looksLikeLibrary", looksLikeLibraryName);
  define("givenRights", givenRightsOf);
  define("tryLock", tryLockDescriptor);
  define("layOut", layOutFile);
  define("layOutFirstLine", layOutFirstLine);
  define("layOutRequest", layOutRequest);
  define("layOutPatchelf", layOutPatchelf);
  define("patchelf", patchelfFile);
  define("checkPatchelf", checkPatchelf);
  define("parseExtraArguments", parseExtraArguments);
  define("runPatchelf", runPatchelf);
  define("apply", applyJobs);
  define("undo", undoFiles);
  define("takeBack", takeBackWritten);
  define("changedBelow", changedBelow);
  define("recordedElsewhere", recordedElsewhereOf);
  define("recordedFiles", recordedFilesBelow);
  define("forgetRecords", forgetRecords);
  define("demandOwn", demandOwnFile);
  define("demandOwnDirectory", demandOwnDirectory);
  define("makeOwnDirectory", makeOwnDirectoryAt);
  define("makeDirectory", makeDirectoryAt);
  define("removeAbandoned", removeAbandonedFiles);
  define("search", searchPath);
  define("entrance", entrance);
  define("memoryFile", memoryFile);
  define("usualInterpreter", usualInterpreterOf);
  define("replaceProcess", replaceThisProcess);
  define("run", runCommands);
  define("cancellation", newCancellation);
  define("cancel", cancel);
  define("peek", peekAtFiles);
  exports.Set("Files", FilesObject::define(env));
  exports.Set("Scan", ScanObject::define(env));
  exports.Set("Watch", WatchObject::define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(fixelf, initialize)

}  // namespace fixelf::addon
