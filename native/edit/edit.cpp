#include "edit/edit.hpp"

#include <iterator>

namespace fixelf {

Result<PlannedEdit> planEdit(const std::string& path, const EditRequest& request,
                             const std::stop_token& stop) {
  std::optional<NoCache> noCache;
  auto planned = planFile(
      path,
      [&](const Source& source) -> Result<Layout> {
        const auto facts = readFacts(source, path);
        if (!facts) return facts.error();
        auto asked = editsFor(request, *facts);
        if (!asked) return asked.error();
        auto layout = layOut(source, asked->edits);
        if (!layout) return layout.error();
        layout->reasons.insert(layout->reasons.begin(),
                               std::make_move_iterator(asked->reasons.begin()),
                               std::make_move_iterator(asked->reasons.end()));
        noCache = asked->noCache;
        return layout;
      },
      stop);
  if (!planned) return planned.error();
  return PlannedEdit{std::move(*planned), noCache};
}

Status writeEdit(const std::string& path, const PlannedEdit& edit, const EditOptions& options,
                 const std::stop_token& stop) {
  const Layout& layout = edit.planned.layout;
  if (layout.empty() && options.output == path) return Done{};
  const WriteJob job{
      path,         options.output,      layout.ranges, layout.newSize, edit.planned.identity,
      options.mode, WritePurpose::Change};
  return writeAll({job}, {options.recordDirectory, options.flush, nullptr, stop}).front();
}

}  // namespace fixelf
