// `signum data`: fetch datasets, tell what is in them, show what they look like.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "data/dataset.h"
#include "data/download.h"
#include "data/sample_grid.h"
#include "data/semantics.h"
#include "json_text.h"
#include "report/progress.h"
#include "report/table.h"
#include "verb.h"

namespace signum::apps {
namespace {

using Json = nlohmann::ordered_json;
using signum::data::Dataset;
using signum::data::Split;

struct DataFlags {
  std::string name;
  std::string folder;
  std::string split = "train";
  std::string output;
  std::string from;
  std::string mirror;
  int64_t count = 20;
  int64_t image = -1;  // show this one alone
  bool json = false;

  std::string Folder() const { return folder.empty() ? data::DataFolder() : folder; }
};

void Print(const std::string& text) { std::fputs(text.c_str(), stdout); }

// What `info` tells of one split.
struct SplitFacts {
  std::string name;
  int64_t images = 0;
  std::vector<int64_t> per_class;
  data::ChannelStatistics channels;
};

SplitFacts Measure(const Dataset& dataset, Split split) {
  return {data::SplitName(split), dataset.size(), data::CountLabels(dataset),
          data::ComputeChannelStatistics(dataset)};
}

// The dataset without its images, for names and shape.
struct InfoFacts {
  Dataset dataset;
  std::vector<SplitFacts> splits;
};

Result<InfoFacts> Measure(const DataFlags& flags) {
  InfoFacts facts;
  for (const Split split : {Split::kTrain, Split::kTest}) {
    SIGNUM_ASSIGN_OR_RETURN(facts.dataset, data::LoadDataset(flags.name, split, flags.Folder()));
    facts.splits.push_back(Measure(facts.dataset, split));
  }
  return facts;
}

Json InfoJson(const InfoFacts& facts) {
  Json json;
  json["dataset"] = facts.dataset.name;
  json["source"] = facts.dataset.source;
  json["image_shape"] = facts.dataset.image_shape.sizes();
  json["class_names"] = facts.dataset.class_names;
  for (const SplitFacts& split : facts.splits) {
    json["splits"][split.name] = {{"images", split.images},
                                  {"images_per_class", split.per_class},
                                  {"mean", split.channels.mean},
                                  {"deviation", split.channels.deviation}};
  }
  return json;
}

std::string InfoText(const InfoFacts& facts) {
  const Dataset& dataset = facts.dataset;
  std::string text = fmt::format(
      "{}: images of {} (channels x height x width) in {} classes\nfrom {}\n\n", dataset.name,
      dataset.image_shape.ToString(), dataset.class_names.size(), dataset.source);
  std::vector<report::Column> columns = {{"class"}};
  for (const SplitFacts& split : facts.splits) columns.push_back({split.name, true});
  report::Table classes(columns);
  std::vector<std::string> sums = {"all"};
  for (size_t label = 0; label < dataset.class_names.size(); ++label) {
    std::vector<std::string> row = {fmt::format("{} {}", label, dataset.class_names[label])};
    for (const SplitFacts& split : facts.splits)
      row.push_back(report::HumanCount(split.per_class[label]));
    classes.AddRow(std::move(row));
  }
  for (const SplitFacts& split : facts.splits) sums.push_back(report::HumanCount(split.images));
  classes.AddRule();
  classes.AddRow(std::move(sums));

  report::Table channels({{"channel"}, {"split"}, {"mean", true}, {"deviation", true}});
  const std::vector<std::string> names = dataset.image_shape[0] == 3
                                             ? std::vector<std::string>{"red", "green", "blue"}
                                             : std::vector<std::string>{"gray"};
  for (size_t c = 0; c < names.size(); ++c) {
    for (const SplitFacts& split : facts.splits) {
      channels.AddRow({names[c], split.name, fmt::format("{:.4f}", split.channels.mean[c]),
                       fmt::format("{:.4f}", split.channels.deviation[c])});
    }
  }
  return text + classes.ToText() + "\npixels, scaled from 0-255 to 0-1:\n" + channels.ToText();
}

// Without a name: which datasets there are, and whether they are here.
Status ListDatasets(const DataFlags& flags) {
  Json json = Json::array();
  report::Table table({{"dataset"}, {"state"}});
  for (const std::string& name : data::DatasetNames()) {
    const auto loaded = data::LoadDataset(name, Split::kTest, flags.Folder());
    json.push_back({{"dataset", name}, {"here", loaded.has_value()}});
    if (loaded) json.back()["source"] = loaded->source;
    const bool missing = !loaded && loaded.error().code == ErrorCode::kNotFound;
    table.AddRow({name, loaded    ? "in " + loaded->source
                        : missing ? "not here: signum data get " + name
                                  : loaded.error().message});
  }
  Print(flags.json ? JsonText(json) : table.ToText());
  return {};
}

Status Info(const DataFlags& flags) {
  if (flags.name.empty()) return ListDatasets(flags);
  SIGNUM_ASSIGN_OR_RETURN(const InfoFacts facts, Measure(flags));
  Print(flags.json ? JsonText(InfoJson(facts)) : InfoText(facts));
  return {};
}

// One image as it is, for `signum predict`.
Status ShowOne(const DataFlags& flags, const Dataset& dataset) {
  if (flags.image >= dataset.size()) {
    return InvalidArgument(fmt::format("--image {}: {} has {} {} images, counted from 0",
                                       flags.image, flags.name, dataset.size(), flags.split));
  }
  const auto pixels = dataset.image(flags.image);
  const data::Image image{dataset.image_shape, {pixels.begin(), pixels.end()}};
  SIGNUM_RETURN_IF_ERROR(base::WriteFile(flags.output, data::EncodePng(image)));
  const std::string& label = dataset.class_names[dataset.labels[flags.image]];
  Print(flags.json ? JsonText({{"file", flags.output}, {"class", label}})
                   : fmt::format("{}: {} image {} of {}, of class '{}'\n", flags.output,
                                 flags.split, flags.image, flags.name, label));
  return {};
}

Status Show(const DataFlags& flags) {
  SIGNUM_ASSIGN_OR_RETURN(const Split split, data::ParseSplit(flags.split));
  SIGNUM_ASSIGN_OR_RETURN(const Dataset dataset,
                          data::LoadDataset(flags.name, split, flags.Folder()));
  if (flags.image >= 0) return ShowOne(flags, dataset);
  std::vector<int64_t> indices(static_cast<size_t>(std::min(flags.count, dataset.size())));
  std::iota(indices.begin(), indices.end(), int64_t{0});
  const data::Image grid = data::DrawSamples(dataset, indices);
  SIGNUM_RETURN_IF_ERROR(base::WriteFile(flags.output, data::EncodePng(grid)));
  Print(flags.json ? JsonText({{"file", flags.output}, {"images", indices.size()}})
                   : fmt::format("{}: the first {} {} images of {}, with their classes\n",
                                 flags.output, indices.size(), flags.split, flags.name));
  return {};
}

// Where a good copy of the dataset is, so that there is nothing to get.
std::optional<std::string> AlreadyHere(const DataFlags& flags) {
  std::string source;
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const auto loaded = data::LoadDataset(flags.name, split, flags.Folder());
    if (!loaded) return std::nullopt;
    source = loaded->source;
  }
  return source;
}

std::string GetJson(const DataFlags& flags, const std::string& source, bool fetched) {
  return JsonText({{"dataset", flags.name}, {"source", source}, {"fetched", fetched}});
}

Status Get(const DataFlags& flags) {
  SIGNUM_RETURN_IF_ERROR(data::CheckDatasetName(flags.name));
  const std::string folder = flags.Folder();
  if (!flags.from.empty()) {
    SIGNUM_RETURN_IF_ERROR(data::InstallDataset(flags.name, flags.from, folder));
  } else {
    if (const auto source = AlreadyHere(flags)) {
      Print(flags.json ? GetJson(flags, *source, false)
                       : fmt::format("{} is here already, and whole: {}\n", flags.name, *source));
      return {};
    }
    data::DownloadOptions options;
    options.mirror = flags.mirror;
    std::unique_ptr<report::ProgressBar> bar;
    options.progress = [&](int64_t done, int64_t total) {
      if (!bar) bar = std::make_unique<report::ProgressBar>(stderr, flags.name, total, "B");
      bar->Update(done);
    };
    SIGNUM_RETURN_IF_ERROR(data::DownloadDataset(flags.name, folder, options));
    if (bar) bar->Finish();
  }
  Print(flags.json
            ? GetJson(flags, folder, true)
            : fmt::format("{0} is in {1}; next: signum data info {0}\n", flags.name, folder));
  return {};
}

Status Semantics(const DataFlags& flags) {
  const data::SemanticNetwork network = data::Cifar10Semantics();
  if (!flags.output.empty()) {
    SIGNUM_RETURN_IF_ERROR(
        base::WriteFile(flags.output, data::EncodePng(data::SimilarityHeatMap(network))));
  }
  if (flags.json) {
    Print(data::SemanticJson(network));
    return {};
  }
  const data::BranchSimilarity branches = data::CompareBranches(network);
  Print(fmt::format(
      "What CIFAR-10's classes are:\n\n{}\nHow similar they are, by Wu and Palmer's measure "
      "(1 is the same, 0 has nothing in common):\n\n{}\nOn average {:.2f} between two artifacts or "
      "two living things, {:.2f} across.\n",
      data::SemanticTree(network), data::SimilarityTable(network), branches.within,
      branches.between));
  if (!flags.output.empty()) Print(fmt::format("The matrix as a picture: {}\n", flags.output));
  return {};
}

// A command of `data`, with the options that all of them have.
CLI::App* AddCommand(CLI::App& data, DataFlags& flags, const char* name, const char* summary,
                     const std::string& example) {
  CLI::App* command = data.add_subcommand(name, summary);
  command->footer("Example:\n  " + example);
  command
      ->add_option("--data-folder", flags.folder,
                   "where datasets are kept; by default " + data::DataFolder() +
                       " (set SIGNUM_DATA to change it)")
      ->type_name("FOLDER");
  return command;
}

}  // namespace

Action AddData(CLI::App& command) {
  const auto flags = std::make_shared<DataFlags>();
  command.require_subcommand(1);
  const std::string names = fmt::format("one of: {}", fmt::join(data::DatasetNames(), ", "));

  CLI::App* info = AddCommand(command, *flags, "info", "count images and classes, measure pixels",
                              "signum data info cifar10");
  info->add_option("NAME", flags->name, names + "; without it, tells which are here");
  info->add_flag("--json", flags->json, "print JSON instead of tables");

  CLI::App* show = AddCommand(command, *flags, "show", "draw images with their classes as a PNG",
                              "signum data show cifar10 -o samples.png");
  show->add_option("NAME", flags->name, names)->required();
  show->add_option("-o,--output", flags->output, "the PNG to write; by default samples.png")
      ->type_name("FILE");
  show->add_option("--count", flags->count, "how many images; by default 20")
      ->check(CLI::Range(int64_t{1}, data::kMaxSamples));
  show->add_option("--image", flags->image, "this one image alone, as it is, counted from 0")
      ->check(CLI::NonNegativeNumber)
      ->excludes("--count");
  show->add_option("--split", flags->split, "train or test; by default train");
  show->add_flag("--json", flags->json, "print JSON instead of text");

  CLI::App* get = AddCommand(command, *flags, "get", "download a dataset, check it and unpack it",
                             "signum data get cifar10");
  get->add_option("NAME", flags->name, names)->required();
  CLI::Option* from = get->add_option("--from", flags->from,
                                      "take it from this archive or folder instead of the network")
                          ->type_name("FILE");
  get->add_option("--mirror", flags->mirror, "download from this address, which has the same files")
      ->type_name("URL")
      ->excludes(from);
  get->add_flag("--json", flags->json, "print JSON instead of text");

  CLI::App* semantics =
      AddCommand(command, *flags, "semantics", "show how CIFAR-10's classes relate by meaning",
                 "signum data semantics -o heatmap.png");
  semantics->add_option("-o,--output", flags->output, "also draw the similarities as this PNG")
      ->type_name("FILE");
  semantics->add_flag("--json", flags->json, "print JSON instead of text");

  return [=]() -> Status {
    if (info->parsed()) return Info(*flags);
    if (get->parsed()) return Get(*flags);
    if (semantics->parsed()) return Semantics(*flags);
    if (flags->output.empty()) flags->output = "samples.png";
    return Show(*flags);
  };
}

}  // namespace signum::apps
