/**
 * Istio's samples, each on the services and deployments that it is made for: what is accepted translates, all of it compiles, and
 * explain has an answer for every call.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compareMeshes } from "../src/app/diff/compare.ts";
import { SimulatedMesh } from "../src/app/explain/simulated-mesh.ts";
import { loadDocuments } from "../src/config/load.ts";

const SUITE = join(import.meta.dir, "../../shared/suites/istio-samples");

interface SampleFile {
  readonly file: string;
  readonly docs: readonly (SampleDocument | null)[];
}

interface SampleDocument {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly spec?: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly template?: {
      readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
      readonly spec?: { readonly serviceAccountName?: string };
    };
  };
}

const read = (name: string): readonly SampleFile[] =>
  (JSON.parse(readFileSync(join(SUITE, name), "utf8")) as { readonly files: readonly SampleFile[] }).files;

/** `samples/bookinfo` of any file below it. */
const sampleOf = (file: string): string => file.split("/").slice(0, 2).join("/");

/** A Deployment as what runs of it. */
function workloadOf({ metadata, spec }: SampleDocument): unknown {
  const { template } = spec ?? {};
  return {
    apiVersion: "tulle.dev/v1",
    kind: "Workload",
    metadata: { ...metadata, labels: template?.metadata?.labels },
    spec: { serviceAccount: template?.spec?.serviceAccountName ?? "default" },
  };
}

function gatewayOf({ spec }: SampleDocument, index: number): unknown {
  const metadata = { name: `gateway-${index}`, labels: spec?.selector ?? { istio: "ingressgateway" } };
  return { apiVersion: "tulle.dev/v1", kind: "Workload", metadata, spec: { role: "gateway" } };
}

const CLIENT = {
  apiVersion: "tulle.dev/v1",
  kind: "Workload",
  metadata: { name: "client", labels: { app: "client" } },
};

if (!existsSync(SUITE)) {
  console.warn(`SKIPPED: ${SUITE} is absent`);
  test.skip("Istio's samples", () => {});
} else {
  const platform = read("workloads.json");

  const meshOf = ({ docs, file }: SampleFile) => {
    const around = platform.filter((it) => sampleOf(it.file) === sampleOf(file)).flatMap((it) => it.docs);
    const own = docs.filter((document) => document !== null);
    const all = [
      ...own,
      ...around.filter((document) => document?.kind === "Service"),
      ...[...own, ...around].filter((d) => d?.kind === "Deployment").map((d) => workloadOf(d ?? {})),
      ...own.filter((d) => d.kind === "Gateway").map(gatewayOf),
      CLIENT,
    ];
    // One Service stands in several files: the first is taken.
    return loadDocuments(all.map((document, i) => ({ file: `${i}.json`, text: JSON.stringify(document) }))).mesh;
  };

  describe("Istio's samples", () => {
    let proxies = 0;
    let calls = 0;
    test.each(read("docs.json").map((it) => [it.file, it] as const))("%s", (_, file) => {
      const mesh = meshOf(file);
      const simulated = new SimulatedMesh(mesh);
      for (const instance of simulated.instances) {
        proxies++;
        const resources = simulated.resourcesOf(instance);
        for (const message of resources.clusters) simulated.compiled.cluster(message);
        for (const message of resources.listeners)
          for (const { terminal } of simulated.compiled.listener(message).chains)
            if (terminal.t === "http") simulated.compiled.http(resources, terminal);
      }
      const { asked, changes } = compareMeshes(mesh, mesh, 60);
      calls += asked;
      expect(changes).toEqual([]);
    });

    test("are counted", () => {
      console.log(`istio-samples: the resources of ${proxies} proxies compile, ${calls} calls are explained`);
      expect([proxies > 400, calls > 2000]).toEqual([true, true]);
    });
  });
}
