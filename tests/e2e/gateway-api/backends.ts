/**
 * The echo servers that the suite's manifests ask for, in place of upstream's images: each says which pod it is and what
 * reached it. HTTP/1.1 with WebSockets, the same behind TLS, HTTP/2 with prior knowledge and gRPC, TCP with and without TLS, and UDP.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { SeenRequest } from "../../suites/gateway-api.ts";
import type { TestKeyPair } from "../../support/server-certificates.ts";
import { answerFrames } from "./websocket-frames.ts";

export type BackendKind = "http" | "http2" | "tcp" | "tls-http" | "tls-tcp" | "udp";

export interface BackendOptions {
  readonly kind: BackendKind;
  readonly pod: string;
  readonly namespace: string;
  readonly port: number;
  readonly certificate?: TestKeyPair | undefined;
}

type Who = Pick<BackendOptions, "pod" | "namespace">;

/** Paths that reached a pod, mirrored or not, with what its case added to tell them apart. */
export type Seen = (request: SeenRequest) => void;

/** Resolves with what stops it. */
export function startBackend(options: BackendOptions, onSeen: Seen): Promise<() => void> {
  const { kind } = options;
  return kind === "udp" ? echoUdp(options) : startServer({ ...options, kind }, onSeen);
}

/** Each datagram gets one that says who heard it. */
async function echoUdp({ pod, namespace, port }: BackendOptions): Promise<() => void> {
  const answer = JSON.stringify({ pod, namespace });
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port,
    socket: { data: (own, _, from, address) => void own.send(answer, from, address) },
  });
  return () => socket.close();
}

type ServerOptions = BackendOptions & { readonly kind: Exclude<BackendKind, "udp"> };

function startServer(options: ServerOptions, onSeen: Seen): Promise<() => void> {
  const sockets = new Set<Socket>();
  const server = serverOf(options, onSeen, sockets);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, "127.0.0.1", () =>
      resolve(() => {
        server.close();
        for (const socket of sockets) socket.destroy();
      }),
    );
  });
}

function serverOf(options: ServerOptions, onSeen: Seen, sockets: Set<Socket>): Server {
  const { certificate, kind } = options;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  };
  const serve = (socket: Socket): void => {
    keep(socket);
    if (kind === "tcp" || kind === "tls-tcp") echoTcp(socket, options);
    else echoHttp1(socket, options, onSeen);
  };
  switch (kind) {
    case "http":
    case "tcp":
      return createTcpServer(serve);
    case "tls-http":
    case "tls-tcp":
      return createTlsServer(
        {
          cert: certificate?.certChainPem,
          key: certificate?.privateKeyPem,
          requestCert: true,
          rejectUnauthorized: false,
        },
        serve,
      );
    case "http2": {
      const server = createHttp2Server();
      server.on("session", (session) => session.on("error", () => {}));
      server.on("stream", (stream, head, _flags, raw) =>
        echoHttp2(stream as ServerHttp2Stream, head, joined(raw), options, onSeen),
      );
      return server;
    }
  }
}

const sniOf = (socket: Socket): string | undefined => {
  if (!("encrypted" in socket)) return undefined;
  const { servername } = socket as TLSSocket & { readonly servername?: string | false };
  return typeof servername === "string" ? servername : "";
};

/** A line for whatever comes. */
function echoTcp(socket: Socket, { pod, namespace }: Who): void {
  socket.on("data", () => socket.write(`${JSON.stringify({ pod, namespace, sni: sniOf(socket) })}\n`));
}

interface Head {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Requests on one connection, without the bodies. */
function echoHttp1(socket: Socket, who: Who, onSeen: Seen): void {
  let received = Buffer.alloc(0);
  let frames: ((chunk: Buffer) => void) | undefined;
  socket.on("data", (chunk: Buffer) => {
    if (frames !== undefined) return frames(chunk);
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = headOf(received.toString("latin1", 0, end));
      const length = Number(head.headers["content-length"] ?? 0);
      if (received.length < end + 4 + length) return;
      received = received.subarray(end + 4 + length);
      if (head.headers["upgrade"] === "websocket") return void (frames = upgrade(socket, head));
      const seen = { ...who, ...head, host: head.headers["host"] ?? "", ...named(sniOf(socket)), ...shownBy(socket) };
      onSeen(seen);
      void answer(socket, seen);
    }
  });
}

/** What a client showed over TLS, as a header of its own. */
function shownBy(socket: Socket): { readonly client?: string } {
  if (!("encrypted" in socket)) return {};
  const { raw } = (socket as TLSSocket).getPeerCertificate() as { readonly raw?: Buffer };
  return raw === undefined ? {} : { client: raw.toString("base64") };
}

const named = (sni: string | undefined): { readonly sni?: string } => (sni === undefined ? {} : { sni });

function headOf(text: string): Head {
  const [first = "", ...lines] = text.split("\r\n");
  const [method = "", path = ""] = first.split(" ");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
  }
  return { method, path, headers };
}

const tries = new Map<string, number>();

async function answer(socket: Socket, seen: SeenRequest): Promise<void> {
  const query = new URLSearchParams(seen.path.split("?")[1] ?? "");
  await wait(query.get("delay"));
  const failure = failureOf(seen.path, query);
  if (failure === "reset") return void socket.destroy();
  const body = JSON.stringify(seen);
  const extra = headersWanted(seen.headers["x-echo-set-header"]);
  const lines = [...extra, "content-type: application/json", `content-length: ${Buffer.byteLength(body)}`];
  socket.write(`HTTP/1.1 ${failure} Echo\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${body}`);
  if (seen.headers["connection"] === "close") socket.end();
}

/** `500ms` or `1s`. */
async function wait(delay: string | null): Promise<void> {
  const [, digits = "0", unit] = /^(\d+)(ms|s)$/.exec(delay ?? "") ?? [];
  const ms = Number(digits) * (unit === "s" ? 1000 : 1);
  if (ms > 0) await Bun.sleep(ms);
}

/** The first `succeedAfter` tries of a `uuid` fail, with `responseCode` or by a connection that ends. */
function failureOf(path: string, query: URLSearchParams): number | "reset" {
  if (!path.startsWith("/retry/")) return 200;
  const key = `${path} ${query.get("uuid")}`;
  const count = (tries.get(key) ?? 0) + 1;
  tries.set(key, count);
  if (count > Number(query.get("succeedAfter") ?? 0)) return 200;
  const code = query.get("responseCode");
  return code === null ? "reset" : Number(code);
}

/** `name:value,name:value`. */
const headersWanted = (given: string | undefined): readonly string[] =>
  (given ?? "").split(",").flatMap((pair) => (pair.trim() === "" ? [] : [pair.trim().replace(":", ": ")]));

function upgrade(socket: Socket, { headers }: Head): (chunk: Buffer) => void {
  const key = `${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
  );
  return answerFrames((frame) => socket.write(frame));
}

/** Names and values in turn. */
function joined(raw: readonly string[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (let i = 0; i < raw.length; i += 2) {
    const [name = "", value = ""] = raw.slice(i, i + 2);
    if (!name.startsWith(":")) headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
  }
  return headers;
}

function echoHttp2(
  stream: ServerHttp2Stream,
  head: Readonly<Record<string, string | string[] | undefined>>,
  headers: Readonly<Record<string, string>>,
  who: Who,
  onSeen: Seen,
): void {
  const seen: SeenRequest = {
    ...who,
    method: String(head[":method"]),
    path: String(head[":path"]),
    host: String(head[":authority"]),
    headers,
  };
  onSeen(seen);
  stream.on("error", () => {});
  stream.on("end", () => {
    const body = Buffer.from(JSON.stringify(seen));
    if (headers["content-type"]?.startsWith("application/grpc") !== true) {
      stream.respond({ ":status": 200, "content-type": "application/json" });
      return void stream.end(body);
    }
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(framed(body));
  });
  stream.resume();
}

/** gRPC's length in front of a message. */
export function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
