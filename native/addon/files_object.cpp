#include "addon/files_object.hpp"

#include "addon/promise.hpp"
#include "addon/resolutions.hpp"
#include "base/parallel.hpp"

namespace fixelf::addon {

namespace {

ResolveOptions toResolveOptions(const Napi::Value& value) {
  ResolveOptions options;
  if (!value.IsObject()) return options;
  const auto object = value.As<Napi::Object>();
  const auto text = [](const Napi::Object& of, const char* name) -> std::optional<std::string> {
    return toBytesIfText(of.Get(name));
  };
  options.interpreter = text(object, "interpreter");
  options.opener = text(object, "opener");
  options.libraryPath = text(object, "libraryPath").value_or("");
  options.preload = text(object, "preload").value_or("");
  options.processor = text(object, "processor");
  const auto flag = [&](const char* name) {
    const Napi::Value member = object.Get(name);
    return member.IsBoolean() && member.As<Napi::Boolean>();
  };
  options.secure = flag("secure");
  options.symbols = flag("symbols");
  options.bindNow = flag("bindNow");
  const Napi::Value tried = object.Get("tried");
  options.tried = !tried.IsBoolean() || tried.As<Napi::Boolean>();
  if (const Napi::Value nixLd = object.Get("nixLd"); nixLd.IsObject()) {
    const auto given = nixLd.As<Napi::Object>();
    options.nixLd =
        NixLd{text(given, "loader").value_or(""), text(given, "libraryPath").value_or("")};
  }
  return options;
}

// A field to be replaced; null if it is to be removed.
using NewText = std::optional<std::optional<std::string>>;

struct Override {
  std::string path;
  NewText interpreter;
  NewText runpath;
  NewText rpath;
};

Override toOverride(const Napi::Object& object) {
  const auto text = [&](const char* name) {
    NewText answer;
    const Napi::Value value = object.Get(name);
    if (value.IsNull()) answer.emplace();
    if (value.IsString()) answer.emplace(toBytes(value));
    return answer;
  };
  return {toPath(object.Get("path")), text("interpreter"), text("runpath"), text("rpath")};
}

// All are read before the first is replaced: several threads may read. A plan that is abandoned
// midway leaves some replaced: its caller no longer has any use for these files.
Status assume(Files& files, const std::vector<Override>& overrides, const std::stop_token& stop) {
  std::vector<std::shared_ptr<const Facts>> read(overrides.size());
  inParallel(overrides.size(), [&](size_t at) {
    if (!stop.stop_requested()) read[at] = files.look(overrides[at].path).facts;
  });
  if (stop.stop_requested()) return cancelled("the planning");
  if (Status whole = files.demandWhole(); !whole) return whole;
  for (size_t at = 0; at < overrides.size(); ++at) {
    if (stop.stop_requested()) return cancelled("the planning");
    const Override& asked = overrides[at];
    if (!read[at]) {
      return Error{ErrorCode::NotElf, "no ELF file to assume changes of", asked.path, 0};
    }
    Facts facts = *read[at];
    if (asked.interpreter) facts.interpreter = *asked.interpreter;
    if (asked.runpath) facts.runpath = *asked.runpath;
    if (asked.rpath) facts.rpath = *asked.rpath;
    files.replace(asked.path, std::move(facts));
  }
  return Done{};
}

}  // namespace

Napi::Function FilesObject::define(Napi::Env env) {
  return DefineClass(env, "Files",
                     {InstanceMethod<&FilesObject::realPath>("realPath"),
                      InstanceMethod<&FilesObject::hostPath>("hostPath"),
                      InstanceMethod<&FilesObject::isNoexec>("isNoexec"),
                      InstanceMethod<&FilesObject::look>("look"),
                      InstanceMethod<&FilesObject::firstAudited>("firstAudited"),
                      InstanceMethod<&FilesObject::resolve>("resolve"),
                      InstanceMethod<&FilesObject::override>("override"),
                      InstanceMethod<&FilesObject::passThrough>("passThrough")});
}

FilesObject::FilesObject(const Napi::CallbackInfo& call)
    : Napi::ObjectWrap<FilesObject>(call), shared_(std::make_shared<Shared>(toBytes(call[0]))) {}

Napi::Value FilesObject::realPath(const Napi::CallbackInfo& call) {
  auto path = shared_->files.realPath(toPath(call[0]));
  if (!path) throw toError(call.Env(), path.error());
  return toText(call.Env(), *path);
}

Napi::Value FilesObject::hostPath(const Napi::CallbackInfo& call) {
  return toText(call.Env(), shared_->files.hostPath(toPath(call[0])));
}

Napi::Value FilesObject::isNoexec(const Napi::CallbackInfo& call) {
  return Napi::Boolean::New(call.Env(), shared_->files.isNoexec(toPath(call[0])));
}

Napi::Value FilesObject::look(const Napi::CallbackInfo& call) {
  const std::string path = toPath(call[0]);
  const Lookup& lookup = shared_->files.look(path);
  demandWhole(call.Env());
  return toValue(call.Env(), lookup, path);
}

Napi::Value FilesObject::firstAudited(const Napi::CallbackInfo& call) {
  for (const std::string& path : toPaths(call[0])) {
    const auto& facts = shared_->files.look(path).facts;
    if (facts != nullptr && facts->audited) return toText(call.Env(), path);
  }
  demandWhole(call.Env());
  return call.Env().Null();
}

void FilesObject::demandWhole(Napi::Env env) const {
  if (Status whole = shared_->files.demandWhole(); !whole) throw toError(env, whole.error());
}

Napi::Value FilesObject::resolve(const Napi::CallbackInfo& call) {
  return PromisedWork<Transcript>::start(
      call,
      [shared = shared_, paths = toPaths(call[0]),
       options = toResolveOptions(call[1])](const std::stop_token& stop) -> Result<Transcript> {
        auto answers = shared->resolver.resolveAll(paths, options, stop);
        if (!answers) return answers.error();
        return Transcript(shared->files, *answers);
      },
      [](Napi::Env env, Transcript& transcript) { return transcript.toValue(env); });
}

Napi::Value FilesObject::override(const Napi::CallbackInfo& call) {
  const auto array = call[0].As<Napi::Array>();
  std::vector<Override> overrides;
  for (uint32_t index = 0; index < array.Length(); ++index)
    overrides.push_back(toOverride(array.Get(index).As<Napi::Object>()));
  return PromisedWork<Done>::start(
      call,
      [shared = shared_, overrides = std::move(overrides)](const std::stop_token& stop) {
        return assume(shared->files, overrides, stop);
      },
      [](Napi::Env env, Done&) { return env.Undefined(); });
}

Napi::Value FilesObject::passThrough(const Napi::CallbackInfo& call) {
  shared_->files.passThrough(toPath(call[0]));
  return call.Env().Undefined();
}

}  // namespace fixelf::addon
