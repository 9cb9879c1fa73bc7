// The version that a C library reports for itself. Symbol versions are less precise: not every glibc release added new
// ones, and musl has none.
import { open } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";

/** Both libraries are far smaller; a larger file is not read to its end. */
const mostRead = 16 << 20;

/** null if the file cannot be read or reports no version. */
export async function bannerVersion(host: string, libc: "glibc" | "musl"): Promise<string | null> {
  const file = await open(host).catch(unlessOfTheMoment(null));
  if (file === null) return null;
  try {
    const size = Math.min((await file.stat()).size, mostRead);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
    return versionIn(buffer.toString("latin1", 0, bytesRead), libc);
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

/** What glibc prints when run (csu/version.c), or musl's loader (ldso/dynlink.c). */
export function versionIn(text: string, libc: "glibc" | "musl"): string | null {
  if (libc === "glibc")
    return (
      /GNU C Library \([^\n\0]*\) [a-z]+ release version (\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1] ??
      null
    );
  // "Version %s", and elsewhere the version inserted into it, as a separate string.
  if (!text.includes("musl libc (")) return null;
  return /\0(\d+\.\d+\.\d+)\0/.exec(text)?.[1] ?? null;
}
