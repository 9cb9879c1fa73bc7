// What one JavaScript environment (the main thread's, or a worker's) has under way off its thread.
//
// It does not run on libuv's threads, as Node-API's own asynchronous work does, because nothing can
// be taken back from them: a worker being terminated, and process.exit(), wait for everything in
// their queue (node src/env.cc, CleanupHandles; libuv src/threadpool.c, uv_library_shutdown). Here
// every thread belongs to the environment that started it, and an environment that ends, however it
// does, tells its threads to stop, waits for them, and drops their results.
//
// Ends that Node announces (the event loop is empty, a worker is terminated or exits) arrive as a
// cleanup hook. process.exit() and an uncaught exception on the main thread run no hooks (node
// src/api/environment.cc, DefaultProcessExitHandlerInternal) but end in exit(3), which calls a
// handler of ours before the static objects that threads may use are gone.
#pragma once

#include <napi.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace fixelf::addon {

// Something to tell JavaScript. It is made and destroyed on the JavaScript thread or handed to it.
class Message {
 public:
  Message() = default;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  virtual ~Message() = default;

  // On the JavaScript thread, while it can run JavaScript. An exception from it is an uncaught one.
  virtual void tell(Napi::Env env) = 0;
};

// Something to be done on another thread and then told. Destroyed on the JavaScript thread, whether
// told or not.
class Errand : public Message {
 public:
  explicit Errand(std::stop_source stop) : stop_(std::move(stop)) {}

  // Throws nothing.
  virtual void run() = 0;
  [[nodiscard]] const std::stop_source& stop() const { return stop_; }

 private:
  std::stop_source stop_;
};

class Environment {
 public:
  // Called once for each environment, when it loads the addon.
  static void attach(Napi::Env env);
  static Environment& of(Napi::Env env);

  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment();

  // Runs it on one of a few threads as soon as one is free, and keeps the event loop going until it
  // is told. If the system has no thread for it, the caller's runs it.
  void start(std::unique_ptr<Errand> errand);

  // A thread for `work` alone, which has to end soon after `stop`. False if the system has none.
  bool startThread(std::stop_source stop, std::function<void()> work);

  // From such a thread. Waits until the message has been told; false if it never will be.
  bool tell(std::unique_ptr<Message> message);

  // While it is held, the event loop keeps going. On the JavaScript thread.
  void hold();
  void release();

 private:
  struct Thread {
    std::stop_source stop{std::nostopstate};  // of what it is doing now
    bool finished = false;
    std::thread thread;
  };
  struct Posted {
    std::unique_ptr<Message> message;
    bool held;  // an errand's: the event loop goes on until it is told
  };

  explicit Environment(Napi::Env env);

  static void tellAll(napi_env env, napi_value function, void* environment, void* data);
  static void endAll();

  bool addThread(std::stop_source stop, std::function<void(Thread&)> work);
  void joinFinished();
  void runErrands(Thread& self);
  // Returns the message's number, counted from 1.
  size_t post(Posted posted);
  // Stops and waits for everything. Nothing is started afterwards.
  void end();

  napi_env env_;
  const size_t most_;                            // threads that run errands
  napi_threadsafe_function function_ = nullptr;  // calls tellAll
  size_t holds_ = 0;

  std::once_flag end_;
  std::mutex mutex_;
  bool ended_ = false;
  std::list<Thread> threads_;
  size_t pool_ = 0;  // those of the threads that run errands
  size_t idle_ = 0;  // those of them that wait for one
  std::deque<std::unique_ptr<Errand>> errands_;
  std::condition_variable work_;  // an errand has come, or the end
  std::vector<Posted> posted_;
  size_t postedSoFar_ = 0;
  size_t toldSoFar_ = 0;
  std::condition_variable told_;  // messages have been told, or the end has come
};

}  // namespace fixelf::addon
