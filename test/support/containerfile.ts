// Builds what a Containerfile describes (https://docs.docker.com/reference/dockerfile/), as far as is needed here, and
// starts it. An instruction, or a form of one, that is not known here is an error.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { unshare } from "./needs.js";

interface Stage {
  root: string;
  variables: Record<string, string>;
  entryPoint: string[];
}

interface Place {
  /** What COPY copies from. */
  context: string;
  /** The root of each image that FROM names. */
  images: Readonly<Record<string, string>>;
  /** Where the stages are built. */
  roots: string;
}

/** Builds the last stage. RUN has this machine's programs behind those of the image. */
export function build(text: string, place: Place): Stage {
  const stages = new Map<string, Stage>();
  let stage: Stage = { root: "", variables: {}, entryPoint: [] };
  for (const [name, rest] of instructions(text)) {
    if (name !== "FROM" && stages.size === 0) throw new Error(`${name} comes before FROM`);
    switch (name) {
      case "FROM": {
        const [image = "", as = String(stages.size)] = parsed(/^(\S+)(?: AS (\S+))?$/, rest);
        stage = { root: join(place.roots, as), variables: {}, entryPoint: [] };
        stages.set(as, stage);
        mkdirSync(stage.root, { recursive: true });
        if (image !== "scratch") copyInto(place.images[image] as string, stage.root);
        break;
      }
      case "RUN":
        execFileSync(unshare[0] as string, [
          ...unshare.slice(1),
          "sh",
          "-euc",
          runs,
          rest,
          stage.root,
        ]);
        break;
      case "COPY": {
        const [from, words = ""] = parsed(/^(?:--from=(\w+) )?(\[.*\])$/, rest);
        const [source = "", target = "", ...more] = (JSON.parse(words) as string[]).map(filledIn);
        if (more.length > 0) throw new Error(`COPY of several: ${rest}`);
        const above = from === undefined ? place.context : (stages.get(from) as Stage).root;
        copyInto(join(above, source), join(stage.root, target));
        break;
      }
      case "ENV": {
        const [variable = "", value = ""] = parsed(/^(\w+)="((?:[^"\\]|\\.)*)"$/, rest);
        stage.variables[variable] = filledIn(value);
        break;
      }
      case "ENTRYPOINT":
        stage.entryPoint = JSON.parse(rest) as string[];
        break;
      default:
        throw new Error(`${name} is not known here`);
    }
  }
  return stage;
}

/** What the entry point prints, with the stage's variables and no others. */
export function start({ root, variables, entryPoint }: Stage): string {
  const words = [...unshare.slice(1), "chroot", root, ...entryPoint];
  return execFileSync(unshare[0] as string, words, {
    encoding: "utf8",
    env: { PATH: process.env.PATH, ...variables },
  });
}

/** In the root that is $1, with this machine's /usr; the command is $0. */
const runs = `mkdir -p "$1/usr"
  mount --rbind /usr "$1/usr"
  for name in bin lib lib64; do
    if [ -L "/$name" ]; then
      [ -e "$1/$name" ] || ln -s "$(readlink "/$name")" "$1/$name"
    elif [ -d "/$name" ]; then
      mkdir -p "$1/$name"
      mount --rbind "/$name" "$1/$name"
    fi
  done
  exec chroot "$1" /usr/bin/env -i PATH=/image/bin:/usr/bin:/bin sh -euc "$0"`;

function instructions(text: string): (readonly [string, string])[] {
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  const whole = lines.join("\n").replaceAll("\\\n", "").split("\n");
  return whole
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [name = "", rest = ""] = parsed(/^([A-Z]+) (.*)$/, line);
      return [name, rest] as const;
    });
}

function parsed(pattern: RegExp, text: string): (string | undefined)[] {
  const match = pattern.exec(text);
  if (match === null) throw new Error(`not known here: ${text}`);
  return match.slice(1);
}

/** "Environment replacement": a backslash takes what follows as it is, and no variable has a value here. */
function filledIn(word: string): string {
  return word.replace(/\\(.)|\$(?:\w+|\{\w+\})/g, (_, escaped?: string) => escaped ?? "");
}

/** Of a directory, its content is copied. */
function copyInto(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  if (statSync(source).isDirectory()) mkdirSync(target, { recursive: true });
  cpSync(source, target, { recursive: true, verbatimSymlinks: true });
}
