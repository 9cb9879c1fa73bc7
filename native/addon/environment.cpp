#include "addon/environment.hpp"

#include <algorithm>
#include <cstdlib>

#include "addon/text.hpp"
#include "base/thread.hpp"

namespace fixelf::addon {

namespace {

// As many as libuv would have, by the variable that users know (src/threadpool.c, init_threads).
// More would only wait for the same disk; work that benefits from more threads starts them itself.
size_t poolSize() {
  constexpr size_t kDefault = 4;
  constexpr size_t kMost = 1024;
  const char* given = std::getenv("UV_THREADPOOL_SIZE");
  if (given == nullptr) return kDefault;
  return std::clamp<size_t>(std::strtoul(given, nullptr, 10), 1, kMost);
}

// All that exist. Never destroyed: the handler of exit(3) uses it when any other object may be
// gone.
struct Living {
  std::mutex mutex;
  std::vector<Environment*> environments;
};

Living& living() {
  static auto& one = *new Living;
  return one;
}

// A terminated environment refuses everything that may run JavaScript, including this call.
bool canRunJavaScript(napi_env env) {
  napi_value value = nullptr;
  return napi_get_undefined(env, &value) == napi_ok &&
         napi_coerce_to_bool(env, value, &value) == napi_ok;
}

void tellOne(Napi::Env env, Message& message) {
  try {
    const Napi::HandleScope scope(env);
    try {
      message.tell(env);
    } catch (const Napi::Error& error) {
      napi_fatal_exception(env, error.Value());
    }
  } catch (const Napi::Error&) {
    // It was terminated in the middle of this: nothing is left to be told.
    bool pending = false;
    napi_value exception = nullptr;
    if (napi_is_exception_pending(env, &pending) == napi_ok && pending)
      napi_get_and_clear_last_exception(env, &exception);
  }
}

}  // namespace

void Environment::attach(Napi::Env env) {
  static const int kRegistered = std::atexit(endAll);
  (void)kRegistered;
  auto* environment = new Environment(env);
  env.SetInstanceData(environment);
  // Added after the creation of the function that wakes the JavaScript thread: hooks run in
  // reverse, and that function has to exist until the last thread is gone.
  env.AddCleanupHook([environment] {
    environment->end();
    environment->errands_.clear();
    environment->posted_.clear();
    napi_release_threadsafe_function(environment->function_, napi_tsfn_abort);
  });
}

Environment& Environment::of(Napi::Env env) {
  return *env.GetInstanceData<Environment>();
}

Environment::Environment(Napi::Env env) : env_(env), most_(poolSize()) {
  napi_status status =
      napi_create_threadsafe_function(env, nullptr, nullptr, toText(env, "fixelf"), 0, 1, nullptr,
                                      nullptr, this, tellAll, &function_);
  if (status == napi_ok) status = napi_unref_threadsafe_function(env, function_);
  if (status != napi_ok) throw Napi::Error::New(env);
  const std::lock_guard lock(living().mutex);
  living().environments.push_back(this);
}

Environment::~Environment() {
  const std::lock_guard lock(living().mutex);
  std::erase(living().environments, this);
}

void Environment::endAll() {
  const std::lock_guard lock(living().mutex);
  for (Environment* environment : living().environments)
    environment->end();
}

void Environment::end() {
  std::call_once(end_, [this] {
    std::vector<std::stop_source> stops;
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      for (const Thread& thread : threads_)
        stops.push_back(thread.stop);
    }
    work_.notify_all();
    told_.notify_all();
    for (std::stop_source& stop : stops)
      stop.request_stop();
    // From here on nothing changes the list.
    for (Thread& thread : threads_)
      thread.thread.join();
    threads_.clear();
  });
}

void Environment::start(std::unique_ptr<Errand> errand) {
  hold();
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    errands_.push_back(std::move(errand));
    more = errands_.size() > idle_ && pool_ < most_;
    if (more) ++pool_;
  }
  work_.notify_one();
  if (!more ||
      addThread(std::stop_source(std::nostopstate), [this](Thread& self) { runErrands(self); }))
    return;
  {
    const std::lock_guard lock(mutex_);
    --pool_;
    if (pool_ != 0 || ended_) return;  // those that are running will get to it
    errand = std::move(errands_.back());
    errands_.pop_back();
  }
  errand->run();
  post({std::move(errand), true});
}

void Environment::runErrands(Thread& self) {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    work_.wait(lock, [this] { return ended_ || !errands_.empty(); });
    --idle_;
    if (ended_) return;
    std::unique_ptr<Errand> errand = std::move(errands_.front());
    errands_.pop_front();
    self.stop = errand->stop();
    lock.unlock();
    errand->run();
    post({std::move(errand), true});
    lock.lock();
    self.stop = std::stop_source(std::nostopstate);
  }
}

bool Environment::startThread(std::stop_source stop, std::function<void()> work) {
  return addThread(std::move(stop), [work = std::move(work)](Thread&) { work(); });
}

bool Environment::addThread(std::stop_source stop, std::function<void(Thread&)> work) {
  joinFinished();
  const std::lock_guard lock(mutex_);
  if (ended_) return false;
  Thread& thread = threads_.emplace_back();
  thread.stop = std::move(stop);
  auto started = fixelf::startThread([this, &thread, work = std::move(work)] {
    work(thread);
    const std::lock_guard last(mutex_);
    thread.finished = true;
  });
  if (started) {
    thread.thread = std::move(*started);
  } else {
    threads_.pop_back();
  }
  return started.has_value();
}

void Environment::joinFinished() {
  std::list<Thread> finished;
  {
    const std::lock_guard lock(mutex_);
    for (auto thread = threads_.begin(); thread != threads_.end();) {
      const auto next = std::next(thread);
      if (thread->finished) finished.splice(finished.end(), threads_, thread);
      thread = next;
    }
  }
  for (Thread& thread : finished)
    thread.thread.join();
}

size_t Environment::post(Posted posted) {
  bool first = false;
  size_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(posted));
    number = ++postedSoFar_;
  }
  // One call delivers all pending messages.
  if (first) napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
  return number;
}

bool Environment::tell(std::unique_ptr<Message> message) {
  const size_t number = post({std::move(message), false});
  std::unique_lock lock(mutex_);
  told_.wait(lock, [&] { return ended_ || toldSoFar_ >= number; });
  return !ended_;
}

void Environment::tellAll(napi_env env, napi_value /*function*/, void* environment,
                          void* /*data*/) {
  if (env == nullptr) return;  // it is being torn down, and the cleanup hook drops what is there
  auto& self = *static_cast<Environment*>(environment);
  std::vector<Posted> all;
  {
    const std::lock_guard lock(self.mutex_);
    all.swap(self.posted_);
  }
  for (Posted& posted : all) {
    if (canRunJavaScript(env)) tellOne(env, *posted.message);
    posted.message.reset();
    if (posted.held) self.release();
  }
  {
    const std::lock_guard lock(self.mutex_);
    self.toldSoFar_ += all.size();
  }
  self.told_.notify_all();
}

void Environment::hold() {
  if (holds_++ == 0) napi_ref_threadsafe_function(env_, function_);
}

void Environment::release() {
  if (--holds_ == 0) napi_unref_threadsafe_function(env_, function_);
}

}  // namespace fixelf::addon
