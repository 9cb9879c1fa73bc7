// A client for PostgreSQL that can do one thing: SELECT 1, over a Unix socket, as a trusted user.
// The package brings the server without psql.
import { connect } from "node:net";

const [socketPath, user] = process.argv.slice(2);

const text = (value) => Buffer.from(`${value}\0`);
const withLength = (body) => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
};
const protocolVersion = Buffer.from([0, 3, 0, 0]);
const startup = withLength(
  Buffer.concat([
    protocolVersion,
    text("user"),
    text(user),
    text("database"),
    text("postgres"),
    Buffer.from([0]),
  ]),
);
const query = Buffer.concat([Buffer.from("Q"), withLength(text("SELECT 1"))]);

const socket = connect(socketPath, () => socket.write(startup));
let received = Buffer.alloc(0);
let asked = false;
socket.on("data", (bytes) => {
  received = Buffer.concat([received, bytes]);
  while (received.length >= 5 && received.length > received.readInt32BE(1)) {
    const end = 1 + received.readInt32BE(1);
    answer(String.fromCharCode(received[0]), received.subarray(5, end));
    received = received.subarray(end);
  }
});

function answer(type, body) {
  // DataRow: the number of columns (2 bytes), then each one's length (4 bytes) and text.
  if (type === "D") console.log(body.subarray(6, 6 + body.readInt32BE(2)).toString());
  if (type === "E") throw new Error(body.toString().replaceAll("\0", " "));
  // ReadyForQuery, once after the startup and once after the query.
  if (type !== "Z") return;
  if (asked) socket.end();
  else socket.write(query);
  asked = true;
}
