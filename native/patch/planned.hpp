// A layout together with the content that it was made for: whoever writes it sees whether the file
// is still that.
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

// Makes a layout of the file as it is; no component of the path may be a symbolic link. Whoever
// changes a file in place shows everybody else a mixture of old and new for a moment: what looks
// wrong in that is not the file's fault, and the answer is Busy or Changed then. It is Cancelled
// where `stop` is requested meanwhile: nothing more is read then.
Result<PlannedLayout> planFile(const std::string& path,
                               const std::function<Result<Layout>(const Source&)>& change,
                               const std::stop_token& stop = {});

}  // namespace fixelf
