#include "base/thread_pool.h"

#include "base/check.h"

namespace signum {

ThreadPool::ThreadPool(int threads) {
  SIGNUM_CHECK(threads >= 1);
  try {
    for (int thread = 1; thread < threads; ++thread) {
      workers_.emplace_back([this, thread] { Work(thread); });
    }
  } catch (...) {
    Stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { Stop(); }

void ThreadPool::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(int64_t count, Function function, const void* context) {
  if (workers_.empty() || count <= 1) {
    for (int64_t index = 0; index < count; ++index) function(context, index, 0);
    return;
  }
  {
    std::lock_guard lock(mutex_);
    count_ = count;
    function_ = function;
    context_ = context;
    next_.store(0, std::memory_order_relaxed);
    running_ = static_cast<int>(workers_.size());
    ++generation_;
  }
  wake_.notify_all();
  Drain(0);
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return running_ == 0; });
}

void ThreadPool::Drain(int thread) {
  for (int64_t index; (index = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) {
    function_(context_, index, thread);
  }
}

void ThreadPool::Work(int thread) {
  uint64_t seen = 0;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || generation_ != seen; });
      if (stopping_) return;
      seen = generation_;
    }
    Drain(thread);
    std::lock_guard lock(mutex_);
    if (--running_ == 0) done_.notify_one();
  }
}

}  // namespace signum
