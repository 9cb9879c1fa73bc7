#include "run/rights.hpp"

#include <linux/capability.h>
#include <linux/xattr.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <array>
#include <cstdint>
#include <span>

#include "base/descriptor.hpp"

namespace fixelf {

namespace {

// Little-endian whatever the machine (linux/capability.h, struct vfs_ns_cap_data).
uint32_t wordAt(std::span<const uint8_t> bytes, size_t index) {
  uint32_t word = 0;
  for (size_t byte = 0; byte < 4; byte++)
    word |= uint32_t{bytes[index * 4 + byte]} << (byte * 8);
  return word;
}

// Capabilities that a process need not have before, or that become effective
// (cap_bprm_creds_from_file in security/commoncap.c; its exception for root does not apply to every
// user). Those that are only inherited need a process that already has them.
bool givesCapabilities(const std::string& path) {
  std::array<uint8_t, XATTR_CAPS_SZ_3> value{};
  const ssize_t length = getxattr(path.c_str(), XATTR_NAME_CAPS, value.data(), value.size());
  if (length < static_cast<ssize_t>(XATTR_CAPS_SZ_1)) return false;
  const uint32_t header = wordAt(value, 0);
  const uint32_t revision = header & VFS_CAP_REVISION_MASK;
  const bool isFull = length >= static_cast<ssize_t>(XATTR_CAPS_SZ_2);
  // Read in the user namespace that they are for, these too are shown in the second format.
  const bool isForOthers = revision == VFS_CAP_REVISION_3 && isFull && wordAt(value, 5) != 0;
  if (isForOthers) return false;
  const bool permits = wordAt(value, 1) != 0 || (isFull && wordAt(value, 3) != 0);
  return permits || (header & VFS_CAP_FLAGS_EFFECTIVE) != 0;
}

}  // namespace

GivenRights givenRights(const std::string& path) {
  GivenRights given;
  struct stat state {};
  if (uninterrupted([&] { return stat(path.c_str(), &state); }) != 0) return given;
  given.owner = state.st_uid;
  // bprm_fill_uid in fs/exec.c: the group counts if it may execute the file.
  given.user = (state.st_mode & S_ISUID) != 0;
  given.group = (state.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
  given.capabilities = givesCapabilities(path);
  if (!given.user && !given.group && !given.capabilities) return given;
  struct statvfs system {};
  given.ignored = uninterrupted([&] { return statvfs(path.c_str(), &system); }) == 0 &&
                  (system.f_flag & ST_NOSUID) != 0;
  return given;
}

}  // namespace fixelf
