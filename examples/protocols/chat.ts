/**
 * A WebSocket service: whatever is said at `/room` comes back in capitals.
 *
 * @module
 */
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"] ?? 9002),
  fetch(request, bun) {
    if (new URL(request.url).pathname === "/room" && bun.upgrade(request)) return undefined;
    return new Response("this is a room for WebSockets: /room\n", { status: 426, headers: { upgrade: "websocket" } });
  },
  websocket: {
    maxPayloadLength: 64 * 1024,
    message: (socket, message) => void socket.send(String(message).toUpperCase()),
  },
});

console.log(`chat listens on ${server.url}`);
