declare module "node-gyp-build" {
  /** Finds the package's addon in a directory, and loads it. Throws if there is none that runs here. */
  export default function load(directory: string): unknown;
}
