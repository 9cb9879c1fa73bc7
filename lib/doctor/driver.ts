// driver-missing, driver-too-new: libraries that belong to the machine, not to a package. A program finds libGL.so.1 in
// the store, which then looks for the graphics card's own half. NixOS puts that half into /run/opengl-driver (nixpkgs,
// add-driver-runpath), built against NixOS's own glibc.
import { dirname, join } from "node:path";
import type { Facts, Resolution } from "../addon/facts.js";
import { readdirSync } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";
import {
  driverDirectory,
  driverInterfaceOf,
  nvidiaSetting,
  versionedName,
} from "../file/driver_name.js";
import { sameMachine } from "../file/machine.js";
import type { Subject } from "../file/tree.js";
import { compareVersions } from "../file/versions.js";
import { factsOf, type LoadedObject } from "../judge/loaded.js";
import { type Circumstances, fixCommand } from "./circumstances.js";
import type { DlopenCandidates } from "./dlopen_candidates.js";
import type { Finding } from "./finding.js";

interface Interface {
  name: string;
  /** What programs ask for, whatever its version, besides what only the driver provides. */
  asked: readonly string[];
  /** The driver's half. */
  driver: RegExp;
  /** Where the driver's half is, below a directory of libraries. */
  below: string[];
}

const interfaces: Interface[] = [
  {
    name: "OpenGL",
    asked: ["libGL", "libGLX", "libEGL", "libOpenGL", "libGLESv1_CM", "libGLESv2"],
    driver: /^lib(GLX|EGL)_[^/]+\.so\.0$/,
    below: [""],
  },
  {
    name: "Vulkan",
    asked: ["libvulkan"],
    // Mesa's files are libvulkan_radeon.so and so on; NVIDIA's is its GLX library.
    driver: /^lib(vulkan_[^/]+\.so|GLX_nvidia\.so\.0)$/,
    below: [""],
  },
  {
    name: "CUDA",
    asked: ["libcuda"],
    driver: /^libcuda\.so\.1$/,
    below: [""],
  },
  {
    name: "VA-API",
    asked: ["libva", "libva-drm", "libva-glx", "libva-wayland", "libva-x11"],
    driver: /_drv_video\.so$/,
    below: ["/dri"],
  },
  {
    name: "VDPAU",
    asked: ["libvdpau"],
    driver: /^libvdpau_[^/]+\.so(\.1)?$/,
    below: ["", "/vdpau"],
  },
];

const mostFiles = 4096;

/** Whether a name is one of those that this file deals with. */
export function isDriverName(soname: string): boolean {
  return interfaces.some((each) => isOf(each, soname));
}

function isOf({ name, asked }: Interface, soname: string): boolean {
  const library = versionedName(soname);
  if (library === null) return false;
  return asked.includes(library) || driverInterfaceOf(soname) === name;
}

export async function driverFindings(
  subject: Subject,
  facts: Facts,
  resolution: Resolution,
  objects: readonly LoadedObject[],
  candidates: DlopenCandidates | null,
  circumstances: Circumstances,
): Promise<Finding[]> {
  // For a library, only its own needs count: the programs that use it are judged for the rest.
  const needed =
    facts.type === "shared-library"
      ? facts.needed
      : [...facts.needed, ...resolution.libraries.map(({ soname }) => soname)];
  const opened = [
    ...(candidates?.named.map(({ soname }) => soname) ?? []),
    ...(candidates?.notes.flatMap(({ sonames }) => sonames) ?? []),
  ];
  const findings: Finding[] = [];
  for (const each of interfaces) {
    const use = {
      needed: [...new Set(needed.filter((soname) => isOf(each, soname)))],
      opened: [...new Set(opened.filter((soname) => isOf(each, soname)))],
    };
    if (use.needed.length + use.opened.length === 0) continue;
    const finding = await findingFor(each, use, subject, facts, resolution, objects, circumstances);
    if (finding !== null) findings.push(finding);
  }
  return findings;
}

interface Use {
  needed: string[];
  opened: string[];
}

async function findingFor(
  each: Interface,
  use: Use,
  subject: Subject,
  facts: Facts,
  resolution: Resolution,
  objects: readonly LoadedObject[],
  circumstances: Circumstances,
): Promise<Finding | null> {
  const { files } = circumstances;
  const how = [
    ...use.needed.map((soname) => `it needs ${soname}`),
    ...use.opened.map((soname) => `it may open ${soname} at run time`),
  ];
  const missing = resolution.libraries.filter(
    ({ soname, path, optional }) =>
      path === null && !optional && driverInterfaceOf(soname) === each.name,
  );
  // On systems other than NixOS, the driver is where the loader looks for all libraries.
  const searched = [
    ...resolution.defaultDirectories,
    ...objects.slice(1).map(({ path }) => dirname(path)),
  ];
  if (missing.length === 0 && driverFiles(each, searched, facts, circumstances).length > 0)
    return null;

  const driver = driverFiles(each, [driverDirectory], facts, circumstances);
  if (driver.length === 0) {
    const isThere = files.look(driverDirectory).state !== "missing";
    return {
      code: "driver-missing",
      severity: missing.length > 0 ? "error" : "warning",
      message: `it uses ${each.name}, but there is no driver for it`,
      evidence: [
        ...how,
        isThere
          ? `${driverDirectory} has no ${each.name} driver`
          : `${driverDirectory} is not there`,
        ...missing.map(({ soname }) => `${soname} comes with the driver only`),
      ],
      cause: each.name,
      remedy:
        each.name === "CUDA" || missing.length > 0
          ? `On NixOS: hardware.graphics.enable = true; ${nvidiaSetting};`
          : "On NixOS: hardware.graphics.enable = true; (before 24.11: hardware.opengl.enable)",
    };
  }
  if (missing.length > 0) {
    const names = missing.map(({ soname }) => soname).join(", ");
    return {
      code: "driver-missing",
      severity: "error",
      message: `${names} comes with the driver, but the loader does not search there`,
      evidence: [...how, ...driver.map(({ path }) => `${path} is there`)],
      cause: each.name,
      remedy: fixCommand(subject, circumstances, {
        path: subject.shown,
        libraryDirectories: [driverDirectory],
      }),
    };
  }
  return tooNew(each, use, driver, subject, facts, objects, circumstances);
}

/** A driver that needs a newer glibc than the process has cannot be loaded into it. */
async function tooNew(
  each: Interface,
  use: Use,
  driver: readonly LoadedObject[],
  subject: Subject,
  facts: Facts,
  objects: readonly LoadedObject[],
  circumstances: Circumstances,
): Promise<Finding | null> {
  const libc = objects.find((object) => object.facts.soname === "libc.so.6");
  if (libc === undefined) return null;
  const defined = new Set(libc.facts.versionsDefined);
  const lacking = new Map<string, string>();
  for (const { path, facts: part } of driver) {
    for (const { library, versions } of part.versionsNeeded) {
      if (library !== "libc.so.6") continue;
      for (const { name, weak } of versions)
        if (!weak && !defined.has(name)) lacking.set(name, path);
    }
  }
  if (lacking.size === 0) return null;
  const versions = [...lacking.keys()].sort(compareVersions);
  const loaders = await circumstances.store.loaders();
  const enough = loaders.find(
    (loader) =>
      sameMachine(loader, facts) &&
      versions.every((version) => loader.definedVersions.includes(version)),
  );
  const fix = (interpreter?: string) =>
    fixCommand(subject, circumstances, {
      path: subject.shown,
      ...(interpreter && { interpreter }),
    });
  return {
    code: "driver-too-new",
    severity: use.needed.length > 0 ? "error" : "warning",
    message: `the ${each.name} driver needs ${versions.at(-1)}, which the program's glibc does not define`,
    evidence: [
      ...versions.map((version) => `${lacking.get(version)} needs ${version}`),
      `${libc.path} is the program's glibc`,
      ...(enough === undefined ? [] : [`the glibc of ${enough.path} defines all of them`]),
    ],
    cause: each.name,
    remedy:
      enough === undefined
        ? `No glibc in the store is new enough. Get the system's own, then: ${fix()}`
        : fix(enough.path),
  };
}

/** The driver's files for an interface, and for the program's machine, in the given directories. */
function driverFiles(
  { driver, below }: Interface,
  directories: readonly string[],
  facts: Facts,
  { files }: Circumstances,
): LoadedObject[] {
  const found: LoadedObject[] = [];
  for (const directory of new Set(directories)) {
    for (const name of below) {
      for (const entry of namesIn(files.hostPath(directory + name))) {
        if (!driver.test(entry)) continue;
        const path = join(directory + name, entry);
        const each = factsOf(path, files);
        if (each !== null && sameMachine(each, facts)) found.push({ path, facts: each });
      }
    }
  }
  return found;
}

function namesIn(host: string): string[] {
  try {
    return readdirSync(host).sort().slice(0, mostFiles);
  } catch (failure) {
    return unlessOfTheMoment([])(failure); // missing, or unreadable
  }
}
