/**
 * What every {@link Network} must do: run on the memory network and on the machine's.
 */
import { afterAll, describe, expect, test } from "bun:test";
import type { ClientTls, DialError, Listener, Network, ServerTls, Socket } from "../../src/net/socket.ts";

export interface NetworkUnderTest {
  readonly network: Network;
  /** Lets everything that is under way arrive, until `done` holds. Throws when it never does. */
  settle(done: () => boolean): Promise<void>;
}

export interface KeyPair {
  readonly certChainPem: string;
  readonly privateKeyPem: string;
}

export interface TlsMaterial {
  readonly server: KeyPair;
  readonly client: KeyPair;
  readonly trustedCaPem: string;
  readonly stranger: KeyPair;
  readonly expired: KeyPair;
  readonly serverId: string;
  readonly clientId: string;
}

const pems = ({ certChainPem, privateKeyPem }: KeyPair): KeyPair => ({ certChainPem, privateKeyPem });

/** Collects what a socket tells. */
class Recorder {
  text = "";
  bytes = 0;
  ended = false;
  closed = false;
  error: Error | undefined;
  drained = 0;
  onData(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    if (this.bytes < 10_000) this.text += Buffer.from(chunk).toString("latin1");
  }
  onDrain(): void {
    this.drained++;
  }
  onEnd(): void {
    this.ended = true;
  }
  onClose(error: Error | undefined): void {
    this.closed = true;
    this.error = error;
  }
}

export function networkSuite(name: string, make: () => NetworkUnderTest, tls: TlsMaterial): void {
  const listeners: Listener[] = [];
  afterAll(() => {
    for (const l of listeners) l.close();
  });

  async function pair(under: NetworkUnderTest): Promise<{ client: Socket; server: Socket; c: Recorder; s: Recorder }> {
    let server: Socket | undefined;
    let client: Socket | undefined;
    const listener = await under.network.listen({ address: "127.0.0.1", port: 0 }, (socket) => void (server = socket));
    listeners.push(listener);
    under.network.dial(
      { address: "127.0.0.1", port: listener.port, connectTimeoutMs: 5000 },
      (socket) => void (client = socket),
      (error) => {
        throw error;
      },
    );
    await under.settle(() => client !== undefined && server !== undefined);
    if (client === undefined || server === undefined) throw new Error("no pair");
    const c = new Recorder();
    const s = new Recorder();
    client.handler = c;
    server.handler = s;
    return { client, server, c, s };
  }

  const serverTls = (over: Partial<ServerTls> = {}): ServerTls => ({
    ...pems(tls.server),
    trustedCaPem: tls.trustedCaPem,
    requireClientCertificate: true,
    alpn: ["istio", "http/1.1"],
    refusePeer: undefined,
    ...over,
  });
  const clientTls = (over: Partial<ClientTls> = {}): ClientTls => ({
    ...pems(tls.client),
    trustedCaPem: tls.trustedCaPem,
    sni: "outbound_.80_._.a.default.svc.cluster.local",
    alpn: ["http/1.1"],
    refusePeer: (peer) =>
      peer.spiffeId === tls.serverId ? undefined : `wanted ${tls.serverId}, found ${peer.spiffeId}`,
    ...over,
  });

  /** Dials with TLS, sends "hello" and reports what each side saw. */
  async function handshake(under: NetworkUnderTest, server: ServerTls, client: ClientTls | undefined) {
    const seen = { server: undefined as Socket | undefined, client: undefined as Socket | undefined };
    const s = new Recorder();
    const c = new Recorder();
    let failed: DialError | undefined;
    const listener = await under.network.listen({ address: "127.0.0.1", port: 0, tls: () => server }, (socket) => {
      seen.server = socket;
      socket.handler = s;
    });
    listeners.push(listener);
    under.network.dial(
      {
        address: "127.0.0.1",
        port: listener.port,
        connectTimeoutMs: 5000,
        ...(client === undefined ? {} : { tls: client }),
      },
      (socket) => {
        seen.client = socket;
        socket.handler = c;
        socket.write(Buffer.from("hello"));
      },
      (error) => void (failed = error),
    );
    await under.settle(() => failed !== undefined || s.bytes > 0 || c.closed);
    return { ...seen, s, c, failed };
  }

  describe(`network: ${name}`, () => {
    test("bytes go both ways, also from inside a buffer", async () => {
      const under = make();
      const { client, server, c, s } = await pair(under);
      expect(client.write(Buffer.from("xhellox"), 1, 5)).toBe(5);
      await under.settle(() => s.text === "hello");
      server.write(Buffer.from("world"));
      await under.settle(() => c.text === "world");
    });

    test("half-close: the other side reads the end and may still write", async () => {
      const under = make();
      const { client, server, c, s } = await pair(under);
      client.write(Buffer.from("last"));
      client.end();
      await under.settle(() => s.ended);
      expect(s.text).toBe("last");
      expect(s.closed).toBe(false);
      server.write(Buffer.from("answer"));
      server.end();
      await under.settle(() => c.closed && s.closed);
      expect(c.text).toBe("answer");
      expect([c.ended, c.error, s.error]).toEqual([true, undefined, undefined]);
    });

    test("a reset is told as one, before and after the own end", async () => {
      for (const hasEnded of [false, true]) {
        const under = make();
        const { client, server, c, s } = await pair(under);
        server.write(Buffer.from("hello"));
        if (hasEnded) server.end();
        await under.settle(() => c.text === "hello" && c.ended === hasEnded);
        client.destroy();
        await under.settle(() => s.closed);
        expect([s.ended, s.error === undefined]).toEqual([false, false]);
      }
    });

    test("who closes is not told of an end", async () => {
      const under = make();
      const { client, server, c, s } = await pair(under);
      server.end();
      await under.settle(() => c.ended);
      server.destroy();
      await under.settle(() => s.closed);
      expect(s.ended).toBe(false);
      client.destroy();
    });

    test("destroy closes both sides, once", async () => {
      const under = make();
      const { client, c, s } = await pair(under);
      client.destroy();
      await under.settle(() => c.closed && s.closed);
      expect(client.write(Buffer.from("late"))).toBe(0);
    });

    test("a paused reader stops the writer; resuming lets everything through", async () => {
      const under = make();
      const { client, server, s } = await pair(under);
      server.pause();
      const chunk = Buffer.alloc(1 << 20, 120);
      const total = 32 << 20;
      let sent = 0;
      let blocked = false;
      const push = (): void => {
        while (sent < total) {
          const length = Math.min(chunk.length, total - sent);
          const taken = client.write(chunk, 0, length);
          sent += taken;
          if (taken < length) {
            blocked = true;
            return;
          }
        }
      };
      client.handler = { onData() {}, onDrain: push, onEnd() {}, onClose() {} };
      push();
      expect(blocked).toBe(true);
      server.resume();
      await under.settle(() => s.bytes === total);
    });

    test("dialing nobody fails with kind refused", async () => {
      const under = make();
      const listener = await under.network.listen({ address: "127.0.0.1", port: 0 }, () => {});
      listener.close();
      let failed: DialError | undefined;
      under.network.dial(
        { address: "127.0.0.1", port: listener.port, connectTimeoutMs: 5000 },
        () => {},
        (error) => void (failed = error),
      );
      await under.settle(() => failed !== undefined);
      expect(failed?.kind).toBe("refused");
      expect(failed?.message).toContain(String(listener.port));
    });

    test("a port in use is said with address and port", async () => {
      const under = make();
      const listener = await under.network.listen({ address: "127.0.0.1", port: 0 }, () => {});
      listeners.push(listener);
      await expect(under.network.listen({ address: "127.0.0.1", port: listener.port }, () => {})).rejects.toThrow(
        `cannot listen on 127.0.0.1:${listener.port}: EADDRINUSE`,
      );
    });

    test("mTLS: both sides know each other, ALPN and SNI are seen", async () => {
      const { server, client, s, failed } = await handshake(make(), serverTls(), clientTls());
      expect(failed).toBeUndefined();
      expect(s.text).toBe("hello");
      expect(server?.peer?.spiffeId).toBe(tls.clientId);
      expect(client?.peer?.spiffeId).toBe(tls.serverId);
      expect(server?.sni).toBe("outbound_.80_._.a.default.svc.cluster.local");
      expect(server?.alpn).toBe("http/1.1");
      expect(server?.secure).toBe(true);
    });

    test("TLS that is closed is closed, whatever the other side does", async () => {
      const under = make();
      const { server, client, s, c } = await handshake(under, serverTls(), clientTls());
      if (server === undefined || client === undefined) throw new Error("no handshake");
      server.write(Buffer.from("bye"));
      server.close();
      await under.settle(() => s.closed && c.ended);
      expect([c.text, c.closed, s.ended]).toEqual(["bye", false, false]);
      client.destroy();
    });

    test("TLS that is closed while its reader does not read can still be cut off", async () => {
      const under = make();
      const { server, client, s } = await handshake(under, serverTls(), clientTls());
      if (server === undefined || client === undefined) throw new Error("no handshake");
      client.pause();
      const chunk = Buffer.alloc(1 << 20, 120);
      while (server.write(chunk) === chunk.length);
      server.close();
      server.destroy();
      await under.settle(() => s.closed);
      client.destroy();
    });

    for (const [what, over] of [
      ["from another CA", pems(tls.stranger)],
      ["expired", pems(tls.expired)],
      ["none", { certChainPem: undefined, privateKeyPem: undefined }],
    ] as const)
      test(`a server that requires a client certificate refuses one that is ${what}, before any byte`, async () => {
        const { server, s } = await handshake(make(), serverTls(), clientTls(over));
        expect(server).toBeUndefined();
        expect(s.bytes).toBe(0);
      });

    test("a right certificate with the wrong identity is refused by the server, before any byte", async () => {
      const refuse = serverTls({ refusePeer: (p) => (p.spiffeId === "spiffe://x/y" ? undefined : "not welcome") });
      const { server, s } = await handshake(make(), refuse, clientTls());
      expect(server).toBeUndefined();
      expect(s.bytes).toBe(0);
    });

    test("a permissive server takes a client without certificate, and one of another CA counts as none unless it is to be refused", async () => {
      const permissive = serverTls({ requireClientCertificate: false });
      const none = await handshake(
        make(),
        permissive,
        clientTls({ certChainPem: undefined, privateKeyPem: undefined }),
      );
      expect(none.s.text).toBe("hello");
      expect(none.server?.peer).toBeUndefined();
      const stranger = await handshake(make(), permissive, clientTls(pems(tls.stranger)));
      expect(stranger.s.text).toBe("hello");
      expect(stranger.server?.peer).toBeUndefined();
      const strict = serverTls({ requireClientCertificate: false, refuseUnverified: true });
      const refused = await handshake(make(), strict, clientTls(pems(tls.stranger)));
      expect(refused.server).toBeUndefined();
      expect(refused.s.bytes).toBe(0);
      const bare = await handshake(make(), strict, clientTls({ certChainPem: undefined, privateKeyPem: undefined }));
      expect(bare.s.text).toBe("hello");
    });

    for (const [what, server] of [
      ["of another CA", pems(tls.stranger)],
      ["that has expired", pems(tls.expired)],
    ] as const)
      test(`a client refuses a server ${what}, before it writes`, async () => {
        const { client, s, failed } = await handshake(make(), serverTls(server), clientTls());
        expect(client).toBeUndefined();
        expect(failed?.kind).toBe("tls");
        expect(s.bytes).toBe(0);
      });

    test("a client refuses a server with the wrong identity", async () => {
      const { client, failed } = await handshake(
        make(),
        serverTls(),
        clientTls({ refusePeer: () => "wanted another" }),
      );
      expect(client).toBeUndefined();
      expect(failed?.kind).toBe("tls");
      expect(failed?.message).toContain("wanted another");
    });

    test("the server's certificate may change from one connection to the next", async () => {
      const under = make();
      let current = serverTls();
      const got: (string | undefined)[] = [];
      const listener = await under.network.listen({ address: "127.0.0.1", port: 0, tls: () => current }, () => {});
      listeners.push(listener);
      const dial = async (): Promise<void> => {
        const before = got.length;
        under.network.dial(
          {
            address: "127.0.0.1",
            port: listener.port,
            connectTimeoutMs: 5000,
            tls: clientTls({ refusePeer: () => undefined }),
          },
          (socket) => void got.push(socket.peer?.spiffeId),
          (error) => void got.push(error.message),
        );
        await under.settle(() => got.length > before);
      };
      await dial();
      current = serverTls(pems(tls.client));
      await dial();
      expect(got).toEqual([tls.serverId, tls.clientId]);
    });
  });
}
