// A recipe's steps, each a run in a folder of its own:
//
//   RUN/recipe.toml     the recipe, as it was
//   RUN/request.json    what it was asked for beside it
//   RUN/start.sgn       the network that it was given, if it was a file
//   RUN/steps.json      what came of the steps that are done
//   RUN/1-train, RUN/2-quantize, ...
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "json_text.h"
#include "learn.h"
#include "recipe.h"
#include "report/table.h"

namespace signum::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kRequestFile = "/request.json";
constexpr const char* kStartFile = "/start.sgn";

// The settings that a request makes for all steps of a recipe, once for both directions.
template <typename Arguments, typename Visit>
void VisitShared(Arguments& a, Visit&& visit) {
  VisitPlaces(a, visit);
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

std::string FreeRecipeFolder(const Recipe& recipe, const RunArguments& arguments) {
  const std::string base = fmt::format("runs/{}-{}-{}", recipe.name,
                                       fs::path(arguments.model).stem().string(), arguments.data);
  std::string path = base;
  for (int number = 2; fs::exists(path); ++number) path = fmt::format("{}-{}", base, number);
  return path;
}

// What came of the steps so far, as RUN/steps.json keeps it: by the name of a step's folder.
Result<Json> ReadSteps(const std::string& path) {
  if (!fs::exists(path)) return Json::object();
  SIGNUM_ASSIGN_OR_RETURN(Json steps, ReadJson(path));
  const auto fits = [](const Json& step) {
    const auto has = [](const Json& object, std::initializer_list<const char*> keys) {
      return object.is_object() && std::all_of(keys.begin(), keys.end(), [&](const char* key) {
               return object.contains(key);
             });
    };
    return has(step, {"precision", "epochs", "seconds", "test_accuracy", "model", "file_bytes",
                      "report", "agreement"}) &&
           has(step["agreement"], {"runtime_accuracy", "same_class", "images"});
  };
  if (!steps.is_object() || !std::all_of(steps.begin(), steps.end(), fits)) {
    return Corrupt(path + " holds something else than steps; delete it to run them anew");
  }
  return steps;
}

// A recipe under way.
class Cooking {
 public:
  Cooking(Recipe recipe, RunArguments shared, std::string folder)
      : recipe_(std::move(recipe)), shared_(std::move(shared)), folder_(std::move(folder)) {
    const bool trained = IsModelFile(shared_.model);
    network_ = shared_.model;
    if (!trained) return;
    float_ = network_;
    // A network that is there takes the place of the first steps, in float; what they do to its
    // shape is done to it then.
    for (; first_ < count() && recipe_.steps[first_].verb == "train"; ++first_) {
      bi_real_ = bi_real_ || recipe_.steps[first_].bi_real;
      rprelu_ = rprelu_ || recipe_.steps[first_].rprelu;
    }
  }

  // Whether every step could begin, before the first one takes its time.
  Status Check() const {
    if (first_ == count()) {
      return InvalidArgument("recipe " + recipe_.name +
                             " has steps in float alone, and the model is trained already");
    }
    for (int step = first_; step < count(); ++step) {
      SIGNUM_RETURN_IF_ERROR(CheckRun(AtTheStart(step)).map_error([&](const Error& e) {
        return e.In(fmt::format("step {}", step + 1));
      }));
    }
    return {};
  }

  // Whether every step would learn, by itself.
  Status CheckSanity(bool json) const {
    Json steps = Json::object();
    Status verdict;
    for (int step = first_; step < count(); ++step) {
      const bool untrained = step > first_ && !IsModelFile(shared_.model);
      const auto in_step = [&](const Error& e) {
        return e.In(
            fmt::format("step {}{}", step + 1, untrained ? ", with untrained weights" : ""));
      };
      SIGNUM_ASSIGN_OR_RETURN(const train::SanityOutcome sanity,
                              CheckRunSanity(AtTheStart(step)).map_error(in_step));
      steps[FolderOf(step)] = ToJson(sanity);
      if (!json) {
        fmt::print("sanity          {}: {}: {}\n", FolderOf(step), SanityText(sanity),
                   sanity.passed() ? "passed" : "failed");
      }
      if (verdict) verdict = VerdictOf(sanity).map_error(in_step);
    }
    if (json) fmt::print("{}", JsonText(steps));
    return verdict;
  }

  Status Run() {
    SIGNUM_ASSIGN_OR_RETURN(done_, ReadSteps(StepsFile()));
    for (int step = first_; step < count(); ++step) {
      fmt::print(stderr, "step {} of {}: {}\n", step + 1, count(), recipe_.steps[step].verb);
      SIGNUM_RETURN_IF_ERROR(Step(step));
    }
    Json& last = done_[FolderOf(count() - 1)];
    if (shared_.output.empty()) return {};
    // The last run, which may be an earlier command's, has the model in its folder.
    SIGNUM_ASSIGN_OR_RETURN(const std::vector<uint8_t> model,
                            base::ReadFile(folder_ + "/" + FolderOf(count() - 1) + "/model.sgn"));
    last["model"] = shared_.output;
    return base::WriteFile(shared_.output, model);
  }

  const Json& done() const { return done_; }

 private:
  int count() const { return static_cast<int>(recipe_.steps.size()); }
  std::string StepsFile() const { return folder_ + "/steps.json"; }
  std::string FolderOf(int step) const {
    return fmt::format("{}-{}", step + 1, recipe_.steps[step].verb);
  }

  Status Step(int step) {
    const std::string name = FolderOf(step), run = folder_ + "/" + name;
    if (!done_.contains(name)) {
      LearnRequest request;
      request.arguments = Arguments(step);
      (fs::exists(run + "/args.toml") ? request.resume : request.run) = run;
      SIGNUM_ASSIGN_OR_RETURN(const Learned learned,
                              LearnRun(request).map_error([&](const Error& e) {
                                return e.In(fmt::format("step {}", step + 1));
                              }));
      done_[name] = ToJson(learned);
      SIGNUM_RETURN_IF_ERROR(base::WriteFile(StepsFile(), JsonText(done_)));
    }
    const bool trains = recipe_.steps[step].verb == "train";
    network_ = run + (trains ? "/weights/last.sgn" : "/weights/latent.sgn");
    if (trains) float_ = network_;
    return {};
  }

  // Those of the step, with what all steps share, and where it starts.
  RunArguments Arguments(int step) const {
    RunArguments arguments = recipe_.steps[step];
    arguments.model = network_;
    arguments.data = shared_.data;
    arguments.data_folder = shared_.data_folder;
    if (!IsModelFile(network_)) arguments.zoo = shared_.zoo;
    train::TrainConfig& training = arguments.training;
    training.seed = shared_.training.seed;
    training.device = shared_.training.device;
    training.threads = shared_.training.threads;
    training.train_limit = shared_.training.train_limit;
    training.test_limit = shared_.training.test_limit;
    if (step == first_) {
      arguments.bi_real = arguments.bi_real || bi_real_;
      arguments.rprelu = arguments.rprelu || rprelu_;
    }
    if (arguments.teacher == "float") arguments.teacher = float_.empty() ? "none" : float_;
    return arguments;
  }

  // As if the step were the first one, but for what earlier ones do to the network's shape.
  RunArguments AtTheStart(int step) const {
    RunArguments arguments = Arguments(step);
    arguments.model = shared_.model;
    if (!IsModelFile(shared_.model)) arguments.zoo = shared_.zoo;
    arguments.teacher = "none";
    for (int before = 0; before < step; ++before) {
      arguments.bi_real = arguments.bi_real || recipe_.steps[before].bi_real;
      arguments.rprelu = arguments.rprelu || recipe_.steps[before].rprelu;
    }
    return arguments;
  }

  Recipe recipe_;
  RunArguments shared_;
  std::string folder_;
  int first_ = 0;                          // the first step that is taken
  std::string network_;                    // what the next step starts from
  std::string float_;                      // what the last step in float gave
  bool bi_real_ = false, rprelu_ = false;  // of steps that are not taken
  Json done_ = Json::object();
};

void PrintSteps(const Json& steps) {
  report::Table table({{"step"},
                       {"precision"},
                       {"epochs", true},
                       {"time", true},
                       {"test accuracy", true},
                       {"runtime", true},
                       {"same class", true}});
  for (const auto& [name, step] : steps.items()) {
    const Json& agreement = step["agreement"];
    table.AddRow({name, step["precision"].get<std::string>(),
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

// The recipe that is asked for, if the model and its shape go together.
Result<Recipe> RecipeFor(const LearnRequest& request) {
  const RunArguments& shared = request.arguments;
  if (shared.model.empty()) {
    return InvalidArgument("no MODEL given; name a zoo network (lenet, resnet20) or a .sgn file");
  }
  // Refuses the shape of a zoo network beside a file.
  SIGNUM_RETURN_IF_ERROR(LoadGraph(shared.model, shared.zoo, /*weights=*/false));
  return ReadRecipe(request.recipe);
}

Result<Cooking> StartRecipe(const LearnRequest& request) {
  RunArguments shared = request.arguments;
  SIGNUM_ASSIGN_OR_RETURN(Recipe recipe, RecipeFor(request));
  const std::string folder = request.run.empty() ? FreeRecipeFolder(recipe, shared) : request.run;
  if (fs::exists(folder + kRequestFile) || fs::exists(folder + "/args.toml")) {
    return InvalidArgument(fmt::format(
        "{} holds a run already; go on with it by `signum {} --resume {}`, or choose another --run",
        folder, shared.verb, folder));
  }
  SIGNUM_RETURN_IF_ERROR(Cooking(recipe, shared, folder).Check());
  SIGNUM_RETURN_IF_ERROR(base::MakeFolders(folder));
  SIGNUM_RETURN_IF_ERROR(base::WriteFile(folder + "/recipe.toml", recipe.text));
  if (IsModelFile(shared.model)) {
    // The file may be another one when the recipe goes on.
    SIGNUM_ASSIGN_OR_RETURN(const std::vector<uint8_t> model, base::ReadFile(shared.model));
    shared.model = folder + kStartFile;
    SIGNUM_RETURN_IF_ERROR(base::WriteFile(shared.model, model));
  }
  // Last, since its presence says that there is something to resume.
  SIGNUM_RETURN_IF_ERROR(WriteRequest(shared, folder));
  return Cooking(std::move(recipe), std::move(shared), folder);
}

Result<Cooking> GoOn(const LearnRequest& request) {
  const std::string& folder = request.resume;
  SIGNUM_ASSIGN_OR_RETURN(RunArguments shared, ReadRequest(folder));
  if (fs::exists(folder + kStartFile)) shared.model = folder + kStartFile;
  if (!request.arguments.output.empty()) shared.output = request.arguments.output;
  SIGNUM_ASSIGN_OR_RETURN(Recipe recipe, ReadRecipe(folder + "/recipe.toml"));
  return Cooking(std::move(recipe), std::move(shared), folder);
}

}  // namespace

bool IsRecipeRun(const std::string& folder) {
  return !folder.empty() && fs::exists(folder + kRequestFile);
}

Status LearnRecipe(const LearnRequest& request) {
  if (request.sanity) {
    SIGNUM_ASSIGN_OR_RETURN(Recipe recipe, RecipeFor(request));
    const Cooking cooking(std::move(recipe), request.arguments, /*folder=*/"");
    SIGNUM_RETURN_IF_ERROR(cooking.Check());
    return cooking.CheckSanity(request.json);
  }
  if (!request.arguments.output.empty()) {
    SIGNUM_RETURN_IF_ERROR(base::CheckCanWrite(request.arguments.output));
  }
  SIGNUM_ASSIGN_OR_RETURN(Cooking cooking,
                          request.resume.empty() ? StartRecipe(request) : GoOn(request));
  SIGNUM_RETURN_IF_ERROR(cooking.Run());
  if (request.json) {
    fmt::print("{}", JsonText(cooking.done()));
  } else {
    PrintSteps(cooking.done());
  }
  return {};
}

}  // namespace signum::apps
