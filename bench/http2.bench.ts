/**
 * What HTTP/2 costs: `bun bench/http2.bench.ts`. One unary gRPC call through a client and a server session: three field
 * sections encoded and decoded, two DATA, both connections' frames; and the same through a proxy that has both roles, so
 * that the difference is what the proxy pays. Printed is the CPU of the best and the median round.
 */
/** Of this process: others use the machine as well. */
const cpuMs = (): number => process.cpuUsage().user / 1000;

import { ID } from "../src/wire/http1/known.ts";
import type { Session } from "../src/wire/http2/session.ts";
import { type HeadStream, clientStream, headClient, headServer } from "../tests/support/http2-heads.ts";

const ROUNDS = 40;
const OPERATIONS = 5_000;

/** `operation` returns something, so that it cannot be left out. */
function measure(name: string, operation: () => number): void {
  const rounds: number[] = [];
  let sum = 0;
  for (let round = 0; round < ROUNDS + 3; round++) {
    const startMs = cpuMs();
    for (let i = 0; i < OPERATIONS; i++) sum += operation();
    if (round >= 3) rounds.push(((cpuMs() - startMs) * 1e3) / OPERATIONS);
  }
  rounds.sort((a, b) => a - b);
  const [best = 0, median = 0] = [rounds[0], rounds[ROUNDS >> 1]];
  process.stdout.write(
    `${name.padEnd(56)} best ${best.toFixed(2).padStart(6)} µs   median ${median.toFixed(2).padStart(6)} µs   (${sum % 10})\n`,
  );
}

const MESSAGE = Buffer.alloc(1029, "x");

function answer({ stream }: HeadStream): void {
  const head = stream.beginHead();
  head.status(200);
  head.header("content-type", "application/grpc");
  head.header("x-envoy-upstream-service-time", "3");
  head.header("server", "istio-envoy");
  stream.endHead(false);
  stream.write(MESSAGE, 0, MESSAGE.length, false);
  const trailers = stream.beginHead();
  trailers.header("grpc-status", "0");
  trailers.header("grpc-message", "");
  stream.endHead(true);
}

/** Calls made so far: every call has a request id and a trace of its own. */
let calls = 0;

function call(free: HeadStream[], client: ReturnType<typeof headClient>): HeadStream {
  const it = free.pop() ?? clientStream();
  it.logs = false;
  const { stream } = it;
  if (!client.open(stream, false)) throw new Error("the client cannot open a stream");
  const id = (0x1000_0000 + ++calls).toString(16);
  const head = stream.beginHead();
  head.request("POST", "http", "reviews.default.svc.cluster.local:9080", "/bookinfo.Reviews/List");
  head.header("content-type", "application/grpc");
  head.header("te", "trailers");
  head.header("user-agent", "grpc-go/1.68.0");
  head.header("grpc-accept-encoding", "gzip");
  head.header("grpc-timeout", "999948u");
  head.header("x-request-id", `${id}-5b6c-4a66-9a4d-0d6f4c1b7e11`);
  head.header("x-forwarded-proto", "http");
  head.header("traceparent", `00-0af7651916cd43dd8448eb21${id}-b7ad6b71${id}-01`);
  stream.endHead(false);
  stream.write(MESSAGE, 0, MESSAGE.length, true);
  return it;
}

/** The output stays as it is while the other side reads it. */
function carry(from: Session, to: Session): boolean {
  if (from.outputBytes === 0) return false;
  const { output } = from;
  to.receive(output, 0);
  from.consumeOutput(output.length);
  return true;
}

function pair(): () => number {
  const client = headClient();
  const { session: server, streams } = headServer(answer);
  const free: HeadStream[] = [];
  const settle = (): void => {
    while (carry(client, server) || carry(server, client));
  };
  settle();
  return () => {
    const it = call(free, client);
    settle();
    free.push(it);
    if (it.trailers.count !== 2 || streams.length !== 1) throw new Error(`the call failed: ${it.events.join()}`);
    for (const stream of streams) stream.logs = false;
    return it.bodyBytes;
  };
}

/** A proxy between the two: one connection on each side, heads passed on as the proxy does. */
function throughProxy(): () => number {
  const client = headClient();
  const upstream = headClient();
  const { session: server } = headServer(answer);
  const carried: HeadStream[] = [];
  const free: HeadStream[] = [];
  const { session: downstream } = headServer((served) => {
    served.logs = false;
    const it = carried.pop() ?? clientStream();
    it.logs = false;
    if (!upstream.open(it.stream, false)) throw new Error("the proxy cannot open a stream");
    const { method, scheme, authority, path } = served.request;
    const fields = it.stream.beginHead();
    fields.request(method, scheme, authority, path);
    fields.lines(served.head, (line) => served.head.ids[line] === ID.host);
    fields.header("x-envoy-expected-rq-timeout-ms", "15000");
    it.stream.endHead(false);
    it.stream.write(MESSAGE, 0, MESSAGE.length, true);
    it.onEnd = () => respond(served, it);
    it.onFree = (freed) => carried.push(freed);
  });
  const settle = (): void => {
    while (
      carry(client, downstream) ||
      carry(upstream, server) ||
      carry(server, upstream) ||
      carry(downstream, client)
    );
  };
  settle();
  return () => {
    const it = call(free, client);
    settle();
    free.push(it);
    if (it.trailers.count !== 2) throw new Error(`the call failed: ${it.events.join()}`);
    return it.bodyBytes;
  };
}

function respond(served: HeadStream, { response, trailers }: HeadStream): void {
  const { stream } = served;
  const head = stream.beginHead();
  head.status(response.status);
  head.lines(response, keepsAll);
  stream.endHead(false);
  stream.write(MESSAGE, 0, MESSAGE.length, false);
  stream.beginHead().lines(trailers, keepsAll);
  stream.endHead(true);
}

const keepsAll = (): boolean => false;

measure("a unary gRPC call, 1 kB both ways, both sides", pair());
measure("the same through a proxy: four connections' ends", throughProxy());
