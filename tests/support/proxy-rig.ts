/**
 * A proxy between scripted clients and scripted backends, on the network in memory or on the machine's.
 *
 * @module
 */
import { expect } from "bun:test";
import type { Clock } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual-clock.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { silentLog } from "../../src/base/log.ts";
import { MemoryNetwork } from "../../src/net/memory-network.ts";
import type { ClientTls, Listener, Network, Socket, SocketHandler } from "../../src/net/socket.ts";
import { Proxy, type ProxyOptions } from "../../src/proxy/proxy.ts";
import type { Rejection } from "../../src/proxy/resources.ts";
import type { PeerLabels } from "../../src/telemetry/istio-labels.ts";
import { plainStats } from "../../src/telemetry/plain-stats.ts";
import { Registry } from "../../src/telemetry/registry.ts";
import { pack } from "../../src/xds/types/any.ts";
import type { MessageType } from "../../src/xds/types/message.ts";

/** A network, and how to let everything that is under way arrive. */
export interface RigNetwork {
  readonly network: Network;
  /** Lets things happen until `done` holds; throws when it never does. */
  until(done: () => boolean): Promise<void>;
}

export function memoryNetwork(clock: ManualClock, network = new MemoryNetwork(clock)): RigNetwork {
  const until = async (done: () => boolean): Promise<void> => {
    for (let i = 0; i < 100; i++) {
      network.flush();
      if (done()) return;
      await Promise.resolve();
    }
    throw new Error("it did not come to that");
  };
  return { network, until };
}

export interface RigOptions {
  readonly network?: (clock: ManualClock) => RigNetwork;
  readonly random?: Random;
  readonly self?: PeerLabels;
  readonly overload?: ProxyOptions["overload"];
  readonly resolver?: ProxyOptions["resolver"];
  readonly ownAddresses?: ProxyOptions["ownAddresses"];
  readonly adminPort?: ProxyOptions["adminPort"];
  readonly local?: ProxyOptions["local"];
  /** What the proxy goes by, in place of the rig's clock itself. */
  readonly clock?: (own: ManualClock) => Clock;
  readonly datagrams?: ProxyOptions["datagrams"];
  readonly onLog?: ProxyOptions["log"];
}

/** One end of a connection, as a script sees it. */
export class Peer implements SocketHandler {
  readonly socket: Socket;
  readonly #onData: (peer: Peer, text: string) => void;
  /** What came and was not taken, one char a byte. */
  text = "";
  /** What came, read by read: on the network in memory, one for each write. */
  chunks: string[] = [];
  bytes = 0;
  ended = false;
  closed = false;
  error: Error | undefined;
  #unsent: Buffer[] = [];

  constructor(socket: Socket, onData: (peer: Peer, text: string) => void = () => {}) {
    this.socket = socket;
    this.#onData = onData;
    socket.handler = this;
  }

  /** Sends all of it, as the socket takes it. */
  send(text: string): void {
    this.#unsent.push(Buffer.from(text, "latin1"));
    if (this.#unsent.length === 1) this.onDrain();
  }

  /** Bytes that the other side does not take. */
  get unsentBytes(): number {
    return this.#unsent.reduce((sum, { length }) => sum + length, 0);
  }

  /** What came since the last call. */
  take(): string {
    const { text } = this;
    this.text = "";
    this.chunks = [];
    return text;
  }

  onData(chunk: Uint8Array): void {
    const text = Buffer.from(chunk).toString("latin1");
    this.bytes += chunk.length;
    this.text += text;
    this.chunks.push(text);
    this.#onData(this, text);
  }

  onDrain(): void {
    for (let next = this.#unsent[0]; next !== undefined; next = this.#unsent[0]) {
      const taken = this.socket.write(next);
      if (taken < next.length) {
        this.#unsent[0] = next.subarray(taken);
        return;
      }
      this.#unsent.shift();
    }
  }

  onEnd(): void {
    this.ended = true;
  }

  onClose(error: Error | undefined): void {
    this.closed = true;
    this.error = error;
  }
}

export class Backend {
  readonly listener: Listener;
  readonly connections: Peer[] = [];
  /** What to answer to bytes that came; undefined for nothing yet. */
  answer: (text: string, peer: Peer) => string | undefined = () => undefined;

  constructor(listener: Listener) {
    this.listener = listener;
  }

  accept(socket: Socket): void {
    const peer: Peer = new Peer(socket, (_, text) => {
      const answer = this.answer(text, peer);
      if (answer !== undefined) peer.send(answer);
    });
    this.connections.push(peer);
  }

  /** The connection that was opened last. */
  get last(): Peer {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error("nobody has connected to the backend");
    return last;
  }

  get open(): Peer[] {
    return this.connections.filter((peer) => !peer.closed);
  }

  get port(): number {
    return this.listener.port;
  }
}

export class ProxyRig {
  readonly clock = new ManualClock();
  readonly registry = new Registry();
  readonly proxy: Proxy;
  readonly net: RigNetwork;
  /** Lines of all access logs. */
  readonly log: string[] = [];
  readonly #clients: Peer[] = [];
  readonly #backends: Backend[] = [];

  constructor(options: RigOptions = {}) {
    this.clock.advance(1000);
    this.net = (options.network ?? memoryNetwork)(this.clock);
    const bytes = seededRandom(7);
    this.proxy = new Proxy({
      network: this.net.network,
      clock: options.clock?.(this.clock) ?? this.clock,
      random: options.random ?? seededRandom(1),
      datagrams: options.datagrams,
      log: options.onLog ?? silentLog,
      registry: this.registry,
      fillRandom: (into) => {
        for (let i = 0; i < into.length; i++) into[i] = Math.floor(bytes() * 256);
      },
      readFile: (path) => {
        throw new Error(`${path}: no such file`);
      },
      openSink: () => (line) => {
        this.log.push(...Buffer.from(line).toString("latin1").trimEnd().split("\n"));
        return line.length;
      },
      self: options.self ?? {},
      localAddress: "192.0.2.1",
      overload: options.overload,
      resolver: options.resolver,
      ownAddresses: options.ownAddresses,
      adminPort: options.adminPort,
      local: options.local,
    });
  }

  /** Takes resources; each must apply. */
  async apply<T>(type: MessageType<T>, ...messages: readonly T[]): Promise<void> {
    expect(await this.offer(type, ...messages)).toEqual([]);
  }

  /** Takes resources and tells which were refused. */
  async offer<T>(type: MessageType<T>, ...messages: readonly T[]): Promise<Rejection[]> {
    const named = messages.map((message) => ({ name: nameOf(message), any: pack(type, message) }));
    const rejected = this.proxy.apply(type.typeUrl, named, []);
    await this.turn();
    return rejected;
  }

  async remove<T>(type: MessageType<T>, ...names: readonly string[]): Promise<void> {
    this.proxy.apply(type.typeUrl, [], names);
    await this.turn();
  }

  async backend(answer?: Backend["answer"]): Promise<Backend> {
    const listener = await this.net.network.listen({ address: "127.0.0.1", port: 0 }, (socket) =>
      backend.accept(socket),
    );
    const backend = new Backend(listener);
    if (answer !== undefined) backend.answer = answer;
    this.#backends.push(backend);
    return backend;
  }

  /** The port that a listener got. */
  portOf(listener: string): number {
    const port = this.proxy.listeners.list().find(({ name }) => name === listener)?.port;
    if (port === undefined) throw new Error(`the listener ${listener} does not listen`);
    return port;
  }

  async client(listener = "in", tls?: ClientTls): Promise<Peer> {
    let opened: Peer | undefined;
    let failed: Error | undefined;
    const port = this.portOf(listener);
    this.net.network.dial(
      { address: "127.0.0.1", port, connectTimeoutMs: 5000, ...(tls === undefined ? {} : { tls }) },
      (socket) => void (opened = new Peer(socket)),
      (error) => void (failed = error),
    );
    await this.net.until(() => opened !== undefined || failed !== undefined);
    if (opened === undefined) throw failed ?? new Error("no connection");
    this.#clients.push(opened);
    return opened;
  }

  until(done: () => boolean): Promise<void> {
    return this.net.until(done);
  }

  /** Lets everything happen that is under way in memory; on sockets, a little of it. */
  async turn(): Promise<void> {
    const { network } = this.net;
    for (let i = 0; i < 10; i++) {
      if (network instanceof MemoryNetwork) network.flush();
      await (network instanceof MemoryNetwork ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)));
    }
  }

  /** Sends and waits for everything that comes of it in memory. */
  async exchange(client: Peer, text: string): Promise<string> {
    client.send(text);
    await this.turn();
    return client.take();
  }

  async advance(byMs: number): Promise<void> {
    this.clock.advance(byMs);
    await this.turn();
  }

  /** A statistic under Envoy's name. */
  stat(name: string): number {
    const line = plainStats(this.registry)
      .split("\n")
      .find((l) => l.startsWith(`${name}: `));
    return line === undefined ? 0 : Number(line.slice(name.length + 2));
  }

  /** The lines of the access logs, once they have been written. */
  async logged(): Promise<string[]> {
    await this.advance(1000);
    return this.log.splice(0);
  }

  /** Hangs up everywhere; then nothing may be counted as open, and no timer may be left. */
  async finish(): Promise<void> {
    for (const client of this.#clients) client.socket.destroy();
    for (const { connections, listener } of this.#backends) {
      await this.#settled(() => this.#requestsLeft().length === 0);
      for (const peer of connections) peer.socket.destroy();
      listener.close();
    }
    this.expectNoRequests();
    this.proxy.drain();
    await this.#settled(() => this.#active().length === 0 && this.proxy.listeners.connectionCount === 0);
    expect(this.#active()).toEqual([]);
    expect(this.proxy.listeners.connectionCount).toBe(0);
    await this.advance(2000);
    this.proxy.close();
    expect(this.clock.pendingTimers).toBe(0);
  }

  /** Waits for it, but leaves it to whoever looks to say what is missing. */
  async #settled(done: () => boolean): Promise<void> {
    await this.until(done).catch(() => {});
    await this.turn();
  }

  /** No request is counted as running or waiting. */
  expectNoRequests(): void {
    expect(this.#requestsLeft()).toEqual([]);
    for (const { admission, compiled, endpoints } of this.proxy.clusters.clusters.values()) {
      const { requests, retries, pending } = admission.load;
      expect({ cluster: compiled.name, requests, retries, pending }).toEqual({
        cluster: compiled.name,
        requests: 0,
        retries: 0,
        pending: 0,
      });
      for (const { key, activeRequests } of endpoints.all) expect([key, activeRequests]).toEqual([key, 0]);
    }
  }

  #requestsLeft(): string[] {
    return this.#active().filter((line) => /rq_active|pending_active/.test(line));
  }

  #active(): string[] {
    const gauges = plainStats(this.registry)
      .split("\n")
      .filter((line) => /_active: /.test(line) && !line.includes("ejections_active") && !line.endsWith(": 0"));
    for (const { admission, endpoints } of this.proxy.clusters.clusters.values()) {
      if (this.#backends.every(({ open }) => open.length === 0)) {
        const { connections } = admission.load;
        if (connections !== 0) gauges.push(`connections: ${connections}`);
        for (const { key, activeConnections } of endpoints.all)
          if (activeConnections !== 0) gauges.push(`${key} activeConnections: ${activeConnections}`);
      }
    }
    return gauges;
  }
}

function nameOf(message: unknown): string {
  const { name, clusterName } = message as { name?: string; clusterName?: string };
  return name ?? clusterName ?? "";
}
