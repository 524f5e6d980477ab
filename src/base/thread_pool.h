// A fixed set of threads that splits an index range. The caller works too, so a
// pool of one thread starts none. Knows nothing of what is computed.
#ifndef SIGNUM_BASE_THREAD_POOL_H_
#define SIGNUM_BASE_THREAD_POOL_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace signum {

class ThreadPool {
 public:
  // `threads` counts the caller: 1 means that everything runs inline. Throws
  // std::system_error where the system starts no more threads.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(index, thread) once for every index in [0, count), from several
  // threads, and returns when all are done; thread is in [0, threads()). Which
  // thread gets an index is not defined, so results must not depend on it.
  // Does not allocate. Not reentrant, and one caller at a time. `body` must not
  // throw and must outlive the call.
  template <typename Body>
  void ParallelFor(int64_t count, const Body& body) {
    Run(
        count,
        [](const void* context, int64_t index, int thread) {
          (*static_cast<const Body*>(context))(index, thread);
        },
        &body);
  }

 private:
  using Function = void (*)(const void* context, int64_t index, int thread);

  void Run(int64_t count, Function function, const void* context);
  void Drain(int thread);
  void Stop();
  void Work(int thread);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  uint64_t generation_ = 0;  // guarded by mutex_; a new value is a new job
  int running_ = 0;          // guarded by mutex_; workers not done with the job
  bool stopping_ = false;    // guarded by mutex_
  int64_t count_ = 0;
  Function function_ = nullptr;
  const void* context_ = nullptr;
  std::atomic<int64_t> next_{0};
};

}  // namespace signum

#endif  // SIGNUM_BASE_THREAD_POOL_H_
