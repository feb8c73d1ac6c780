/**
 * A TCP service whose clients speak first: a store of words.
 *
 *     SET <key> <value>    OK
 *     GET <key>            the value, or NIL
 *
 * @module
 */
import { createServer } from "node:net";
import { lines } from "./lines.ts";

const MAX_KEYS = 1000;
const values = new Map<string, string>();

function answer(line: string): string {
  const [verb, key, value] = line.split(" ");
  if (verb === "GET" && key !== undefined) return values.get(key) ?? "NIL";
  if (verb !== "SET" || key === undefined || value === undefined) return "ERR";
  if (values.size >= MAX_KEYS && !values.has(key)) return "FULL";
  values.set(key, value);
  return "OK";
}

// A client that has said everything still wants to hear.
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.on("end", () => socket.end());
  lines(socket, (line) => socket.write(`${answer(line)}\n`));
});
server.listen(Number(process.env["PORT"] ?? 6379), "127.0.0.1", () => console.log("store listens"));
