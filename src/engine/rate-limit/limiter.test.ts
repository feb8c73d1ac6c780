import { describe, expect, test } from "bun:test";
import { CompileError } from "../compile-error.ts";
import type { DescriptorSource } from "./descriptors.ts";
import { compileRateLimits } from "./descriptors.ts";
import { compileDescriptors, Limiter } from "./limiter.ts";
import { compileBucket, TokenBucket } from "./token-bucket.ts";

const settings = (maxTokens: number, tokensPerFill: number, fillInterval: number, share = 1) =>
  compileBucket({ maxTokens, tokensPerFill, fillInterval }, share, "b");
const entry = (key: string, value: string) => ({ key, value });

describe("a bucket", () => {
  test("starts full, and fills steadily up to its size", () => {
    const bucket = new TokenBucket(settings(3, 2, 1000), 0);
    const takes = (nowMs: number, times: number): number =>
      Array.from({ length: times }, () => bucket.take(nowMs)).filter(Boolean).length;
    expect(takes(0, 5)).toBe(3);
    expect(bucket.nextTokenMs(0)).toBe(500);
    expect(takes(499, 1)).toBe(0);
    expect(takes(500, 2)).toBe(1);
    expect(takes(1500, 5)).toBe(2);
    expect(bucket.remaining(60_000)).toBe(3);
  });

  test("of a part of the limit has at least one token, and fills as much slower", () => {
    expect(settings(10, 4, 1000, 0.25)).toEqual({ maxTokens: 2, tokensPerMs: 0.001 });
    expect(settings(1, 1, 1000, 0.25)).toEqual({ maxTokens: 1, tokensPerMs: 0.00025 });
  });

  test("what is no bucket is refused", () => {
    expect(() => settings(0, 1, 1000)).toThrow("b.max_tokens: must be at least 1, found 0");
    expect(() => settings(1, 1, 49)).toThrow("b.fill_interval: must be at least 50 ms, found 49 ms");
  });
});

describe("a limiter", () => {
  const bucket = (maxTokens: number) => ({ maxTokens, fillInterval: 1000 });
  const limiter = (always: boolean, maxDynamic = 2): Limiter =>
    new Limiter(
      {
        whole: settings(4, 1, 1000),
        descriptors: compileDescriptors(
          [
            { entries: [entry("rule", "a")], tokenBucket: bucket(2) },
            { entries: [entry("rule", "b"), entry("by", "")], tokenBucket: { ...bucket(1), fillInterval: 2000 } },
          ],
          1,
          "d",
        ),
        alwaysTakesWhole: always,
        maxDynamic,
      },
      0,
    );

  test("a descriptor has a bucket of its own, and takes from the whole as well", () => {
    const it = limiter(true);
    const take = (...descriptors: ReturnType<typeof entry>[][]): boolean => it.take(descriptors, 0).allowed;
    expect([take([entry("rule", "a")]), take([entry("rule", "a")]), take([entry("rule", "a")])]).toEqual([
      true,
      true,
      false,
    ]);
    expect([take(), take(), take()]).toEqual([true, true, false]);
  });

  test("or not, where that is not wanted; one without a bucket takes from the whole", () => {
    const it = limiter(false);
    for (let i = 0; i < 4; i += 1) expect(it.take([[entry("rule", "other")]], 0).allowed).toBe(true);
    expect(it.take([], 0).allowed).toBe(false);
    expect(it.take([[entry("rule", "a")]], 0).allowed).toBe(true);
  });

  test("each value has its own; of many the ones that were not used for longest are forgotten", () => {
    const it = limiter(false);
    const by = (value: string): boolean => it.take([[entry("rule", "b"), entry("by", value)]], 0).allowed;
    expect([by("x"), by("y"), by("x"), by("y")]).toEqual([true, true, false, false]);
    // The third value puts out x.
    expect([by("z"), by("y"), by("x")]).toEqual([true, false, true]);
  });

  test("the slowest bucket is asked first, and a refusal leaves the others as they are", () => {
    const it = limiter(false);
    const both = [[entry("rule", "a")], [entry("rule", "b"), entry("by", "x")]];
    expect(it.take(both, 0).allowed).toBe(true);
    const refused = it.take(both, 0);
    expect([refused.allowed, refused.bucket?.settings.maxTokens]).toEqual([false, 1]);
    const left = it.take([[entry("rule", "a")]], 0);
    expect([left.allowed, left.bucket?.remaining(0)]).toEqual([true, 0]);
  });

  test("a descriptor that stands twice is refused", () => {
    const twice = { entries: [entry("a", "b")], tokenBucket: bucket(1) };
    expect(() => compileDescriptors([twice, twice], 1, "d")).toThrow("d[1].entries: stand twice");
  });
});

describe("what a request counts as", () => {
  const source = (headers: Readonly<Record<string, string>>, path = "/a?b=c"): DescriptorSource => ({
    request: { method: "GET", path, authority: "h", scheme: "http", header: (name) => headers[name] },
    peer: {
      tls: false,
      spiffeId: undefined,
      sni: undefined,
      remote: { address: "10.1.2.3", port: 1 },
      local: { address: "10.0.0.1", port: 2 },
    },
    clusterName: "app",
    remoteAddress: "10.1.2.3",
  });
  const of = (actions: Parameters<typeof compileRateLimits>[0], from: DescriptorSource) =>
    (compileRateLimits(actions, "r") ?? []).map((limit) => limit.of(from));

  test("by every kind of action", () => {
    const actions = [
      { destinationCluster: {} },
      { requestHeaders: { headerName: "X-User", descriptorKey: "user" } },
      { remoteAddress: {} },
      { maskedRemoteAddress: { v4PrefixMaskLen: 20 } },
      { genericKey: { descriptorValue: "g" } },
      { headerValueMatch: { descriptorValue: "m", headers: [{ name: ":path", stringMatch: { prefix: "/a" } }] } },
      {
        queryParameterValueMatch: {
          descriptorValue: "q",
          queryParameters: [{ name: "b", stringMatch: { exact: "c" } }],
        },
      },
    ];
    expect(of([{ actions }], source({ "x-user": "ann" }))).toEqual([
      [
        entry("destination_cluster", "app"),
        entry("user", "ann"),
        entry("remote_address", "10.1.2.3"),
        entry("masked_remote_address", "10.1.0.0/20"),
        entry("generic_key", "g"),
        entry("header_match", "m"),
        entry("query_match", "q"),
      ],
    ]);
  });

  test("a header that is missing leaves no descriptor, or only its entry out", () => {
    const header = { headerName: "x-user", descriptorKey: "user" };
    const generic = { genericKey: { descriptorValue: "g" } };
    expect(of([{ actions: [generic, { requestHeaders: header }] }], source({}))).toEqual([undefined]);
    expect(of([{ actions: [generic, { requestHeaders: { ...header, skipIfAbsent: true } }] }], source({}))).toEqual([
      [entry("generic_key", "g")],
    ]);
    expect(of([{ disableKey: "off", actions: [generic] }], source({}))).toEqual([]);
  });

  test("what is not supported is refused by its path", () => {
    expect(() => compileRateLimits([{ actions: [{ sourceCluster: {} }] }], "r")).toThrow(
      "r[0].actions[0].source_cluster: is not supported yet",
    );
    expect(() => compileRateLimits([{ actions: [] }], "r")).toThrow(CompileError);
  });
});
