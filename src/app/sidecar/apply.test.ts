import { describe, expect, test } from "bun:test";
import { cluster, httpListener, LOOPBACK, routes } from "../../../tests/support/proxy-resources.ts";
import { ProxyRig } from "../../../tests/support/proxy-rig.ts";
import { bodyOf, GET } from "../../../tests/support/proxy-scene.ts";
import type { Rejection } from "../../proxy/resources.ts";
import { Cluster } from "../../xds/proto/cluster.ts";
import { Listener } from "../../xds/proto/listener.ts";
import { RouteConfiguration } from "../../xds/proto/route.ts";
import { pack } from "../../xds/types/any.ts";
import type { MessageType } from "../../xds/types/message.ts";
import type { ResourceChange } from "../workers/messages.ts";
import { applyEverywhere } from "./apply.ts";
import { stateOf } from "./proxy-state.ts";

const change = <T extends { readonly name?: string | undefined }>(
  type: MessageType<T>,
  messages: readonly T[],
  removed: readonly string[] = [],
): ResourceChange => ({
  typeUrl: type.typeUrl,
  changed: messages.map((message) => ({ name: message.name ?? "", any: pack(type, message) })),
  removed,
});

const says = (text: string) =>
  routes([{ match: { prefix: "/" }, directResponse: { status: 200, body: { inlineString: text } } }]);
const at = (portValue: number) => ({ address: { socketAddress: { address: LOOPBACK, portValue } } });
const rds = { rds: { routeConfigName: "routes", configSource: { ads: {} } } };

/** Others that refuse by name. */
class Others {
  readonly got: string[] = [];
  refuses: ReadonlySet<string> = new Set();
  async apply({ changed, removed }: ResourceChange): Promise<readonly Rejection[]> {
    this.got.push([...changed.map(({ name }) => `+${name}`), ...removed.map((name) => `-${name}`)].join(" "));
    return changed.filter(({ name }) => this.refuses.has(name)).map(({ name }) => ({ name, reason: "no" }));
  }
}

describe("a change of configuration", () => {
  test("goes to the others without what was refused here", async () => {
    const rig = new ProxyRig();
    const others = new Others();
    const wrong = cluster("wrong", [1], { connectTimeout: -1, lbPolicy: "MAGLEV", type: "LOGICAL_DNS" });
    const rejected = await applyEverywhere(rig.proxy, others, change(Cluster, [cluster("a", [1]), wrong], ["gone"]));
    expect(rejected.map(({ name }) => name)).toEqual(["wrong"]);
    expect(others.got).toEqual(["+a -gone"]);
    await rig.finish();
  });

  test("that one of the others refuses is taken back everywhere", async () => {
    const rig = new ProxyRig();
    const others = new Others();
    await applyEverywhere(rig.proxy, others, change(Cluster, [cluster("a", [1])]));
    const first = rig.proxy.clusters.messages.get("a");
    others.refuses = new Set(["a", "new"]);
    const both = [cluster("a", [2]), cluster("new", [3]), cluster("fine", [4])];
    const rejected = await applyEverywhere(rig.proxy, others, change(Cluster, both));
    expect(rejected.map(({ name }) => name)).toEqual(["a", "new"]);
    expect([...rig.proxy.clusters.messages.keys()].sort()).toEqual(["a", "fine"]);
    expect(rig.proxy.clusters.messages.get("a")).toEqual(first as NonNullable<typeof first>);
    expect(others.got).toEqual(["+a", "+a +new +fine", "+a -new"]);
    await rig.finish();
  });

  test("needs nobody else where there is none: it is in force when the call returns", async () => {
    const rig = new ProxyRig();
    expect(applyEverywhere(rig.proxy, undefined, change(Cluster, [cluster("a", [1])]))).toEqual([]);
    await rig.finish();
  });

  for (const [what, hcm] of [
    ["has all it needs", { routeConfig: says("new") }],
    ["waits for its routes", rds],
  ] as const)
    test(`a listener that ${what} is refused where its port is taken, and the last one serves on`, async () => {
      const rig = new ProxyRig();
      const others = new Others();
      const taken = await rig.backend();
      await rig.apply(Listener, httpListener({ routeConfig: says("old") }));
      const rejected = await applyEverywhere(
        rig.proxy,
        others,
        change(Listener, [httpListener(hcm, at(taken.port)), httpListener(hcm, { name: "other", ...at(taken.port) })]),
      );
      expect(rejected.map(({ name, mayPass }) => `${name} ${mayPass}`).sort()).toEqual(["in true", "other true"]);
      expect(rejected[0]?.reason).toContain(`:${taken.port}: EADDRINUSE`);
      expect(others.got).toEqual([]);
      expect(bodyOf(await rig.exchange(await rig.client(), GET))).toBe("old");
      expect(rig.proxy.listeners.list().map(({ name }) => name)).toEqual(["in"]);
      // Once it is free the same is taken.
      taken.listener.close();
      expect(await applyEverywhere(rig.proxy, others, change(Listener, [httpListener(hcm, at(taken.port))]))).toEqual(
        [],
      );
      await rig.apply(RouteConfiguration, says("new"));
      expect(bodyOf(await rig.exchange(await rig.client(), GET))).toBe("new");
      await rig.finish();
    });
});

test("the state of a proxy makes another the same", async () => {
  const rig = new ProxyRig();
  await rig.apply(Cluster, cluster("a", [1]));
  await rig.apply(RouteConfiguration, says("one"));
  await rig.apply(Listener, httpListener(rds));
  rig.proxy.secrets.set("s", { t: "trustedCa", trustedCaPem: "pem" });
  const other = new ProxyRig();
  const { changes, secrets } = stateOf(rig.proxy);
  for (const { name, value } of secrets) other.proxy.secrets.set(name, value);
  for (const { typeUrl, changed, removed } of changes) expect(other.proxy.apply(typeUrl, changed, removed)).toEqual([]);
  await other.turn();
  expect(stateOf(other.proxy)).toEqual(stateOf(rig.proxy));
  expect(bodyOf(await other.exchange(await other.client(), GET))).toBe("one");
  await rig.finish();
  await other.finish();
});
