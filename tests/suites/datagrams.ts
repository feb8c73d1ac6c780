/**
 * What every {@link DatagramNetwork} must do: run on the memory network and on the machine's.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { DatagramHandler, DatagramNetwork, DatagramSocket } from "../../src/net/datagrams.ts";

export interface DatagramsUnderTest {
  readonly network: DatagramNetwork;
  /** Lets everything that is under way arrive, until `done` holds. Throws when it never does. */
  settle(done: () => boolean): Promise<void>;
}

class Recorder implements DatagramHandler {
  readonly heard: { readonly text: string; readonly bytes: Uint8Array; readonly port: number }[] = [];
  readonly errors: string[] = [];
  answer: ((bytes: Uint8Array, port: number, address: string) => void) | undefined;
  onDatagram(bytes: Uint8Array, address: string, port: number): void {
    this.heard.push({ text: Buffer.from(bytes).toString("latin1"), bytes, port });
    this.answer?.(bytes, port, address);
  }
  onError(code: string): void {
    this.errors.push(code);
  }
}

export function datagramsSuite(name: string, make: () => DatagramsUnderTest): void {
  describe(`datagrams: ${name}`, () => {
    const { network, settle } = make();
    const open: DatagramSocket[] = [];
    const kept = (socket: DatagramSocket): DatagramSocket => {
      open.push(socket);
      return socket;
    };
    afterEach(() => {
      for (const socket of open.splice(0)) socket.close();
    });
    const server = async (answers = true) => {
      const heard = new Recorder();
      const socket = kept(await network.bind({ address: "127.0.0.1", port: 0 }, heard));
      if (answers) heard.answer = (bytes, port, address) => void socket.send(bytes, port, address);
      return { heard, socket };
    };
    const client = (to: DatagramSocket) => {
      const heard = new Recorder();
      return { heard, socket: kept(network.connect(to.local, heard)) };
    };

    test("each datagram arrives whole, and its answer at who sent it", async () => {
      const { heard, socket } = await server();
      const [a, b] = [client(socket), client(socket)];
      const sent = ["one", "", "x".repeat(60_000)];
      for (const text of sent) expect(a.socket.send(Buffer.from(text))).toBe(true);
      b.socket.send(Buffer.from("other"));
      await settle(() => a.heard.heard.length === 3 && b.heard.heard.length === 1);
      expect(a.heard.heard.map(({ text }) => text)).toEqual(sent);
      expect(b.heard.heard[0]).toMatchObject({ text: "other", port: socket.local.port });
      expect(new Set(heard.heard.map(({ port }) => port))).toEqual(new Set([a.socket.local.port, b.socket.local.port]));
    });

    test("bytes stay what they are while others arrive, and may be used again by who sent them", async () => {
      const { heard, socket } = await server(false);
      const { socket: from } = client(socket);
      const bytes = Buffer.from("aaaa");
      from.send(bytes);
      bytes.fill("b");
      from.send(bytes);
      await settle(() => heard.heard.length === 2);
      expect(heard.heard.map((it) => Buffer.from(it.bytes).toString())).toEqual(["aaaa", "bbbb"]);
    });

    test("what is too large is not taken, and the socket goes on", async () => {
      const { heard, socket } = await server();
      const { socket: from } = client(socket);
      expect(from.send(Buffer.alloc(65_508))).toBe(false);
      expect(from.send(Buffer.from("small"))).toBe(true);
      await settle(() => heard.heard.length === 1);
    });

    test("who is connected hears of the one that it is connected to, and that nobody is there", async () => {
      const { socket } = await server(false);
      const stranger = await server(false);
      const { heard, socket: from } = client(socket);
      stranger.socket.send(Buffer.from("hello"), from.local.port, from.local.address);
      socket.send(Buffer.from("you"), from.local.port, from.local.address);
      await settle(() => heard.heard.length === 1);
      expect(heard.heard[0]?.text).toBe("you");
      socket.close();
      from.send(Buffer.from("anybody?"));
      await settle(() => heard.errors.length > 0);
      expect(heard.errors[0]).toBe("ECONNREFUSED");
    });

    test("a port has one owner, and is free when that is closed", async () => {
      const { socket } = await server();
      const handler = new Recorder();
      const { port } = socket.local;
      const failed = await network.bind(socket.local, handler).catch((error: Error) => error.message);
      expect(failed).toContain(`cannot listen on 127.0.0.1:${port}: EADDRINUSE`);
      socket.close();
      expect(socket.send(Buffer.from("x"), port, "127.0.0.1")).toBe(false);
      expect(kept(await network.bind(socket.local, handler)).local.port).toBe(port);
    });
  });
}
