/**
 * What reading and writing an HTTP/1.1 head costs: `bun bench/http1-head.bench.ts`.
 *
 * Each case runs in rounds after a warm-up; printed is the best and the median round, nanoseconds an operation.
 */
import { systemClock } from "../src/base/clock.ts";
import { BodyScanner } from "../src/wire/http1/body.ts";
import { CHUNKED } from "../src/wire/http1/head.ts";
import { RequestHead } from "../src/wire/http1/request-head.ts";
import { ResponseHead } from "../src/wire/http1/response-head.ts";
import { MessageWriter } from "../src/wire/http1/writer.ts";

const ROUNDS = 15;
const OPERATIONS = 200_000;

/** `operation` returns something, so that it cannot be left out. */
function measure(name: string, operation: () => number, operations = OPERATIONS): void {
  const rounds: number[] = [];
  let sum = 0;
  for (let round = 0; round < ROUNDS + 3; round++) {
    const startMs = systemClock.nowMs();
    for (let i = 0; i < operations; i++) sum += operation();
    if (round >= 3) rounds.push(((systemClock.nowMs() - startMs) * 1e6) / operations);
  }
  rounds.sort((a, b) => a - b);
  const [best = 0, median = 0] = [rounds[0], rounds[ROUNDS >> 1]];
  const figures = `best ${best.toFixed(0).padStart(6)} ns   median ${median.toFixed(0).padStart(6)} ns`;
  process.stdout.write(`${name.padEnd(52)} ${figures}   (${sum % 10})\n`);
}

const message = (...lines: readonly string[]): Buffer => Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");

/** As one service of a mesh calls another. */
const MESH = message(
  "GET /api/v1/products/0/reviews?page=2 HTTP/1.1",
  "host: reviews.default.svc.cluster.local:9080",
  "user-agent: python-requests/2.32.3",
  "accept: application/json",
  "accept-encoding: gzip, deflate",
  "x-request-id: 8f2f2d3e-5b6c-4a66-9a4d-0d6f4c1b7e11",
  "x-forwarded-proto: http",
  "x-forwarded-for: 10.1.2.3",
  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "tracestate: rojo=00f067aa0ba902b7",
  "end-user: jason",
  "cookie: session=eyJ1c2VyIjoiamFzb24ifQ.ZzZ6Wg.3b1f",
  "connection: keep-alive",
);
const SMALL = message("GET / HTTP/1.1", "Host: localhost:8080", "User-Agent: curl/8.5.0", "Accept: */*");
const POST = message("POST /x HTTP/1.1", "Host: a", "Content-Type: application/json", "Content-Length: 1024");
const ANSWER = message(
  "HTTP/1.1 200 OK",
  "content-type: application/json; charset=utf-8",
  "content-length: 358",
  "date: Mon, 23 Nov 2026 12:00:00 GMT",
  "server: gunicorn",
  "x-envoy-upstream-service-time: 3",
  "vary: accept-encoding",
);
/** 64 chunks of 1 kB. */
const CHUNKS = Buffer.concat([
  ...Array.from({ length: 64 }, () => Buffer.from(`400\r\n${"x".repeat(1024)}\r\n`)),
  Buffer.from("0\r\n\r\n"),
]);
const SHORT_CHUNKS = Buffer.from(`${"8\r\n12345678\r\n".repeat(1000)}0\r\n\r\n`);

const request = new RequestHead();
for (const [name, head] of [
  ["mesh, 12 lines", MESH],
  ["curl, 3 lines", SMALL],
  ["POST, 3 lines", POST],
] as const)
  measure(`RequestHead.parse: ${name}, ${head.length} bytes`, () => request.parse(head, 0, head.length));

const response = new ResponseHead();
measure(`ResponseHead.parse: 6 lines, ${ANSWER.length} bytes`, () => response.parse(ANSWER, 0, ANSWER.length, false));

const writer = new MessageWriter();
request.parse(MESH, 0, MESH.length);
const keeps = (): boolean => false;
const dropsThree = (line: number): boolean => line === 0 || line === 6 || line === 11;
measure("MessageWriter.lines: 12 lines in one run", () => {
  writer.reset();
  writer.lines(request, keeps);
  return writer.length;
});
measure("MessageWriter.lines: 12 lines, 3 dropped", () => {
  writer.reset();
  writer.lines(request, dropsThree);
  return writer.length;
});
measure("Head.isHopByHop of 12 lines", () => {
  let hops = 0;
  for (let i = 0; i < 12; i++) if (request.isHopByHop(i)) hops++;
  return hops;
});
measure("MessageWriter.header: 15 + 4 chars", () => {
  writer.reset();
  writer.header("x-request-count", "1234");
  return writer.length;
});
measure("MessageWriter.header: 11 + 55 chars", () => {
  writer.reset();
  writer.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  return writer.length;
});
measure("Head.header: a known name", () => request.header("x-request-id")?.length ?? 0);
measure("Head.header: another name", () => request.header("end-user")?.length ?? 0);

const body = new BodyScanner();
measure(
  "BodyScanner: 64 chunks of 1 kB",
  () => {
    body.begin(CHUNKED, 0);
    return body.scan(CHUNKS, 0, CHUNKS.length);
  },
  20_000,
);
measure(
  "BodyScanner: 1000 chunks of 8 bytes",
  () => {
    body.begin(CHUNKED, 0);
    return body.scan(SHORT_CHUNKS, 0, SHORT_CHUNKS.length);
  },
  2000,
);
