// How far a long task is. ProgressBar is the one thing in Signum's libraries that
// writes to a stream, and it writes only to the stream that it is handed; it knows
// nothing of the task. FormatProgress is its line as a pure function.
#ifndef SIGNUM_REPORT_PROGRESS_H_
#define SIGNUM_REPORT_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>

namespace signum::report {

// What a progress line tells.
struct ProgressState {
  std::string label;           // "epoch 3/20"
  int64_t done = 0;            // in units
  int64_t total = 0;           // 0 or less where unknown: no bar, percentage or time left
  std::string unit = "it";     // plural noun ("images"); "B" shows bytes
  double rate = 0;             // units a second; 0 where not known yet
  double elapsed_seconds = 0;  // shown once `finished`
  bool finished = false;
  std::string note;  // "loss 0.52 acc 81.2 %"
};

// "epoch 3/20  ###----  45% 22,500/50,000 images 1,012 images/s  0:27 left  loss
// 0.52": at most `columns` columns wide, without a newline. Where room is short
// the bar shrinks and goes first, then the end of the line is cut.
std::string FormatProgress(const ProgressState& state, int columns);

// On a terminal, one line that is redrawn at most ten times a second and fits
// the terminal's width; elsewhere (a log file, a pipe) plain lines, at most one
// in ten seconds, and the last one. Not thread-safe. The stream must outlive it.
class ProgressBar {
 public:
  ProgressBar(std::FILE* stream, std::string label, int64_t total, std::string unit = "it");
  // Ends an unfinished line, so that an error message starts on its own.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `done` units of the total are finished. Cheap: reads a clock, seldom draws.
  // An empty note keeps the one before.
  void Update(int64_t done, const std::string& note = "");

  // Draws the last state with the time taken, and a newline. Called again, or
  // followed by Update, it does nothing.
  void Finish(const std::string& note = "");

 private:
  using Clock = std::chrono::steady_clock;
  struct Sample {
    Clock::time_point time;
    int64_t done;
  };

  void Observe(Clock::time_point now);
  void Draw(bool last);

  std::FILE* stream_;
  bool terminal_;
  ProgressState state_;
  Clock::time_point start_;
  Clock::time_point drawn_at_;
  bool drawn_ = false;
  std::deque<Sample> recent_;  // the last seconds, for a rate that follows changes
};

}  // namespace signum::report

#endif  // SIGNUM_REPORT_PROGRESS_H_
