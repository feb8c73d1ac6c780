/**
 * A TCP service that speaks first, as mail servers and databases do.
 *
 *     server  220 ticker is ready
 *     client  NEXT
 *     server  1
 *     client  QUIT
 *
 * @module
 */
import { createServer } from "node:net";
import { lines } from "./lines.ts";

let next = 0;

const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.write("220 ticker is ready\n");
  lines(socket, (line) => {
    if (line === "NEXT") socket.write(`${++next}\n`);
    else if (line === "QUIT") socket.end();
    else socket.write("500 NEXT or QUIT\n");
  });
});
server.listen(Number(process.env["PORT"] ?? 9001), "127.0.0.1", () => console.log("ticker listens"));
