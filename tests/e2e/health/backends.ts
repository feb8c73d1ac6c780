/**
 * Backends that a test makes well or ill, for checks of each kind.
 *
 * @module
 */
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer, type Server, type Socket } from "node:net";

/** How a backend behaves. `degraded`: well, with the header that says so. `moody`: a status of 429. `mute`: no answer. `closed`: hangs up. */
export type Mood = "well" | "ill" | "degraded" | "moody" | "mute" | "closed";

export interface Backend {
  readonly port: number;
  mood: Mood;
  /** Checks so far. */
  checks: number;
  stop(): Promise<void>;
}

const STATUS: Readonly<Record<string, string>> = { well: "200 OK", degraded: "200 OK", ill: "503 No", moody: "429 No" };

/** Speaks HTTP/1.1; of what is sent as `PING` it thinks as of a check of TCP. */
export async function textBackend(): Promise<Backend> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      const text = chunk.toString("latin1");
      backend.checks += 1;
      const { mood } = backend;
      if (mood === "mute") return;
      if (mood === "closed") return void socket.destroy();
      if (text.startsWith("PING")) return void socket.write(mood === "well" ? "+PONG\r\n" : "-LOADING\r\n");
      const degraded = mood === "degraded" ? "x-envoy-degraded: 1\r\n" : "";
      socket.write(`HTTP/1.1 ${STATUS[mood] ?? ""}\r\n${degraded}content-length: 2\r\n\r\nok`);
    });
  });
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  const backend: Backend = { port: await listening(server), mood: "well", checks: 0, stop };
  return backend;
}

/** Speaks HTTP/2: answers gRPC's health service, and anything else as HTTP. */
export async function http2Backend(): Promise<Backend> {
  const sessions = new Set<Http2Session>();
  const server = createHttp2Server();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => {});
  });
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => {});
    backend.checks += 1;
    const { mood } = backend;
    if (mood === "mute") return;
    if (mood === "closed") return void stream.session?.destroy();
    if (headers[":path"] !== "/grpc.health.v1.Health/Check") {
      stream.respond({
        ":status": Number((STATUS[mood] ?? "").slice(0, 3)),
        ...(mood === "degraded" ? { "x-envoy-degraded": "1" } : {}),
      });
      return void stream.end("ok");
    }
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": mood === "moody" ? "12" : "0" }));
    if (mood === "moody") stream.end();
    else stream.end(Buffer.of(0, 0, 0, 0, 2, 8, mood === "ill" ? 2 : 1));
  });
  const stop = async (): Promise<void> => {
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  const backend: Backend = { port: await listening(server), mood: "well", checks: 0, stop };
  return backend;
}

function listening(server: Server | Http2Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
