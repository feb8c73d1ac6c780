import { expect, test } from "bun:test";
import { ManualClock } from "../../base/manual-clock.ts";
import type { CheckResult } from "../../engine/health/check-state.ts";
import { compileProbe, type GrpcProbeSettings, type HttpProbeSettings } from "../../engine/health/probe.ts";
import { MemoryNetwork } from "../../net/memory-network.ts";
import type { AcceptedSocket } from "../../net/socket.ts";
import { type FieldsStream, ORPHAN } from "../../wire/http2/fields-session.ts";
import { DEFAULT_KEEPALIVE, GrpcConnection } from "../../xds/grpc-connection.ts";
import type { HealthCheck } from "../../xds/proto/core-health-check.ts";
import { grpcProbe, http2Probe } from "./http2-probe.ts";

/** An endpoint of HTTP/2 whose answers the test gives, and the way to it. */
function endpoint() {
  const clock = new ManualClock();
  const network = new MemoryNetwork(clock);
  const streams: FieldsStream[] = [];
  const connections: GrpcConnection[] = [];
  const sockets: AcceptedSocket[] = [];
  let open = 0;
  const accept = (socket: AcceptedSocket): void => {
    open += 1;
    sockets.push(socket);
    const owner = {
      onStream: (stream: FieldsStream) => {
        streams.push(stream);
        return ORPHAN;
      },
      onSettings() {},
      onGoaway() {},
      onFailed() {},
      onClosed: () => void (open -= 1),
    };
    connections.push(new GrpcConnection(socket, "server", owner, { clock, keepalive: DEFAULT_KEEPALIVE, session: {} }));
  };
  void network.listen({ address: "127.0.0.1", port: 80 }, accept);
  const address = { address: "127.0.0.1", port: 80, tls: undefined, connectTimeoutMs: 1000 };
  const way = { network, clock, address, host: "app", reusesConnection: true, timeoutMs: 1000 };
  const answer = (nth: number, ...fields: string[]): void => {
    streams[nth]?.sendHeaders([":status", "200", ...fields], true);
    for (const connection of connections) connection.flush();
    network.flush();
  };
  return { clock, network, streams, connections, sockets, way, answer, openCount: () => open };
}

const settingsOf = (check: HealthCheck) => compileProbe(check, { name: "app" }, "health_checks[0]");
const HTTP2 = settingsOf({ httpHealthCheck: { path: "/", codecClientType: "HTTP2" } }) as HttpProbeSettings;
const GRPC = settingsOf({ grpcHealthCheck: {} }) as GrpcProbeSettings;

test("a connection that its endpoint leaves says nothing of the one that has taken its place", () => {
  const { network, connections, sockets, way, answer, openCount } = endpoint();
  const probe = http2Probe(HTTP2, way);
  const results: CheckResult["t"][] = [];
  const ask = (): void => {
    probe.ask(({ t }) => results.push(t));
    network.flush();
  };
  ask();
  // It takes its time to close.
  const [socket] = sockets;
  if (socket !== undefined) socket.end = () => {};
  connections[0]?.drain();
  answer(0);
  expect(results).toEqual(["passed"]);
  ask();
  socket?.destroy();
  network.flush();
  expect(results).toEqual(["passed"]);
  answer(1);
  expect(results).toEqual(["passed", "passed"]);
  probe.close();
  network.flush();
  expect(openCount()).toBe(0);
});

test("a connection that its endpoint leaves without an answer ends with the check", () => {
  const { network, connections, way, openCount } = endpoint();
  const probe = http2Probe(HTTP2, way);
  probe.ask(() => expect.unreachable());
  network.flush();
  connections[0]?.drain();
  network.flush();
  probe.close();
  network.flush();
  expect(openCount()).toBe(0);
});

test.each([
  [Buffer.from([0x08])],
  [Buffer.from([0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])],
  [Buffer.from("no message of protobuf")],
])("an answer of gRPC that cannot be read is a failed check: %p", (bytes) => {
  const { network, streams, connections, way } = endpoint();
  const probe = grpcProbe(GRPC, way);
  const results: CheckResult[] = [];
  probe.ask((result) => results.push(result));
  network.flush();
  const [stream] = streams;
  stream?.sendHeaders([":status", "200", "content-type", "application/grpc"], false);
  stream?.sendData(Buffer.concat([Buffer.from([0, 0, 0, 0, bytes.length]), bytes]), false);
  stream?.sendHeaders(["grpc-status", "0"], true);
  connections[0]?.flush();
  network.flush();
  expect(results).toMatchObject([{ t: "failed", failure: "active" }]);
});
