declare module "node-gyp-build" {
  /** Finds the addon of the package in a directory, and loads it. Throws where there is none that runs here. */
  export default function load(directory: string): unknown;
}
