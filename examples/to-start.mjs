// A matcher for vitest and jest: expect("./program").toStart()
import { diagnose } from "fixelf";

/** The problems because of which a file would not start, as doctor reports them. */
export async function toStart(path, options = {}) {
  const [{ summary, findings }] = await diagnose([path], options);
  const problems = findings.filter(({ severity }) => severity === "error");
  const said = problems.map(({ message, remedy }) => `${message}\n  ${remedy}`);
  return {
    pass: problems.length === 0,
    message: () => [`${path}: ${summary}`, ...said].join("\n"),
  };
}
