// Whether the kernel will execute a file for this user, and if not, why.
import { native } from "../addon/native.js";
import { access, constants } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { thisHost } from "../judge/host.js";
import { mountProblems } from "../judge/mount.js";

/**
 * @param elsewhere what helps if its mount is noexec
 * @throws FixelfError `permission-denied`
 */
export async function mustBeExecutable(path: string, elsewhere: string): Promise<void> {
  await access(path, constants.X_OK).catch((cause: unknown) => {
    const [mount] = mountProblems(path, [path], thisHost(), new native.Files(""));
    const why =
      mount === undefined
        ? "it may not be executed; allow it with chmod +x"
        : `${mount.message}; ${elsewhere}`;
    throw new FixelfError("permission-denied", `${path}: ${why}`, { path, cause });
  });
}
