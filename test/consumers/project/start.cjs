// What is bundled, as CommonJS: it needs the addon, and the table of libraries in the package.
const { inspect, plan } = require("fixelf");

async function main() {
  const { type } = await inspect(process.execPath);
  const { files } = await plan([process.execPath], { store: "/absent", index: false });
  console.log(type === "pie" || type === "executable", files.length);
}

main().catch(({ message }) => console.log(message));
