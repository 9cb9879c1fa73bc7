// What is bundled: it needs the addon, and the table of libraries in the package.
import { inspect, plan } from "fixelf";

async function main() {
  const { type } = await inspect(process.execPath);
  const { files } = await plan([process.execPath], { store: "/absent", index: false });
  console.log(type === "pie" || type === "executable", files.length);
}

main().catch(({ message }) => console.log(message));
