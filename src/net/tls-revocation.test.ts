/** Revocation lists, several settings, and clients that are let in unverified, in real handshakes. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasOpenssl, type IssuedPair, OpensslCa } from "../../tests/support/openssl-ca.ts";
import { settle } from "../../tests/support/settle.ts";
import { systemClock } from "../base/clock.ts";
import { bunNetwork } from "./bun-network.ts";
import type { ClientTls, DialError, Listener, ServerTls, Socket } from "./socket.ts";

describe.skipIf(!hasOpenssl)("TLS with revocation lists", () => {
  const root = new OpensslCa("root");
  const middle = new OpensslCa("middle", root);
  const stranger = new OpensslCa("stranger");
  const names = ["DNS:server"];
  const server = middle.issue("server", { names });
  const client = middle.issue("client", { names: ["URI:spiffe://x/client"] });
  const other = stranger.issue("other");
  const listeners: Listener[] = [];
  afterAll(() => {
    for (const ca of [root, middle, stranger]) ca.close();
    for (const listener of listeners) listener.close();
  });

  const pems = ({ certChainPem, privateKeyPem }: IssuedPair) => ({ certChainPem, privateKeyPem });
  const serverTls: ServerTls = {
    ...pems(server),
    trustedCaPem: root.certificatePem,
    requireClientCertificate: true,
    refuseUnverified: true,
    alpn: [],
    refusePeer: undefined,
  };
  const clientTls: ClientTls = {
    ...pems(client),
    trustedCaPem: root.certificatePem,
    sni: "server",
    alpn: [],
    refusePeer: () => undefined,
  };

  interface Outcome {
    readonly server: string;
    readonly client: string;
    readonly identity: string | undefined;
  }

  async function shake(ofServer: Partial<ServerTls>, ofClient: Partial<ClientTls> = {}): Promise<Outcome> {
    const network = bunNetwork(systemClock);
    const seen: { refused?: string; socket?: Socket; failed?: DialError; opened?: Socket } = {};
    const listener = await network.listen({ address: "127.0.0.1", port: 0 }, (socket) => {
      const onData = (first: Uint8Array): void =>
        socket.startTls(
          { ...serverTls, ...ofServer },
          first,
          (secure) => void (seen.socket = secure),
          ({ message }) => void (seen.refused = message),
        );
      socket.handler = { onData, onDrain() {}, onEnd() {}, onClose() {} };
    });
    listeners.push(listener);
    network.dial(
      { address: "127.0.0.1", port: listener.port, connectTimeoutMs: 5000, tls: { ...clientTls, ...ofClient } },
      (socket) => void (seen.opened = socket),
      (error) => void (seen.failed = error),
    );
    await settle(() => (seen.opened ?? seen.failed) !== undefined && (seen.socket ?? seen.refused) !== undefined);
    seen.socket?.destroy();
    return {
      server: seen.refused ?? "ok",
      client: seen.failed?.message ?? "ok",
      identity: seen.socket?.peer?.spiffeId,
    };
  }

  const nobody = root.revocations([]) + middle.revocations([]);
  const ok = { server: "ok", client: "ok" };

  test("whom no list names is let in, and is who it was", async () => {
    expect(await shake({ crlPem: nobody })).toEqual({ ...ok, identity: "spiffe://x/client" });
    expect(await shake({}, { crlPem: nobody })).toMatchObject(ok);
  });

  test("a client that is revoked is refused, wherever its list stands", async () => {
    const revoked = middle.revocations([client.leafPem]);
    for (const crlPem of [root.revocations([]) + revoked, revoked + root.revocations([])])
      expect((await shake({ crlPem })).server).toContain("CERT_REVOKED");
  });

  test("a server that is revoked is refused", async () => {
    const crlPem = root.revocations([]) + middle.revocations([server.leafPem]);
    expect((await shake({}, { crlPem })).client).toContain("CERT_REVOKED");
    expect((await shake({}, { crlPem, sni: undefined })).client).toContain("CERT_REVOKED");
  });

  test("an authority in between that is revoked revokes all below it", async () => {
    const crlPem = root.revocations([middle.certificatePem]) + middle.revocations([]);
    expect((await shake({ crlPem })).server).toContain("CERT_REVOKED");
  });

  test("without a list of each authority nobody is let in, nor by one that has expired", async () => {
    for (const crlPem of [root.revocations([]), middle.revocations([]), stranger.revocations([])])
      expect((await shake({ crlPem })).server).toContain("UNABLE_TO_GET_CRL");
    const expired = middle.revocations([], true);
    expect((await shake({ crlPem: root.revocations([]) + expired })).server).toContain("CRL_HAS_EXPIRED");
  });

  test("what is no list is the end of every connection", async () => {
    for (const crlPem of ["", "none", server.leafPem, nobody.replace(/[A-Za-z]{20}/, "A".repeat(20))])
      expect((await shake({ crlPem })).server).not.toBe("ok");
  });

  test("a change of the list holds for the next connection", async () => {
    const before = await shake({ crlPem: nobody });
    const after = await shake({ crlPem: root.revocations([]) + middle.revocations([client.leafPem]) });
    expect([before.server, after.server.includes("CERT_REVOKED")]).toEqual(["ok", true]);
  });

  describe("clients that are let in unverified", () => {
    const open: Partial<ServerTls> = { requireClientCertificate: false, letsUnverifiedIn: true };
    test("have an identity where it is good, and none where it is not", async () => {
      expect(await shake(open)).toEqual({ ...ok, identity: "spiffe://x/client" });
      expect(await shake(open, pems(other))).toEqual({ ...ok, identity: undefined });
      expect(await shake(open, { certChainPem: undefined, privateKeyPem: undefined })).toEqual({
        ...ok,
        identity: undefined,
      });
      expect(await shake({ ...open, refusePeer: () => "another name" })).toEqual({ ...ok, identity: undefined });
      const crlPem = root.revocations([]) + middle.revocations([client.leafPem]);
      expect(await shake({ ...open, crlPem })).toEqual({ ...ok, identity: undefined });
    });

    test("must show something where that is wanted", async () => {
      const wanted = { ...open, requireClientCertificate: true };
      expect(await shake(wanted, pems(other))).toEqual({ ...ok, identity: undefined });
      const none = await shake(wanted, { certChainPem: undefined, privateKeyPem: undefined });
      expect(none.server).toContain("none was given");
    });
  });

  describe.each(["-tls1_2", "-tls1_3"])("a session that a client resumes (%s)", (version) => {
    const folder = mkdtempSync(join(tmpdir(), "tulle-sessions-"));
    const at = (name: string): string => join(folder, name);
    afterAll(() => rmSync(folder, { recursive: true }));

    /** Calls three times, with the session of the first: who it was, or why not. */
    async function calls(pair: IssuedPair, settings: readonly Partial<ServerTls>[]): Promise<readonly string[]> {
      const seen: string[] = [];
      let current: ServerTls = serverTls;
      const listener = await bunNetwork(systemClock).listen({ address: "127.0.0.1", port: 0 }, (socket) => {
        const opened = (secure: Socket): void => {
          seen.push(String(secure.peer?.spiffeId));
          secure.handler = { onData: () => secure.close(), onDrain() {}, onEnd() {}, onClose() {} };
        };
        const onData = (first: Uint8Array): void =>
          socket.startTls(current, first, opened, ({ message }) => void seen.push(message));
        socket.handler = { onData, onDrain() {}, onEnd() {}, onClose() {} };
      });
      listeners.push(listener);
      writeFileSync(at("pair.pem"), pair.certChainPem + pair.privateKeyPem);
      const [session, ways] = [
        at("session"),
        `127.0.0.1:${listener.port} -cert ${at("pair.pem")} -key ${at("pair.pem")}`,
      ];
      const chain = ["-cert_chain", at("pair.pem")];
      for (const [i, of] of settings.entries()) {
        current = { ...serverTls, ...of };
        const asked = [
          "s_client",
          "-connect",
          ...ways.split(" "),
          ...chain,
          version,
          i === 0 ? "-sess_out" : "-sess_in",
          session,
        ];
        const run = Bun.spawn(["openssl", ...asked], { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
        run.stdin.write("x\n");
        await run.stdin.flush();
        const text = await new Response(run.stdout).text();
        seen[i] = `${/Reused/.test(text) ? "again " : ""}${seen[i]}`;
      }
      return seen;
    }

    const who = "spiffe://x/client";
    const revoked = root.revocations([]) + middle.revocations([client.leafPem]);

    test("is of no use any more once its client is revoked", async () => {
      const crlPem = nobody;
      expect(await calls(client, [{ crlPem }, { crlPem }, { crlPem: revoked }])).toEqual([
        who,
        `again ${who}`,
        "client certificate refused: CERT_REVOKED",
      ]);
    });

    test("nor once its authority is not trusted any more", async () => {
      const [first, again, last] = await calls(client, [{}, {}, { trustedCaPem: stranger.certificatePem }]);
      expect([first, again]).toEqual([who, `again ${who}`]);
      expect(last).toContain("client certificate refused");
    });

    test("of a client that was let in unverified makes nobody of it, here and where one must be known", async () => {
      const open = { requireClientCertificate: false, letsUnverifiedIn: true };
      const [first, again, last] = await calls(other, [open, open, { requireClientCertificate: false }]);
      expect([first, again]).toEqual(["undefined", "again undefined"]);
      expect(last).toContain("client certificate refused");
    });
  });
});
