// Libraries that belong to the machine and not to a package: they come with the graphics driver, and must be of the
// same release as its kernel module.

/** Where NixOS has the driver's libraries (nixpkgs, add-driver-runpath). */
export const driverDirectory = "/run/opengl-driver/lib";

/**
 * What an interface's programs, or its own libraries, load from the driver (NVIDIA driver README, "Installed
 * Components").
 */
const ofDriver = {
  OpenGL: /^lib(GLX|EGL|GLESv1_CM|GLESv2)_nvidia\.so\.\d/,
  CUDA: /^lib(cuda|cudadebugger|nvcuvid|nvoptix|nvidia-(?!egl-)[a-z]+\d*)\.so\.\d/,
} as const;

/** The setting that provides NVIDIA's driver on NixOS. */
export const nvidiaSetting = 'services.xserver.videoDrivers = [ "nvidia" ]';

/** The interface of a library that only the driver provides; null for others. */
export function driverInterfaceOf(soname: string): keyof typeof ofDriver | null {
  for (const name of ["OpenGL", "CUDA"] as const) if (ofDriver[name].test(soname)) return name;
  return null;
}

/** Whether only the driver provides it: no library package has it. */
export function comesWithDriver(soname: string): boolean {
  return driverInterfaceOf(soname) !== null;
}
