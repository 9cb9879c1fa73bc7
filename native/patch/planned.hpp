// A layout together with the content it was made for, so that whoever writes it can tell whether
// the file is still the same.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "patch/edits.hpp"

namespace fixelf {

struct PlannedLayout {
  Layout layout;
  FileSource::Identity identity;
};

// Makes a layout for the file as it is; no component of the path may be a symbolic link. A process
// that changes a file in place briefly shows all others a mixture of old and new: what looks wrong
// in that is not the file's fault, and the answer is then Busy or Changed. It is Cancelled if
// `stop` is requested meanwhile: nothing more is read then.
Result<PlannedLayout> planFile(const std::string& path,
                               const std::function<Result<Layout>(const Source&)>& change,
                               const std::stop_token& stop = {});

}  // namespace fixelf
