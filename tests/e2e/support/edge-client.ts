/**
 * A client outside of the mesh: asks a gateway for a name, and tells which certificate it was shown.
 *
 * @module
 */
import { connect, type TLSSocket } from "node:tls";
import type { TestKeyPair } from "../../support/server-certificates.ts";

export interface EdgeCall {
  /** `https://127.0.0.1:41234`. */
  readonly url: string;
  /** Name in the handshake; none where it is empty. */
  readonly name: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the client shows. */
  readonly certificate?: TestKeyPair | undefined;
  /** What the server is checked against, chain and name; it is not checked where this is absent. */
  readonly rootPem?: string;
  readonly versions?: { readonly min?: "TLSv1.2" | "TLSv1.3"; readonly max?: "TLSv1.2" | "TLSv1.3" };
}

export interface EdgeAnswer {
  /** DNS names of the certificate, `DNS:a.example.com`. */
  readonly names: string | undefined;
  readonly version: string | null;
  readonly status: number;
  readonly body: string;
}

const LIMIT_MS = 5000;

/** Undefined where the connection was refused. */
export async function askEdge(edge: EdgeCall): Promise<EdgeAnswer | undefined> {
  const socket = await handshake(edge);
  if (socket === undefined) return undefined;
  const names = socket.getPeerCertificate().subjectaltname;
  const version = socket.getProtocol();
  const text = await talk(socket, requestText(edge, true));
  const [head = "", ...body] = text.split("\r\n\r\n");
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
  // A client that is refused for its certificate learns of it only now, in TLS 1.3.
  return Number.isNaN(status) ? undefined : { names, version, status, body: body.join("\r\n\r\n") };
}

export const requestText = ({ name, path = "/", headers = {} }: EdgeCall, closes: boolean): string =>
  [
    `GET ${path} HTTP/1.1`,
    `host: ${name === "" ? "nobody" : name}`,
    ...(closes ? ["connection: close"] : []),
    ...Object.entries(headers).map(([key, value]) => `${key}: ${value}`),
    "",
    "",
  ].join("\r\n");

/** Undefined where it was refused. */
export function handshake({
  url,
  name,
  certificate,
  rootPem,
  versions = {},
}: EdgeCall): Promise<TLSSocket | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname,
      port: Number(port),
      rejectUnauthorized: rootPem !== undefined,
      ...(rootPem !== undefined && { ca: rootPem }),
      ...(name === "" ? {} : { servername: name }),
      ...(certificate && { cert: certificate.certChainPem, key: certificate.privateKeyPem }),
      ...(versions.min && { minVersion: versions.min }),
      ...(versions.max && { maxVersion: versions.max }),
    });
    const end = (found: TLSSocket | undefined): void => {
      clearTimeout(limit);
      if (found === undefined) socket.destroy();
      resolve(found);
    };
    const limit = setTimeout(() => end(undefined), LIMIT_MS);
    socket.once("secureConnect", () => end(socket));
    socket.on("error", () => end(undefined));
    socket.once("close", () => end(undefined));
  });
}

/** Sends and reads to the end of the connection. */
function talk(socket: TLSSocket, text: string): Promise<string> {
  return new Promise((resolve) => {
    let received = "";
    const end = (): void => {
      clearTimeout(limit);
      socket.destroy();
      resolve(received);
    };
    const limit = setTimeout(end, LIMIT_MS);
    socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
    socket.on("error", end);
    socket.on("close", end);
    socket.write(text);
  });
}
