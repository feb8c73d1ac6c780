/**
 * `bun slow-server.ts PORT BYTES`: sends so many bytes to who asks with GET, as fast as it can, and closes; reads those of a POST slowly.
 */
import { createServer, type Socket } from "node:net";
import { readSlowly } from "./slow-socket.ts";

const [port, bytes] = process.argv.slice(2).map(Number) as [number, number];
const PIECE = Buffer.alloc(65_536, "x");

function send(socket: Socket): void {
  socket.write(`HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${bytes}\r\n\r\n`);
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
      left -= piece.length;
      if (!socket.write(piece)) return void socket.once("drain", more);
    }
    socket.end();
  };
  more();
}

function receive(socket: Socket, first: Buffer): void {
  let got = first.length - (first.indexOf("\r\n\r\n") + 4);
  socket.removeAllListeners("data");
  readSlowly(socket, (chunk) => {
    got += chunk.length;
    if (got === bytes) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  });
}

createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.once("data", (head: Buffer) => (head[0] === 0x47 ? send(socket) : receive(socket, head)));
}).listen(port, "127.0.0.1");
