// Whether anything is mounted within a tree.
#pragma once

namespace fixelf {

// Whether something is mounted below an open directory; also true if that cannot be determined. It
// reads the whole list of mounts, which takes as long as opening some dozen files.
bool hasMountsBelow(int directory);

}  // namespace fixelf
