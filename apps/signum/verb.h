// What a verb of the command line is. Each verb has one file, with one function
// that declares its options on a CLI11 command and returns what to do once they
// are parsed. Verbs print their results to standard output and notes to standard
// error; an error they return is printed as one line, and the exit status is 1.
#ifndef SIGNUM_APPS_VERB_H_
#define SIGNUM_APPS_VERB_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "signum/result.h"

namespace signum::apps {

using Action = std::function<Status()>;

// In `signum`.
Action AddInfo(CLI::App& command);
Action AddData(CLI::App& command);
Action AddEval(CLI::App& command);
Action AddPredict(CLI::App& command);
Action AddBench(CLI::App& command);
Action AddCompare(CLI::App& command);
Action AddImport(CLI::App& command);
Action AddExport(CLI::App& command);

// In `signum-train`, which `signum` starts for them.
Action AddTrain(CLI::App& command);

// "signum 0.1.0 (commit 1a2b3c4, GCC 12.2.0)": what figures were measured with.
std::string BuildText();

struct Verb {
  const char* name;
  const char* summary;  // one line for `signum --help`
  const char* example;  // works as typed, after a dataset or a model is there
  Action (*add)(CLI::App&);
};

// Parses the command line against `verbs` and runs the one it names. Returns the
// exit status: 0, 1 where the verb failed, 2 where the command line is wrong.
int RunCommandLine(const std::string& program, const std::string& description,
                   const std::vector<Verb>& verbs, int argc, char** argv);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_VERB_H_
