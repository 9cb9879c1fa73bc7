// The version that a C library says it has. Symbol versions say less: not every release of glibc
// has brought new ones, and musl has none.
import { open } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";

/** Both libraries are far smaller; what is larger is not read to its end. */
const mostRead = 16 << 20;

/** null where the file cannot be read or says nothing of the kind. */
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

/** What glibc prints when it is run (csu/version.c), or musl's loader (ldso/dynlink.c). */
export function versionIn(text: string, libc: "glibc" | "musl"): string | null {
  if (libc === "glibc")
    return (
      /GNU C Library \([^\n\0]*\) [a-z]+ release version (\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1] ??
      null
    );
  // "Version %s", and elsewhere, as a string of its own, what is put in.
  if (!text.includes("musl libc (")) return null;
  return /\0(\d+\.\d+\.\d+)\0/.exec(text)?.[1] ?? null;
}
