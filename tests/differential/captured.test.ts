/**
 * The same documents to a real istiod and to Tulle: what each gives to the proxies of captured workloads, by name, place, match and order.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadDocuments } from "../../src/config/load.ts";
import type { Instance } from "../../src/model/service.ts";
import { defaultTranslateOptions } from "../../src/translate/options.ts";
import { translate } from "../../src/translate/translate.ts";
import { DOCUMENTS, type Subject, SUBJECTS } from "./captured/documents.ts";
import { type Given, given } from "./captured/fetch.ts";
import { differences, type Outline, outlineOf } from "./captured/outline.ts";
import { ApiServer } from "./rig/api-server.ts";
import { type ConfigDocument, documentsOf, keyOf } from "./rig/document.ts";
import { Istiod } from "./rig/istiod.ts";
import { findTools } from "./rig/tools.ts";

const tools = await findTools();

describe.skipIf(tools === undefined)("a captured workload's proxy gets what a real Istio gives it", () => {
  const undo: (() => unknown)[] = [];
  let istiod: Istiod;
  let documents: readonly ConfigDocument[] = [];

  beforeAll(async () => {
    if (tools === undefined) return;
    const folder = mkdtempSync(join(tmpdir(), "tulle-captured-"));
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    const api = await ApiServer.start(tools);
    undo.push(() => api.stop());
    documents = await published(api);
    istiod = await Istiod.start(tools, {
      kubeconfig: api.kubeconfig,
      folder,
      accessLog: "/dev/null",
      accessLogFormat: "\n",
    });
    undo.push(() => istiod.stop());
  }, 180_000);
  afterAll(async () => {
    for (const step of undo.reverse()) await step();
  }, 60_000);

  for (const subject of SUBJECTS)
    test(`${subject.app}`, async () => {
      const ours = outlineOf(translated(documents, subject));
      const node = { name: `${subject.app}-0`, address: subject.address, labels: { app: subject.app } };
      const istio = outlineOf(await given(istiod.xdsPort, node, (it) => isWhole(it, ours)));
      expect(Object.keys(istio).length).toBeGreaterThan(15);
      expect(differences(istio, ours).filter((line) => !(subject.app === "side" && RULES_PORTS.test(line)))).toEqual(
        [],
      );
    }, 60_000);
});

/** Of a service that a Sidecar lets in for a rule alone, Istio gives clusters of the ports that rules name, Tulle of all. */
const RULES_PORTS = /^cluster outbound\|65\d\d\|\|[ab]\.example\.com: (Istio: is not there|Tulle: )/;

/** Documents come to istiod one by one: as soon as it knows as many things as we do, it knows all. */
const isWhole = (it: Given, ours: Outline): boolean => {
  const counted = (outline: Outline, kind: string): number =>
    Object.keys(outline).filter((name) => name.startsWith(kind)).length;
  const found = outlineOf(it);
  return counted(found, "listener") >= counted(ours, "listener");
};

/** With the addresses that the API server gave. */
async function published(api: ApiServer): Promise<readonly ConfigDocument[]> {
  const system = { apiVersion: "v1", kind: "Namespace", metadata: { name: "istio-system", namespace: "" }, spec: {} };
  const all = documentsOf(DOCUMENTS);
  for (const document of [system, ...all]) {
    const refused = await api.put(document);
    if (refused !== undefined) throw new Error(`the API server refuses ${keyOf(document)}: ${refused}`);
  }
  return await Promise.all(all.map(async (it) => (it.kind === "Service" ? { ...it, spec: await api.specOf(it) } : it)));
}

function translated(documents: readonly ConfigDocument[], { address, app, ports }: Subject): Given {
  const workload = {
    apiVersion: "tulle.dev/v1",
    kind: "Workload",
    metadata: { name: `${app}-0`, namespace: "default", labels: { app } },
    spec: { ports },
  };
  // It is an instance here, which istiod knows by the entry.
  const others = documents.filter(({ kind, metadata }) => kind !== "WorkloadEntry" || metadata.name !== `${app}-0`);
  const files = [...others, workload].map((it) => ({ file: keyOf(it), text: JSON.stringify(it) }));
  const { mesh, problems } = loadDocuments(files);
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  const [own] = mesh.workloads;
  if (own === undefined) throw new Error("the workload is not there");
  const instance: Instance = {
    workload: own,
    id: "own",
    interceptionMode: "REDIRECT",
    ports: ports.map((targetPort) => {
      const place = { address, port: targetPort };
      return { targetPort, inbound: place, application: place };
    }),
    outbound: undefined,
    loopbacks: [],
    healthy: true,
  };
  const state = { mesh, instances: [instance] };
  return translate(state, { t: "sidecar", instance: "own" }, { ...defaultTranslateOptions, accessLogPath: undefined });
}
