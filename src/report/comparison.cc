#include "report/comparison.h"

#include <fmt/format.h>

#include <utility>

#include "report/html.h"
#include "report/run_report_parts.h"

namespace signum::report {
namespace {

std::string Curves(const ComparedRuns& group) {
  std::vector<Series> accuracies, losses;
  for (const ComparedRuns::Curve& curve : group.curves) {
    accuracies.push_back(SeriesOf(curve.epochs, curve.name, &EpochRecord::test_accuracy));
    losses.push_back(SeriesOf(curve.epochs, curve.name, &EpochRecord::test_loss));
  }
  for (const ComparedRuns::Reference& reference : group.references) {
    const auto epochs = static_cast<double>(reference.epochs);
    accuracies.push_back(
        {fmt::format("reference, {} epochs", reference.epochs), {epochs}, {reference.accuracy}});
  }
  LineChart accuracy, loss;
  accuracy.title = "Test accuracy";
  accuracy.percent = true;
  loss.title = "Test loss";
  const std::string cards = CurveCard(std::move(accuracy), std::move(accuracies)) +
                            CurveCard(std::move(loss), std::move(losses));
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
