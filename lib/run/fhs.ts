// The appearance of an ordinary distribution, as far as programs and scripts rely on it: what steam-run and buildFHSEnv
// provide (nixpkgs, pkgs/build-support/build-fhsenv-bubblewrap), in places where nothing exists.
import { join } from "node:path";
import { existsSync, lstatSync, readdirSync } from "../base/disk.js";
import { variable } from "../base/process.js";
import type { Store } from "../store/context.js";
import { inStore } from "../store/place.js";
import { findInStore, findProgram } from "../store/programs.js";
import { withoutLinks } from "./composed_root.js";
import type { Running } from "./start.js";

interface Look {
  links: Running["links"];
  /** nixpkgs' glibc looks for locales in a place of its own, unless this names another. */
  variables: Record<string, string>;
}

const locales = "/usr/lib/locale/locale-archive";

export async function fhsLook(store: Store): Promise<Look> {
  const { store: top, system } = store.place;
  const links = await programs(store);
  const add = (place: string, target: string | null | undefined) => {
    if (target) links.push({ place, target });
  };
  const certificates =
    variable("NIX_SSL_CERT_FILE") ??
    variable("SSL_CERT_FILE") ??
    (await inStorePath("etc/ssl/certs/ca-bundle.crt", store));
  // Debian's name, and Fedora's.
  for (const name of ["ca-certificates.crt", "ca-bundle.crt"])
    add(`/etc/ssl/certs/${name}`, certificates);
  const archive =
    [variable("LOCALE_ARCHIVE"), join(system, "lib/locale/locale-archive")].find(
      (path) => path !== undefined && existsSync(path),
    ) ?? (await inStorePath("lib/locale/locale-archive", store));
  add(locales, archive);
  add("/usr/share/zoneinfo", existsSync("/etc/zoneinfo") ? "/etc/zoneinfo" : null);
  if (isMissing("/run/opengl-driver")) {
    const driver = await inStorePath("lib/libEGL_mesa.so.0", store);
    add("/run/opengl-driver", driver?.slice(0, -"/lib/libEGL_mesa.so.0".length));
  }
  return {
    links: links.filter(({ place }) => isMissing(place) && !inStore(withoutLinks(place), top)),
    variables: archive && !process.env.LOCALE_ARCHIVE ? { LOCALE_ARCHIVE: locales } : {},
  };
}

/** All programs in the running system, and in any case those that shebang lines name. */
async function programs(store: Store): Promise<Running["links"]> {
  const { system } = store.place;
  const targets = new Map<string, string>();
  for (const name of ["sh", "bash", "env"]) {
    const found = await findProgram(name, store);
    if (found !== null) targets.set(name, found.path);
  }
  for (const name of namesIn(join(system, "bin"))) targets.set(name, join(system, "bin", name));
  return ["/bin", "/usr/bin"].flatMap((directory) =>
    [...targets].map(([name, target]) => ({ place: join(directory, name), target })),
  );
}

async function inStorePath(name: string, store: Store): Promise<string | null> {
  return (await findInStore(name, store, existsSync))?.path ?? null;
}

function isMissing(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // a machine that does not run NixOS
  }
}
