#include "report/comparison.h"

#include <fmt/format.h>

#include <utility>

#include "report/html.h"
#include "report/run_report_parts.h"

namespace signum::report {
namespace {

// The mean over layers at each epoch that has rates.
Series FlipRates(const ComparedRuns::Curve& curve) {
  Series series{curve.name, {}, {}};
  for (const EpochRecord& epoch : curve.epochs) {
    if (epoch.flip_rates.empty()) continue;
    double sum = 0;
    for (const auto& [layer, rate] : epoch.flip_rates) sum += rate;
    series.x.push_back(static_cast<double>(epoch.epoch));
    series.y.push_back(sum / static_cast<double>(epoch.flip_rates.size()));
  }
  return series;
}

std::string Curves(const ComparedRuns& group) {
  std::vector<Series> accuracies, losses, flips;
  for (const ComparedRuns::Curve& curve : group.curves) {
    accuracies.push_back(SeriesOf(curve.epochs, curve.name, &EpochRecord::test_accuracy));
    losses.push_back(SeriesOf(curve.epochs, curve.name, &EpochRecord::test_loss));
    flips.push_back(FlipRates(curve));
  }
  for (const ComparedRuns::Reference& reference : group.references) {
    const auto epochs = static_cast<double>(reference.epochs);
    accuracies.push_back(
        {fmt::format("reference, {} epochs", reference.epochs), {epochs}, {reference.accuracy}});
  }
  LineChart accuracy, loss, flip;
  accuracy.title = "Test accuracy";
  accuracy.percent = true;
  loss.title = "Test loss";
  flip.title = "Bits that an epoch flips, mean of the layers";
  flip.percent = true;
  flip.from_zero = true;
  const std::string cards = CurveCard(std::move(accuracy), std::move(accuracies)) +
                            CurveCard(std::move(loss), std::move(losses)) +
                            CurveCard(std::move(flip), std::move(flips));
  return cards.empty() ? "" : "<div class=\"pair\">\n" + cards + "</div>\n";
}

}  // namespace

std::string RenderComparison(const std::string& title, const Table& table,
                             const std::vector<ComparedRuns>& groups) {
  std::string body = HtmlSection("Networks", table.ToHtml());
  for (const ComparedRuns& group : groups) {
    if (const std::string curves = Curves(group); !curves.empty()) {
      body += HtmlSection(group.title, curves);
    }
  }
  return HtmlPage(title, body);
}

}  // namespace signum::report
