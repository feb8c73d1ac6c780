import { describe, expect, test } from "bun:test";
import type { RouteActionHashPolicy } from "../../xds/proto/route-action.ts";
import { CompileError } from "../compile-error.ts";
import { compileRouteHash, type HashInput, type RequestHash } from "./request-hash.ts";
import { hashOfText, hashOfWire, hashOfWires } from "./xx-hash.ts";

const HEADER: RouteActionHashPolicy = { header: { headerName: "X-User" } };
const QUERY: RouteActionHashPolicy = { queryParameter: { name: "q" } };
const COOKIE: RouteActionHashPolicy = { cookie: { name: "stay", ttl: 3_600_000, path: "/" } };

const at = (port: number) => ({ address: "10.0.0.9", port });

function input(path: string, headers: Readonly<Record<string, readonly string[]>> = {}): HashInput {
  return {
    request: {
      method: "GET",
      path,
      authority: "a",
      scheme: "http",
      header: (name) => headers[name]?.join(","),
      headerLines: (name) => headers[name] ?? [],
    },
    peer: { tls: false, spiffeId: undefined, sni: undefined, remote: at(1), local: at(2) },
    sourceIp: "10.0.0.9",
  };
}

function hashed(policies: readonly RouteActionHashPolicy[], of: HashInput): RequestHash {
  const hash = compileRouteHash(policies, "p");
  if (hash === undefined) throw new Error("nothing to hash by");
  return hash.of(of);
}

test("xxHash64 is the real one", () => {
  expect(hashOfText("")).toBe(0xef46_db37_51d8_e999n);
  expect(hashOfText("a")).toBe(0xd24e_c4f1_a98c_6e5bn);
  expect(hashOfWire("\xe9")).not.toBe(hashOfText("\xe9"));
});

describe("hash of a request", () => {
  test("by header: values in any order, and none", () => {
    const one = hashed([HEADER], input("/", { "x-user": ["b", "a"] }));
    expect(one).toEqual({ hash: hashOfWires(["a", "b"]), cookies: [], keys: ['header X-User "a", "b"'] });
    expect(hashed([HEADER], input("/")).hash).toBeUndefined();
  });

  test("by query parameter, source IP, and both", () => {
    const rotated = (hash: bigint) => BigInt.asUintN(64, (hash << 1n) | (hash >> 63n));
    expect(hashed([QUERY], input("/?a=1&q=x%20y&q=2")).hash).toBe(hashOfWire("x%20y"));
    expect(hashed([QUERY], input("/?q")).hash).toBe(hashOfWire(""));
    expect(hashed([QUERY], input("/q=1")).hash).toBeUndefined();
    const source: RouteActionHashPolicy = { connectionProperties: { sourceIp: true } };
    expect(hashed([QUERY, source], input("/?q=x")).hash).toBe(rotated(hashOfWire("x")) ^ hashOfWire("10.0.0.9"));
  });

  test("a terminal key ends it, once there is a hash", () => {
    const both = [{ ...HEADER, terminal: true }, QUERY];
    expect(hashed(both, input("/?q=x", { "x-user": ["a"] })).hash).toBe(hashOfWire("a"));
    expect(hashed(both, input("/?q=x")).hash).toBe(hashOfWire("x"));
  });

  test("a client without the cookie gets one, and its hash at once", () => {
    const { hash, cookies } = hashed([COOKIE], input("/"));
    const value = cookies[0]?.value ?? "";
    expect(cookies[0]?.line).toBe(`stay="${value}"; Max-Age=3600; Path=/; HttpOnly`);
    expect(hashed([COOKIE], input("/", { cookie: [`a=b; stay="${value}"`] }))).toMatchObject({ hash, cookies: [] });
    expect(hashed([{ cookie: { name: "stay" } }], input("/")).hash).toBeUndefined();
  });

  test("nothing to hash by compiles to nothing", () => {
    expect(compileRouteHash([], "p")).toBeUndefined();
    expect(compileRouteHash([{ connectionProperties: {} }], "p")).toBeUndefined();
  });

  test("what is wrong is refused by its path", () => {
    const cases: readonly (readonly [RouteActionHashPolicy, string])[] = [
      [{}, "p[0]"],
      [{ header: {} }, "p[0].header.header_name"],
      [{ cookie: { ttl: 1 } }, "p[0].cookie.name"],
      [{ cookie: { name: "a", ttl: -1 } }, "p[0].cookie.ttl"],
      [{ queryParameter: {} }, "p[0].query_parameter.name"],
      [{ filterState: { key: "k" } }, "p[0].filter_state"],
    ];
    for (const [policy, path] of cases) {
      let found = "accepted";
      try {
        compileRouteHash([policy], "p");
      } catch (error) {
        if (!(error instanceof CompileError)) throw error;
        found = error.path;
      }
      expect(found).toBe(path);
    }
  });
});
