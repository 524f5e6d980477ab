#include "bench_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "json_text.h"
#include "kernel_table.h"
#include "report/table.h"
#include "verb.h"

namespace signum::apps {
namespace {

using Json = nlohmann::ordered_json;
using runtime::Arithmetic;

int64_t Macs(const runtime::Program& program) {
  int64_t macs = 0;
  for (const runtime::PlannedStep& planned : program.steps()) macs += planned.report.macs;
  return macs;
}

// Billions of operations a second; a multiply-accumulate is two.
double Giga(double macs, double seconds) { return seconds > 0 ? 2e-9 * macs / seconds : 0; }

double ImagesPerSecond(const Timing& timing) {
  return 1e3 * static_cast<double>(timing.batch) / Quantile(timing.milliseconds, 0.5);
}

// What a session takes, all in all, and the least that any engine could do with, as
// docs/performance.md defines them.
int64_t SessionBytes(const BenchResult& result, const Timing& timing) {
  return result.program->weight_bytes() + timing.memory_bytes;
}
int64_t LeastBytes(const BenchResult& result, const Timing& timing) {
  const runtime::Program& program = *result.program;
  return program.least_weight_bytes() + program.neighbour_bytes_per_image() * timing.batch;
}

// How near a step comes to what one thread can do, from 0 to about 1; 0 where that is
// not known.
double RooflineShare(const BenchResult& result, const Timing& timing, size_t step) {
  if (!result.measured || timing.threads != 1) return 0;
  const runtime::StepReport& report = result.program->steps()[step].report;
  const double seconds = timing.step_seconds[step];
  const limits::Limits& limits = *result.measured;
  const double ops_per_second = report.arithmetic == Arithmetic::kFloat  ? limits.float_ops
                                : report.arithmetic == Arithmetic::kInt8 ? limits.int8_ops
                                : report.arithmetic == Arithmetic::kBits ? limits.bit_ops
                                                                         : 0;
  if (ops_per_second == 0 || seconds == 0) return 0;
  const int64_t bytes = report.weight_bytes + report.map_bytes * timing.batch;
  const double ops = 2 * static_cast<double>(report.macs * report.planes * timing.batch);
  return limits::RooflineSeconds(limits, ops, ops_per_second, bytes) / seconds;
}

Json StepJson(const BenchResult& result, const Timing& timing, size_t step) {
  const runtime::StepReport& report = result.program->steps()[step].report;
  const double seconds = timing.step_seconds[step];
  Json json;
  json["name"] = report.name;
  json["operators"] = report.ops;
  json["output"] = report.output;
  json["kernel"] = report.kernel;
  json["macs"] = report.macs;
  if (seconds > 0) {
    json["milliseconds"] = 1e3 * seconds;
    json["gops"] = Giga(static_cast<double>(report.macs * timing.batch), seconds);
    if (const double share = RooflineShare(result, timing, step); share > 0) {
      json["roofline_share"] = share;
    }
  }
  json["refused"] = Json::array();
  for (const kernels::Refusal& refusal : report.refused) {
    json["refused"].push_back({{"kernel", refusal.kernel}, {"reason", refusal.reason}});
  }
  return json;
}

Json TimingJson(const BenchResult& result, const Timing& timing) {
  Json json;
  json["threads"] = timing.threads;
  json["batch"] = timing.batch;
  json["runs"] = timing.milliseconds.size();
  json["min_ms"] = Quantile(timing.milliseconds, 0);
  json["median_ms"] = Quantile(timing.milliseconds, 0.5);
  json["p90_ms"] = Quantile(timing.milliseconds, 0.9);
  json["images_per_second"] = ImagesPerSecond(timing);
  json["memory_bytes"] = timing.memory_bytes;
  json["session_bytes"] = SessionBytes(result, timing);
  json["least_bytes"] = LeastBytes(result, timing);
  json["steps"] = Json::array();
  for (size_t i = 0; i < result.program->steps().size(); ++i) {
    json["steps"].push_back(StepJson(result, timing, i));
  }
  return json;
}

Json LimitsJson(const limits::Limits& limits) {
  Json json;
  json["float_gops"] = 1e-9 * limits.float_ops;
  json["int8_gops"] = 1e-9 * limits.int8_ops;
  json["bit_gops"] = 1e-9 * limits.bit_ops;
  json["reads"] = Json::array();
  for (const limits::Bandwidth& read : limits.reads) {
    json["reads"].push_back({{"buffer_bytes", read.buffer_bytes},
                             {"gigabytes_per_second", 1e-9 * read.bytes_per_second}});
  }
  return json;
}

std::string ToJson(const BenchResult& result) {
  Json json;
  json["model"] = result.model;
  json["cpu"] = CpuName();
  json["isa"] = IsaName(result.program->isa());
  json["build"] = BuildText();
  json["flags"] = result.flags;
  json["macs"] = Macs(*result.program);
  json["weight_bytes"] = result.program->weight_bytes();
  if (!result.load_milliseconds.empty()) {
    json["load_ms"] = Quantile(result.load_milliseconds, 0.5);
  }
  if (result.measured) json["limits"] = LimitsJson(*result.measured);
  if (result.timings.size() == 1) {
    json.update(TimingJson(result, result.timings[0]));
  } else {
    for (const Timing& timing : result.timings)
      json["results"].push_back(TimingJson(result, timing));
  }
  return JsonText(json);
}

report::Table Summary(const BenchResult& result) {
  const runtime::Program& program = *result.program;
  const Timing& timing = result.timings[0];
  const double median = Quantile(timing.milliseconds, 0.5);
  const auto macs = static_cast<double>(Macs(program) * timing.batch);
  report::Table table({{"measure"}, {"value", true}});
  table.AddRow({"processor", CpuName()});
  table.AddRow({"instruction set", IsaName(program.isa())});
  table.AddRow({"threads", std::to_string(timing.threads)});
  table.AddRow({"batch", std::to_string(timing.batch)});
  table.AddRow({"runs", report::HumanCount(static_cast<int64_t>(timing.milliseconds.size()))});
  table.AddRule();
  table.AddRow({"minimum", fmt::format("{:.3f} ms", Quantile(timing.milliseconds, 0))});
  table.AddRow({"median", fmt::format("{:.3f} ms", median)});
  table.AddRow({"90th percentile", fmt::format("{:.3f} ms", Quantile(timing.milliseconds, 0.9))});
  table.AddRow({"images/s", report::HumanNumber(ImagesPerSecond(timing))});
  table.AddRow({"GOP/s", report::HumanNumber(Giga(macs, 1e-3 * median))});
  table.AddRule();
  if (!result.load_milliseconds.empty()) {
    table.AddRow(
        {"file to session", fmt::format("{:.1f} ms", Quantile(result.load_milliseconds, 0.5))});
  }
  table.AddRow({"packed weights", report::HumanBytes(program.weight_bytes())});
  table.AddRow({"working memory", report::HumanBytes(timing.memory_bytes)});
  const int64_t least = LeastBytes(result, timing);
  table.AddRow({"weights and two maps", report::HumanBytes(least)});
  table.AddRow(
      {"session / these", fmt::format("{:.2f}", static_cast<double>(SessionBytes(result, timing)) /
                                                    static_cast<double>(least))});
  return table;
}

// A row for each way of running.
report::Table Comparison(const BenchResult& result) {
  report::Table table({{"threads", true},
                       {"batch", true},
                       {"runs", true},
                       {"minimum ms", true},
                       {"median ms", true},
                       {"90 % ms", true},
                       {"images/s", true},
                       {"GOP/s", true},
                       {"memory", true}});
  for (const Timing& timing : result.timings) {
    const double median = Quantile(timing.milliseconds, 0.5);
    const auto macs = static_cast<double>(Macs(*result.program) * timing.batch);
    table.AddRow(
        {std::to_string(timing.threads), std::to_string(timing.batch),
         report::HumanCount(static_cast<int64_t>(timing.milliseconds.size())),
         fmt::format("{:.3f}", Quantile(timing.milliseconds, 0)), fmt::format("{:.3f}", median),
         fmt::format("{:.3f}", Quantile(timing.milliseconds, 0.9)),
         report::HumanNumber(ImagesPerSecond(timing)),
         report::HumanNumber(Giga(macs, 1e-3 * median)), report::HumanBytes(timing.memory_bytes)});
  }
  return table;
}

report::Table Profile(const BenchResult& result, const Timing& timing) {
  double total = 0;
  for (double seconds : timing.step_seconds) total += seconds;
  report::Table table({{"layer"},
                       {"operators"},
                       {"output"},
                       {"kernel"},
                       {"ms", true},
                       {"share", true},
                       {"GOP/s", true},
                       {"of the limit", true}});
  const auto& steps = result.program->steps();
  for (size_t i = 0; i < steps.size(); ++i) {
    const runtime::StepReport& report = steps[i].report;
    const double seconds = timing.step_seconds[i];
    const double gops = Giga(static_cast<double>(report.macs * timing.batch), seconds);
    const double roofline = RooflineShare(result, timing, i);
    table.AddRow({report.name, report.ops, report.output,
                  report.kernel.substr(0, report.kernel.find(',')),
                  fmt::format("{:.4f}", 1e3 * seconds), report::HumanPercent(seconds / total),
                  report.macs > 0 ? fmt::format("{:.1f}", gops) : "",
                  roofline > 0 ? report::HumanPercent(roofline) : ""});
  }
  table.AddRule();
  table.AddRow({"sum", "", "", "", fmt::format("{:.4f}", 1e3 * total)});
  return table;
}

report::Table LimitsTable(const limits::Limits& limits) {
  report::Table table({{"one thread's limit"}, {"measured", true}});
  table.AddRow({"float multiply-adds", fmt::format("{:.0f} GOP/s", 1e-9 * limits.float_ops)});
  table.AddRow({"8-bit products", fmt::format("{:.0f} GOP/s", 1e-9 * limits.int8_ops)});
  table.AddRow({"XOR and popcount", fmt::format("{:.0f} GOP/s", 1e-9 * limits.bit_ops)});
  for (const limits::Bandwidth& read : limits.reads) {
    table.AddRow({"reads of " + report::HumanBytes(read.buffer_bytes),
                  fmt::format("{:.1f} GB/s", 1e-9 * read.bytes_per_second)});
  }
  return table;
}

}  // namespace

std::string BenchText(const BenchResult& result, BenchFormat format) {
  if (format == BenchFormat::kJson) return ToJson(result);
  const bool markdown = format == BenchFormat::kMarkdown;
  const auto text = [&](const report::Table& table) {
    return markdown ? table.ToMarkdown() : table.ToText();
  };
  std::string all;
  if (markdown) {
    all = fmt::format("`signum bench {} {}` on {} ({}), {}\n\n", result.model, result.flags,
                      CpuName(), IsaName(result.program->isa()), BuildText());
  }
  const bool one = result.timings.size() == 1;
  all += text(one ? Summary(result) : Comparison(result));
  if (result.measured && !result.measured->reads.empty()) {
    all += "\n" + text(LimitsTable(*result.measured));
  }
  if (result.measured) all += "\n" + text(Profile(result, result.timings[0]));
  if (result.explain) all += "\n" + text(KernelTable(*result.program));
  return all;
}

}  // namespace signum::apps
