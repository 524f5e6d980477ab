// A recipe's steps, each a run in a folder of its own:
//
//   RUN/recipe.toml     the recipe, as it was
//   RUN/request.json    what it was asked for beside it
//   RUN/steps.json      what came of the steps that are done
//   RUN/1-train, RUN/2-quantize, ...
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "format/sgn.h"
#include "json_text.h"
#include "learn.h"
#include "recipe.h"
#include "report/table.h"

namespace signum::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kRequestFile = "/request.json";

// The settings that a request makes for all steps of a recipe, once for both directions.
template <typename Arguments, typename Visit>
void VisitShared(Arguments& a, Visit&& visit) {
  visit("verb", a.verb);
  visit("model", a.model);
  visit("data", a.data);
  visit("data-folder", a.data_folder);
  visit("output", a.output);
  visit("input", a.zoo.input);
  visit("classes", a.zoo.classes);
  visit("variant", a.zoo.variant);
  visit("seed", a.training.seed);
  visit("device", a.training.device);
  visit("threads", a.training.threads);
  visit("train-limit", a.training.train_limit);
  visit("test-limit", a.training.test_limit);
}

Result<Json> ReadJson(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, base::ReadFile(path));
  Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Corrupt(path + " is not JSON; start the recipe anew");
  return json;
}

Status WriteRequest(const RunArguments& arguments, const std::string& folder) {
  Json json;
  VisitShared(arguments, [&](const char* name, const auto& value) { json[name] = value; });
  return base::WriteFile(folder + kRequestFile, JsonText(json));
}

Result<RunArguments> ReadRequest(const std::string& folder) {
  const std::string path = folder + kRequestFile;
  SIGNUM_ASSIGN_OR_RETURN(const Json json, ReadJson(path));
  RunArguments arguments;
  try {
    VisitShared(arguments, [&](const char* name, auto& value) { json.at(name).get_to(value); });
  } catch (const Json::exception& error) {
    return Corrupt(fmt::format("{}: {}; start the recipe anew", path, error.what()));
  }
  return arguments;
}

std::string FreeFolder(const Recipe& recipe, const RunArguments& arguments) {
  const std::string base = fmt::format("runs/{}-{}-{}", recipe.name,
                                       fs::path(arguments.model).stem().string(), arguments.data);
  std::string path = base;
  for (int number = 2; fs::exists(path); ++number) path = fmt::format("{}-{}", base, number);
  return path;
}

// A recipe under way.
class Cooking {
 public:
  Cooking(Recipe recipe, RunArguments shared, std::string folder)
      : recipe_(std::move(recipe)), shared_(std::move(shared)), folder_(std::move(folder)) {}

  Status Run() {
    if (fs::exists(StepsFile())) {
      SIGNUM_ASSIGN_OR_RETURN(done_, ReadJson(StepsFile()));
    }
    // A network that is there takes the place of the steps in float.
    const bool trained = IsModelFile(shared_.model);
    network_ = shared_.model;
    if (trained) float_ = shared_.model;
    const auto count = static_cast<int>(recipe_.steps.size());
    for (int step = 0; step < count; ++step) {
      if (recipe_.steps[step].verb == "train" && trained) continue;
      fmt::print(stderr, "step {} of {}: {}\n", step + 1, count, recipe_.steps[step].verb);
      SIGNUM_RETURN_IF_ERROR(Step(step));
    }
    if (done_.empty()) {
      return InvalidArgument("recipe " + recipe_.name +
                             " has steps in float alone, and the model is trained already");
    }
    return {};
  }

  const Json& done() const { return done_; }

 private:
  std::string StepsFile() const { return folder_ + "/steps.json"; }

  Status Step(int step) {
    const RunArguments& own = recipe_.steps[step];
    const std::string run = fmt::format("{}/{}-{}", folder_, step + 1, own.verb);
    if (!IsDone(run)) {
      LearnRequest request;
      request.arguments = own;
      if (fs::exists(run + "/args.toml")) {
        request.resume = run;
      } else {
        request.run = run;
        Share(request.arguments);
      }
      if (step + 1 == static_cast<int>(recipe_.steps.size())) {
        request.arguments.output = shared_.output;
      }
      SIGNUM_ASSIGN_OR_RETURN(const Learned learned,
                              LearnRun(request).map_error([&](const Error& e) {
                                return e.In(fmt::format("step {}", step + 1));
                              }));
      done_.push_back(ToJson(learned));
      SIGNUM_RETURN_IF_ERROR(base::WriteFile(StepsFile(), JsonText(done_)));
    }
    network_ = run + (own.verb == "train" ? "/weights/last.sgn" : "/weights/latent.sgn");
    if (own.verb == "train") float_ = network_;
    return {};
  }

  bool IsDone(const std::string& run) const {
    for (const Json& step : done_) {
      if (step.value("run", "") == run) return true;
    }
    return false;
  }

  // Sets what all steps share, and where this one starts.
  void Share(RunArguments& arguments) const {
    RunArguments shared = shared_;
    shared.verb = arguments.verb;
    shared.model = network_;
    shared.output.clear();
    if (IsModelFile(network_)) shared.zoo = {};
    VisitShared(shared, [&](const char* name, const auto& value) {
      VisitShared(arguments, [&](const char* other, auto& target) {
        using Same = std::is_same<std::decay_t<decltype(value)>, std::decay_t<decltype(target)>>;
        if constexpr (Same::value) {
          if (std::string_view(name) == other) target = value;
        }
      });
    });
    if (arguments.teacher == "float") arguments.teacher = float_.empty() ? "none" : float_;
  }

  Recipe recipe_;
  RunArguments shared_;
  std::string folder_;
  std::string network_;  // what the next step starts from
  std::string float_;    // what the last step in float gave
  Json done_ = Json::array();
};

void PrintSteps(const Json& steps) {
  report::Table table({{"step"},
                       {"precision"},
                       {"epochs", true},
                       {"time", true},
                       {"test accuracy", true},
                       {"runtime", true},
                       {"same class", true}});
  for (const Json& step : steps) {
    const Json& agreement = step["agreement"];
    table.AddRow({fs::path(step["run"].get<std::string>()).filename().string(),
                  step["precision"].get<std::string>(),
                  fmt::format("{}", step["epochs"].get<int>()),
                  report::HumanDuration(step["seconds"].get<double>()),
                  fmt::format("{:.2f} %", 100 * step["test_accuracy"].get<double>()),
                  fmt::format("{:.2f} %", 100 * agreement["runtime_accuracy"].get<double>()),
                  fmt::format("{} of {}", agreement["same_class"].get<int64_t>(),
                              agreement["images"].get<int64_t>())});
  }
  fmt::print("{}", table.ToText());
  const Json& last = steps.back();
  fmt::print("model           {} ({})\n", last["model"].get<std::string>(),
             report::HumanBytes(last["file_bytes"].get<int64_t>()));
  fmt::print("report          {}\n", last["report"].get<std::string>());
}

Result<Cooking> Start(const LearnRequest& request) {
  if (request.arguments.model.empty()) {
    return InvalidArgument("no MODEL given; name a zoo network (lenet, resnet20) or a .sgn file");
  }
  SIGNUM_ASSIGN_OR_RETURN(Recipe recipe, ReadRecipe(request.recipe));
  const std::string folder =
      request.run.empty() ? FreeFolder(recipe, request.arguments) : request.run;
  if (fs::exists(folder + kRequestFile) || fs::exists(folder + "/args.toml")) {
    return InvalidArgument(fmt::format(
        "{} holds a run already; go on with it by `signum {} --resume {}`, or choose another --run",
        folder, request.arguments.verb, folder));
  }
  SIGNUM_RETURN_IF_ERROR(base::MakeFolders(folder));
  SIGNUM_RETURN_IF_ERROR(base::WriteFile(folder + "/recipe.toml", recipe.text));
  // Last, since its presence says that there is something to resume.
  SIGNUM_RETURN_IF_ERROR(WriteRequest(request.arguments, folder));
  return Cooking(std::move(recipe), request.arguments, folder);
}

Result<Cooking> GoOn(const LearnRequest& request) {
  const std::string& folder = request.resume;
  SIGNUM_ASSIGN_OR_RETURN(RunArguments shared, ReadRequest(folder));
  if (!request.arguments.output.empty()) shared.output = request.arguments.output;
  SIGNUM_ASSIGN_OR_RETURN(Recipe recipe, ReadRecipe(folder + "/recipe.toml"));
  return Cooking(std::move(recipe), std::move(shared), folder);
}

}  // namespace

bool IsRecipeRun(const std::string& folder) {
  return !folder.empty() && fs::exists(folder + kRequestFile);
}

Status LearnRecipe(const LearnRequest& request) {
  if (!request.arguments.output.empty()) {
    SIGNUM_RETURN_IF_ERROR(base::CheckCanWrite(request.arguments.output));
  }
  SIGNUM_ASSIGN_OR_RETURN(Cooking cooking, request.resume.empty() ? Start(request) : GoOn(request));
  SIGNUM_RETURN_IF_ERROR(cooking.Run());
  if (request.json) {
    fmt::print("{}", JsonText(cooking.done()));
  } else {
    PrintSteps(cooking.done());
  }
  return {};
}

}  // namespace signum::apps
