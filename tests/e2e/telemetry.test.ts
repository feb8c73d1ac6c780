/**
 * What a person sees of traffic afterwards: metrics on both sides, access logs, ids and traces that are passed on.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readMetrics, type Sample } from "../../src/app/up/read-metrics.ts";
import { call } from "./support/call.ts";
import { eventually } from "./support/eventually.ts";
import { MeshRun } from "./support/mesh-run.ts";
import { faultsOf, requests } from "./support/traffic.ts";

const REVIEWS = "http://reviews:9080/reviews/1";
const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

/** Istio's default format, field by field. */
const LINE =
  /^\[(?<start>[^\]]+)\] "(?<method>\S+) (?<path>\S+) (?<protocol>\S+)" (?<code>\d+) (?<flags>\S+) (?<details>\S+) (?<termination>\S+) "(?<failure>[^"]*)" (?<received>\d+) (?<sent>\d+) (?<duration>\d+) (?<upstreamTime>\S+) "(?<forwardedFor>[^"]*)" "(?<agent>[^"]*)" "(?<requestId>[^"]*)" "(?<authority>[^"]*)" "(?<upstream>[^"]*)" (?<cluster>\S+) (?<upstreamLocal>\S+) (?<local>\S+) (?<remote>\S+) (?<sni>\S+) (?<route>\S+)$/;

for (const args of [[], ["--shared"]]) {
  describe(["a request leaves traces", ...args].join(" "), () => {
    let mesh: MeshRun;
    beforeAll(async () => void (mesh = await MeshRun.start({ args })), 40_000);
    afterAll(() => mesh.stop(), 40_000);

    const shared = args.length > 0;
    const metrics = async (workload: string, name: string, reporter: string): Promise<Sample[]> => {
      const text = await mesh.admin(workload, "/stats/prometheus");
      return readMetrics(text, new Set([name])).filter(({ labels }) => labels["reporter"] === reporter);
    };
    const lines = (workload: string, path: string): Record<string, string>[] =>
      mesh
        .log(shared ? "node" : workload, "proxy")
        .split("\n")
        .filter((line) => line.includes(` ${path} `))
        .map((line) => LINE.exec(line)?.groups ?? { notALine: line })
        // A shared proxy says behind an `@` whose cluster it is.
        .map((line) => ({ ...line, cluster: line["cluster"]?.replace(/@.*/, "") ?? "" }));

    test("istio_requests_total has who called whom, on both sides", async () => {
      const via = mesh.proxy("productpage-v1").outbound;
      expect(faultsOf(await requests(300, REVIEWS, { via, headers: { "end-user": "jason" } }))).toEqual({});
      const wanted = {
        source_workload: "productpage-v1",
        source_workload_namespace: "default",
        source_app: "productpage",
        source_version: "v1",
        source_canonical_service: "productpage",
        source_canonical_revision: "v1",
        source_cluster: "local",
        destination_workload: "reviews-v2",
        destination_workload_namespace: "default",
        destination_app: "reviews",
        destination_version: "v2",
        destination_canonical_service: "reviews",
        destination_canonical_revision: "v2",
        destination_cluster: "local",
        destination_service: "reviews.default.svc.cluster.local",
        destination_service_name: "reviews",
        destination_service_namespace: "default",
        request_protocol: "http",
        response_code: "200",
        response_flags: "-",
        source_principal: "spiffe://cluster.local/ns/default/sa/bookinfo-productpage",
        destination_principal: "spiffe://cluster.local/ns/default/sa/bookinfo-reviews",
      };
      const isCall = ({ labels }: Sample): boolean =>
        labels["destination_workload"] === "reviews-v2" && labels["response_code"] === "200";
      const source = (await metrics("productpage-v1", "istio_requests_total", "source")).filter(isCall);
      expect(source).toEqual([{ name: "istio_requests_total", value: 300, labels: expect.objectContaining(wanted) }]);
      const destination = (await metrics("reviews-v2", "istio_requests_total", "destination")).filter(isCall);
      expect(destination).toEqual([
        {
          name: "istio_requests_total",
          value: 300,
          labels: expect.objectContaining({ ...wanted, connection_security_policy: "mutual_tls" }),
        },
      ]);
    });

    test("durations and sizes are counted with the same labels", async () => {
      for (const name of [
        "istio_request_duration_milliseconds_count",
        "istio_request_bytes_count",
        "istio_response_bytes_count",
      ]) {
        const found = await metrics("productpage-v1", name, "source");
        const calls = found.filter(({ labels }) => labels["destination_workload"] === "reviews-v2");
        expect({ name, counts: calls.map(({ value }) => value) }).toEqual({ name, counts: [300] });
      }
    });

    test("refusals and calls from outside are counted as what they are", async () => {
      expect((await mesh.callFrom("details-v1", "http://ratings:9080/ratings/1")).status).toBe(403);
      const refused = (await metrics("ratings-v1", "istio_requests_total", "destination")).filter(
        ({ labels }) => labels["response_code"] === "403",
      );
      expect(refused.map(({ labels, value }) => [labels["source_workload"], value])).toEqual([["details-v1", 1]]);
      await call(`${mesh.url("productpage")}/health`);
      const outside = (await metrics("productpage-v1", "istio_requests_total", "destination")).filter(
        ({ labels }) => labels["source_workload"] === "unknown",
      );
      expect(outside.length).toBeGreaterThan(0);
      for (const { labels } of outside)
        expect([labels["connection_security_policy"], labels["source_principal"]]).toEqual(["none", "unknown"]);
    });

    test("both proxies write a line in Istio's format, under one request id", async () => {
      const path = "/reviews/2?why=log";
      const answer = await mesh.callFrom("productpage-v1", `http://reviews:9080${path}`, {
        headers: { "user-agent": "a-test/1", "end-user": "jason" },
      });
      expect(answer.status).toBe(200);
      const both = await eventually("both lines are written", () => {
        const found = shared ? lines("", path) : [...lines("productpage-v1", path), ...lines("reviews-v2", path)];
        return found.length === 2 && found;
      });
      const [one, other] = both;
      expect(both.map((line) => line["cluster"]).sort()).toEqual([
        "inbound|9080||",
        "outbound|9080|v2|reviews.default.svc.cluster.local",
      ]);
      for (const line of both)
        expect(line).toMatchObject({
          method: "GET",
          protocol: "HTTP/1.1",
          code: "200",
          flags: "-",
          details: "via_upstream",
          received: "0",
          sent: String(answer.body.length),
          agent: "a-test/1",
          authority: "reviews:9080",
        });
      expect(one?.["requestId"]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(other?.["requestId"]).toBe(one?.["requestId"]);
      const inbound = both.find((line) => line["cluster"] === "inbound|9080||");
      const outbound = both.find((line) => line !== inbound);
      expect(inbound?.["sni"]).toBe("outbound_.9080_.v2_.reviews.default.svc.cluster.local");
      expect([inbound?.["route"], outbound?.["route"]]).toEqual(["default", "testers"]);
      expect(outbound?.["upstream"]).toBe(mesh.proxy("reviews-v2").inbound[0]);
    });

    test("what the client set is passed on through every hop; what it did not is made", async () => {
      const requestId = "a0000000-0000-4000-8000-00000000000a";
      await mesh.callFrom("productpage-v1", REVIEWS, {
        headers: { "x-request-id": requestId, traceparent: TRACEPARENT, tracestate: "a=1", "end-user": "jason" },
      });
      // reviews-v2 passes both on when it asks ratings, two hops behind the client.
      const seen = await eventually("ratings has answered", () =>
        lines("ratings-v1", "/ratings/1").find((line) => line["requestId"] === requestId),
      );
      expect(seen["code"]).toBe("200");
    });
  });
}
