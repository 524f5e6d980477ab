// Every operator on floats, and blocks of them as networks have them: one small
// graph each, or a few. The runtime and the trainer are held to them alike.
#ifndef SIGNUM_RUNTIME_TESTING_OPERATOR_CASES_H_
#define SIGNUM_RUNTIME_TESTING_OPERATOR_CASES_H_

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "runtime/testing/random_graph.h"

namespace signum::runtime {

struct OperatorCase {
  std::string name;
  Shape input;
  std::function<void(RandomGraph&)> build;
};

// For GoogleTest, which else prints the bytes, pointers included.
inline void PrintTo(const OperatorCase& c, std::ostream* stream) { *stream << c.name; }

std::vector<OperatorCase> OperatorCases();

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_TESTING_OPERATOR_CASES_H_
