import { describe, expect, test } from "bun:test";
import { route, routes } from "../../tests/support/proxy-resources.ts";
import { get, headerOf, OK, type Scene, scene, statusOf } from "../../tests/support/proxy-scene.ts";
import { PLAIN_PEER } from "../../tests/support/requests.ts";
import { compileSettings } from "../engine/http/settings.ts";
import { RequestHead } from "../wire/http1/request-head.ts";
import type { HttpConnectionManager } from "../xds/proto/http-connection-manager.ts";
import { whereabouts } from "./client-headers.ts";

type Settings = Partial<HttpConnectionManager>;

/** What the backend reads of a request with these header lines; empty when the request is refused. */
async function forwarded(manager: Settings, ...lines: string[]): Promise<{ text: string; at: Scene; status: number }> {
  const at = await scene({ manager });
  at.backend.answer = () => OK;
  const client = await at.rig.client();
  const status = statusOf(await at.rig.exchange(client, get("/", ...lines)));
  const text = at.backend.connections.map((connection) => connection.text).join("");
  await at.rig.finish();
  return { text, at, status };
}

const INSIDE = { internalAddressConfig: { cidrRanges: [{ addressPrefix: "10.0.0.0", prefixLen: 8 }] } };
const ASKS = ["x-envoy-upstream-rq-timeout-ms: 77", "x-envoy-internal: true", "X-Envoy-Retry-On: 5xx"];

describe("what a client may not send", () => {
  test("asks for time and retries, or claims to be inside: taken off, and without effect", async () => {
    const { text } = await forwarded({}, ...ASKS, "x-envoy-decorator-operation: mine", "x-mine: 1");
    expect(text).not.toMatch(/x-envoy-(upstream|internal|retry)/i);
    expect(headerOf(text, "x-envoy-expected-rq-timeout-ms")).not.toEqual(["77"]);
    expect([headerOf(text, "x-envoy-decorator-operation"), headerOf(text, "x-mine")]).toEqual([["mine"], ["1"]]);
  });

  test("a client that is inside may ask; a chain of proxies is not inside", async () => {
    const inside = await forwarded(INSIDE, "x-forwarded-for: 10.9.9.9", ...ASKS);
    expect(headerOf(inside.text, "x-envoy-expected-rq-timeout-ms")).toEqual(["77"]);
    for (const address of ["10.9.9.9, 10.8.8.8", "192.0.2.1", "nobody"]) {
      const { text } = await forwarded(INSIDE, `x-forwarded-for: ${address}`, ...ASKS);
      expect(headerOf(text, "x-envoy-upstream-rq-timeout-ms")).toEqual([]);
    }
  });

  test("what its Connection names is not there for rules either", async () => {
    const token = { name: "x-token", presentMatch: true };
    const at = await scene({ route: { match: { prefix: "/", headers: [token] } } });
    at.backend.answer = () => OK;
    const client = await at.rig.client();
    expect(statusOf(await at.rig.exchange(client, get("/", "x-token: t")))).toBe(200);
    expect(statusOf(await at.rig.exchange(client, get("/", "x-token: t", "Connection: X-Token")))).toBe(404);
    await at.rig.finish();
  });

  test("at an edge also what hops within the mesh say", async () => {
    const { text } = await forwarded(
      { useRemoteAddress: true },
      "x-envoy-decorator-operation: mine",
      "x-envoy-original-path: /lie",
      "x-envoy-downstream-service-node: n",
    );
    expect(text).not.toMatch(/decorator|original-path|service-node/);
  });

  test("headers that the routes keep for the inside", async () => {
    const at = await scene({
      manager: { routeConfig: { ...routes([route("app")]), internalOnlyHeaders: ["X-Secret"] } },
    });
    const client = await at.rig.client();
    await at.rig.exchange(client, get("/", "x-secret: s", "x-open: o"));
    const text = at.backend.connections.map((connection) => connection.text).join("");
    expect([headerOf(text, "x-secret"), headerOf(text, "x-open")]).toEqual([[], ["o"]]);
    await at.rig.finish();
  });

  test.each<[NonNullable<HttpConnectionManager["commonHttpProtocolOptions"]>, number, string[]]>([
    [{}, 200, ["1"]],
    [{ headersWithUnderscoresAction: "DROP_HEADER" }, 200, []],
    [{ headersWithUnderscoresAction: "REJECT_REQUEST" }, 400, []],
  ])("underscores in names: %p", async (commonHttpProtocolOptions, status, kept) => {
    const result = await forwarded({ commonHttpProtocolOptions }, "x_a: 1", "x-b: 2");
    expect([result.status, headerOf(result.text, "x_a")]).toEqual([status, kept]);
    expect(headerOf(result.text, "x-b")).toEqual(status === 200 ? ["2"] : []);
  });
});

describe("who the client is", () => {
  test("an edge says it, whatever the client said", async () => {
    const { text } = await forwarded(
      { useRemoteAddress: true },
      "x-forwarded-for: 192.0.2.7",
      "x-forwarded-proto: https",
      "x-envoy-external-address: 192.0.2.8",
      "x-request-id: mine",
    );
    const [address = ""] = headerOf(text, "x-envoy-external-address");
    expect(address).not.toBe("192.0.2.8");
    expect(headerOf(text, "x-forwarded-for")).toEqual([`192.0.2.7,${address}`]);
    expect(headerOf(text, "x-forwarded-proto")).toEqual(["http"]);
    expect(headerOf(text, "x-request-id")).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  });

  test("what is configured otherwise", async () => {
    const { text } = await forwarded(
      { useRemoteAddress: true, skipXffAppend: true, preserveExternalRequestId: true, appendXForwardedPort: true },
      "x-forwarded-for: 192.0.2.7",
      "x-request-id: mine",
    );
    expect(headerOf(text, "x-forwarded-for")).toEqual(["192.0.2.7"]);
    expect(headerOf(text, "x-request-id")).toEqual(["mine"]);
    expect(headerOf(text, "x-forwarded-port")).toEqual([expect.stringMatching(/^\d+$/)]);
  });

  test("a proxy that is no edge leaves it alone", async () => {
    const { text } = await forwarded({}, "x-forwarded-for: 192.0.2.7", "x-request-id: mine");
    expect([headerOf(text, "x-forwarded-for"), headerOf(text, "x-request-id")]).toEqual([["192.0.2.7"], ["mine"]]);
    expect(headerOf(text, "x-envoy-external-address")).toEqual([]);
  });

  test("a redirect keeps the scheme that the client of the proxy in front used, unless this is an edge", async () => {
    const action = { redirect: { pathRedirect: "/there" } };
    for (const [said, useRemoteAddress, scheme] of [
      ["https", false, "https"],
      ["https", true, "http"],
      ["gopher", false, "http"],
    ] as const) {
      const at = await scene({ manager: { useRemoteAddress }, route: { route: undefined, ...action } });
      const answer = await at.rig.exchange(await at.rig.client(), get("/here", `x-forwarded-proto: ${said}`));
      expect(headerOf(answer, "location")).toEqual([`${scheme}://app/there`]);
      await at.rig.finish();
    }
  });

  test("what was rewritten is told as it was, whatever the client says it was", async () => {
    const at = await scene({ action: { prefixRewrite: "/new", hostRewriteLiteral: "elsewhere" } });
    const client = await at.rig.client();
    await at.rig.exchange(client, get("/old", "x-envoy-original-path: /lie", "x-envoy-original-host: lie"));
    const text = at.backend.connections.map((connection) => connection.text).join("");
    expect([headerOf(text, "x-envoy-original-path"), headerOf(text, "x-envoy-original-host")]).toEqual([
      ["/old"],
      ["app"],
    ]);
    await at.rig.finish();
  });

  test("how often the caller's side has tried is passed on, unless this side counts", async () => {
    for (const [includeRequestAttemptCount, count] of [
      [false, "2"],
      [true, "1"],
    ] as const) {
      const at = await scene({ host: { includeRequestAttemptCount } });
      await at.rig.exchange(await at.rig.client(), get("/", "x-envoy-attempt-count: 2"));
      const text = at.backend.connections.map((connection) => connection.text).join("");
      expect(headerOf(text, "x-envoy-attempt-count")).toEqual([count]);
      await at.rig.finish();
    }
  });

  test("via goes behind those of others, on requests and on answers", async () => {
    const at = await scene({ manager: { via: "edge" } });
    at.backend.answer = () => OK;
    const client = await at.rig.client();
    const answer = await at.rig.exchange(client, get("/", "via: 1.1 a", "Via: 1.1 b"));
    const text = at.backend.connections.map((connection) => connection.text).join("");
    expect(headerOf(text, "via")).toEqual(["1.1 a,1.1 b, edge"]);
    expect(headerOf(answer, "via")).toEqual(["edge"]);
    await at.rig.finish();
  });
});

test("a client at a unix socket has no address that could be told", () => {
  const head = new RequestHead(100);
  const bytes = Buffer.from("GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 192.0.2.1\r\n\r\n");
  head.parse(bytes, 0, bytes.length);
  const settings = compileSettings({ statPrefix: "edge", useRemoteAddress: true }, "");
  const told = (address: string): readonly (readonly [string, string])[] =>
    whereabouts(head, settings, { ...PLAIN_PEER, remote: { address, port: 0 } }, false).map((it) => [
      it.name,
      it.value,
    ]);
  expect(told("10.0.0.7")).toContainEqual(["x-forwarded-for", "192.0.2.1,10.0.0.7"]);
  expect(told("10.0.0.7")).toContainEqual(["x-envoy-external-address", "10.0.0.7"]);
  expect(told("").map(([name]) => name)).toEqual(["x-forwarded-proto"]);
});
