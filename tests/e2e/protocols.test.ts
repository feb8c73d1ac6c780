/**
 * `tulle up examples/protocols`: gRPC, TCP, WebSocket and ports of unknown protocol, all inside of mutual TLS.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { explain } from "../../src/app/explain/explain.ts";
import type { ExplainRequest } from "../../src/app/explain/explanation.ts";
import { loadDocuments } from "../../src/config/load.ts";
import { readFiles } from "../../src/config/read-folder.ts";
import { readMetrics, type Sample } from "../../src/app/up/read-metrics.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { call } from "./support/call.ts";
import { eventually } from "./support/eventually.ts";
import { MeshRun } from "./support/mesh-run.ts";

const EXAMPLE = join(import.meta.dir, "../../examples/protocols");

/** What the page gets; the ticker's numbers depend on who asked before. */
const TO_PAGE: Readonly<Record<string, string | RegExp>> = {
  "grpc-unary": "grpc-status 0: hello mesh",
  "grpc-stream": "grpc-status 0: 1 2 3 4 5",
  "grpc-status": "grpc-status 5 (nobody of that name)",
  "tcp-server-first": /^220 ticker is ready \| \d+$/,
  "tcp-client-first": "OK | blue",
  websocket: "HELLO",
  "detected-http": '200 {"path":"/plain","host":"legacy.default.svc.cluster.local:8000"}',
  "detected-server-first": "NEWS nobody asked, and yet it is heard",
};

const DENIED = "grpc-status 7 (RBAC: access denied)";

const TO_STRANGER: Readonly<Record<string, string | RegExp>> = {
  "grpc-unary": DENIED,
  "grpc-stream": DENIED,
  "grpc-status": DENIED,
  "tcp-server-first": "closed without a word",
  "tcp-client-first": "closed without a word",
  websocket: "refused",
  "detected-http": "403 RBAC: access denied",
  "detected-server-first": "closed without a word",
};

/** An Envoy asks the policies of a connection when the client's first byte has come, and lets a server speak until then. */
const TO_STRANGER_BY_ENVOY = {
  ...TO_STRANGER,
  "tcp-server-first": "220 ticker is ready",
  "detected-server-first": TO_PAGE["detected-server-first"] as string,
};

async function resultsOf(mesh: MeshRun, service: string): Promise<Record<string, string>> {
  const { body } = await call(`${mesh.url(service)}/results`);
  const results = JSON.parse(body) as readonly { readonly name: string; readonly result: string }[];
  return Object.fromEntries(results.map(({ name, result }) => [name, result]));
}

function expectResults(
  found: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string | RegExp>>,
): void {
  const asWanted = Object.fromEntries(
    Object.entries(wanted).map(([name, want]) => [name, typeof want === "string" ? want : expect.stringMatching(want)]),
  );
  expect(found).toEqual(asWanted);
}

/** Istio's text format: the request, status, flags, details, bytes received and sent, cluster and route. */
const LINE = /^\[[^\]]*\] "([^"]*)" (\d+) (\S+) (\S+) \S+ "[^"]*" (\d+) (\d+) \d+ \S+ (?:"[^"]*" ){5}(\S+) .* (\S+)$/;

/** What a call of the page leaves in the logs of both proxies, whichever they are. */
const WRITTEN: Readonly<Record<string, readonly string[]>> = {
  "page-v1": [
    "POST /greeter.Greeter/Hello HTTP/2 200 - via_upstream 11 17 outbound|9000||greeter.default.svc.cluster.local others",
    "POST /greeter.Greeter/Count HTTP/2 200 - via_upstream 8 40 outbound|9000||greeter.default.svc.cluster.local counting",
    "POST /greeter.Greeter/Fail HTTP/2 200 - via_upstream 7 0 outbound|9000||greeter.default.svc.cluster.local others",
    "GET /plain HTTP/1.1 200 - via_upstream 0 64 outbound|8000||legacy.default.svc.cluster.local default",
    "- - - 0 - - 10 22 outbound|9001||ticker.default.svc.cluster.local -",
    "- - - 0 - - 27 8 outbound|6379||store.default.svc.cluster.local -",
    "- - - 0 - - 0 39 outbound|8001||legacy.default.svc.cluster.local@tcp -",
  ],
  "greeter-v1": [
    "POST /greeter.Greeter/Hello HTTP/2 200 - via_upstream 11 17 inbound|9000|| default",
    "POST /greeter.Greeter/Fail HTTP/2 200 - via_upstream 7 0 inbound|9000|| default",
  ],
  "store-v1": ["- - - 0 - - 27 8 inbound|6379|| -"],
  "legacy-v1": [
    "GET /plain HTTP/1.1 200 - via_upstream 0 64 inbound|8000|| default",
    "- - - 0 - - 0 39 inbound|8001|| -",
  ],
};

async function expectWritten(mesh: MeshRun): Promise<void> {
  for (const [workload, wanted] of Object.entries(WRITTEN))
    await eventually(`${workload} has written ${wanted.join("\n")}`, () => {
      const lines = mesh.log(workload, "proxy").split("\n");
      const found = new Set(lines.map((line) => LINE.exec(line)?.slice(1).join(" ")));
      return wanted.every((line) => found.has(line));
    });
}

async function allAgree(mesh: MeshRun): Promise<void> {
  const { rejections } = await eventually("all proxies agree", async () => {
    const found = await mesh.status();
    return found.publication.acknowledged === found.publication.proxies && found;
  });
  expect(rejections).toEqual([]);
}

for (const args of [[], ["--shared"]])
  describe(["the protocols mesh", ...args].join(" "), () => {
    let mesh: MeshRun;
    beforeAll(async () => void (mesh = await MeshRun.start({ folder: EXAMPLE, args })), 40_000);
    afterAll(() => mesh.stop(), 40_000);

    test("every proxy has acknowledged everything", () => allAgree(mesh));

    test("the page gets all of it", async () => {
      expectResults(await resultsOf(mesh, "page"), TO_PAGE);
      expect((await call(`${mesh.url("page")}/`)).body).toContain("<td>220 ticker is ready");
    });

    test("a stranger gets none of it", async () => expectResults(await resultsOf(mesh, "stranger"), TO_STRANGER));

    test.skipIf(args.length > 0)("both proxies log what passed", () => expectWritten(mesh));

    const metrics = async (
      workload: string,
      name: string,
      wanted: Readonly<Record<string, string>>,
    ): Promise<Sample[]> => {
      const text = await mesh.admin(workload, "/stats/prometheus");
      return readMetrics(text, new Set([name])).filter(({ labels }) =>
        Object.entries(wanted).every(([label, value]) => labels[label] === value),
      );
    };
    const sum = async (...query: Parameters<typeof metrics>): Promise<number> =>
      (await metrics(...query)).reduce((total, { value }) => total + value, 0);
    const ask = (service: string, name: string) => call(`${mesh.url(service)}/results/${name}`);

    test("gRPC is counted with its own status, on both sides", async () => {
      const counted = (workload: string, reporter: string, source: string, status: string): Promise<number> =>
        sum(workload, "istio_requests_total", {
          reporter,
          source_workload: source,
          destination_service: "greeter.default.svc.cluster.local",
          request_protocol: "grpc",
          response_code: "200",
          grpc_response_status: status,
        });
      const all = async (): Promise<readonly number[]> => [
        await counted("page-v1", "source", "page-v1", "0"),
        await counted("greeter-v1", "destination", "page-v1", "0"),
        await counted("page-v1", "source", "page-v1", "5"),
        await counted("greeter-v1", "destination", "page-v1", "5"),
        await counted("stranger-v1", "source", "stranger-v1", "7"),
        await counted("greeter-v1", "destination", "stranger-v1", "7"),
      ];
      const before = await all();
      await ask("page", "grpc-unary");
      await ask("page", "grpc-stream");
      await ask("page", "grpc-status");
      await ask("stranger", "grpc-unary");
      await eventually("the calls are counted", async () => {
        const after = await all();
        return after.map((value, i) => value - (before[i] ?? 0)).join() === "2,2,1,1,1,1";
      });
    });

    test("connections and their bytes are counted, on both sides", async () => {
      // Opaque bytes leave no room for a proxy to say more of its workload than its certificate does.
      const labels = {
        source_principal: "spiffe://cluster.local/ns/default/sa/page",
        destination_workload: "store-v1",
        destination_principal: "spiffe://cluster.local/ns/default/sa/store",
        destination_service: "store.default.svc.cluster.local",
        request_protocol: "tcp",
      };
      const all = async (): Promise<readonly number[]> => {
        const names = ["connections_opened", "connections_closed", "received_bytes", "sent_bytes"];
        const found: number[] = [];
        for (const name of names) {
          found.push(
            await sum("page-v1", `istio_tcp_${name}_total`, {
              ...labels,
              source_workload: "page-v1",
              reporter: "source",
            }),
          );
          const secured = { ...labels, reporter: "destination", connection_security_policy: "mutual_tls" };
          found.push(await sum("store-v1", `istio_tcp_${name}_total`, secured));
        }
        return found;
      };
      const before = await all();
      await ask("page", "tcp-client-first");
      const sent = "SET colour blue\nGET colour\n".length;
      const received = "OK\nblue\n".length;
      await eventually("the connection is counted", async () => {
        const after = await all();
        return (
          after.map((value, i) => value - (before[i] ?? 0)).join() ===
          [1, 1, 1, 1, sent, sent, received, received].join()
        );
      });
    });

    test("what explain says is what happens", () => {
      const { mesh: documents } = loadDocuments(readFiles([mesh.documents]).files);
      const asked: readonly (readonly [url: string, method: string | undefined])[] = [
        ["http://greeter:9000/greeter.Greeter/Hello", "POST"],
        ["tcp://ticker:9001", undefined],
        ["tcp://store:6379", undefined],
        ["http://chat:9002/room", "GET"],
        ["http://legacy:8000/plain", "GET"],
        ["tcp://legacy:8001", undefined],
      ];
      for (const [url, method] of asked) {
        const outcomeFor = (from: string): string => {
          const request: ExplainRequest = { from, url, method, headers: [] };
          return explain(documents, request).outcome;
        };
        expect([url, outcomeFor("page-v1"), outcomeFor("stranger-v1")]).toEqual([url, "allowed", "denied"]);
      }
    });
  });

const binary = await ensureEnvoy();

describe.skipIf(binary === undefined)("the protocols mesh of Envoys", () => {
  let mesh: MeshRun;
  beforeAll(async () => void (mesh = await MeshRun.start({ folder: EXAMPLE, args: ["--proxy", "envoy"] })), 60_000);
  afterAll(() => mesh.stop(), 40_000);

  test("every Envoy has acknowledged everything", () => allAgree(mesh));
  test("the page gets the same", async () => expectResults(await resultsOf(mesh, "page"), TO_PAGE));
  test("the logs say the same", () => expectWritten(mesh));
  test("so does the stranger", async () => expectResults(await resultsOf(mesh, "stranger"), TO_STRANGER_BY_ENVOY));
});

const UPGRADING =
  "apiVersion: tulle.dev/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {protocolDetectionTimeout: 1s, h2UpgradePolicy: UPGRADE}\n";
const proxies: readonly (readonly string[])[] = [[], ...(binary === undefined ? [] : [["--proxy", "envoy"]])];

describe.each(proxies.map((args) => [args.join(" ") || "sidecars", args] as const))(
  "the protocols mesh with HTTP/2 between its proxies, %s",
  (_, args) => {
    let mesh: MeshRun;
    const files = { "mesh.yaml": UPGRADING };
    beforeAll(async () => void (mesh = await MeshRun.start({ folder: EXAMPLE, args, files })), 60_000);
    afterAll(() => mesh.stop(), 40_000);

    test("the page gets the same", async () => expectResults(await resultsOf(mesh, "page"), TO_PAGE));
    test("its WebSocket came over HTTP/2", () =>
      eventually("the log says so", () => mesh.log("chat-v1", "proxy").includes('"GET /room HTTP/2" 101')));
  },
);
