/**
 * Real hellos of TLS.
 *
 * @module
 */
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";

/** The first flight of a real client, Latin-1. */
export function clientHello(servername: string, protocols: readonly string[] = []): Promise<string> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk.toString("latin1"));
        done();
      },
    });
    const ALPNProtocols = protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] };
    connectTls({ socket: wire, servername, rejectUnauthorized: false, ...ALPNProtocols }).on("error", () => {});
  });
}
