/**
 * Health checks of TCP: that a connection opens, and where asked for, that it says what is expected.
 *
 * @module
 */
import type { CheckResult } from "../../engine/health/check-state.ts";
import { holdsInOrder } from "../../engine/health/payload.ts";
import type { TcpProbeSettings } from "../../engine/health/probe.ts";
import { deafHandler, type Socket, type SocketHandler } from "../../net/socket.ts";
import { dialHost } from "../host-dialer.ts";
import { network, type Probe, type ProbeWay } from "./probe.ts";

/** More than this is not searched: what is looked for should have come. */
const MAX_BYTES = 64 * 1024;

export class TcpProbe implements Probe, SocketHandler {
  readonly #settings: TcpProbeSettings;
  readonly #way: ProbeWay;
  #socket: Socket | undefined;
  #giveUp: (() => boolean) | undefined;
  #done: ((result: CheckResult) => void) | undefined;
  #seen: Buffer = NOTHING;

  constructor(settings: TcpProbeSettings, way: ProbeWay) {
    this.#settings = settings;
    this.#way = way;
  }

  ask(done: (result: CheckResult) => void): void {
    this.#done = done;
    this.#seen = NOTHING;
    if (this.#socket !== undefined) return this.#send(this.#socket);
    const { network: net, address } = this.#way;
    this.#giveUp = dialHost(
      net,
      address,
      (socket) => {
        this.#socket = socket;
        socket.handler = this;
        if (this.#settings.receive.length === 0 && this.#settings.send === undefined) return this.#pass(false);
        this.#send(socket);
      },
      (error) => this.#end(network(error.message)),
    );
  }

  #send(socket: Socket): void {
    if (this.#settings.send !== undefined) socket.write(this.#settings.send);
    if (this.#settings.receive.length === 0) this.#pass(false);
  }

  /** @param keeps The connection may serve again. */
  #pass(keeps: boolean): void {
    if (!keeps || !this.#way.reusesConnection) this.#drop();
    this.#end({ t: "passed", degraded: false });
  }

  close(): void {
    this.#done = undefined;
    this.#giveUp?.();
    this.#drop();
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.handler = deafHandler;
    socket.close();
  }

  #end(result: CheckResult): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(result);
  }

  onData(chunk: Uint8Array): void {
    if (this.#done === undefined) return;
    this.#seen = Buffer.concat([this.#seen, chunk]);
    if (holdsInOrder(this.#seen, this.#settings.receive)) return this.#pass(true);
    if (this.#seen.length <= MAX_BYTES) return;
    this.#drop();
    this.#end(network(`it sent more than ${MAX_BYTES} bytes, and not what is expected`));
  }

  onDrain(): void {}

  onEnd(): void {
    this.onClose(undefined);
  }

  onClose(error: Error | undefined): void {
    this.#drop();
    this.#end(network(error?.message ?? "it closed the connection"));
  }
}

const NOTHING = Buffer.alloc(0);
