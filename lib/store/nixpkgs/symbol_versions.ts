// Which library defines a symbol version, and since which release of its project.
import { compareVersions } from "../../file/versions.js";

/** A release, by its usual name. */
export interface DefiningRelease {
  /** The library that defines it. */
  soname: string;
  /** "gcc". */
  project: string;
  /** "13.2". */
  release: string;
}

/** GLIBCXX_3.4.N (GCC manual, libstdc++, "ABI Policy and Guidelines"). */
const glibcxx: Readonly<Record<number, string>> = {
  ...{ 10: "4.3", 11: "4.4", 12: "4.4.1", 13: "4.4.2", 14: "4.5", 15: "4.6", 16: "4.6.1" },
  ...{ 17: "4.7", 18: "4.8", 19: "4.8.3", 20: "4.9", 21: "5.1", 22: "6.1", 23: "7.1", 24: "7.2" },
  ...{ 25: "8.1", 26: "9.1", 27: "9.2", 28: "9.3", 29: "11.1", 30: "12.1", 31: "13.1", 32: "13.2" },
  ...{ 33: "14.1", 34: "15.1", 35: "16.1" },
};

/** CXXABI_1.3.N, from the same source. */
const cxxabi: Readonly<Record<number, string>> = {
  ...{ 2: "4.3", 3: "4.4", 4: "4.5", 5: "4.6", 6: "4.7", 7: "4.8", 8: "4.9", 9: "5.1", 10: "6.1" },
  ...{ 11: "7.1", 12: "9.1", 13: "12.1", 14: "13.1", 15: "14.1", 16: "15.1", 17: "16.1" },
};

/** The newest releases known here. */
const newest: Readonly<Record<string, string>> = { gcc: "16.1", glibc: "2.44" };

/** Versions that are named after the release in which they came. */
const called: readonly [pattern: RegExp, soname: string, project: string][] = [
  [/^GLIBC_(\d+\.\d+(?:\.\d+)?)$/, "libc.so.6", "glibc"],
  [/^GCC_(\d+\.\d+(?:\.\d+)?)$/, "libgcc_s.so.1", "gcc"],
  [/^OPENSSL_(3\.\d+\.\d+)$/, "libssl.so.3", "openssl"],
  [/^OPENSSL_(1_1_\d)$/, "libssl.so.1.1", "openssl"],
  [/^CURL_OPENSSL_(\d+)$/, "libcurl.so.4", "curl with version"],
  [/^LIBXML2_(\d+\.\d+\.\d+)$/, "libxml2.so.2", "libxml2"],
  [/^ZLIB_(\d+\.\d+\.\d+(?:\.\d+)?)$/, "libz.so.1", "zlib"],
  [/^ALSA_(\d\.\d[\w.]*)$/, "libasound.so.2", "alsa-lib"],
  [/^XCRYPT_(\d\.\d)$/, "libcrypt.so.1", "libxcrypt with version"],
];

/** null if not known. */
export function releaseDefining(version: string): DefiningRelease | null {
  const cxx = /^(GLIBCXX_3\.4|CXXABI_1\.3)\.(\d+)$/.exec(version);
  if (cxx !== null) {
    const release = (cxx[1] === "CXXABI_1.3" ? cxxabi : glibcxx)[Number(cxx[2])];
    return release === undefined ? null : { soname: "libstdc++.so.6", project: "gcc", release };
  }
  for (const [pattern, soname, project] of called) {
    const release = pattern.exec(version)?.[1];
    if (release !== undefined) return { soname, project, release: release.replaceAll("_", ".") };
  }
  return null;
}

/** "no known gcc defines it (16.1 is the newest)"; null if one does, or might. */
export function definedByNone(version: string): string | null {
  const cxx = /^(GLIBCXX_3\.4|CXXABI_1\.3)\.(\d+)$/.exec(version);
  const known = Object.keys(cxx?.[1] === "CXXABI_1.3" ? cxxabi : glibcxx).map(Number);
  const { project, release } = releaseDefining(version) ?? { project: "gcc", release: null };
  const last = newest[project] ?? null;
  const isNewer =
    release === null
      ? cxx !== null && Number(cxx[2]) > Math.max(...known)
      : last !== null && compareVersions(release, last) > 0;
  return isNewer ? `no known ${project} defines it (${last} is the newest)` : null;
}

/** "gcc 13.2 or newer"; null if not known, or if no known release does. */
export function sinceRelease(version: string): string | null {
  const found = definedByNone(version) === null ? releaseDefining(version) : null;
  return found && `${found.project} ${found.release} or newer`;
}

/** The library that a version belongs to, even if its release is not known. */
export function libraryOfVersion(version: string): string | null {
  if (/^(GLIBCXX|CXXABI)_/.test(version)) return "libstdc++.so.6";
  if (/^(GOMP|OMP|OACC)_/.test(version)) return "libgomp.so.1";
  return releaseDefining(version)?.soname ?? null;
}
