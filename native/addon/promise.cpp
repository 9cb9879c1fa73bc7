#include "addon/promise.hpp"

namespace fixelf::addon {

Napi::Value newCancellation(const Napi::CallbackInfo& call) {
  auto source = std::make_unique<std::stop_source>();
  const Cancellation cancellation = Cancellation::New(
      call.Env(), source.get(), [](Napi::Env, std::stop_source* held) { delete held; });
  (void)source.release();  // JavaScript has it now
  return cancellation;
}

Napi::Value cancel(const Napi::CallbackInfo& call) {
  call[0].As<Cancellation>().Data()->request_stop();
  return call.Env().Undefined();
}

std::stop_source stopOf(const Napi::CallbackInfo& call) {
  const size_t count = call.Length();
  if (count == 0 || !call[count - 1].IsExternal()) return {};
  return *call[count - 1].As<Cancellation>().Data();
}

}  // namespace fixelf::addon
