#include "report/progress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "report/text.h"

namespace signum::report {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

ProgressState Halfway() {
  ProgressState state;
  state.label = "epoch 3/20";
  state.done = 22500;
  state.total = 50000;
  state.unit = "images";
  state.rate = 1012.4;
  state.note = "loss 0.52 acc 81.2 %";
  return state;
}

TEST(FormatProgress, ShowsEverythingWhereThereIsRoom) {
  EXPECT_EQ(FormatProgress(Halfway(), 120),
            "epoch 3/20  ##########--------------   45% 22,500/50,000 images 1,012 images/s  0:27 "
            "left  loss 0.52 acc 81.2 %");
}

TEST(FormatProgress, FitsEveryWidth) {
  for (int columns = 0; columns <= 200; ++columns) {
    EXPECT_LE(DisplayWidth(FormatProgress(Halfway(), columns)), columns);
  }
  EXPECT_THAT(FormatProgress(Halfway(), 95), HasSubstr(" 45% "));
  EXPECT_THAT(FormatProgress(Halfway(), 80), Not(HasSubstr("#")));
  EXPECT_THAT(FormatProgress(Halfway(), 80), HasSubstr("0:27 left"));
}

TEST(FormatProgress, ShowsBytes) {
  ProgressState state;
  state.label = "download";
  state.done = 1'500'000;
  state.total = 26'000'000;
  state.unit = "B";
  state.rate = 2'100'000;
  EXPECT_THAT(FormatProgress(state, 100), HasSubstr("5% 1.5 MB/26 MB 2.1 MB/s  0:12 left"));
}

TEST(FormatProgress, WithoutTotalPromisesNothing) {
  ProgressState state = Halfway();
  state.total = 0;
  EXPECT_EQ(FormatProgress(state, 100),
            "epoch 3/20  22,500 images 1,012 images/s  loss 0.52 acc 81.2 %");
}

TEST(FormatProgress, SlowRatesKeepTheirFraction) {
  ProgressState state = Halfway();
  state.rate = 0.25;
  EXPECT_THAT(FormatProgress(state, 120), HasSubstr("0.25 images/s"));
}

TEST(FormatProgress, MoreThanTheTotalIsFull) {
  ProgressState state = Halfway();
  state.done = 60000;
  EXPECT_THAT(FormatProgress(state, 120), HasSubstr("100% 60,000/50,000"));
}

std::string Contents(std::FILE* file) {
  std::string text;
  std::rewind(file);
  for (int c; (c = std::fgetc(file)) != EOF;) text += static_cast<char>(c);
  return text;
}

TEST(ProgressBar, OffATerminalWritesFewPlainLines) {
  std::FILE* log = std::tmpfile();
  ASSERT_NE(log, nullptr);
  {
    ProgressBar bar(log, "calibrating", 1000, "images");
    for (int i = 0; i <= 1000; ++i) bar.Update(i, "layer\n7");
    bar.Finish("done");
    bar.Finish("twice");
    bar.Update(5);
  }
  const std::string text = Contents(log);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text, HasSubstr("100% 1,000/1,000 images"));
  EXPECT_THAT(text, EndsWith("  done\n"));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  std::fclose(log);
}

TEST(ProgressBar, SurvivesAStreamThatCannotBeWritten) {
  std::FILE* full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  ProgressBar bar(full, "writing", 10);
  bar.Update(10);
  bar.Finish();
  std::fclose(full);
}

// A terminal 60 columns wide: what is written to `stream` is read from `master`.
struct Terminal {
  int master = -1;
  std::FILE* stream = nullptr;
};

Terminal OpenTerminal() {
  Terminal terminal;
  terminal.master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (terminal.master < 0 || grantpt(terminal.master) != 0 || unlockpt(terminal.master) != 0) {
    return terminal;
  }
  terminal.stream = std::fopen(ptsname(terminal.master), "w");
  winsize size{};
  size.ws_col = 60;
  size.ws_row = 24;
  ioctl(terminal.master, TIOCSWINSZ, &size);
  return terminal;
}

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) text.append(buffer, n);
  return text;
}

TEST(ProgressBar, OnATerminalRedrawsOneLineInModeration) {
  Terminal terminal = OpenTerminal();
  if (terminal.stream == nullptr) GTEST_SKIP() << "this machine gives no pseudo-terminal";
  const auto start = std::chrono::steady_clock::now();
  {
    ProgressBar bar(terminal.stream, "epoch 1/2", 500, "images");
    for (int i = 0; i < 500; ++i) {
      bar.Update(i, "loss 0.5");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    bar.Finish();
  }
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
  const std::string text = ReadAll(terminal.master);
  const auto draws = std::count(text.begin(), text.end(), '\r') - 1;  // the terminal adds one to \n
  EXPECT_GE(draws, 3);
  EXPECT_LE(static_cast<double>(draws), passed.count() * 10 + 1);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  const size_t last = text.rfind("\repoch");
  ASSERT_NE(last, std::string::npos);
  EXPECT_LE(text.find('\x1b', last) - last - 1, 59u);
  std::fclose(terminal.stream);
  close(terminal.master);
}

TEST(ProgressBar, AnUnfinishedLineIsEnded) {
  Terminal terminal = OpenTerminal();
  if (terminal.stream == nullptr) GTEST_SKIP() << "this machine gives no pseudo-terminal";
  {
    ProgressBar bar(terminal.stream, "epoch 1/2", 500);
    std::this_thread::sleep_for(std::chrono::milliseconds(110));
    bar.Update(1);
  }
  EXPECT_THAT(ReadAll(terminal.master), EndsWith("\n"));
  std::fclose(terminal.stream);
  close(terminal.master);
}

}  // namespace
}  // namespace signum::report
