/**
 * Health checks of TCP: that a connection opens, and where asked for, that it says what is expected.
 *
 * @module
 */
import type { CheckResult } from "../../engine/health/check-state.ts";
import { holdsInOrder } from "../../engine/health/payload.ts";
import type { TcpProbeSettings } from "../../engine/health/probe.ts";
import type { Socket, SocketHandler } from "../../net/socket.ts";
import type { Probe, ProbeWay } from "./probe.ts";
import { ProbeConnection } from "./probe-connection.ts";

/** More than this is not searched: what is looked for should have come. */
const MAX_BYTES = 64 * 1024;

export class TcpProbe implements Probe, SocketHandler {
  readonly #settings: TcpProbeSettings;
  readonly #way: ProbeWay;
  readonly #connection: ProbeConnection;
  #seen: Buffer = NOTHING;

  constructor(settings: TcpProbeSettings, way: ProbeWay) {
    this.#settings = settings;
    this.#way = way;
    this.#connection = new ProbeConnection(way, this, (socket) => socket.close());
  }

  ask(done: (result: CheckResult) => void): void {
    this.#seen = NOTHING;
    this.#connection.begin(done, (socket, isNew) => {
      // Being connected was all there is to it.
      if (isNew && this.#settings.receive.length === 0 && this.#settings.send === undefined) return this.#pass(false);
      this.#send(socket);
    });
  }

  #send(socket: Socket): void {
    if (this.#settings.send !== undefined) socket.write(this.#settings.send);
    if (this.#settings.receive.length === 0) this.#pass(false);
  }

  /** @param keeps The connection may serve again. */
  #pass(keeps: boolean): void {
    if (!keeps || !this.#way.reusesConnection) this.#connection.drop();
    this.#connection.end({ t: "passed", degraded: false });
  }

  close(): void {
    this.#connection.close();
  }

  onData(chunk: Uint8Array): void {
    if (!this.#connection.isAsked) return;
    this.#seen = Buffer.concat([this.#seen, chunk]);
    if (holdsInOrder(this.#seen, this.#settings.receive)) return this.#pass(true);
    if (this.#seen.length <= MAX_BYTES) return;
    this.#connection.fail(`it sent more than ${MAX_BYTES} bytes, and not what is expected`);
  }

  onDrain(): void {}

  onEnd(): void {
    this.onClose(undefined);
  }

  onClose(error: Error | undefined): void {
    this.#connection.fail(error?.message ?? "it closed the connection");
  }
}

const NOTHING = Buffer.alloc(0);
