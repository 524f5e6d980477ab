#include "verb.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <new>
#include <string_view>
#include <utility>

#include "base/nearest.h"

namespace signum::apps {
namespace {

constexpr int kVerbFailed = 1;
constexpr int kWrongUsage = 2;

std::string ProgramHelp(const std::string& program, const std::string& description,
                        const std::vector<Verb>& verbs) {
  size_t width = 0;
  for (const Verb& verb : verbs) width = std::max(width, std::string_view(verb.name).size());
  std::string text =
      fmt::format("{}\n\nusage: {} VERB [arguments]\n\nverbs:\n", description, program);
  for (const Verb& verb : verbs)
    text += fmt::format("  {:{}}  {}\n", verb.name, width, verb.summary);
  text += "\na first session, with one example of each verb:\n";
  for (const Verb& verb : verbs) text += fmt::format("  {}\n", verb.example);
  text += fmt::format(
      "\n{0} VERB --help explains a verb and its options; {0} --version tells the version.\n",
      program);
  return text;
}

std::vector<std::string> VerbNames(const std::vector<Verb>& verbs) {
  std::vector<std::string> names;
  for (const Verb& verb : verbs) names.emplace_back(verb.name);
  return names;
}

std::string DidYouMean(const std::string& word, const std::vector<std::string>& candidates) {
  const std::string nearest = Nearest(word, candidates);
  return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

// The command that was parsed last: `data` has commands of its own.
const CLI::App* Innermost(const CLI::App* command) {
  for (const CLI::App* inner : command->get_subcommands()) return Innermost(inner);
  return command;
}

// CLI11's message, and for an unknown option the nearest one that there is.
std::string UsageMessage(const CLI::ParseError& error, const CLI::App& command) {
  std::string message = error.what();
  std::replace(message.begin(), message.end(), '\n', ' ');
  const CLI::App* innermost = Innermost(&command);
  for (const std::string& word : innermost->remaining()) {
    if (!word.starts_with("--")) continue;
    std::vector<std::string> names;
    for (const CLI::Option* option : innermost->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    const std::string typed = word.substr(0, word.find('='));
    return fmt::format("there is no option {}{}", typed, DidYouMean(typed, names));
  }
  return message;
}

int Complain(const std::string& who, const std::string& message, int status) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %s\n", who.c_str(), message.c_str());
  return status;
}

int RunAction(const std::string& who, const Action& action) {
  Status status;
  try {
    status = action();
  } catch (const std::bad_alloc&) {
    return Complain(who, "not enough memory", kVerbFailed);
  } catch (const std::exception& error) {
    return Complain(who, fmt::format("internal error: {}", error.what()), kVerbFailed);
  }
  if (!status) return Complain(who, status.error().message, kVerbFailed);
  // A full disk shows only when the last bytes are written.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return Complain(who, "cannot write to standard output", kVerbFailed);
  }
  return 0;
}

int RunVerb(const std::string& program, const Verb& verb, int argc, char** argv) {
  const std::string who = program + " " + verb.name;
  CLI::App command(verb.summary, who);
  command.footer(fmt::format("Example:\n  {}", verb.example));
  const Action action = verb.add(command);
  try {
    command.parse(argc - 1, argv + 1);
  } catch (const CLI::Success& help) {
    return command.exit(help);
  } catch (const CLI::ParseError& error) {
    return Complain(who, fmt::format("{} (see {} --help)", UsageMessage(error, command), who),
                    kWrongUsage);
  }
  return RunAction(who, action);
}

}  // namespace

std::string BuildText() {
#if defined(__clang__)
  const char* const compiler = "Clang " __clang_version__;
#else
  const char* const compiler = "GCC " __VERSION__;
#endif
  return fmt::format("signum {} (commit {}, {})", SIGNUM_VERSION, SIGNUM_COMMIT, compiler);
}

int RunCommandLine(const std::string& program, const std::string& description,
                   const std::vector<Verb>& verbs, int argc, char** argv) {
  // So that a file above a limit (ulimit -f) is an error, and no half of it stays.
  std::signal(SIGXFSZ, SIG_IGN);
  const std::string help = ProgramHelp(program, description, verbs);
  if (argc < 2) {
    std::fputs(help.c_str(), stderr);
    return kWrongUsage;
  }
  const std::string word = argv[1];
  if (word == "--help" || word == "-h" || word == "help") {
    std::fputs(help.c_str(), stdout);
    return 0;
  }
  if (word == "--version") {
    std::printf("%s %s\n", program.c_str(), SIGNUM_VERSION);
    return 0;
  }
  for (const Verb& verb : verbs) {
    if (word == verb.name) return RunVerb(program, verb, argc, argv);
  }
  const bool option = word.starts_with("-");
  const std::string kind = option ? "option" : "verb";
  const std::vector<std::string> candidates =
      option ? std::vector<std::string>{"--help", "--version"} : VerbNames(verbs);
  return Complain(program,
                  fmt::format("there is no {} '{}'{} (see {} --help)", kind, word,
                              DidYouMean(word, candidates), program),
                  kWrongUsage);
}

}  // namespace signum::apps
