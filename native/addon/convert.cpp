#include "addon/convert.hpp"

#include "patch/in_place.hpp"

namespace fixelf::addon {

namespace {

template <class Value>
Napi::Value orNull(Napi::Env env, const std::optional<Value>& value, auto convert) {
  return value ? convert(*value) : static_cast<Napi::Value>(env.Null());
}

Napi::Value textOrNull(Napi::Env env, const std::optional<std::string>& value) {
  return orNull(env, value,
                [&](const std::string& present) -> Napi::Value { return toText(env, present); });
}

Napi::Value texts(Napi::Env env, const std::vector<std::string>& items) {
  return toArray(env, items, [&](const std::string& item) { return toText(env, item); });
}

Napi::Value notesValue(Napi::Env env, const Notes& notes) {
  Napi::Object object = Napi::Object::New(env);
  object["buildId"] = notes.buildId.empty() ? env.Null() : toText(env, notes.buildId);
  object["abiTag"] = orNull(env, notes.abiTag, [&](const AbiTag& tag) -> Napi::Value {
    Napi::Object value = Napi::Object::New(env);
    value["operatingSystem"] = toText(env, tag.operatingSystem);
    value["kernel"] = toArray(env, tag.kernel, [&](uint32_t part) { return toNumber(env, part); });
    return value;
  });
  object["dlopen"] = texts(env, notes.dlopen);
  object["x86IsaNeeded"] =
      orNull(env, notes.x86IsaNeeded, [&](uint32_t bits) { return toNumber(env, bits); });
  object["resolutionCache"] =
      orNull(env, notes.resolutionCache, [&](const std::vector<CachedResolution>& cache) {
        return toArray(env, cache, [&](const CachedResolution& cached) -> Napi::Value {
          Napi::Object value = Napi::Object::New(env);
          value["soname"] = toText(env, cached.soname);
          value["places"] = toText(env, cached.places);
          return value;
        });
      });
  return object;
}

const char* lookupName(Lookup::State state) {
  switch (state) {
    case Lookup::Missing:
      return "missing";
    case Lookup::NotRegular:
      return "not-regular";
    case Lookup::Unreadable:
      return "unreadable";
    case Lookup::NotElf:
      return "not-elf";
    case Lookup::Malformed:
      return "malformed";
    case Lookup::Elf:
      return "elf";
  }
  return "missing";
}

using LayoutHandle = Napi::External<std::shared_ptr<const PlannedLayout>>;

uint64_t sizeOf(const Napi::Value& value) {
  return static_cast<uint64_t>(value.As<Napi::Number>().Int64Value());
}

// One item for each element; none if the value is not an array.
template <class Item>
std::vector<Item> toItems(const Napi::Value& value, auto convert) {
  std::vector<Item> items;
  if (!value.IsArray()) return items;
  const auto array = value.As<Napi::Array>();
  for (uint32_t index = 0; index < array.Length(); ++index)
    items.push_back(convert(array.Get(index)));
  return items;
}

}  // namespace

Napi::Value toNumber(Napi::Env env, uint64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

Napi::Error toError(Napi::Env env, const Error& error) {
  napi_value made = nullptr;
  if (napi_create_error(env, nullptr, toText(env, error.message), &made) != napi_ok)
    throw Napi::Error::New(env);
  Napi::Error value(env, made);
  value.Set("code", toText(env, errorCodeName(error.code)));
  if (!error.path.empty()) value.Set("path", toText(env, error.path));
  return value;
}

Napi::Value toFailure(Napi::Env env, const Error& error) {
  Napi::Object value = Napi::Object::New(env);
  value["path"] = toText(env, error.path);
  value["code"] = toText(env, errorCodeName(error.code));
  value["message"] = toText(env, error.message);
  return value;
}

Napi::Value toValue(Napi::Env env, const Facts& facts) {
  Napi::Object object = Napi::Object::New(env);
  object["path"] = toText(env, facts.path);
  object["size"] = toNumber(env, facts.size);
  object["class"] = toText(env, className(facts.header.fileClass));
  object["byteOrder"] = toText(env, byteOrderName(facts.header.byteOrder));
  object["machine"] = toText(env, machineName(facts.header.machine));
  object["osAbi"] = toText(env, osAbiName(facts.header.osAbi));
  object["osAbiNumber"] = toNumber(env, facts.header.osAbi);
  object["abiVersion"] = toNumber(env, facts.header.abiVersion);
  object["type"] = toText(env, kindName(facts.kind));
  object["entry"] = Napi::BigInt::New(env, facts.header.entry);
  object["interpreter"] = textOrNull(env, facts.interpreter);
  object["dynamicTable"] = toText(env, dynamicTableName(facts.dynamic));
  object["soname"] = textOrNull(env, facts.soname);
  object["needed"] = texts(env, facts.needed);
  object["rpath"] = textOrNull(env, facts.rpath);
  object["runpath"] = textOrNull(env, facts.runpath);
  object["noDefaultLibraries"] = Napi::Boolean::New(env, facts.noDefaultLibraries());
  object["versionsNeeded"] =
      toArray(env, facts.versionsNeeded, [&](const NeededVersions& needed) -> Napi::Value {
        Napi::Object value = Napi::Object::New(env);
        value["library"] = toText(env, needed.library);
        value["versions"] =
            toArray(env, needed.versions, [&](const NeededVersion& version) -> Napi::Value {
              Napi::Object entry = Napi::Object::New(env);
              entry["name"] = toText(env, version.name);
              entry["weak"] = Napi::Boolean::New(env, version.weak);
              return entry;
            });
        return value;
      });
  object["versionsDefined"] = texts(env, facts.versionsDefined);
  object["notes"] = notesValue(env, facts.notes);
  object["executableStack"] = orNull(env, facts.executableStack, [&](bool executable) {
    return static_cast<Napi::Value>(Napi::Boolean::New(env, executable));
  });
  object["relro"] = toText(env, relroName(facts.relro));
  object["sectionHeaders"] = Napi::Boolean::New(env, facts.sectionHeaders);
  object["overlay"] = orNull(env, facts.overlay, [&](const Overlay& overlay) -> Napi::Value {
    Napi::Object value = Napi::Object::New(env);
    value["offset"] = toNumber(env, overlay.offset);
    value["size"] = toNumber(env, overlay.size);
    return value;
  });
  return object;
}

Napi::Value toValue(Napi::Env env, const Lookup& lookup, const std::string& path) {
  Napi::Object object = Napi::Object::New(env);
  object["state"] = toText(env, lookupName(lookup.state));
  object["message"] = toText(env, lookup.message);
  object["facts"] = env.Null();
  if (lookup.facts) {
    Napi::Value facts = toValue(env, *lookup.facts);
    // The facts may have been read under a link's name.
    facts.As<Napi::Object>()["path"] = toText(env, path);
    object["facts"] = facts;
  }
  return object;
}

Napi::Value toValue(Napi::Env env, const Walked& walked) {
  Napi::Object object = Napi::Object::New(env);
  object["elf"] = toArray(env, walked.elf, [&](const Facts& facts) { return toValue(env, facts); });
  object["failures"] =
      toArray(env, walked.failures, [&](const Error& error) { return toFailure(env, error); });
  object["scripts"] = texts(env, walked.scripts);
  object["otherSystems"] = texts(env, walked.otherSystems);
  object["files"] = toNumber(env, walked.files);
  return object;
}

Napi::Value toValue(Napi::Env env, const StorePathLibraries& libraries) {
  Napi::Object object = Napi::Object::New(env);
  object["libraries"] =
      toArray(env, libraries.names, [&](const LibraryName& library) -> Napi::Value {
        Napi::Object value = Napi::Object::New(env);
        value["name"] = toText(env, library.name);
        value["path"] = toText(env, library.path);
        value["real"] = textOrNull(env, library.real);
        return value;
      });
  object["elf"] =
      toArray(env, libraries.elf, [&](const Facts& facts) { return toValue(env, facts); });
  object["complete"] = Napi::Boolean::New(env, libraries.complete);
  return object;
}

Napi::Value toValue(Napi::Env env, const FileSource::Identity& identity) {
  Napi::Object object = Napi::Object::New(env);
  object["device"] = Napi::BigInt::New(env, identity.device);
  object["inode"] = Napi::BigInt::New(env, identity.inode);
  object["size"] = Napi::BigInt::New(env, identity.size);
  object["modifiedNanoseconds"] = Napi::BigInt::New(env, identity.modifiedNanoseconds);
  object["changedNanoseconds"] = Napi::BigInt::New(env, identity.changedNanoseconds);
  return object;
}

Napi::Value toValue(Napi::Env env, std::shared_ptr<const PlannedLayout> planned) {
  const Layout& layout = planned->layout;
  Napi::Object object = Napi::Object::New(env);
  object["ranges"] = toArray(env, layout.ranges, [&](const ByteRange& range) -> Napi::Value {
    Napi::Object value = Napi::Object::New(env);
    value["offset"] = toNumber(env, range.offset);
    value["size"] = toNumber(env, range.bytes.size());
    return value;
  });
  object["oldSize"] = toNumber(env, layout.oldSize);
  object["newSize"] = toNumber(env, layout.newSize);
  object["links"] = toNumber(env, planned->identity.links);
  object["refusalInPlace"] = textOrNull(env, InPlace::refusal(planned->identity));
  object["reasons"] = texts(env, layout.reasons);
  object["handle"] = LayoutHandle::New(
      env, new std::shared_ptr<const PlannedLayout>(std::move(planned)),
      [](Napi::Env, const std::shared_ptr<const PlannedLayout>* held) { delete held; });
  return object;
}

std::vector<std::string> toPaths(const Napi::Value& value) {
  return toItems<std::string>(value, toPath);
}

std::vector<std::string> toTexts(const Napi::Value& value) {
  return toItems<std::string>(value, toBytes);
}

std::vector<Renaming> toRenamings(const Napi::Value& value) {
  return toItems<Renaming>(value, [](const Napi::Value& item) {
    const auto object = item.As<Napi::Object>();
    return Renaming{toBytes(object.Get("from")), toBytes(object.Get("to"))};
  });
}

Edits toEdits(const Napi::Object& object) {
  Edits edits = toEditsWithoutPlaces(object);
  const Napi::Value searchPath = object.Get("searchPath");
  if (searchPath.IsObject()) {
    const auto fields = searchPath.As<Napi::Object>();
    edits.searchPath = Edits::SearchPath{
        toBytes(fields.Get("value")),
        toBytes(fields.Get("tag")) == "rpath" ? SearchPathTag::Rpath : SearchPathTag::Runpath,
    };
  }
  const Napi::Value cache = object.Get("resolutionCache");
  if (cache.IsTypedArray()) {
    const auto bytes = cache.As<Napi::Uint8Array>();
    edits.resolutionCache.emplace(bytes.Data(), bytes.Data() + bytes.ByteLength());
  }
  return edits;
}

Edits toEditsWithoutPlaces(const Napi::Object& object) {
  Edits edits;
  const Napi::Value interpreter = object.Get("interpreter");
  if (interpreter.IsString()) edits.interpreter = toPath(interpreter);
  edits.soname = toBytesIfText(object.Get("soname"));
  edits.removeNeeded = toTexts(object.Get("removeNeeded"));
  edits.replaceNeeded = toRenamings(object.Get("replaceNeeded"));
  edits.addNeeded = toTexts(object.Get("addNeeded"));
  edits.noDefaultLibraries = object.Get("noDefaultLibraries").ToBoolean();
  edits.debugEntry = object.Get("debugEntry").ToBoolean();
  const Napi::Value osAbi = object.Get("osAbi");
  if (osAbi.IsNumber()) edits.osAbi = static_cast<uint8_t>(osAbi.As<Napi::Number>().Uint32Value());
  const Napi::Value executableStack = object.Get("executableStack");
  if (executableStack.IsBoolean()) edits.executableStack = executableStack.ToBoolean();
  edits.clearSymbolVersions = toTexts(object.Get("clearSymbolVersions"));
  edits.renameSymbols = toRenamings(object.Get("renameSymbols"));
  edits.clearVacated = object.Get("clearVacated").ToBoolean();
  const Napi::Value pageSize = object.Get("pageSize");
  if (pageSize.IsNumber()) edits.pageSize = sizeOf(pageSize);
  return edits;
}

std::optional<Premise> toPremise(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().Get("needed").IsArray()) return std::nullopt;
  const auto facts = value.As<Napi::Object>();
  return Premise{sizeOf(facts.Get("size")), toBytesIfText(facts.Get("interpreter")),
                 toTexts(facts.Get("needed")), toBytesIfText(facts.Get("rpath")),
                 toBytesIfText(facts.Get("runpath"))};
}

FileSource::Identity toIdentity(const Napi::Object& object) {
  bool isLossless = true;  // toValue() made them
  const auto number = [&](const char* name) { return object.Get(name).As<Napi::BigInt>(); };
  FileSource::Identity identity;
  identity.device = number("device").Uint64Value(&isLossless);
  identity.inode = number("inode").Uint64Value(&isLossless);
  identity.size = number("size").Uint64Value(&isLossless);
  identity.modifiedNanoseconds = number("modifiedNanoseconds").Int64Value(&isLossless);
  identity.changedNanoseconds = number("changedNanoseconds").Int64Value(&isLossless);
  return identity;
}

PlannedWrite toPlannedWrite(const Napi::Object& object) {
  const Napi::Value handle = object.Get("layout").As<Napi::Object>().Get("handle");
  if (!handle.IsExternal()) {
    throw Napi::TypeError::New(object.Env(), "a layout must be one that layOut answered");
  }
  PlannedWrite write{*handle.As<LayoutHandle>().Data(), {}};
  const PlannedLayout& planned = *write.planned;
  WriteJob& job = write.job;
  job.path = toPath(object.Get("path"));
  job.output = toPath(object.Get("output"));
  job.mode = object.Get("inPlace").ToBoolean() ? WriteMode::InPlace : WriteMode::Atomic;
  job.ranges = planned.layout.ranges;
  job.newSize = planned.layout.newSize;
  job.identity = planned.identity;
  return write;
}

}  // namespace fixelf::addon
