import { describe, expect, test } from "bun:test";
import { compileRouteMatch } from "../../engine/http/route-match.ts";
import type { PeerView } from "../../engine/request.ts";
import type { RouteMatch } from "../../xds/proto/route-match.ts";
import { SimulatedRequest } from "../explain/simulated-request.ts";
import { requestsFor, type SampleRequest } from "./requests.ts";

const HERE = { address: "127.0.0.1", port: 1 };
const PEER: PeerView = { tls: false, spiffeId: undefined, sni: undefined, remote: HERE, local: HERE };

function takes(match: RouteMatch, { headers, method, path }: SampleRequest): boolean {
  const request = new SimulatedRequest(method, path, "a", new Map(headers));
  return compileRouteMatch(match, "").test(request, PEER, path.replace(/\?.*/, ""), 0);
}

const MATCHES: readonly RouteMatch[] = [
  { prefix: "/" },
  { prefix: "/api" },
  { prefix: "/api/" },
  { path: "/api" },
  { pathSeparatedPrefix: "/api/v1" },
  { safeRegex: { regex: "/users/[0-9]+(/posts|/likes)?" } },
  { safeRegex: { regex: "/(a|b)\\.(png|jpg)" } },
  { safeRegex: { regex: ".*/x{2,3}" } },
  { prefix: "/", caseSensitive: false, headers: [{ name: ":method", stringMatch: { exact: "PUT" } }] },
  {
    prefix: "/",
    headers: [
      { name: "X-A", stringMatch: { prefix: "ab" } },
      { name: "x-b", presentMatch: true },
    ],
  },
  { prefix: "/", headers: [{ name: "x-a", stringMatch: { safeRegex: { regex: "v[0-9]{2}" } } }] },
  {
    prefix: "/",
    headers: [{ name: "x-a", stringMatch: { suffix: "z" }, invertMatch: true, treatMissingHeaderAsEmpty: true }],
  },
  { prefix: "/", headers: [{ name: "x-a", presentMatch: true, invertMatch: true }] },
  { prefix: "/", headers: [{ name: "x-a", rangeMatch: { start: 5, end: 9 } }] },
  {
    prefix: "/",
    queryParameters: [
      { name: "q", stringMatch: { exact: "1" } },
      { name: "r", presentMatch: true },
    ],
  },
  { prefix: "/", grpc: {}, headers: [{ name: "x-a", stringMatch: { contains: "m" } }] },
];

describe("of each match", () => {
  test.each(MATCHES.map((match) => [JSON.stringify(match), match] as const))("%s", (_, match) => {
    const [first, ...misses] = requestsFor(match);
    expect(first && takes(match, first)).toBe(true);
    // A match that asks for something is missed by one of them.
    const asks = Object.keys(match).length > 1 || match.prefix !== "/";
    expect(misses.some((request) => !takes(match, request))).toBe(asks);
  });

  test("an expression beyond the common syntax has no request", () => {
    expect(requestsFor({ safeRegex: { regex: "/a(?:b){2}" } })).toEqual([]);
  });
});
