/** What the TLS library of the runtime makes of our certificates: the ground under verifyPeer(). */
import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import { TestCa } from "../../tests/support/certificates.ts";
import type { Svid } from "./svid.ts";
import { verifyPeer, type PeerVerdict } from "./verify-peer.ts";

const SERVER = "spiffe://cluster.local/ns/default/sa/reviews";
const CLIENT = "spiffe://cluster.local/ns/default/sa/productpage";
const ca = new TestCa();

interface Outcome {
  /** `undefined` when the chain was accepted. */
  readonly serverError: string | undefined;
  readonly clientError: string | undefined;
  readonly client: PeerVerdict;
  readonly server: PeerVerdict;
}

async function shake(serverSvid: Svid, clientSvid: Svid | undefined, trusted: string): Promise<Outcome> {
  const common = { ca: trusted, rejectUnauthorized: false };
  const server = createServer({
    ...common,
    requestCert: true,
    cert: serverSvid.certChainPem,
    key: serverSvid.privateKeyPem,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "secureConnection") as Promise<[TLSSocket]>;
  const own = clientSvid ? { cert: clientSvid.certChainPem, key: clientSvid.privateKeyPem } : {};
  const { port } = server.address() as AddressInfo;
  const client = connect({ ...common, ...own, host: "127.0.0.1", port, checkServerIdentity: () => undefined });
  try {
    const [[incoming]] = await Promise.all([accepted, once(client, "secureConnect")]);
    const verdict = (socket: TLSSocket, role: "client" | "server", value: string): PeerVerdict =>
      verifyPeer(socket.getPeerX509Certificate(), { allowed: [{ kind: "exact", value }], role, nowMs: Date.now() });
    return {
      serverError: incoming.authorized ? undefined : String(incoming.authorizationError),
      clientError: client.authorized ? undefined : String(client.authorizationError),
      client: verdict(incoming, "client", CLIENT),
      server: verdict(client, "server", SERVER),
    };
  } finally {
    client.destroy();
    server.close();
  }
}

describe("mutual TLS of the runtime", () => {
  test("accepts both chains and gives both identities, with an old and a new root trusted", async () => {
    const outcome = await shake(ca.svid(SERVER), ca.svid(CLIENT), new TestCa().bundlePem + ca.bundlePem);
    expect(outcome).toMatchObject({
      serverError: undefined,
      clientError: undefined,
      client: { ok: true },
      server: { ok: true },
    });
    expect(outcome.client.ok && outcome.client.id.uri).toBe(CLIENT);
  });

  test("accepts the chain of a wrong identity, which verifyPeer() refuses", async () => {
    const outcome = await shake(ca.svid(SERVER), ca.svid("spiffe://cluster.local/ns/default/sa/other"), ca.bundlePem);
    expect(outcome).toMatchObject({
      serverError: undefined,
      client: { ok: false, reason: expect.stringContaining("/sa/other") },
    });
  });

  test("does not accept another CA's chain, and verifyPeer() alone would not see it", async () => {
    const outcome = await shake(ca.svid(SERVER), new TestCa().svid(CLIENT), ca.bundlePem);
    expect(outcome.serverError).toBeDefined();
    expect(outcome.client.ok).toBe(true);
  });

  test("accepts neither an expired certificate nor none", async () => {
    const expired = await shake(ca.expiredSvid(SERVER), ca.expiredSvid(CLIENT), ca.bundlePem);
    expect(expired).toMatchObject({
      clientError: expect.stringContaining("EXPIRED"),
      client: { ok: false },
      server: { ok: false },
    });
    const none = await shake(ca.svid(SERVER), undefined, ca.bundlePem);
    expect(none).toMatchObject({ client: { ok: false, reason: expect.stringContaining("presented none") } });
    expect(none.serverError).toBeDefined();
  });
});
