/** Versions, suites and time of real handshakes. */
import { afterAll, describe, expect, test } from "bun:test";
import { TestCa } from "../../tests/support/certificates.ts";
import { settle } from "../../tests/support/settle.ts";
import { systemClock } from "../base/clock.ts";
import { ManualClock } from "../base/manual-clock.ts";
import { bunNetwork } from "./bun-network.ts";
import type { ClientTls, DialError, Listener, ServerTls, Socket, TlsLimits } from "./socket.ts";

const ca = new TestCa();
const { certChainPem, privateKeyPem } = ca.svid("spiffe://cluster.local/ns/default/sa/app");
const server: ServerTls = {
  certChainPem,
  privateKeyPem,
  trustedCaPem: undefined,
  requireClientCertificate: false,
  alpn: [],
  refusePeer: undefined,
};
const client: ClientTls = {
  certChainPem: undefined,
  privateKeyPem: undefined,
  trustedCaPem: ca.bundlePem,
  sni: "app",
  alpn: [],
  refusePeer: () => undefined,
};

const listeners: Listener[] = [];
afterAll(() => {
  for (const listener of listeners) listener.close();
});

interface Outcome {
  /** What went wrong at the server; undefined when nothing did. */
  readonly refused: string | undefined;
  readonly error: DialError | undefined;
  readonly served: boolean;
}

async function shake(serverLimits: TlsLimits | undefined, clientLimits: TlsLimits | undefined): Promise<Outcome> {
  const network = bunNetwork(systemClock);
  let refused: string | undefined;
  let served: Socket | undefined;
  let outcome: { readonly error: DialError | undefined } | undefined;
  const listener = await network.listen({ address: "127.0.0.1", port: 0 }, (socket) => {
    const onData = (first: Uint8Array): void =>
      socket.startTls(
        { ...server, limits: serverLimits },
        first,
        (secure) => void (served = secure),
        (error) => void (refused = error.message),
      );
    socket.handler = { onData, onDrain() {}, onEnd() {}, onClose() {} };
  });
  listeners.push(listener);
  network.dial(
    { address: "127.0.0.1", port: listener.port, connectTimeoutMs: 5000, tls: { ...client, limits: clientLimits } },
    (socket) => {
      outcome = { error: undefined };
      socket.write(Buffer.from("hello"));
    },
    (error) => (outcome = { error }),
  );
  await settle(() => outcome !== undefined && (served !== undefined || refused !== undefined));
  served?.destroy();
  return { refused, error: outcome?.error, served: served !== undefined };
}

const only = (version: "1.2" | "1.3", ...cipherSuites: string[]): TlsLimits => ({
  minVersion: version,
  maxVersion: version,
  cipherSuites,
});

describe("TLS on sockets", () => {
  test("what both speak is spoken", async () => {
    for (const version of ["1.2", "1.3"] as const) {
      expect(await shake(only(version), undefined)).toMatchObject({ served: true, error: undefined });
      expect(await shake(undefined, only(version))).toMatchObject({ served: true, error: undefined });
    }
  });

  test("no version in common, or no suite, is the end for both", async () => {
    const suites = ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"] as const;
    for (const [ours, theirs] of [
      [only("1.3"), only("1.2")],
      [only("1.2"), only("1.3")],
      [only("1.2", suites[0]), only("1.2", suites[1])],
    ]) {
      const { error, refused, served } = await shake(ours, theirs);
      expect(served).toBe(false);
      expect(refused).not.toBeUndefined();
      expect(error?.kind).toBe("tls");
    }
  });

  test("suites that the library does not know refuse connections, and nothing else", async () => {
    const { refused, served } = await shake(only("1.2", "NO-SUCH-SUITE"), undefined);
    expect([served, refused]).toEqual([false, expect.stringContaining("TLS cannot be spoken")]);
  });

  test("a server that does not go on with the handshake is let go in time", async () => {
    const clock = new ManualClock();
    const network = bunNetwork(clock);
    let accepted: Socket | undefined;
    const listener = await network.listen({ address: "127.0.0.1", port: 0 }, (socket) => void (accepted = socket));
    listeners.push(listener);
    let error: DialError | undefined;
    network.dial(
      { address: "127.0.0.1", port: listener.port, connectTimeoutMs: 3000, tls: client },
      () => {},
      (failed) => (error = failed),
    );
    await settle(() => accepted !== undefined);
    clock.advance(2999);
    expect(error).toBeUndefined();
    let isClosed = false;
    if (accepted !== undefined)
      accepted.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose: () => (isClosed = true) };
    clock.advance(2);
    expect(error?.kind).toBe("timeout");
    await settle(() => isClosed);
  });
});
