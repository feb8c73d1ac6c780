/**
 * `bun slow-client.ts PORT BYTES download|upload`: reads an answer of so many bytes slowly, or sends as many as fast as it can.
 * Ends in order when all bytes have come through.
 */
import { connect } from "node:net";
import { readSlowly } from "./slow-socket.ts";

const [port, size, direction] = process.argv.slice(2) as [string, string, string];
const bytes = Number(size);
const socket = connect(Number(port), "127.0.0.1");
socket.on("close", () => {
  console.error("the connection was closed before all was there");
  process.exit(1);
});

function download(): void {
  let got = -1;
  socket.write(`GET /${bytes} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  readSlowly(socket, (chunk) => {
    got = got < 0 ? chunk.length - (chunk.indexOf("\r\n\r\n") + 4) : got + chunk.length;
    if (got === bytes) process.exit(0);
  });
}

function upload(): void {
  const piece = Buffer.alloc(65_536, "x");
  let left = bytes;
  socket.on("data", () => process.exit(left === 0 ? 0 : 1));
  socket.write(`POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${bytes}\r\n\r\n`);
  const more = (): void => {
    while (left > 0) {
      const part = left < piece.length ? piece.subarray(0, left) : piece;
      left -= part.length;
      if (!socket.write(part)) return void socket.once("drain", more);
    }
  };
  more();
}

if (direction === "download") download();
else upload();
