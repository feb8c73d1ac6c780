import { expect, test } from "bun:test";
import {
  answer,
  bodyOf,
  GET,
  get,
  headerOf,
  OK,
  post,
  type Scene,
  scene,
  statusOf,
} from "../../tests/support/proxy-scene.ts";
import { limits, retries } from "../../tests/support/proxy-resources.ts";

const FAILED = answer("bad", "503 Service Unavailable");
/** More than any pause before a retry of these tests. */
const BACKOFF_MS = 300;

const retrying = (on: string, numRetries = 2) => ({ action: { retryPolicy: retries(on, { numRetries }) } });

/** Requests that the backends got. */
const requests = ({ backends }: Scene): number =>
  backends
    .flatMap(({ connections }) => connections)
    .reduce((n, { text }) => n + (text.match(/HTTP\/1.1\r\n/g)?.length ?? 0), 0);

test("an answer that the policy names is tried again behind a pause, and counted once", async () => {
  const at = await scene(retrying("5xx"));
  const { rig, backend } = at;
  backend.answer = () => FAILED;
  const client = await rig.client();
  client.send(GET);
  await rig.turn();
  expect(requests(at)).toBe(1);
  backend.answer = () => OK;
  await rig.advance(BACKOFF_MS);
  expect(bodyOf(client.take())).toBe("ok");
  expect(requests(at)).toBe(2);
  expect(await rig.logged()).toEqual(["200 - via_upstream rx=0 tx=2 attempts=2"]);
  expect(rig.stat("cluster.app.upstream_rq_total")).toBe(2);
  expect(rig.stat("cluster.app.upstream_rq_retry")).toBe(1);
  expect(rig.stat("cluster.app.upstream_rq_retry_success")).toBe(1);
  expect(rig.stat("http.in.downstream_rq_total")).toBe(1);
  await rig.finish();
});

test("when no attempt is left, the last answer goes to the client, flagged URX", async () => {
  const at = await scene(retrying("5xx"));
  const { rig, backend } = at;
  backend.answer = () => FAILED;
  const client = await rig.client();
  client.send(GET);
  await rig.turn();
  for (let i = 0; i < 3; i++) await rig.advance(BACKOFF_MS);
  expect(bodyOf(client.take())).toBe("bad");
  expect(requests(at)).toBe(3);
  expect(await rig.logged()).toEqual(["503 URX via_upstream rx=0 tx=3 attempts=3"]);
  expect(rig.stat("cluster.app.upstream_rq_retry_limit_exceeded")).toBe(1);
  await rig.finish();
});

test("outcomes and the policies that retry them", async () => {
  const reset = "reset";
  const cases: readonly (readonly [policy: string, first: string, attempts: number])[] = [
    ["5xx", FAILED, 2],
    ["5xx", answer("", "501 Not Implemented"), 2],
    ["5xx", answer("", "404 Not Found"), 1],
    ["5xx", reset, 2],
    ["gateway-error", FAILED, 2],
    ["gateway-error", answer("", "500 Internal Server Error"), 1],
    ["retriable-4xx", answer("", "409 Conflict"), 2],
    ["reset", reset, 2],
    ["reset", FAILED, 1],
    ["connect-failure", reset, 1],
    ["connect-failure", FAILED, 1],
  ];
  for (const [policy, first, attempts] of cases) {
    const at = await scene(retrying(policy, 1));
    const { rig, backend } = at;
    backend.answer = (_, peer) => {
      backend.answer = () => OK;
      if (first !== reset) return first;
      peer.socket.destroy();
      return undefined;
    };
    const client = await rig.client();
    client.send(GET);
    await rig.turn();
    await rig.advance(BACKOFF_MS);
    expect([policy, first, requests(at)]).toEqual([policy, first, attempts]);
    expect(statusOf(client.take())).toBe(attempts === 2 ? 200 : first === reset ? 503 : statusOf(first));
    await rig.finish();
  }
});

test("an endpoint that cannot be reached is tried again elsewhere", async () => {
  const previous = [{ name: "envoy.retry_host_predicates.previous_hosts" }];
  const policy = retries("connect-failure", {
    numRetries: 3,
    retryHostPredicate: previous,
    hostSelectionRetryMaxAttempts: 10,
  });
  const { rig, backends } = await scene({
    action: { retryPolicy: policy },
    cluster: { lbPolicy: "RANDOM" },
    backends: 2,
  });
  backends[0]?.listener.close();
  if (backends[1] !== undefined) backends[1].answer = () => OK;
  for (let i = 0; i < 10; i++) {
    const client = await rig.client();
    client.send(GET);
    await rig.turn();
    await rig.advance(BACKOFF_MS);
    expect(statusOf(client.take())).toBe(200);
  }
  // With the host that failed avoided, one retry is enough each time.
  expect(rig.stat("cluster.app.upstream_rq_retry")).toBe(rig.stat("cluster.app.upstream_cx_connect_fail"));
  await rig.finish();
});

test("an endpoint that cannot be reached, without a policy: UF", async () => {
  const { rig, backend } = await scene();
  backend.listener.close();
  const client = await rig.client();
  expect(statusOf(await rig.exchange(client, GET))).toBe(503);
  expect((await rig.logged())[0]).toStartWith(
    "503 UF upstream_reset_before_response_started{remote_connection_failure|",
  );
  expect(client.ended).toBe(false);
  await rig.finish();
});

test("the body is kept for another attempt", async () => {
  const { rig, backend } = await scene(retrying("reset"));
  const client = await rig.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 10\r\n\r\nabc");
  await rig.turn();
  client.send("def");
  await rig.turn();
  const first = backend.last;
  first.socket.destroy();
  await rig.turn();
  client.send("gh");
  await rig.advance(BACKOFF_MS);
  expect(backend.last).not.toBe(first);
  expect(bodyOf(backend.last.text)).toBe("abcdefgh");
  client.send("ij");
  await rig.turn();
  expect(bodyOf(backend.last.text)).toBe("abcdefghij");
  backend.last.send(OK);
  await rig.turn();
  expect(bodyOf(client.take())).toBe("ok");
  expect(await rig.logged()).toEqual(["200 - via_upstream rx=10 tx=2 attempts=2"]);
  await rig.finish();
});

test("a body that is too large to keep is not sent again", async () => {
  const { rig, backend } = await scene(retrying("5xx,reset"));
  backend.answer = (text) => (text.endsWith("END") ? FAILED : undefined);
  const client = await rig.client();
  client.send(post(`${"x".repeat(1_100_000)}END`));
  await rig.until(() => client.unsentBytes === 0);
  await rig.turn();
  await rig.advance(BACKOFF_MS);
  expect(statusOf(client.take())).toBe(503);
  expect((await rig.logged())[0]).toStartWith("503 - via_upstream");
  expect(backend.connections).toHaveLength(1);
  await rig.finish();
});

test("without a policy nothing is kept", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  client.send(post("x".repeat(100_000)));
  await rig.turn();
  backend.last.socket.destroy();
  await rig.turn();
  expect(statusOf(client.take())).toBe(503);
  expect(await rig.logged()).toEqual([
    "503 UC upstream_reset_before_response_started{connection_termination} rx=100000 tx=95 attempts=1",
  ]);
  await rig.finish();
});

test("the body of a call of gRPC is kept for what its answer may say", async () => {
  const at = await scene(retrying("unavailable"));
  const { rig, backend } = at;
  backend.answer = () => {
    backend.answer = () => OK;
    return "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 14\r\ncontent-length: 0\r\n\r\n";
  };
  const client = await rig.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nContent-Type: application/grpc\r\nContent-Length: 3\r\n\r\nabc");
  await rig.turn();
  await rig.advance(BACKOFF_MS);
  expect(requests(at)).toBe(2);
  expect(bodyOf(backend.last.text).endsWith("abc")).toBe(true);
  await rig.finish();
});

test("a PUT on a kept connection that was closed is sent again with its body, whatever the policy", async () => {
  const { rig, backend } = await scene(retrying("connect-failure"));
  backend.answer = () => OK;
  const client = await rig.client();
  await rig.exchange(client, GET);
  const stale = backend.last;
  backend.answer = (_, peer) => {
    if (peer !== stale) return OK;
    peer.socket.destroy();
    return undefined;
  };
  const answered = await rig.exchange(client, "PUT / HTTP/1.1\r\nHost: app\r\nContent-Length: 3\r\n\r\nabc");
  expect(bodyOf(answered)).toBe("ok");
  expect(backend.last).not.toBe(stale);
  expect(bodyOf(backend.last.text)).toBe("abc");
  await rig.finish();
});

test("nothing is tried again once the answer has begun", async () => {
  const { rig, backend } = await scene(retrying("5xx,reset"));
  const client = await rig.client();
  await rig.exchange(client, GET);
  backend.last.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345");
  await rig.turn();
  backend.last.socket.destroy();
  await rig.turn();
  expect(client.closed).toBe(true);
  await rig.advance(BACKOFF_MS);
  expect(backend.connections).toHaveLength(1);
  expect(await rig.logged()).toEqual([
    "200 UC upstream_reset_after_response_started{connection_termination} rx=0 tx=5 attempts=1",
  ]);
  await rig.finish();
});

test("a kept connection that was closed under a request is replaced once, unseen", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => OK;
  const client = await rig.client();
  await rig.exchange(client, GET);
  backend.answer = (_, peer) => void peer.socket.destroy();
  backend.connections[0]?.take();
  const stale = backend.last;
  backend.answer = (_, peer) => {
    if (peer !== stale) return OK;
    peer.socket.destroy();
    return undefined;
  };
  expect(bodyOf(await rig.exchange(client, GET))).toBe("ok");
  expect(backend.connections).toHaveLength(2);
  const lines = await rig.logged();
  expect(lines[1]).toBe("200 - via_upstream rx=0 tx=2 attempts=1");
  // A connection that is closed at its first request is no stale one.
  backend.last.socket.destroy();
  await rig.turn();
  backend.answer = (_, peer) => void peer.socket.destroy();
  expect(statusOf(await rig.exchange(client, GET))).toBe(503);
  expect(backend.connections).toHaveLength(3);
  await rig.finish();
});

test("a POST on a kept connection that was closed is not repeated", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => OK;
  const client = await rig.client();
  await rig.exchange(client, post("a"));
  backend.answer = (_, peer) => void peer.socket.destroy();
  expect(statusOf(await rig.exchange(client, post("b")))).toBe(503);
  expect(backend.connections).toHaveLength(1);
  await rig.finish();
});

test("retries at once are limited, and the place is given back however a request ends", async () => {
  const at = await scene({ ...retrying("5xx"), cluster: limits({ maxRetries: 1 }) });
  const { rig, backend } = at;
  backend.answer = () => FAILED;
  const waiting = await rig.client();
  const refused = await rig.client();
  waiting.send(GET);
  await rig.turn();
  refused.send(GET);
  await rig.turn();
  expect(statusOf(refused.take())).toBe(503);
  expect(waiting.text).toBe("");
  waiting.socket.destroy();
  await rig.turn();
  expect(await rig.logged()).toEqual([
    "503 UO via_upstream rx=0 tx=3 attempts=1",
    "0 DC downstream_remote_disconnect rx=0 tx=0 attempts=1",
  ]);
  expect(rig.stat("cluster.app.upstream_rq_retry_overflow")).toBe(1);
  // One that goes away in the pause before its retry.
  const gone = await rig.client();
  gone.send(GET);
  await rig.turn();
  gone.socket.destroy();
  await rig.turn();
  rig.expectNoRequests();
  await rig.finish();
});

test("a retry that is not admitted gives its place back", async () => {
  const { rig, backend } = await scene({ ...retrying("5xx"), cluster: limits({ maxPendingRequests: 0 }) });
  const client = await rig.client();
  // Nobody may wait for a connection: each request overflows.
  expect(statusOf(await rig.exchange(client, GET))).toBe(503);
  expect(backend.connections).toHaveLength(0);
  rig.expectNoRequests();
  expect((await rig.logged())[0]).toBe("503 UO upstream_reset_before_response_started{overflow} rx=0 tx=81 attempts=1");
  await rig.finish();
});

test("a retry budget bounds retries by the requests that run", async () => {
  const budget = { budgetPercent: { value: 50 }, minRetryConcurrency: 1 };
  const { rig, backend } = await scene({ ...retrying("5xx"), cluster: limits({ retryBudget: budget }) });
  backend.answer = () => FAILED;
  const clients = [];
  for (let i = 0; i < 4; i++) clients.push(await rig.client());
  for (const client of clients) client.send(GET);
  await rig.turn();
  expect(rig.stat("cluster.app.upstream_rq_retry_overflow")).toBeGreaterThan(0);
  expect(rig.stat("cluster.app.upstream_rq_retry")).toBeGreaterThan(0);
  for (let i = 0; i < 5; i++) await rig.advance(BACKOFF_MS);
  for (const client of clients) expect(statusOf(client.take())).toBe(503);
  await rig.finish();
});

test("a client that goes away in the pause ends it", async () => {
  const { rig, backend } = await scene(retrying("5xx"));
  backend.answer = () => FAILED;
  const client = await rig.client();
  client.send(GET);
  await rig.turn();
  client.socket.destroy();
  await rig.turn();
  rig.expectNoRequests();
  await rig.advance(BACKOFF_MS);
  expect(rig.stat("cluster.app.upstream_rq_total")).toBe(1);
  await rig.finish();
});

test("the pause grows with each attempt and has a maximum", async () => {
  const policy = retries("5xx", { numRetries: 4, retryBackOff: { baseInterval: 100, maxInterval: 300 } });
  // The highest draw: the whole pause.
  const at = await scene({ action: { retryPolicy: policy }, random: () => 0.999_999 });
  const { rig, backend } = at;
  backend.answer = () => FAILED;
  const client = await rig.client();
  client.send(GET);
  await rig.turn();
  const pausesMs: number[] = [];
  for (let pauseMs = 0; requests(at) < 5; pauseMs += 10) {
    const before = requests(at);
    await rig.advance(10);
    if (requests(at) === before) continue;
    pausesMs.push(pauseMs + 10);
    pauseMs = -10;
  }
  expect(pausesMs).toEqual([100, 200, 300, 300]);
  await rig.finish();
});

test("the time for an attempt begins with the complete request, and is tried again", async () => {
  const policy = retries("5xx", { numRetries: 1, perTryTimeout: 200 });
  const { rig, backend } = await scene({ action: { retryPolicy: policy, timeout: 10_000 } });
  const client = await rig.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\n\r\na");
  await rig.turn();
  await rig.advance(1000);
  expect(backend.connections).toHaveLength(1);
  client.send("b");
  await rig.turn();
  await rig.advance(190);
  expect(backend.last.closed).toBe(false);
  await rig.advance(20);
  expect(backend.connections[0]?.closed).toBe(true);
  await rig.advance(30);
  expect(client.text).toBe("");
  await rig.advance(BACKOFF_MS);
  expect(statusOf(client.take())).toBe(504);
  expect(backend.connections).toHaveLength(2);
  expect(rig.stat("cluster.app.upstream_rq_per_try_timeout")).toBe(2);
  expect((await rig.logged())[0]).toStartWith("504 URX,UT upstream_per_try_timeout");
  await rig.finish();
});

test("the time for all attempts ends them", async () => {
  const policy = retries("5xx", { numRetries: 10, perTryTimeout: 200 });
  const { rig } = await scene({ action: { retryPolicy: policy, timeout: 500 } });
  const client = await rig.client();
  client.send(GET);
  await rig.turn();
  for (let i = 0; i < 20; i++) await rig.advance(50);
  expect(statusOf(client.take())).toBe(504);
  expect((await rig.logged())[0]).toMatch(/^504 UT response_timeout/);
  await rig.finish();
});

test("headers of a client that is inside ask for retries and count attempts for the endpoint", async () => {
  const { rig, backend } = await scene({
    manager: { internalAddressConfig: { cidrRanges: [{ addressPrefix: "127.0.0.0", prefixLen: 8 }] } },
    host: { includeRequestAttemptCount: true, includeAttemptCountInResponse: true },
  });
  backend.answer = () => FAILED;
  const client = await rig.client();
  const inside = "x-forwarded-for: 127.0.0.1";
  client.send(get("/", inside, "x-envoy-retry-on: 5xx", "x-envoy-max-retries: 3", "x-envoy-attempt-count: 99"));
  await rig.turn();
  const seen: string[] = [];
  backend.answer = (text) => {
    seen.push(...headerOf(text, "x-envoy-attempt-count"));
    return FAILED;
  };
  for (let i = 0; i < 5; i++) await rig.advance(BACKOFF_MS);
  expect(seen).toEqual(["2", "3", "4"]);
  expect(headerOf(client.take(), "x-envoy-attempt-count")).toEqual(["4"]);
  await rig.finish();
});
