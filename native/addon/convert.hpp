// Between C++ structs and JavaScript objects; the shapes are those of lib/addon/facts.ts and
// lib/addon/native.ts. All of this runs on the JavaScript thread; structs are filled elsewhere.
#pragma once

#include <napi.h>

#include <memory>

#include "addon/text.hpp"
#include "index/libraries.hpp"
#include "patch/planned.hpp"
#include "patch/premise.hpp"
#include "patch/write.hpp"
#include "resolve/files.hpp"
#include "scan/walk.hpp"

namespace fixelf::addon {

// A count or size, exact up to 2^53.
Napi::Value toNumber(Napi::Env env, uint64_t value);
Napi::Value toValue(Napi::Env env, const Facts& facts);
// For the file at `path`.
Napi::Value toValue(Napi::Env env, const Lookup& lookup, const std::string& path);
Napi::Value toValue(Napi::Env env, const Walked& walked);
Napi::Value toValue(Napi::Env env, const StorePathLibraries& libraries);
Napi::Error toError(Napi::Env env, const Error& error);
// The same as data, to be listed instead of thrown.
Napi::Value toFailure(Napi::Env env, const Error& error);

// One element for each item.
Napi::Array toArray(Napi::Env env, const auto& items, auto convert) {
  Napi::Array values = Napi::Array::New(env, items.size());
  uint32_t index = 0;
  for (const auto& item : items)
    values[index++] = convert(item);
  return values;
}

Napi::Value toValue(Napi::Env env, const FileSource::Identity& identity);
// The bytes stay in C++: JavaScript sees where they go, and passes them on by an opaque handle.
Napi::Value toValue(Napi::Env env, std::shared_ptr<const PlannedLayout> planned);

// These throw a Napi::TypeError if a field is missing or of another type.
Edits toEdits(const Napi::Object& object);
// The same without the edits of where libraries are found: search path and resolution cache.
Edits toEditsWithoutPlaces(const Napi::Object& object);
std::vector<Renaming> toRenamings(const Napi::Value& value);
// From a file's facts; none if the value is not facts.
std::optional<Premise> toPremise(const Napi::Value& facts);
struct PlannedWrite {
  std::shared_ptr<const PlannedLayout> planned;  // holds the bytes of the job
  WriteJob job;
};
PlannedWrite toPlannedWrite(const Napi::Object& object);
FileSource::Identity toIdentity(const Napi::Object& object);
std::vector<std::string> toPaths(const Napi::Value& value);
std::vector<std::string> toTexts(const Napi::Value& value);

}  // namespace fixelf::addon
