import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { CompileError } from "../compile-error.ts";
import type { Endpoint } from "./endpoint.ts";
import { EndpointSet } from "./endpoints.ts";
import type { ClusterLoadAssignment, LbEndpoint } from "../../xds/proto/endpoint.ts";

interface Spec {
  readonly host: number;
  readonly weight: number;
  readonly priority: number;
  readonly healthStatus: "HEALTHY" | "UNHEALTHY" | "DEGRADED" | "UNKNOWN" | "DRAINING";
}

const specs = fc.uniqueArray(
  fc.record<Spec>({
    host: fc.nat({ max: 12 }),
    weight: fc.integer({ min: 1, max: 5 }),
    priority: fc.nat({ max: 2 }),
    healthStatus: fc.constantFrom("HEALTHY", "UNHEALTHY", "DEGRADED", "UNKNOWN", "DRAINING"),
  }),
  { selector: (spec) => spec.host, maxLength: 10 },
);

const message = (spec: Spec): LbEndpoint => ({
  endpoint: { address: { socketAddress: { address: `10.0.0.${spec.host}`, portValue: 80 } } },
  loadBalancingWeight: spec.weight,
  healthStatus: spec.healthStatus,
});

const assignment = (list: readonly Spec[]): ClusterLoadAssignment => ({
  endpoints: list.map((spec) => ({ priority: spec.priority, lbEndpoints: [message(spec)] })),
});

const looks = (set: EndpointSet) =>
  set.groups.map(({ endpoints, ...group }) => ({ ...group, keys: endpoints.map((endpoint) => endpoint.key) }));

describe("endpoint set", () => {
  test("an update keeps the state of endpoints that stay and ends the others", () => {
    fc.assert(
      fc.property(specs, specs, (before, after) => {
        const removed: string[] = [];
        const set = new EndpointSet({ onRemoved: (endpoint) => removed.push(endpoint.key) });
        set.update(assignment(before));
        for (const [i, endpoint] of set.all.entries()) endpoint.activeRequests = i + 1;
        const last = new Map(set.all.map((endpoint) => [endpoint.key, endpoint]));
        set.update(assignment(after));
        for (const endpoint of set.all) {
          const known = last.get(endpoint.key);
          if (known === undefined) expect(endpoint.activeRequests).toBe(0);
          else expect(endpoint).toBe(known);
        }
        const stays = new Set(set.all.map((endpoint) => endpoint.key));
        expect(removed.toSorted()).toEqual([...last.keys()].filter((key) => !stays.has(key)).sort());
        for (const [key, endpoint] of last) expect(endpoint.live).toBe(stays.has(key));
        expect(set.all.map((endpoint) => endpoint.weight).sort()).toEqual(after.map((spec) => spec.weight).sort());
      }),
    );
  });

  test("one that joins is as if it had been among the others, and changes none of them", () => {
    fc.assert(
      fc.property(specs, specs, (before, more) => {
        const [joined, together] = [new EndpointSet(), new EndpointSet()];
        const first = [...before, ...more].map((spec) => ({ ...spec, priority: 0, weight: 1 }));
        joined.update(assignment(first.slice(0, before.length)));
        const there = new Map(joined.all.map((it) => [it.key, it]));
        for (const spec of first.slice(before.length)) {
          const { version } = joined;
          const added = joined.join(message(spec));
          expect(added).toBe(joined.get(added.key) as Endpoint);
          expect(joined.version).toBe(there.has(added.key) ? version : version + 1);
        }
        const each = new Map(first.toReversed().map((spec) => [spec.host, spec]));
        together.update(assignment([...each.values()]));
        const sorted = (set: EndpointSet) =>
          looks(set).map(({ keys, ...group }) => ({ ...group, keys: keys.toSorted() }));
        expect(sorted(joined)).toEqual(sorted(together));
        for (const [key, it] of there) expect(joined.get(key)).toBe(it);
      }),
    );
  });

  test("one that was left out, and stays since checks say that it serves, does not leave when it joins again", () => {
    const set = new EndpointSet({ checks: { keepServing: true, ignoreNew: false } });
    const one = { host: 1, weight: 1, priority: 0, healthStatus: "HEALTHY" } as const;
    set.update(assignment([one]));
    set.update({});
    expect(set.all.map(({ leaves }) => leaves)).toEqual([true]);
    expect(set.join(message(one)).leaves).toBe(false);
  });

  test("one that is wrong does not join", () => {
    const set = new EndpointSet();
    expect(() => set.join({ endpoint: {} })).toThrow("lb_endpoint.endpoint.address: needs socket_address");
    expect([set.all, set.version]).toEqual([[], 0]);
  });

  test("the order of an assignment does not matter", () => {
    fc.assert(
      fc.property(specs, fc.infiniteStream(fc.nat()), (list, keys) => {
        const shuffled = list
          .map((spec) => ({ spec, key: keys.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ spec }) => spec);
        const [one, two] = [new EndpointSet(), new EndpointSet()];
        one.update(assignment(list));
        two.update(assignment(shuffled));
        expect(looks(two)).toEqual(looks(one));
      }),
    );
  });

  test("the load of a set that has any endpoint adds up, and only to endpoints that may be used", () => {
    fc.assert(
      fc.property(specs, fc.constantFrom(0, 50, 100), (list, panicPercent) => {
        const set = new EndpointSet({ panicPercent });
        set.update(assignment(list));
        const usable = list.some((spec) => !["UNHEALTHY", "DRAINING"].includes(spec.healthStatus));
        const percent = set.groups.reduce((sum, group) => sum + group.percent, 0);
        expect(percent).toBe(usable || (panicPercent > 0 && list.length > 0) ? 100 : 0);
        for (const { endpoints, panic } of set.groups) {
          expect(endpoints.length).toBeGreaterThan(0);
          if (!panic) for (const endpoint of endpoints) expect(endpoint.health).not.toBe("unhealthy");
        }
      }),
    );
  });

  test("panic begins below the threshold", () => {
    const set = new EndpointSet({ panicPercent: 50 });
    const list = (unhealthy: number) =>
      Array.from(
        { length: 4 },
        (_, host): Spec => ({
          host,
          weight: 1,
          priority: 0,
          healthStatus: host < unhealthy ? "UNHEALTHY" : "HEALTHY",
        }),
      );
    set.update(assignment(list(2)));
    expect(set.usable.length).toBe(2);
    set.update(assignment(list(3)));
    expect(set.usable.length).toBe(4);
    expect(set.groups[0]?.panic).toBe(true);
  });

  test("with failOnPanic a request in panic finds none", () => {
    const set = new EndpointSet({ failOnPanic: true });
    set.update(assignment([{ host: 1, weight: 1, priority: 0, healthStatus: "UNHEALTHY" }]));
    expect(set.usable).toEqual([]);
    expect(set.group(() => 0)).toBeUndefined();
  });

  test("an ejected endpoint that leaves takes its ejection with it", () => {
    const set = new EndpointSet();
    const one: Spec = { host: 1, weight: 1, priority: 0, healthStatus: "HEALTHY" };
    set.update(assignment([one, { ...one, host: 2 }, { ...one, host: 3 }]));
    const first = set.all[0] as Endpoint;
    first.ejected = true;
    set.refresh();
    expect(set.usable.length).toBe(2);
    set.update(assignment([{ ...one, host: 2 }]));
    set.update(assignment([one]));
    expect(set.usable.length).toBe(1);
    expect(set.all[0]).not.toBe(first);
  });

  test("a wrong assignment changes nothing and names its field", () => {
    const set = new EndpointSet();
    set.update(assignment([{ host: 1, weight: 1, priority: 0, healthStatus: "HEALTHY" }]));
    const version = set.version;
    const wrong = (endpoint: LbEndpoint) => () =>
      set.update({
        endpoints: [{ lbEndpoints: [message({ host: 2, weight: 1, priority: 0, healthStatus: "HEALTHY" }), endpoint] }],
      });
    expect(wrong({ endpoint: { address: {} } })).toThrow(CompileError);
    expect(wrong({ endpoint: { address: {} } })).toThrow("endpoints[0].lb_endpoints[1].endpoint.address: needs");
    expect(wrong({ ...message({ host: 3, weight: 0, priority: 0, healthStatus: "HEALTHY" }) })).toThrow(
      "endpoints[0].lb_endpoints[1].load_balancing_weight: must be at least 1, found 0",
    );
    expect(set.version).toBe(version);
    expect(set.all.map((endpoint) => endpoint.key)).toEqual(["10.0.0.1:80"]);
  });

  test("keys: IPv6 in brackets, unix sockets by path", () => {
    const set = new EndpointSet();
    set.update({
      endpoints: [
        {
          lbEndpoints: [
            { endpoint: { address: { socketAddress: { address: "::1", portValue: 80 } } } },
            { endpoint: { address: { pipe: { path: "/run/app.sock" } } } },
          ],
        },
      ],
    });
    expect(set.all.map((endpoint) => endpoint.key)).toEqual(["/run/app.sock", "[::1]:80"]);
    expect(set.get("/run/app.sock")?.path).toBe("/run/app.sock");
  });
});
