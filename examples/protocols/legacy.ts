/**
 * Two ports whose names say nothing of what they speak: one is HTTP, the other a TCP server that speaks first.
 *
 * @module
 */
import { createServer } from "node:net";

const web = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT_8000"] ?? 8000),
  fetch: (request) => Response.json({ path: new URL(request.url).pathname, host: request.headers.get("host") }),
});

const news = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.end("NEWS nobody asked, and yet it is heard\n");
});
news.listen(Number(process.env["PORT_8001"] ?? 8001), "127.0.0.1", () =>
  console.log(`legacy listens on ${web.url} and beside it`),
);
