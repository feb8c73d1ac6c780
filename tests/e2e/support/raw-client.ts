/**
 * Bytes over plain TCP or TLS, as nobody who keeps to the rules would send them.
 *
 * @module
 */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { TestCertificate } from "../../support/certificates.ts";

export interface TlsSettings {
  /** What is shown; nothing when it is absent. */
  readonly certificate?: TestCertificate | undefined;
  readonly rootPem: string;
  readonly alpn?: readonly string[];
}

export interface RawAnswer {
  /** All that came back. */
  readonly text: string;
  /** The other side ended the connection by itself. */
  readonly closed: boolean;
}

/** A request for `path` that asks for the connection to be closed behind it. */
export const httpGet = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n`;

/** Sends `text` and reads until the other side closes, or `limitMs` have passed. */
export function exchange(address: string, text: string, tls?: TlsSettings, limitMs = 5000): Promise<RawAnswer> {
  const [host = "", port = ""] = address.split(":");
  return new Promise((resolve) => {
    let received = "";
    const end = (closed: boolean): void => {
      clearTimeout(limit);
      socket.destroy();
      resolve({ text: received, closed });
    };
    const limit = setTimeout(() => end(false), limitMs);
    const socket: Socket = tls === undefined ? connectTcp(Number(port), host) : overTls(host, Number(port), tls);
    socket.on(tls === undefined ? "connect" : "secureConnect", () => socket.write(text));
    socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
    socket.on("error", () => end(true));
    socket.on("close", () => end(true));
  });
}

function overTls(host: string, port: number, { alpn, certificate, rootPem }: TlsSettings): Socket {
  return connectTls({
    host,
    port,
    ca: rootPem,
    // Names are a client's own affair; the chain is checked.
    checkServerIdentity: () => undefined,
    ...(certificate === undefined ? {} : { cert: certificate.certChainPem, key: certificate.privateKeyPem }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
  });
}
