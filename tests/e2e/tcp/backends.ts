/**
 * Servers of bytes, each with a manner of its own, that remember what came to them.
 *
 * @module
 */
import { createServer, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { ADDRESS } from "./bootstrap.ts";
import type { TestCa, TestCertificate } from "../../support/certificates.ts";

/** What a server does with a connection. */
export const MANNERS = {
  /** Sends back what comes, and ends when the client has. */
  echo: (socket: Socket) => {
    socket.on("data", (chunk) => socket.write(chunk));
    socket.on("end", () => socket.end());
  },
  /** Speaks first, as MySQL and SMTP do. */
  greets: (socket: Socket) => {
    socket.write("220 welcome\r\n");
    MANNERS.echo(socket);
  },
  /** Reads all, and only then answers. */
  answersAtEnd: (socket: Socket) => {
    let bytes = 0;
    socket.on("data", (chunk) => (bytes += chunk.length));
    socket.on("end", () => socket.end(`${bytes} bytes`));
  },
  /** Ends its own direction at once and goes on reading. */
  endsFirst: (socket: Socket) => {
    socket.end("bye");
    socket.resume();
  },
  http: (socket: Socket) => {
    socket.on("data", (chunk) => {
      if (chunk.includes("\r\n\r\n")) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
    socket.on("end", () => socket.end());
  },
  /** A proxy that opens every way, and is itself the end of it. */
  connects: (socket: Socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\nvia: test\r\n\r\nway: ");
      socket.on("data", (chunk) => socket.write(chunk));
    });
    socket.on("end", () => socket.end());
  },
  /** A proxy that opens none. */
  forbids: (socket: Socket) => {
    socket.once("data", () => socket.write("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"));
    socket.on("end", () => socket.end());
  },
  resets: (socket: Socket) => {
    socket.once("data", () => socket.resetAndDestroy());
  },
  silent: (socket: Socket) => {
    socket.resume();
    socket.on("end", () => socket.end());
  },
} as const satisfies Readonly<Record<string, (socket: Socket) => void>>;

export type Manner = keyof typeof MANNERS;

/** One connection, as the server saw it. */
export interface SeenConnection {
  /** Latin-1. */
  text: string;
  /** The client ended its direction in order. */
  ended: boolean;
  closed: boolean;
}

/** Bytes of a PROXY header of version 2 for IPv4. */
const HEADER_BYTES = 28;

export class ByteBackends {
  readonly certificate: TestCertificate;
  readonly #servers = new Map<Manner, Server>();
  readonly #tls: Server;
  #seen: SeenConnection[] = [];

  private constructor(ca: TestCa) {
    this.certificate = ca.svid("spiffe://cluster.local/ns/default/sa/app");
    this.#tls = createServer((socket) => this.#acceptTls(socket));
  }

  static async start(ca: TestCa): Promise<ByteBackends> {
    const backends = new ByteBackends(ca);
    for (const manner of Object.keys(MANNERS) as Manner[]) {
      const server = createServer({ allowHalfOpen: true }, (socket) => backends.#accept(socket, manner));
      backends.#servers.set(manner, server);
      await listening(server);
    }
    await listening(backends.#tls);
    return backends;
  }

  /** A header first, in the clear, and TLS behind it. */
  #acceptTls(socket: Socket): void {
    socket.once("readable", () => {
      const header = socket.read(HEADER_BYTES) as Buffer | null;
      const { certChainPem, privateKeyPem } = this.certificate;
      const secure = new TLSSocket(socket, { isServer: true, cert: certChainPem, key: privateKeyPem });
      this.#accept(secure, "echo", header?.toString("latin1") ?? "");
    });
  }

  get tlsPort(): number {
    return portOf(this.#tls);
  }

  #accept(socket: Socket, manner: Manner, before = ""): void {
    const seen: SeenConnection = { text: before, ended: false, closed: false };
    this.#seen.push(seen);
    socket.on("data", (chunk: Buffer) => (seen.text += chunk.toString("latin1")));
    socket.on("end", () => (seen.ended = true));
    socket.on("error", () => {});
    socket.on("close", () => (seen.closed = true));
    MANNERS[manner](socket);
  }

  portOf(manner: Manner): number {
    return portOf(this.#servers.get(manner));
  }

  /** Every connection since the last {@link take} is closed. */
  get isQuiet(): boolean {
    return this.#seen.every(({ closed }) => closed);
  }

  /** The connections since the last call, in order. */
  take(): readonly SeenConnection[] {
    const seen = this.#seen;
    this.#seen = [];
    return seen;
  }

  stop(): void {
    for (const server of [...this.#servers.values(), this.#tls]) server.close();
  }
}

const listening = (server: Server): Promise<void> => new Promise((resolve) => server.listen(0, ADDRESS, resolve));

function portOf(server: Server | undefined): number {
  const address = server?.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
