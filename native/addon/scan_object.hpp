// A running scan as a JavaScript object.
#pragma once

#include <napi.h>

#include <memory>

#include "scan/scan.hpp"

namespace fixelf::addon {

class ScanObject final : public Napi::ObjectWrap<ScanObject> {
 public:
  static Napi::Function define(Napi::Env env);
  // (roots, options, cancellation?)
  explicit ScanObject(const Napi::CallbackInfo& call);
  ScanObject(const ScanObject&) = delete;
  ScanObject& operator=(const ScanObject&) = delete;
  ~ScanObject() override { stop_.request_stop(); }

 private:
  // A promise of the next batch, or of null at the end.
  Napi::Value next(const Napi::CallbackInfo& call);
  void cancel(const Napi::CallbackInfo& call);
  Napi::Value progress(const Napi::CallbackInfo& call);

  std::stop_source stop_;
  // Shared with the walking thread, and with a `next` that is still waiting.
  std::shared_ptr<Scan> scan_;
};

}  // namespace fixelf::addon
