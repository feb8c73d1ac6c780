import { describe, expect, test } from "bun:test";
import { instanceOf, meshOf, service, workload } from "../../tests/support/mesh.ts";
import { Dice } from "../../tests/support/fuzz.ts";
import { seededRandom } from "../base/random.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Instance } from "../model/service.ts";
import { defaultTranslateOptions as options } from "./options.ts";
import { Parts } from "./parts.ts";
import { reconcile } from "./reconcile.ts";
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
  const WHOLE = 2 * SERVICES + 1;
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

  test("what nobody asks for any more is let go of", () => {
    const parts = new Parts();
    const mesh = meshOf();
    const ask = (): number => parts.of("a", mesh, [], ({ services }) => services.length);
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
  const STEPS = 40;

  test(`over ${STEPS} random changes (TULLE_SEED=${seed})`, () => {
    console.log(`kept parts of resources: TULLE_SEED=${seed}`);
    const dice = new Dice(seededRandom(seed));
    const pick = <T>(from: readonly T[]): T => dice.of(from);
    const hosts = ["a", "b", "c"];
    const spaces = ["default", "other"];
    const documents = new Map<string, string>();
    const meta = (name: string, namespace: string, more = ""): string =>
      `metadata: {name: ${name}, namespace: ${namespace}${more}}`;
    const exported = (): string => pick(["", ", exportTo: ['.']", ", exportTo: [other]", ", exportTo: ['*']"]);
    const edits: readonly (() => readonly [string, string])[] = [
      () => {
        const [host, ns] = [pick(hosts), pick(spaces)];
        const annotated = pick(["", ", annotations: {networking.istio.io/exportTo: '.'}"]);
        const ports = pick([
          "{name: http, port: 80, targetPort: 8080}",
          "{name: tcp, port: 81, targetPort: 8080}",
          "{name: x, port: 80, targetPort: 8081}",
        ]);
        return [
          `service ${host} ${ns}`,
          `{apiVersion: v1, kind: Service, ${meta(host, ns, annotated)}, spec: {selector: {app: ${host}}, ports: [${ports}]}}`,
        ];
      },
      () => {
        const [app, version, ns] = [pick(hosts), pick(["v1", "v2"]), pick(spaces)];
        const where = pick(["", ", istio-locality: eu.eu-1", ", istio-locality: us.us-1"]);
        return [
          `workload ${app} ${version} ${ns}`,
          `{apiVersion: tulle.dev/v1, kind: Workload, ${meta(`${app}-${version}`, ns, `, labels: {app: ${app}, version: ${version}${where}}`)}, spec: {serviceAccount: ${app}, ports: [8080, 8081]}}`,
        ];
      },
      () => {
        const [host, ns] = [pick(hosts), pick(spaces)];
        const match = pick([
          "",
          "match: [{sourceLabels: {version: v1}}], ",
          "match: [{sourceNamespace: other}], ",
          "match: [{uri: {prefix: /x}}], ",
        ]);
        const to = `${pick(hosts)}.${pick(spaces)}.svc.cluster.local`;
        const named = pick([host, `${host}.example.com`]);
        return [
          `vs ${host} ${ns}`,
          `{apiVersion: networking.istio.io/v1, kind: VirtualService, ${meta(host, ns)}, spec: {hosts: [${named}], http: [{${match}route: [{destination: {host: ${to}${pick(["", ", subset: v1"])}}}]}]${exported()}}}`,
        ];
      },
      () => {
        const [name, ns] = [pick(["r1", "r2", "r3"]), pick([...spaces, "istio-system"])];
        const host = pick([...hosts.map((h) => `${h}.${pick(spaces)}.svc.cluster.local`), "'*.svc.cluster.local'"]);
        const policy = pick([
          "{loadBalancer: {simple: RANDOM}}",
          "{loadBalancer: {consistentHash: {httpHeaderName: x}}}",
          "{outlierDetection: {interval: 1s}}",
          "{tls: {mode: DISABLE}}",
        ]);
        const selector = pick(["", ", workloadSelector: {matchLabels: {version: v2}}"]);
        const subsets = ", subsets: [{name: v1, labels: {version: v1}}]";
        return [
          `dr ${name} ${ns}`,
          `{apiVersion: networking.istio.io/v1, kind: DestinationRule, ${meta(name, ns)}, spec: {host: ${host}, trafficPolicy: ${policy}${subsets}${selector}${selector === "" ? exported() : ""}}}`,
        ];
      },
      () => {
        const ns = pick([...spaces, "istio-system"]);
        const only = pick(["./*", "*/*", "other/*", "*/a.default.svc.cluster.local"]);
        const selector = ns === "istio-system" ? "" : pick(["", "workloadSelector: {labels: {version: v1}}, "]);
        return [
          `sidecar ${ns}`,
          `{apiVersion: networking.istio.io/v1, kind: Sidecar, ${meta("s", ns)}, spec: {${selector}egress: [{hosts: ["${only}"]}]}}`,
        ];
      },
      () => {
        const ns = pick([...spaces, "istio-system"]);
        return [
          `pa ${ns}`,
          `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, ${meta("p", ns)}, spec: {mtls: {mode: ${pick(["STRICT", "DISABLE", "PERMISSIVE"])}}}}`,
        ];
      },
      () => [
        "se",
        `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, ${meta("out", pick(spaces))}, spec: {hosts: [out.example.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 127.0.0.${pick([1, 2, 3])}}]${exported()}}}`,
      ],
      () => [
        "mesh",
        `{apiVersion: tulle.dev/v1, kind: Mesh, ${meta("m", "default")}, spec: {h2UpgradePolicy: ${pick(["UPGRADE", "DO_NOT_UPGRADE"])}}}`,
      ],
    ];
    for (const host of hosts) documents.set(`service ${host} default`, service(host, ["http:80:8080"]));
    documents.set("workload a v1 default", workload("a", "v1", [8080, 8081]));

    const parts = new Parts();
    let state: MeshState = { mesh: meshOf(), instances: [] };
    let [kept, made] = [0, 0];
    for (let step = 0; step < STEPS; step++) {
      const [key, text] = pick(edits)();
      if (dice.one(4) && key !== "workload a v1 default") documents.delete(key);
      else documents.set(key, text);
      const fresh = meshOf(...documents.values());
      const mesh = reconcile(state.mesh, fresh);
      const instances = instancesOf(mesh, state.instances);
      state = { mesh, instances };
      parts.sweep();
      const whole: MeshState = { mesh: fresh, instances: [...instances] };
      const targets: readonly ProxyTarget[] = [
        ...instances.map(({ id }) => ({ t: "sidecar", instance: id }) as const),
        { t: "shared", instances: instances.map(({ id }) => id) },
      ];
      for (const target of targets)
        expect(JSON.stringify(translate(state, target, options, parts)), `${key}, step ${step}, seed ${seed}`).toBe(
          JSON.stringify(translate(whole, target, options)),
        );
      kept += parts.counts.kept;
      made += parts.counts.made;
    }
    // How much is kept is chance: about twice of what is made.
    expect(kept, `seed ${seed}`).toBeGreaterThan(made / 2);
  }, 60_000);
});
