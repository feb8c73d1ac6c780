/**
 * Sends the suite's requests, one on a connection of its own, and tells what came of it.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { CaseRequest, Outcome, RequestCase, SeenRequest } from "../../suites/gateway-api.ts";
import type { SuiteCertificates } from "./certificates.ts";
import { framed } from "./backends.ts";
import { type Frame, frameOf, frameReader } from "./websocket-frames.ts";

export interface Target {
  readonly address: string;
  readonly port: number;
  /** What a request without a host names. */
  readonly authority: string;
  readonly certificates: SuiteCertificates;
  /** What stands for port 443 of the gateway, which redirects name in its place. */
  readonly httpsPort?: number | undefined;
}

const LIMIT_MS = 5000;
const UDP_LIMIT_MS = 1000;

export async function send(c: RequestCase, to: Target): Promise<Outcome> {
  try {
    return asPlaced(await within(outcomeOf(c, to)), to);
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** Gateways of the lab have other ports than their documents say. */
function asPlaced(outcome: Outcome, { httpsPort }: Target): Outcome {
  const { location } = outcome.headers ?? {};
  if (location === undefined || httpsPort === undefined) return outcome;
  return { ...outcome, headers: { ...outcome.headers, location: location.replace(`:${httpsPort}/`, "/") } };
}

function within<T>(promise: Promise<T>): Promise<T> {
  let limit: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    limit = setTimeout(() => reject(new Error(`no answer within ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(limit));
}

async function outcomeOf(c: RequestCase, to: Target): Promise<Outcome> {
  const { protocol, request = {} } = c;
  if (protocol === "udp") return udp(to);
  if (protocol === "grpc" || request.protocol === "grpc") return grpc(await open(c, to, ["h2"]), request, to);
  if (request.protocol === "H2") return http2(await open(c, to, ["h2"]), c, to);
  const socket = await open(c, to, c.protocol === "http" ? ["http/1.1"] : []);
  if (protocol === "http") return http1(socket, request, to);
  if (protocol === "websocket") return websocket(socket, c, to);
  if (protocol === "tls") return { status: 0 };
  return tcp(socket);
}

/** Whoever refuses a client's certificate says so after the handshake, in TLS 1.3: a socket that opened may still fail. */
function open({ tls }: RequestCase, { address, port, certificates }: Target, alpn: readonly string[]): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const shown = tls?.clientCert;
    const pair = shown === undefined ? undefined : certificates.pair(/\(([^)]+)\)/.exec(shown)?.[1] ?? "");
    const socket =
      tls === undefined
        ? connectTcp(port, address)
        : connectTls({
            host: address,
            port,
            servername: tls.serverName,
            ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
            // Go's client takes what is trusted for an authority or for the certificate itself: see `isTrusted`.
            rejectUnauthorized: false,
            ...(pair && { cert: pair.certChainPem, key: pair.privateKeyPem }),
          });
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      const ca = tls?.serverCA;
      if (ca === undefined || isTrusted(socket as TLSSocket, certificates.pemOf(ca))) resolve(socket);
      else reject(new Error("the server's certificate is not trusted"));
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed before it was open")));
    setTimeout(() => socket.destroy(), LIMIT_MS).unref();
  });
}

function isTrusted(socket: TLSSocket, pem: string): boolean {
  const shown = new X509Certificate(socket.getPeerCertificate().raw);
  const trusted = new X509Certificate(pem);
  return shown.raw.equals(trusted.raw) || (shown.checkIssued(trusted) && shown.verify(trusted.publicKey));
}

const headersOf = ({ headers = {}, backendSetResponseHeaders = {} }: CaseRequest): Readonly<Record<string, string>> => {
  const wanted = Object.entries(backendSetResponseHeaders).map(([name, value]) => `${name}:${value}`);
  return wanted.length === 0 ? headers : { ...headers, "X-Echo-Set-Header": wanted.join(",") };
};

function http1(socket: Socket, request: CaseRequest, { authority }: Target): Promise<Outcome> {
  const { method = "GET", path = "/" } = request;
  // `@podIP(…)` stands for an address.
  const host = request.host?.startsWith("@") === false ? request.host : authority;
  const headers = Object.entries(headersOf(request)).filter(([name]) => name.toLowerCase() !== "host");
  const ownHost = Object.entries(request.headers ?? {}).find(([name]) => name.toLowerCase() === "host")?.[1];
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `host: ${ownHost ?? host}`,
    "connection: close",
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(method === "GET" || method === "OPTIONS" || method === "HEAD" ? [] : ["content-length: 0"]),
  ];
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      // An Envoy waits for the client to close before it does.
      if (isWhole(Buffer.concat(chunks).toString("latin1"))) socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => {
      const answer = http1Outcome(Buffer.concat(chunks).toString("latin1"));
      if (answer === undefined) reject(new Error("closed without an answer"));
      else resolve(answer);
    });
    socket.on("end", () => socket.destroy());
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  });
}

function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /^content-length: *(\d+)/im.exec(text.slice(0, end))?.[1];
  return length === undefined ? text.endsWith("\r\n0\r\n\r\n") : text.length - end - 4 >= Number(length);
}

function http1Outcome(text: string): Outcome | undefined {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(first)?.[1]);
  if (end < 0 || Number.isNaN(status)) return undefined;
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
  }
  return { status, headers, seen: seenIn(text.slice(end + 4)) };
}

/** The JSON in a body, chunked or not. */
function seenIn(body: string): SeenRequest | undefined {
  const start = body.indexOf("{");
  const end = body.lastIndexOf("}");
  if (start < 0 || end < start) return undefined;
  try {
    return JSON.parse(body.slice(start, end + 1)) as SeenRequest;
  } catch {
    return undefined;
  }
}

interface Streamed {
  readonly head: Readonly<Record<string, unknown>>;
  readonly trailers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

function stream(socket: Socket, head: Readonly<Record<string, string>>, body: Buffer | undefined): Promise<Streamed> {
  const session = connectHttp2("http://gateway", { createConnection: () => socket });
  return new Promise<Streamed>((resolve, reject) => {
    session.on("error", reject);
    const call = session.request(head, { endStream: body === undefined });
    const chunks: Buffer[] = [];
    const got: { head: Record<string, unknown>; trailers: Record<string, unknown> } = { head: {}, trailers: {} };
    call.on("response", (fields) => void (got.head = { ...fields }));
    call.on("trailers", (fields) => void (got.trailers = { ...fields }));
    call.on("data", (chunk: Buffer) => chunks.push(chunk));
    call.on("error", reject);
    call.on("close", () => resolve({ ...got, body: Buffer.concat(chunks) }));
    if (body !== undefined) call.end(body);
  }).finally(() => {
    session.destroy();
    socket.destroy();
  });
}

async function http2(socket: Socket, { scheme = "http", request = {} }: RequestCase, to: Target): Promise<Outcome> {
  const { host = to.authority, method = "GET", path = "/" } = request;
  const fields = Object.entries(headersOf(request)).map(([name, value]) => [name.toLowerCase(), value] as const);
  const head = {
    ":method": method,
    ":path": path,
    ":scheme": scheme,
    ":authority": host,
    ...Object.fromEntries(fields),
  };
  const answer = await stream(socket, head, undefined);
  const headers = Object.fromEntries(Object.entries(answer.head).map(([name, value]) => [name, String(value)]));
  return { status: Number(answer.head[":status"]), headers, seen: seenIn(answer.body.toString()) };
}

const GRPC_STATUSES: Readonly<Record<string, string>> = { "0": "OK", "12": "Unimplemented", "14": "Unavailable" };
const MESH_METHOD = "/proto.EchoTestService/Echo";

async function grpc(socket: Socket, request: CaseRequest & { readonly method?: string }, to: Target): Promise<Outcome> {
  const { headers = {}, host = to.authority, method, service } = request;
  const fields = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const head = {
    ":method": "POST",
    ":path": service === undefined ? MESH_METHOD : `/${service}/${method}`,
    ":scheme": "http",
    ":authority": host,
    "content-type": "application/grpc",
    te: "trailers",
    ...Object.fromEntries(fields),
  };
  const { head: answered, trailers, body } = await stream(socket, head, framed(Buffer.alloc(0)));
  const code = String(trailers["grpc-status"] ?? answered["grpc-status"]);
  const all = Object.entries({ ...answered, ...trailers }).map(([name, value]) => [name, String(value)] as const);
  return {
    status: Number(answered[":status"]),
    headers: Object.fromEntries(all),
    grpcStatus: GRPC_STATUSES[code] ?? code,
    seen: seenIn(body.subarray(5).toString()),
  };
}

function tcp(socket: Socket): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let received = "";
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed without an answer")));
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString();
      if (!received.includes("\n")) return;
      resolve({ status: 0, seen: JSON.parse(received) as SeenRequest });
      socket.destroy();
    });
    socket.write("hello\n");
  });
}

/** From a port of its own, as upstream's client. */
async function udp({ address, port }: Target): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const socket = await Bun.udpSocket({
    connect: { hostname: address, port },
    socket: {
      data: (_, answer) => resolve({ status: 0, seen: JSON.parse(answer.toString()) as SeenRequest }),
      error: () => reject(new Error("nobody listens there")),
    },
  });
  socket.send("hello");
  // What is dropped is answered by nobody.
  const late = setTimeout(() => reject(new Error(`no answer within ${UDP_LIMIT_MS} ms`)), UDP_LIMIT_MS);
  return promise.finally(() => {
    clearTimeout(late);
    socket.close();
  });
}

const OPCODES: Readonly<Record<string, number>> = { text: 1, binary: 2 };

/** Sends a message of each kind and waits for both. */
function websocket(socket: Socket, { expected }: RequestCase, { authority }: Target): Promise<Outcome> {
  const kinds = Array.isArray(expected.echo) ? expected.echo : [];
  return new Promise((resolve, reject) => {
    const echoes: string[] = [];
    const onFrame = ({ opcode, payload }: Frame): void => {
      const kind = kinds.find((name) => OPCODES[name] === opcode && payload.toString() === `hello ${name}`);
      if (kind !== undefined) echoes.push(kind);
      if (echoes.length < kinds.length) return;
      resolve({ status: 101, echoes });
      socket.destroy();
    };
    let read: ((chunk: Buffer) => void) | undefined;
    let head = "";
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed after ${head.slice(0, 40)}`)));
    socket.on("data", (chunk: Buffer) => {
      if (read !== undefined) return read(chunk);
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!head.startsWith("HTTP/1.1 101")) return void socket.destroy();
      read = frameReader(onFrame);
      for (const kind of kinds) socket.write(frameOf(Buffer.from(`hello ${kind}`), OPCODES[kind] ?? 1, true));
      read(Buffer.from(head.slice(end + 4), "latin1"));
    });
    socket.write(
      `GET /ws HTTP/1.1\r\nhost: ${authority}\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
        "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
  });
}
