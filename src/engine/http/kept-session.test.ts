import { describe, expect, test } from "bun:test";
import { decide, hcm, routesOf } from "../../../tests/support/http-manager.ts";
import { KeptSession, SessionValue } from "../../xds/proto/tulle-sessions.ts";
import { FilterConfig, type Route } from "../../xds/proto/route.ts";
import { pack } from "../../xds/types/any.ts";
import { encode } from "../../xds/types/codec.ts";
import { compileHttp, type CompiledHttp } from "../http.ts";
import type { Session } from "./stateful-session.ts";

const NAME = "tulle.sessions";
const filter = { name: NAME, isOptional: true, typedConfig: pack(KeptSession, {}) };
let nowMs = 0;

const route = (config: KeptSession, weights: Readonly<Record<string, number>>): Route => ({
  match: { prefix: "/" },
  route: { weightedClusters: { clusters: Object.entries(weights).map(([name, weight]) => ({ name, weight })) } },
  typedPerFilterConfig: { [NAME]: pack(FilterConfig, { isOptional: true, config: pack(KeptSession, config) }) },
});
const managed = (config: KeptSession, weights: Readonly<Record<string, number>> = { a: 1, b: 1 }): CompiledHttp =>
  compileHttp(hcm({ routeConfig: routesOf([route({ name: "seat", ...config }, weights)]) }, filter), () => undefined, {
    wallMs: () => nowMs,
  });

/** What becomes of a request that is drawn into the first share, or with 0.99 into the last. */
function ask(http: CompiledHttp, headers: Readonly<Record<string, string>>, drawn = 0, path = "/") {
  const decision = decide(http, path, { headers }, () => drawn);
  if (decision.t !== "forward") throw new Error(`not forwarded: ${decision.t}`);
  return { cluster: decision.clusterName, session: decision.session };
}

const given = (session: Session | undefined, endpoint: string): string | undefined => session?.headerFor(endpoint)?.[1];
const pairOf = (line = ""): Readonly<Record<string, string>> => ({ cookie: `other=1; ${line.split(";")[0]}` });

describe("a session that is kept", () => {
  test("stands above the weights, one of 0 too", () => {
    const http = managed({});
    const first = ask(http, {}, 0.99);
    expect([first.cluster, first.session?.wanted]).toEqual(["b", undefined]);
    const cookie = given(first.session, "10.0.0.1:80");
    expect(cookie).toMatch(/^seat="[\w+/=]+"; HttpOnly$/);
    const again = ask(http, pairOf(cookie));
    expect([again.cluster, again.session?.wanted]).toEqual(["b", "10.0.0.1:80"]);
    expect(given(again.session, "10.0.0.1:80")).toBeUndefined();
    // Its endpoint is gone.
    expect(given(again.session, "10.0.0.2:80")).toStartWith("seat=");
    const moved = ask(managed({}, { a: 1, b: 0 }), pairOf(cookie));
    expect([moved.cluster, moved.session?.wanted]).toEqual(["b", "10.0.0.1:80"]);
  });

  test("of a cluster that the route has no more is none", () => {
    const cookie = given(ask(managed({}), {}, 0.99).session, "10.0.0.1:80");
    const { cluster, session } = ask(managed({}, { a: 1, c: 1 }), pairOf(cookie));
    expect([cluster, session?.wanted]).toEqual(["a", undefined]);
  });

  test("ends when it has lasted", () => {
    nowMs = 1000;
    const http = managed({ absoluteTimeout: 5000 });
    const cookie = given(ask(http, {}, 0.99).session, "e");
    expect(cookie).toEndWith('"; HttpOnly');
    nowMs = 5999;
    expect(ask(http, pairOf(cookie)).session?.wanted).toBe("e");
    nowMs = 6000;
    const { cluster, session } = ask(http, pairOf(cookie));
    expect([cluster, session?.wanted]).toEqual(["a", undefined]);
    expect(given(session, "e")).toStartWith("seat=");
  });

  test("ends when nobody has asked for long, and begins when it began", () => {
    nowMs = 0;
    const http = managed({ idleTimeout: 1000, absoluteTimeout: 2500, isPermanent: true });
    let cookie = given(ask(http, {}, 0.99).session, "e");
    expect(cookie).toContain("; Max-Age=2; ");
    for (nowMs of [900, 1800, 2400]) {
      const { session } = ask(http, pairOf(cookie));
      expect(session?.wanted).toBe("e");
      cookie = given(session, "e");
      expect(cookie).toStartWith("seat=");
    }
    nowMs = 2500;
    expect(ask(http, pairOf(cookie)).session?.wanted).toBeUndefined();
    nowMs = 0;
    const idle = given(ask(http, {}).session, "e");
    nowMs = 1000;
    expect(ask(http, pairOf(idle)).session?.wanted).toBeUndefined();
  });

  test("by a header", () => {
    nowMs = 0;
    const http = managed({ inHeader: true, name: "X-Seat" });
    const [name, value] = ask(http, {}, 0.99).session?.headerFor("e") ?? [];
    expect(name).toBe("x-seat");
    expect(ask(http, { "x-seat": value ?? "" })).toMatchObject({ cluster: "b", session: { wanted: "e" } });
  });

  test("is for the cookie's path alone", () => {
    const http = managed({ path: "/shop" });
    expect(ask(http, {}, 0, "/other").session).toBeUndefined();
    expect(given(ask(http, {}, 0, "/shop/a?b").session, "e")).toEndWith("; Path=/shop; HttpOnly");
  });

  test.each(["", "%%%", "AAAA", "x".repeat(600), Buffer.from("\xff\xff", "latin1").toString("base64")])(
    "what cannot be read is none: %p",
    (value) => expect(ask(managed({}), { cookie: `seat=${value}` })).toMatchObject({ cluster: "a" }),
  );

  test("a value of a client's own making leads to no cluster that the route has not", () => {
    const value = Buffer.from(encode(SessionValue, { address: "10.0.0.9:1", cluster: "zz" })).toString("base64");
    expect(ask(managed({}), { cookie: `seat=${value}` })).toMatchObject({
      cluster: "a",
      session: { wanted: undefined },
    });
  });
});
