import { describe, expect, test } from "bun:test";
import { instanceOf, meshOf, service, workload } from "../../tests/support/mesh.ts";
import { FIRST_DOCUMENTS, randomEdit } from "../../tests/support/changing-documents.ts";
import { Dice } from "../../tests/support/fuzz.ts";
import { formatProblem } from "../base/problem.ts";
import { seededRandom } from "../base/random.ts";
import { loadDocuments } from "../config/load.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Instance } from "../model/service.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { defaultTranslateOptions as options } from "./options.ts";
import { Parts } from "./parts.ts";
import { lookUp } from "./reads.ts";
import { reconcile } from "./reconcile.ts";
import { isSame } from "./same.ts";
import { type MeshState, type ProxyTarget, translate } from "./translate.ts";

const SERVICES = 50;
const names = Array.from({ length: SERVICES }, (_, i) => `s${i}`);
const base = [
  ...names.map((name) => service(name, ["http:80:8080"])),
  ...names.map((name) => workload(name, "v1", [8080])),
];
const routeTo = (host: string, to: string, status = "", more = ""): string =>
  `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ${host}}, spec: {hosts: [${host}], http: [${status}{route: [{destination: {host: ${to}${more}}}]}]}}`;
const rule = (host: string, spec = ""): string =>
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: ${host}}, spec: {host: ${host}${spec}}}`;

/** Documents over time, as a control plane takes them: what has not changed is the same value. */
class History {
  readonly parts = new Parts();
  state: MeshState = { mesh: meshOf(), instances: [] };

  /** @returns How many parts were made for s0's proxy, and how many were as they had been. */
  step(documents: readonly string[], change: (instances: readonly Instance[]) => readonly Instance[] = (it) => it) {
    const mesh = reconcile(this.state.mesh, meshOf(...documents));
    this.state = { mesh, instances: change(instancesOf(mesh, this.state.instances)) };
    this.parts.sweep();
    translate(this.state, { t: "sidecar", instance: "s0-v1-0" }, options, this.parts);
    return this.parts.counts;
  }
}

/** One copy of each workload; those that were there before are the same value. */
function instancesOf(mesh: Mesh, before: readonly Instance[]): readonly Instance[] {
  return mesh.workloads.map((it, i) => {
    const known = before.find(({ workload: was }) => was === it);
    return known ?? instanceOf(it, i);
  });
}

describe("a change recomputes what it touches", () => {
  /** Clusters and routes of each service, the routes as one, the inbound side, the forward proxy, what is passed on. */
  const WHOLE = 2 * SERVICES + 4;
  const started = (...documents: readonly string[]): History => {
    const history = new History();
    expect(history.step([...base, ...documents])).toEqual({ made: WHOLE, kept: 0 });
    return history;
  };

  test("nothing changed: nothing", () => {
    expect(started().step(base)).toEqual({ made: 0, kept: WHOLE });
  });

  test("a VirtualService: the routes of its host", () => {
    const history = started();
    expect(history.step([...base, routeTo("s1", "s2")])).toEqual({ made: 2, kept: WHOLE - 2 });
    expect(history.step([...base, routeTo("s1", "s3")])).toEqual({ made: 2, kept: WHOLE - 2 });
  });

  test("a DestinationRule: the clusters of its host, and no routes unless it hashes", () => {
    const history = started(routeTo("s1", "s2"));
    const pool = ", trafficPolicy: {connectionPool: {tcp: {maxConnections: 3}}}";
    expect(history.step([...base, routeTo("s1", "s2"), rule("s2", pool)])).toEqual({ made: 1, kept: WHOLE - 1 });
    const hash = ", trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: a}}}";
    // Whether anything hashes is asked by all routes; those of s1 and s2 then change.
    const { made } = history.step([...base, routeTo("s1", "s2"), rule("s2", hash)]);
    expect(made).toBeLessThanOrEqual(WHOLE);
    expect(history.step([...base, routeTo("s1", "s2"), rule("s2", hash.replace(": a}", ": b}"))])).toEqual({
      made: 4,
      kept: WHOLE - 4,
    });
  });

  test("an endpoint: the clusters of its service", () => {
    const history = started();
    const ill = (instances: readonly Instance[]): readonly Instance[] =>
      instances.map((it) => (it.id === "s7-v1-0" ? { ...it, healthy: false } : it));
    expect(history.step(base, ill)).toEqual({ made: 1, kept: WHOLE - 1 });
  });

  test("a Service's port: its clusters and routes, and the routes that lead to it", () => {
    const history = started(routeTo("s1", "s2"));
    const changed = base.map((text) =>
      text.includes("{name: s2,") && text.includes("kind: Service") ? service("s2", ["http:81:8080"]) : text,
    );
    expect(history.step([...changed, routeTo("s1", "s2")])).toEqual({ made: 4, kept: WHOLE - 4 });
  });

  test("a question that fails fails for whoever asks it next, and is answered again when it can be", () => {
    const parts = new Parts();
    const hosts = ({ services }: Mesh): number => {
      if (services.length === 2) throw new Error("two are too many");
      return services.length;
    };
    const ask = (...of: readonly string[]): number =>
      parts.of("a", "b", meshOf(...of.map((name) => service(name, ["http:80"]))), [], (mesh) => lookUp(mesh, hosts));
    expect(ask("a")).toBe(1);
    expect(() => ask("a", "b")).toThrow("two are too many");
    expect(() => ask("a", "b")).toThrow("two are too many");
    expect(ask("a", "b", "c")).toBe(3);
  });

  test("what nobody asks for any more is let go of", () => {
    const parts = new Parts();
    const mesh = meshOf();
    const ask = (): number => parts.of("a", "b", mesh, [], ({ services }) => services.length);
    const made = (): number => (ask(), parts.counts.made);
    expect([made(), made()]).toEqual([1, 1]);
    parts.sweep();
    expect(made()).toBe(0);
    parts.sweep();
    parts.sweep();
    expect(made()).toBe(1);
  });
});

describe("what is kept is what would be made", () => {
  const seed = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const STEPS = Number(process.env["TULLE_STEPS"] ?? 60);

  test(`over ${STEPS} random changes (TULLE_SEED=${seed})`, () => {
    console.log(`kept parts of resources: TULLE_SEED=${seed}`);
    const dice = new Dice(seededRandom(seed));
    const store = new MemoryStore();
    for (const [key, text] of FIRST_DOCUMENTS) store.write(key, text);
    const parts = new Parts();
    let mesh = store.current.mesh;
    let instances: readonly Instance[] = [];
    let [kept, made] = [0, 0];
    for (let step = 0; step < STEPS; step++) {
      const [key, text] = randomEdit(dice);
      const refused = changed(store, key, text);
      expect(refused, `${key}: ${text}, seed ${seed}`).toEqual([]);
      mesh = reconcile(mesh, store.current.mesh);
      instances = running(mesh, instances, dice);
      parts.sweep();
      const whole: MeshState = { mesh: readAnew(store), instances: structuredClone(instances) };
      const targets: readonly ProxyTarget[] = [
        ...instances.map(({ id }) => ({ t: "sidecar", instance: id }) as const),
        { t: "shared", instances: instances.filter((it) => it.workload.gateway === undefined).map(({ id }) => id) },
      ];
      for (const target of targets)
        expect(
          JSON.stringify(translate({ mesh, instances }, target, options, parts)),
          `${key}: ${text}, ${JSON.stringify(target)}, step ${step}, seed ${seed}`,
        ).toBe(JSON.stringify(translate(whole, target, options)));
      kept += parts.counts.kept;
      made += parts.counts.made;
    }
    // How much is kept is chance: about four times of what is made.
    expect(kept, `seed ${seed}`).toBeGreaterThan(made);
  }, 60_000);
});

/** @returns What is wrong with it. */
function changed(store: MemoryStore, key: string, text: string | undefined): readonly string[] {
  if (text === undefined) store.remove(key);
  else store.write(key, text);
  return store.current.problems.filter(({ severity }) => severity === "error").map(formatProblem);
}

/** The same documents, with nothing that was read of them before. */
const readAnew = (store: MemoryStore): Mesh => loadDocuments(store.files).mesh;

/** One copy of each workload with loopback ports for all services; now and then one falls ill, or gets well. */
function running(mesh: Mesh, before: readonly Instance[], dice: Dice): readonly Instance[] {
  const address = "127.0.0.1";
  const place = (port: number) => ({ address, port });
  return mesh.workloads.map((it, i) => {
    const id = `${it.namespace}-${it.name}`;
    const known = before.find((was) => was.id === id);
    const made: Instance = { ...instanceOf(it, i), id, healthy: known?.healthy !== dice.one(10) };
    const isGateway = it.gateway !== undefined;
    const ports = [80, 443, 9000].map((targetPort) => {
      return { targetPort, inbound: place(10_000 + targetPort), application: place(10_000 + targetPort) };
    });
    const loopbacks = ["a", "b", "c"].flatMap((name) =>
      ["default", "other"].flatMap((namespace) =>
        [80, 81].map((port) => ({
          host: `${name}.${namespace}.svc.cluster.local`,
          port,
          address: place(30_000 + port),
        })),
      ),
    );
    const instance = isGateway ? { ...made, outbound: undefined, ports } : { ...made, loopbacks };
    return known !== undefined && isSame(known, instance) ? known : instance;
  });
}
