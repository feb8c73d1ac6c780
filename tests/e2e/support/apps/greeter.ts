/**
 * Speaks first: a line of greeting, then whatever it is sent, in capitals.
 */
Bun.listen({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"]),
  socket: {
    open: (socket) => void socket.write("220 hello\n"),
    data: (socket, chunk) => void socket.write(chunk.toString("latin1").toUpperCase()),
  },
});
