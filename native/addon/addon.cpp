// The addon's entry point: what JavaScript sees of the native half.
#include <napi.h>

namespace {

Napi::Value version(const Napi::CallbackInfo& call) {
  return Napi::String::New(call.Env(), FIXELF_VERSION);
}

Napi::Object initialize(Napi::Env environment, Napi::Object exports) {
  exports.Set("version", Napi::Function::New(environment, version, "version"));
  return exports;
}

}  // namespace

NODE_API_MODULE(fixelf, initialize)
