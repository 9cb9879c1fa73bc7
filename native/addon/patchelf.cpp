#include "addon/patchelf.hpp"

#include <algorithm>
#include <string_view>

#include "addon/convert.hpp"
#include "addon/edit.hpp"
#include "addon/promise.hpp"
#include "patchelf/arguments.hpp"
#include "patchelf/change.hpp"
#include "patchelf/parts.hpp"
#include "patchelf/run.hpp"

namespace fixelf::addon {

namespace {

using patchelf::Changes;

// A search path is a list in JavaScript.
std::optional<std::string> toSearchPath(const Napi::Value& value) {
  if (!value.IsArray()) return std::nullopt;
  std::string list;
  for (const std::string& directory : toTexts(value)) {
    if (!list.empty()) list += ':';
    list += directory;
  }
  return list;
}

Napi::Value searchPathValue(Napi::Env env, const std::string& list) {
  Napi::Array values = Napi::Array::New(env);
  size_t start = 0;
  for (uint32_t index = 0; start <= list.size(); ++index) {
    const size_t end = std::min(list.find(':', start), list.size());
    values[index] = toText(env, std::string_view(list).substr(start, end - start));
    start = end + 1;
  }
  return values;
}

Changes toChanges(const Napi::Object& object) {
  const auto flag = [&](const char* name) { return object.Get(name).ToBoolean().Value(); };
  Changes changes;
  changes.setInterpreter = toBytesIfText(object.Get("setInterpreter"));
  changes.setOsAbi = toBytesIfText(object.Get("setOsAbi"));
  changes.setSoname = toBytesIfText(object.Get("setSoname"));
  changes.setRpath = toSearchPath(object.Get("setRpath"));
  changes.addRpath = toSearchPath(object.Get("addRpath"));
  changes.removeRpath = flag("removeRpath");
  changes.shrinkRpath = flag("shrinkRpath");
  changes.allowedRpathPrefixes = toTexts(object.Get("allowedRpathPrefixes"));
  changes.forceRpath = flag("forceRpath");
  changes.addNeeded = toTexts(object.Get("addNeeded"));
  changes.removeNeeded = toTexts(object.Get("removeNeeded"));
  changes.replaceNeeded = toRenamings(object.Get("replaceNeeded"));
  changes.noDefaultLib = flag("noDefaultLib");
  changes.clearSymbolVersion = toTexts(object.Get("clearSymbolVersion"));
  changes.renameDynamicSymbols = toRenamings(object.Get("renameDynamicSymbols"));
  changes.addDebugTag = flag("addDebugTag");
  changes.buildResolutionCache = flag("buildResolutionCache");
  const Napi::Value execstack = object.Get("execstack");
  if (execstack.IsBoolean()) changes.execstack = execstack.ToBoolean();
  const Napi::Value pageSize = object.Get("pageSize");
  if (pageSize.IsNumber()) {
    const double bytes = pageSize.As<Napi::Number>();
    // What is not a whole number becomes something that is not a page size.
    const auto whole = static_cast<uint64_t>(std::clamp(bytes, 0.0, 1e15));
    changes.pageSize = static_cast<double>(whole) == bytes ? whole : 0;
  }
  const Napi::Value clobber = object.Get("clobberOldSections");
  if (clobber.IsBoolean()) changes.clobberOldSections = clobber.ToBoolean();
  return changes;
}

Napi::Value changesValue(Napi::Env env, const Changes& changes) {
  Napi::Object object = Napi::Object::New(env);
  const auto text = [&](const char* name, const std::optional<std::string>& value) {
    if (value) object[name] = toText(env, *value);
  };
  const auto flag = [&](const char* name, bool value) {
    if (value) object[name] = Napi::Boolean::New(env, true);
  };
  const auto texts = [&](const char* name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    object[name] = toArray(env, values, [&](const std::string& each) { return toText(env, each); });
  };
  const auto renamings = [&](const char* name, const std::vector<Renaming>& values) {
    if (values.empty()) return;
    object[name] = toArray(env, values, [&](const Renaming& each) -> Napi::Value {
      Napi::Object renaming = Napi::Object::New(env);
      renaming["from"] = toText(env, each.from);
      renaming["to"] = toText(env, each.to);
      return renaming;
    });
  };
  text("setInterpreter", changes.setInterpreter);
  text("setOsAbi", changes.setOsAbi);
  text("setSoname", changes.setSoname);
  if (changes.setRpath) object["setRpath"] = searchPathValue(env, *changes.setRpath);
  if (changes.addRpath) object["addRpath"] = searchPathValue(env, *changes.addRpath);
  flag("removeRpath", changes.removeRpath);
  flag("shrinkRpath", changes.shrinkRpath);
  texts("allowedRpathPrefixes", changes.allowedRpathPrefixes);
  flag("forceRpath", changes.forceRpath);
  texts("addNeeded", changes.addNeeded);
  texts("removeNeeded", changes.removeNeeded);
  renamings("replaceNeeded", changes.replaceNeeded);
  flag("noDefaultLib", changes.noDefaultLib);
  texts("clearSymbolVersion", changes.clearSymbolVersion);
  renamings("renameDynamicSymbols", changes.renameDynamicSymbols);
  flag("addDebugTag", changes.addDebugTag);
  flag("buildResolutionCache", changes.buildResolutionCache);
  if (changes.execstack) object["execstack"] = Napi::Boolean::New(env, *changes.execstack);
  if (changes.pageSize) object["pageSize"] = toNumber(env, *changes.pageSize);
  if (!changes.clobberOldSections) object["clobberOldSections"] = Napi::Boolean::New(env, false);
  return object;
}

Napi::Value outcomeValue(Napi::Env env, const patchelf::Outcome& outcome) {
  Napi::Object object = Napi::Object::New(env);
  object["outcome"] = toText(env, outcome.changed ? "changed" : "unchanged");
  std::vector<std::string> reasons = outcome.reasons;
  if (outcome.warning) reasons.push_back(*outcome.warning);
  object["reasons"] =
      toArray(env, reasons, [&](const std::string& each) { return toText(env, each); });
  object["noCache"] = noCacheValue(env, outcome.noCache);
  object["oldSize"] = toNumber(env, outcome.oldSize);
  object["newSize"] = toNumber(env, outcome.newSize);
  return object;
}

}  // namespace

Napi::Value patchelfFile(const Napi::CallbackInfo& call) {
  return PromisedWork<patchelf::Outcome>::start(
      call,
      [path = toBytes(call[0]), changes = toChanges(call[1].As<Napi::Object>()),
       output = toBytes(call[2])](const std::stop_token& stop) -> Result<patchelf::Outcome> {
        const auto facts = patchelf::readElf(path);
        if (!facts) return Error(facts.error()).at(path);
        auto outcome = patchelf::change(path, *facts, changes, {output}, stop);
        if (!outcome) return std::move(outcome.error()).at(path);
        return outcome;
      },
      [](Napi::Env env, patchelf::Outcome& outcome) { return outcomeValue(env, outcome); });
}

Napi::Value layOutPatchelf(const Napi::CallbackInfo& call) {
  return promisedPlan(
      call, [path = toPath(call[0]), changes = toChanges(call[1].As<Napi::Object>())](
                const std::stop_token& stop) { return patchelf::plan(path, changes, stop); });
}

Napi::Value checkPatchelf(const Napi::CallbackInfo& call) {
  const Status status = patchelf::check(toChanges(call[0].As<Napi::Object>()));
  if (!status) throw toError(call.Env(), status.error());
  return call.Env().Undefined();
}

Napi::Value parseExtraArguments(const Napi::CallbackInfo& call) {
  const auto changes = patchelf::parseExtraArguments(toTexts(call[0]));
  if (!changes) throw toError(call.Env(), changes.error());
  return changesValue(call.Env(), *changes);
}

Napi::Value runPatchelf(const Napi::CallbackInfo& call) {
  return Napi::Number::New(call.Env(), patchelf::run(toTexts(call[0])));
}

}  // namespace fixelf::addon
