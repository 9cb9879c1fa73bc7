// The resolver's view of the disk as a JavaScript object, so that its cache lives as long as the
// caller wants, and one for each environment: worker threads share nothing.
#pragma once

#include <napi.h>

#include <memory>

#include "resolve/resolver.hpp"

namespace fixelf::addon {

class FilesObject final : public Napi::ObjectWrap<FilesObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit FilesObject(const Napi::CallbackInfo& call);

 private:
  Napi::Value realPath(const Napi::CallbackInfo& call);
  Napi::Value hostPath(const Napi::CallbackInfo& call);
  Napi::Value isNoexec(const Napi::CallbackInfo& call);
  Napi::Value look(const Napi::CallbackInfo& call);
  Napi::Value firstAudited(const Napi::CallbackInfo& call);
  Napi::Value resolve(const Napi::CallbackInfo& call);
  Napi::Value override(const Napi::CallbackInfo& call);
  Napi::Value passThrough(const Napi::CallbackInfo& call);

  // Throws what Files::demandWhole returns.
  void demandWhole(Napi::Env env) const;

  // Shared with running work, which may outlive this object.
  struct Shared {
    explicit Shared(std::string root) : files(std::move(root)), resolver(files) {}
    Files files;
    Resolver resolver;
  };
  std::shared_ptr<Shared> shared_;
};

}  // namespace fixelf::addon
