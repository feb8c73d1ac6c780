/**
 * `bun slow-server.ts PORT`: sends BYTES to who asks with `GET /BYTES`, as fast as it can, and closes; reads the body of a POST
 * slowly.
 */
import { createServer, type Socket } from "node:net";
import { readSlowly } from "./slow-socket.ts";

const PIECE = Buffer.alloc(65_536, "x");

function send(socket: Socket, bytes: number): void {
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

function receive(socket: Socket, first: Buffer, bytes: number): void {
  let got = first.length - (first.indexOf("\r\n\r\n") + 4);
  readSlowly(socket, (chunk) => {
    got += chunk.length;
    if (got === bytes) socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  });
}

createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.once("data", (first: Buffer) => {
    const head = first.toString("latin1", 0, first.indexOf("\r\n\r\n"));
    if (head.startsWith("GET")) send(socket, Number(/^GET \/(\d+)/.exec(head)?.[1]));
    else receive(socket, first, Number(/^content-length: (\d+)/im.exec(head)?.[1]));
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
