// One file, changed as requested: all edits are one plan and one write. Nothing is chosen here; a
// request is carried out, or refused with the reason.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "edit/request.hpp"
#include "patch/planned.hpp"
#include "patch/write.hpp"

namespace fixelf {

struct PlannedEdit {
  PlannedLayout planned;
  std::optional<NoCache> noCache;
};

// No component of the path may be a symbolic link. Fails as readFacts, editsFor and planFile do.
Result<PlannedEdit> planEdit(const std::string& path, const EditRequest& request,
                             const std::stop_token& stop = {});

struct EditOptions {
  std::string output;  // where the result goes; the file itself, or another one with Atomic
  WriteMode mode = WriteMode::Atomic;
  std::string recordDirectory;  // for `undo`; empty keeps none
  Flush flush = Flush::Everything;
};

// Writes it, unless nothing changes and the output is the file itself. Fails as writeAll does.
Status writeEdit(const std::string& path, const PlannedEdit& edit, const EditOptions& options,
                 const std::stop_token& stop = {});

}  // namespace fixelf
