import { expect, test } from "bun:test";
import type { ClusterView, EndpointView } from "../../admin/proxy-admin-source.ts";
import { mergeClusters } from "./merge-clusters.ts";

const NONE = {
  cxActive: 0,
  cxConnectFail: 0,
  cxTotal: 0,
  rqActive: 0,
  rqError: 0,
  rqSuccess: 0,
  rqTimeout: 0,
  rqTotal: 0,
};
const LIMITS = { maxConnections: 1, maxPendingRequests: 1, maxRequests: 1, maxRetries: 1 };

const endpoint = (port: number, rqTotal: number, over: Partial<EndpointView> = {}): EndpointView => ({
  address: "127.0.0.1",
  port,
  path: undefined,
  hostname: "",
  weight: 1,
  priority: 0,
  locality: { region: "", zone: "", subZone: "" },
  edsHealth: "HEALTHY",
  ejected: false,
  stats: { ...NONE, rqTotal, cxActive: 1 },
  ...over,
});
const view = (name: string, ...endpoints: readonly EndpointView[]): ClusterView => ({
  name,
  addedViaApi: true,
  edsServiceName: undefined,
  limits: { default: LIMITS, high: LIMITS },
  endpoints,
});

test("counts of the same endpoint add up; one worker's ejection shows; what only one has is there", () => {
  const merged = mergeClusters([
    [view("a", endpoint(1, 5), endpoint(2, 1))],
    [view("a", endpoint(1, 7, { ejected: true }), endpoint(3, 2)), view("b", endpoint(1, 9))],
  ]);
  expect(
    merged.map(({ name, endpoints }) => [
      name,
      endpoints.map(({ port, ejected, stats }) => [port, ejected, stats.rqTotal, stats.cxActive]),
    ]),
  ).toEqual([
    [
      "a",
      [
        [1, true, 12, 2],
        [2, false, 1, 1],
        [3, false, 2, 1],
      ],
    ],
    ["b", [[1, false, 9, 1]]],
  ]);
});
