// Libraries that belong to the machine and not to a package: they come with the graphics driver, and must be of the
// same release as its kernel module.

/** Where NixOS has the driver's libraries (nixpkgs, add-driver-runpath). */
export const driverDirectory = "/run/opengl-driver/lib";

/**
 * What an interface's programs, or its own libraries, load from the driver (NVIDIA driver README, "Installed
 * Components").
 */
const ofDriver = {
  OpenGL: ["libGLX_nvidia", "libEGL_nvidia", "libGLESv1_CM_nvidia", "libGLESv2_nvidia"],
  CUDA: ["libcuda", "libcudadebugger", "libnvcuvid", "libnvoptix"],
} as const;
const otherOfCuda = /^libnvidia-(?!egl-)[a-z]+\d*$/;

/** The setting that provides NVIDIA's driver on NixOS. */
export const nvidiaSetting = 'services.xserver.videoDrivers = [ "nvidia" ]';

/** The interface of a library that only the driver provides; null for others. */
export function driverInterfaceOf(soname: string): keyof typeof ofDriver | null {
  const name = versionedName(soname);
  if (name === null) return null;
  for (const each of ["OpenGL", "CUDA"] as const)
    if (ofDriver[each].some((library) => library === name)) return each;
  return name.startsWith("libnvidia-") && otherOfCuda.test(name) ? "CUDA" : null;
}

/** "libGL" of libGL.so.1; null if a version does not follow. (No pattern: V8 compiles each when it is first used.) */
export function versionedName(soname: string): string | null {
  const at = soname.indexOf(".so.");
  const digit = soname.charCodeAt(at + 4) - 0x30;
  return at !== -1 && digit >= 0 && digit <= 9 ? soname.slice(0, at) : null;
}

/** Whether only the driver provides it: no library package has it. */
export function comesWithDriver(soname: string): boolean {
  return driverInterfaceOf(soname) !== null;
}
