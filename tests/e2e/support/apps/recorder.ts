/**
 * Writes every byte that reaches it to the file RECORD, and answers each request head with 200.
 */
import { appendFileSync } from "node:fs";

const record = process.env["RECORD"] ?? "";
appendFileSync(record, "");

Bun.listen<{ tail: string }>({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"]),
  socket: {
    open: (socket) => void (socket.data = { tail: "" }),
    data(socket, chunk) {
      appendFileSync(record, chunk);
      const heads = (socket.data.tail + chunk.toString("latin1")).split("\r\n\r\n");
      socket.data.tail = heads.pop() ?? "";
      for (let i = 0; i < heads.length; i++)
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 6\r\ncontent-type: text/plain\r\n\r\nhello\n");
    },
  },
});
