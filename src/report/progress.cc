#include "report/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "report/text.h"

namespace signum::report {
namespace {

using std::chrono::seconds;

constexpr auto kRedrawInterval = std::chrono::milliseconds(100);
constexpr auto kPlainInterval = seconds(10);
constexpr auto kSampleInterval = std::chrono::milliseconds(250);
constexpr auto kRateWindow = seconds(15);
constexpr int kPlainColumns = 200;  // a log has no width; this only bounds a runaway note
constexpr int kWidestBar = 24;
constexpr int kNarrowestBar = 6;

// Columns of the terminal behind `stream`, now: it may have been resized.
int TerminalColumns(std::FILE* stream) {
  winsize size{};
  if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

double Share(const ProgressState& state) {
  return std::clamp(static_cast<double>(state.done) / static_cast<double>(state.total), 0.0, 1.0);
}

std::string Amount(const ProgressState& state) {
  const bool bytes = state.unit == "B";
  std::string text = bytes ? HumanBytes(state.done) : HumanCount(state.done);
  if (state.total > 0) {
    text += '/';
    text += bytes ? HumanBytes(state.total) : HumanCount(state.total);
  }
  return bytes ? text : fmt::format("{} {}", text, state.unit);
}

std::string Rate(const ProgressState& state) {
  if (state.unit == "B") return HumanBytes(static_cast<int64_t>(state.rate)) + "/s";
  // A slow count needs its fraction: "0.25 images/s".
  if (state.rate < 10) return fmt::format("{} {}/s", HumanNumber(state.rate, 2), state.unit);
  return fmt::format("{} {}/s", HumanCount(static_cast<int64_t>(state.rate)), state.unit);
}

// All that stands to the right of the bar.
std::string Figures(const ProgressState& state) {
  std::string text;
  if (state.total > 0) text += fmt::format("{:3}% ", static_cast<int>(Share(state) * 100));
  text += Amount(state);
  if (state.rate > 0) text += fmt::format(" {}", Rate(state));
  if (state.finished) {
    text += fmt::format("  {}", HumanDuration(state.elapsed_seconds));
  } else if (state.total > 0 && state.rate > 0) {
    const double left = static_cast<double>(std::max<int64_t>(0, state.total - state.done));
    text += fmt::format("  {} left", HumanDuration(left / state.rate));
  }
  if (!state.note.empty()) text += fmt::format("  {}", state.note);
  return text;
}

}  // namespace

std::string FormatProgress(const ProgressState& state, int columns) {
  const std::string figures = Figures(state);
  std::string line = state.label;
  if (!line.empty()) line += "  ";
  if (state.total > 0) {
    const int room = columns - DisplayWidth(line) - DisplayWidth(figures) - 2;
    const int width = std::min(room, kWidestBar);
    if (width >= kNarrowestBar) {
      const auto filled = static_cast<size_t>(Share(state) * width);
      line += std::string(filled, '#') + std::string(static_cast<size_t>(width) - filled, '-');
      line += "  ";
    }
  }
  return FitWidth(line + figures, columns);
}

ProgressBar::ProgressBar(std::FILE* stream, std::string label, int64_t total, std::string unit)
    : stream_(stream),
      terminal_(isatty(fileno(stream)) == 1),
      start_(Clock::now()),
      drawn_at_(start_) {
  state_.label = std::move(label);
  state_.total = total;
  state_.unit = std::move(unit);
  recent_.push_back({start_, 0});
}

ProgressBar::~ProgressBar() {
  if (!terminal_ || !drawn_ || state_.finished) return;
  std::fputc('\n', stream_);
  std::fflush(stream_);
}

void ProgressBar::Observe(Clock::time_point now) {
  if (now - recent_.back().time >= kSampleInterval) recent_.push_back({now, state_.done});
  while (recent_.size() > 2 && now - recent_[1].time >= kRateWindow) recent_.pop_front();
  const Sample& oldest = recent_.front();
  const double passed = std::chrono::duration<double>(now - oldest.time).count();
  state_.rate = passed > 0 ? static_cast<double>(state_.done - oldest.done) / passed : 0;
}

void ProgressBar::Update(int64_t done, const std::string& note) {
  if (state_.finished) return;
  state_.done = done;
  if (!note.empty()) state_.note = note;
  const auto now = Clock::now();
  Observe(now);
  const Clock::duration interval = terminal_ ? Clock::duration(kRedrawInterval) : kPlainInterval;
  if (now - drawn_at_ < interval) return;
  drawn_at_ = now;
  Draw(/*last=*/false);
}

void ProgressBar::Finish(const std::string& note) {
  if (state_.finished) return;
  if (!note.empty()) state_.note = note;
  state_.finished = true;
  state_.elapsed_seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  if (state_.elapsed_seconds > 0) {
    state_.rate = static_cast<double>(state_.done) / state_.elapsed_seconds;
  }
  Draw(/*last=*/true);
}

void ProgressBar::Draw(bool last) {
  // Not fmt::print: it throws where the stream is closed, and progress is not
  // worth the task.
  std::string line;
  if (terminal_) {
    // The last column stays free: some terminals wrap when it is written.
    line = fmt::format("\r{}\x1b[K{}", FormatProgress(state_, TerminalColumns(stream_) - 1),
                       last ? "\n" : "");
  } else {
    line = FormatProgress(state_, kPlainColumns) + '\n';
  }
  drawn_ = true;
  std::fputs(line.c_str(), stream_);
  std::fflush(stream_);
}

}  // namespace signum::report
