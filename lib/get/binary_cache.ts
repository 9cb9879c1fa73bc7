// What a binary cache says about a store path before anything is fetched: its narinfo has the size, and a listing
// beside it (`HASH.ls`, if the cache writes them, as cache.nixos.org does) has the names of all files.
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readFile } from "../base/disk.js";
import { variable } from "../base/process.js";
import { download } from "./download.js";
import { capture, type NixRun } from "./nix_command.js";

/** What a cache says about one library in a store path. */
export interface CacheAnswer {
  /** Its address. */
  cache: string;
  /** The name that was looked up. */
  soname: string;
  /** "lib/libcrypt.so.1"; null if the listing has no such file. */
  file: string | null;
  /** The target, if that file is a link: "libcrypt.so.1.1.0". */
  linkTo: string | null;
  /** Bytes to fetch for the store path itself; null if not stated. */
  size: number | null;
}

interface Listed {
  type?: unknown;
  target?: unknown;
  entries?: Record<string, Listed>;
}

/** Milliseconds to wait for an answer: it only improves a message, and is not worth a longer wait. */
const patience = 5_000;

/** Bytes: listings for libraries are small; a larger one is not read. */
const mostListed = 32 << 20;

/** The caches that Nix is configured to use. */
export interface Caches {
  /** Those that can be read here: "https://cache.nixos.org". */
  addresses: string[];
  /** Certificates of the authorities that Nix trusts, as PEM; empty if not known. */
  authorities: string[];
}

export async function cachesOf(run: NixRun): Promise<Caches> {
  const words = ["--extra-experimental-features", "nix-command", "show-config"];
  const shown = await capture("nix", words, run).catch(() => "");
  const named = /^substituters = (.*)$/m.exec(shown)?.[1] ?? "";
  const addresses = named.split(" ").flatMap((each) => {
    const [address = ""] = each.split("?");
    return /^(https?|file):\/\//.test(address) ? [address.replace(/\/+$/, "")] : [];
  });
  // Nix's setting includes NIX_SSL_CERT_FILE; what Node was told to trust is added.
  const trusted = /^ssl-cert-file = (.+)$/m.exec(shown)?.[1];
  if (trusted === undefined) return { addresses, authorities: [] };
  const files = [trusted, variable("NODE_EXTRA_CA_CERTS") ?? ""].filter((file) => file !== "");
  const read = files.map((file) => readFile(file, "utf8").catch(() => null));
  const authorities = (await Promise.all(read)).filter((each) => each !== null);
  return { addresses, authorities };
}

/** The first cache with a listing for the store path; null if none could be read. */
export async function lookInCaches(
  storePath: string,
  soname: string,
  { addresses, authorities }: Caches,
  { signal }: NixRun,
): Promise<CacheAnswer | null> {
  const hash = basename(storePath).slice(0, 32);
  for (const cache of addresses) {
    const listing = await read(`${cache}/${hash}.ls`, authorities, signal);
    const root = listing === null ? null : rootOf(listing);
    if (root === null) continue;
    const found = fileNamed(soname, root);
    const info = await read(`${cache}/${hash}.narinfo`, authorities, signal);
    const size = /^FileSize: (\d+)$/m.exec(info ?? "")?.[1];
    return {
      ...{ cache, soname, file: found?.path ?? null, linkTo: found?.linkTo ?? null },
      size: size === undefined ? null : Number(size),
    };
  }
  return null;
}

async function read(
  address: string,
  authorities: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string | null> {
  try {
    if (address.startsWith("file:")) return await readFile(fileURLToPath(address), "utf8");
    const limit = AbortSignal.timeout(patience);
    const bytes = await download(address, {
      ...{ authorities, most: mostListed },
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    });
    return bytes.toString("utf8");
  } catch {
    return null;
  }
}

function rootOf(listing: string): Listed | null {
  try {
    const { root } = JSON.parse(listing) as { root?: Listed };
    return root ?? null;
  } catch {
    return null;
  }
}

/** In `lib`, where nixpkgs' packages have their libraries, or a subdirectory of it. */
function fileNamed(soname: string, root: Listed): { path: string; linkTo: string | null } | null {
  const waiting: [path: string, directory: Listed][] = [];
  for (const name of ["lib", "lib64", "lib32"]) {
    const directory = entry(root, name);
    if (directory !== null) waiting.push([name, directory]);
  }
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [path, directory] = next;
    const file = entry(directory, soname);
    if (file !== null && file.type !== "directory") {
      const linkTo = file.type === "symlink" ? String(file.target) : null;
      return { path: join(path, soname), linkTo };
    }
    for (const [name, below] of Object.entries(directory.entries ?? {}))
      if (below?.type === "directory") waiting.push([join(path, name), below]);
  }
  return null;
}

function entry({ entries }: Listed, name: string): Listed | null {
  return entries !== undefined && Object.hasOwn(entries, name) ? (entries[name] ?? null) : null;
}
