/**
 * A gRPC server and a client on an in-memory network with a clock that the test moves.
 */
import { lineLog } from "../../src/base/log.ts";
import { ManualClock } from "../../src/base/manual-clock.ts";
import { MemoryNetwork } from "../../src/net/memory-network.ts";
import type { Socket } from "../../src/net/socket.ts";
import { codeName, GrpcCode, type GrpcStatus } from "../../src/wire/grpc.ts";
import { GrpcClient } from "../../src/xds/grpc-client.ts";
import type { ClientCall } from "../../src/xds/grpc-client-call.ts";
import { GrpcServer, type Method } from "../../src/xds/grpc-server.ts";

export const PORT = 18_000;
export const OK: GrpcStatus = { code: GrpcCode.ok, message: "" };
export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Echoes each message in upper case, ends with `ok` after the caller. */
export const echo: Method = (call) => ({
  onMessage: (message) => call.send(Buffer.from(text(message).toUpperCase())),
  onHalfClose: () => call.end(OK),
  onClosed() {},
});

export function rig(methods: Readonly<Record<string, Method>> = { "/t.T/Echo": echo }) {
  const clock = new ManualClock();
  const network = new MemoryNetwork(clock);
  const lines: string[] = [];
  const log = lineLog("debug", (line) => lines.push(line), clock.wallMs.bind(clock));
  const server = new GrpcServer({ clock, log, methods, maxMessageBytes: 1000, maxQueuedBytes: 1 << 20 });
  const accepted: Socket[] = [];
  void network.listen({ address: "127.0.0.1", port: PORT }, (socket) => {
    accepted.push(socket);
    server.accept(socket);
  });
  const client = new GrpcClient({
    network,
    clock,
    target: () => ({ address: "127.0.0.1", port: PORT, connectTimeoutMs: 1000 }),
    authority: "t",
    maxMessageBytes: 1 << 20,
  });
  return { clock, network, server, client, accepted, lines };
}

export class Answers {
  readonly messages: string[] = [];
  readonly ends: GrpcStatus[] = [];
  onFirst: () => void = () => {};
  onMessage(message: Uint8Array): void {
    this.messages.push(text(message));
    if (this.messages.length === 1) this.onFirst();
  }
  onEnd(status: GrpcStatus): void {
    this.ends.push(status);
  }
  get code(): string {
    return this.ends.map((end) => codeName(end.code)).join();
  }
}

export function begin(
  client: GrpcClient,
  path = "/t.T/Echo",
  timeoutMs?: number,
): { call: ClientCall; answers: Answers } {
  const answers = new Answers();
  return { call: client.call(path, answers, timeoutMs === undefined ? {} : { timeoutMs }), answers };
}
