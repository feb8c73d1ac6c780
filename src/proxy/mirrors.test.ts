import { expect, test } from "bun:test";
import { cluster, limits, retries } from "../../tests/support/proxy-resources.ts";
import type { Backend } from "../../tests/support/proxy-rig.ts";
import {
  answer,
  bodyOf,
  get,
  headerOf,
  OK,
  post,
  type Scene,
  type SceneOptions,
  scene,
  statusOf,
} from "../../tests/support/proxy-scene.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import type { RequestMirrorPolicy } from "../xds/proto/route-action.ts";

const TO_MIRROR: RequestMirrorPolicy = { cluster: "mirror" };

interface MirroredScene extends Scene {
  readonly mirror: Backend;
}

interface MirroredOptions extends SceneOptions {
  readonly policies?: readonly RequestMirrorPolicy[];
  readonly mirrorCluster?: Partial<Cluster>;
}

/** A cluster `mirror` beside `app`; both answer. */
async function mirrored(options: MirroredOptions = {}): Promise<MirroredScene> {
  const policies = options.policies ?? [TO_MIRROR];
  const made = await scene({ ...options, action: { requestMirrorPolicies: [...policies], ...options.action } });
  const mirror = await made.rig.backend(() => OK);
  made.backend.answer = () => OK;
  await made.rig.apply(Cluster, cluster("mirror", [mirror.port], options.mirrorCluster));
  return { ...made, mirror };
}

/** Its lines without those that differ from request to request. */
const linesOf = (text: string): string[] =>
  text
    .slice(0, text.indexOf("\r\n\r\n"))
    .split("\r\n")
    .filter((line) => !/^(x-request-id|traceparent):/i.test(line));

test("a copy goes out beside the request, with what Envoy adds to it", async () => {
  const { rig, backend, mirror } = await mirrored({ action: { timeout: 5000 } });
  const client = await rig.client();
  const got = await rig.exchange(client, get("/a?b=c", "X-Mine: 1", "X-Forwarded-For: 10.0.0.9", "TE: trailers"));
  expect(bodyOf(got)).toBe("ok");
  const [app, copy] = [backend.last.take(), mirror.last.take()];
  expect(linesOf(copy)).toEqual([
    "GET /a?b=c HTTP/1.1",
    "host: app-shadow",
    "X-Mine: 1",
    "x-forwarded-proto: http",
    "x-envoy-expected-rq-timeout-ms: 5000",
    "x-envoy-internal: true",
    "x-forwarded-for: 10.0.0.9,192.0.2.1",
    "te: trailers",
  ]);
  for (const name of ["x-request-id", "traceparent"]) expect(headerOf(copy, name)).toEqual(headerOf(app, name));
  expect(rig.stat("cluster.mirror.upstream_rq_total")).toBe(1);
  expect(rig.stat("cluster.mirror.upstream_rq_2xx")).toBe(1);
  expect(await rig.logged()).toHaveLength(1);
  await rig.finish();
});

test.each([
  ["app:8080", "app-shadow:8080"],
  ["[::1]:80", "[::1]-shadow:80"],
  ["[::1]", "[::1]-shadow"],
])("the host %s becomes %s", async (host, shadow) => {
  const { rig, mirror } = await mirrored();
  await rig.exchange(await rig.client(), `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  expect(headerOf(mirror.last.text, "host")).toEqual([shadow]);
  await rig.finish();
});

test("a copy has what the route edited, and may keep the host", async () => {
  const { rig, backend, mirror } = await mirrored({
    policies: [{ cluster: "mirror", disableShadowHostSuffixAppend: true }],
    action: { prefixRewrite: "/new/", hostRewriteLiteral: "other" },
    route: {
      requestHeadersToAdd: [{ header: { key: "x-to", value: "%REQ(:authority)%%REQ(:path)% %UPSTREAM_CLUSTER%" } }],
    },
    host: { includeRequestAttemptCount: true },
    manager: { via: "tulle" },
  });
  await rig.exchange(await rig.client(), get("/x"));
  const without = (lines: string[]) => lines.filter((line) => !/^x-(envoy-internal|forwarded-for)/.test(line)).sort();
  expect(without(linesOf(mirror.last.text))).toEqual(without(linesOf(backend.last.text)));
  expect(headerOf(mirror.last.text, "x-envoy-attempt-count")).toEqual(["1"]);
  expect(headerOf(mirror.last.text, "x-to")).toEqual(["app/x app"]);
  await rig.finish();
});

test("several mirrors get the body, as it comes", async () => {
  const { rig, backend, mirror } = await mirrored({ policies: [TO_MIRROR, { cluster: "other" }, { cluster: "gone" }] });
  const other = await rig.backend(() => undefined);
  await rig.apply(Cluster, cluster("other", [other.port]));
  mirror.answer = () => undefined;
  backend.answer = () => undefined;
  const client = await rig.client();
  await rig.exchange(client, "POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  await rig.exchange(client, "2\r\nde\r\n");
  for (const { last } of [backend, mirror, other]) expect(bodyOf(last.text)).toBe("3\r\nabc\r\n2\r\nde\r\n");
  await rig.exchange(client, "0\r\n\r\n");
  for (const { last } of [backend, mirror, other]) expect(bodyOf(last.text)).toBe("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  for (const { last } of [backend, mirror, other]) last.send(OK);
  await rig.turn();
  await rig.finish();
});

test("a request is not retried for its mirror, nor the mirror for the request", async () => {
  const { rig, backend, mirror } = await mirrored({ action: { retryPolicy: retries("5xx", { numRetries: 1 }) } });
  const got: string[] = [];
  mirror.answer = (text) => (got.push(text), answer("bad", "503 Service Unavailable"));
  backend.answer = () => answer("bad", "503 Service Unavailable");
  const client = await rig.client();
  client.send(post("body"));
  await rig.turn();
  await rig.advance(300);
  expect(statusOf(client.take())).toBe(503);
  expect(got.map(bodyOf)).toEqual(["body"]);
  expect(rig.stat("cluster.app.upstream_rq_retry")).toBe(1);
  expect(rig.stat("cluster.mirror.upstream_rq_5xx")).toBe(1);
  expect(rig.stat("cluster.mirror.upstream_rq_retry")).toBe(0);
  await rig.finish();
});

test("a mirror that refuses, breaks off or is full does not touch the request", async () => {
  const { rig, mirror } = await mirrored({ mirrorCluster: limits({ maxRequests: 1 }) });
  const client = await rig.client();
  mirror.answer = () => undefined;
  await rig.exchange(client, get("/held"));
  expect(bodyOf(await rig.exchange(client, get("/overflow")))).toBe("ok");
  expect(rig.stat("cluster.mirror.upstream_rq_pending_overflow")).toBe(1);
  mirror.last.socket.destroy();
  await rig.turn();
  expect(rig.stat("cluster.mirror.upstream_rq_rx_reset")).toBe(1);
  mirror.listener.close();
  expect(bodyOf(await rig.exchange(client, get("/refused")))).toBe("ok");
  expect(rig.stat("cluster.mirror.upstream_cx_connect_fail")).toBe(1);
  expect(rig.stat("cluster.mirror.upstream_rq_active")).toBe(0);
  await rig.finish();
});

test("no mirror of a request that has no endpoint", async () => {
  const { rig, mirror } = await mirrored();
  await rig.apply(Cluster, cluster("app", []));
  expect(statusOf(await rig.exchange(await rig.client(), get("/")))).toBe(503);
  expect(mirror.connections).toEqual([]);
  await rig.finish();
});

test("a mirror that outlives its request ends at the route's timeout", async () => {
  const { rig, mirror } = await mirrored({ action: { timeout: 1000 } });
  mirror.answer = () => undefined;
  const client = await rig.client();
  expect(bodyOf(await rig.exchange(client, get("/")))).toBe("ok");
  client.socket.destroy();
  await rig.advance(900);
  expect(mirror.last.closed).toBe(false);
  await rig.advance(200);
  expect(mirror.last.closed).toBe(true);
  expect(rig.stat("cluster.mirror.upstream_rq_timeout")).toBe(1);
  await rig.finish();
});

test("without a timeout it ends when it has been quiet for the idle timeout", async () => {
  const { rig, mirror } = await mirrored({ action: { timeout: 0, idleTimeout: 2000 } });
  mirror.answer = () => undefined;
  expect(bodyOf(await rig.exchange(await rig.client(), get("/")))).toBe("ok");
  await rig.advance(1900);
  mirror.last.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
  await rig.turn();
  await rig.advance(1900);
  expect(mirror.last.closed).toBe(false);
  await rig.advance(200);
  expect(mirror.last.closed).toBe(true);
  expect(rig.stat("cluster.mirror.upstream_rq_mirror_dropped")).toBe(1);
  await rig.finish();
});

test("a request that is given up takes its copies with it", async () => {
  const { rig, mirror } = await mirrored();
  const client = await rig.client();
  await rig.exchange(client, "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 9\r\n\r\nabc");
  const { last } = mirror;
  client.socket.destroy();
  await rig.turn();
  expect(last.closed).toBe(true);
  await rig.finish();
});

test("a mirror that does not keep up is dropped and counted, and the upload goes on", async () => {
  const { rig, backend, mirror } = await mirrored({ listener: { perConnectionBufferLimitBytes: 256 * 1024 } });
  mirror.answer = () => undefined;
  backend.answer = () => undefined;
  const total = 8 * 1024 * 1024;
  const client = await rig.client();
  await rig.exchange(client, `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: ${total}\r\n\r\nx`);
  mirror.last.socket.pause();
  const part = "x".repeat(64 * 1024);
  for (let sent = 1; sent < total; sent += part.length) await rig.exchange(client, part.slice(0, total - sent));
  await rig.until(() => backend.last.bytes >= total);
  backend.last.send(OK);
  await rig.turn();
  expect(bodyOf(client.take())).toBe("ok");
  expect(mirror.last.bytes).toBeLessThan(2 * 1024 * 1024);
  expect(rig.stat("cluster.mirror.upstream_rq_mirror_dropped")).toBe(1);
  mirror.last.socket.resume();
  await rig.finish();
});

test("requests that want another protocol are not mirrored", async () => {
  const { rig, mirror } = await mirrored({ manager: { upgradeConfigs: [{ upgradeType: "websocket" }] } });
  const client = await rig.client();
  await rig.exchange(client, get("/", "Connection: Upgrade", "Upgrade: websocket"));
  expect(mirror.connections).toEqual([]);
  await rig.finish();
});
