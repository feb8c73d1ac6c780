import { describe, expect, test } from "bun:test";
import type { PeerIdentity } from "../../net/socket.ts";
import { codeName } from "../../wire/grpc.ts";
import { AdsRig, DELTA, make, NODE } from "../../../tests/support/ads-rig.ts";
import { TypeUrl } from "../resources.ts";
import { Snapshot } from "../snapshot.ts";

const { cds, eds } = TypeUrl;
const DAY_MS = 86_400_000;

function peerOf(spiffeId: string, notAfterMs: number): PeerIdentity {
  return {
    spiffeId,
    uriSans: [spiffeId],
    dnsSans: [],
    subject: "",
    notAfterMs,
    fingerprint256: "00",
    spkiSha256: "",
    raw: new Uint8Array(),
  };
}

const publish = (rig: AdsRig, ...names: string[]): void => {
  rig.cache.set(NODE, Snapshot.of(names.map((name) => make.cluster(name))));
  rig.flush();
};

describe("who may have what", () => {
  const reviews = "spiffe://cluster.local/ns/default/sa/reviews";
  const options = {
    authorize: (peer: PeerIdentity | undefined, node: { readonly id?: string | undefined }) =>
      peer?.spiffeId === reviews && node.id === NODE
        ? ({ t: "ok" } as const)
        : ({ t: "refused", reason: `${peer?.spiffeId ?? "nobody"} is not ${node.id}` } as const),
  };

  test.each([
    ["the right node", reviews, NODE, undefined],
    ["another's node", reviews, "node-2", "permissionDenied"],
    ["another's certificate", "spiffe://cluster.local/ns/default/sa/ratings", NODE, "permissionDenied"],
    ["no certificate", undefined, NODE, "permissionDenied"],
  ])("%s", (_, spiffeId, id, code) => {
    const now = Date.UTC(2026, 0, 1);
    const rig = new AdsRig(options, spiffeId === undefined ? undefined : peerOf(spiffeId, now + DAY_MS));
    for (const node of [NODE, "node-2"]) rig.cache.set(node, Snapshot.of([make.cluster("a")]));
    const stream = rig.delta();
    stream.send({ node: { id }, typeUrl: cds });
    rig.flush();
    expect(stream.ended && codeName(stream.ended.code)).toBe(code);
    expect(stream.responses.length).toBe(code === undefined ? 1 : 0);
    expect(rig.server.clients.length).toBe(code === undefined ? 1 : 0);
  });

  test("a later request cannot become another node", () => {
    const now = Date.UTC(2026, 0, 1);
    const rig = new AdsRig(options, peerOf(reviews, now + DAY_MS));
    rig.cache.set("node-2", Snapshot.of([make.cluster("secret")]));
    const stream = rig.delta();
    stream.send({ node: { id: NODE }, typeUrl: eds, resourceNamesSubscribe: ["x"] });
    stream.send({ node: { id: "node-2" }, typeUrl: cds });
    publish(rig, "mine");
    expect(stream.responses.flatMap(({ resources = [] }) => resources.map(({ name }) => name))).toEqual(["mine"]);
  });

  test("a stream ends when the certificate does, and a month-long wait is not cut short", () => {
    const rig = new AdsRig(options, peerOf(reviews, Date.UTC(2026, 0, 1) + 40 * DAY_MS));
    const stream = rig.delta();
    stream.send({ node: { id: NODE }, typeUrl: cds });
    publish(rig, "a");
    rig.pass(40 * DAY_MS - 1000, 10_000);
    expect(stream.ended).toBeUndefined();
    rig.pass(1000);
    expect(stream.ended && codeName(stream.ended.code)).toBe("unauthenticated");
  });
});

describe("requests that make no sense", () => {
  test.each([
    ["no node", { typeUrl: cds }, "invalidArgument"],
    ["a node without an id", { node: { cluster: "x" }, typeUrl: cds }, "invalidArgument"],
    ["no type", { node: { id: NODE } }, "invalidArgument"],
  ])("%s", (_, request, code) => {
    const rig = new AdsRig();
    const stream = rig.delta();
    stream.send(request);
    rig.flush();
    expect(codeName(stream.ended!.code)).toBe(code);
  });

  test("a service of one type takes no other, and needs no type", () => {
    const rig = new AdsRig();
    publish(rig, "a");
    const path = "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters";
    const [wrong, silent] = [rig.delta(path), rig.delta(path)];
    wrong.send({ node: { id: NODE }, typeUrl: eds });
    silent.send({ node: { id: NODE } });
    rig.flush();
    expect(codeName(wrong.ended!.code)).toBe("invalidArgument");
    expect(silent.responses[0]).toMatchObject({ typeUrl: cds, resources: [{ name: "a" }] });
  });

  test("types without end", () => {
    const rig = new AdsRig();
    const stream = rig.delta();
    for (let i = 0; i < 33; i++) stream.send({ node: { id: NODE }, typeUrl: `type.googleapis.com/t${i}` });
    rig.flush();
    expect(codeName(stream.ended!.code)).toBe("resourceExhausted");
  });

  test("bytes that are no request", () => {
    const rig = new AdsRig();
    let code = -1;
    const call = rig.client().call(DELTA, { onMessage() {}, onEnd: (status) => void (code = status.code) });
    call.send(Buffer.from("0bff", "hex"));
    rig.flush();
    expect(codeName(code)).toBe("invalidArgument");
  });
});

describe("pressure", () => {
  test("a client that does not read or answer gets one response, however much changes; then the last state", () => {
    const rig = new AdsRig();
    const stream = rig.delta();
    stream.send({ node: { id: NODE }, typeUrl: cds });
    publish(rig, "a");
    for (let i = 0; i < 200; i++) publish(rig, "a", `c${i}`);
    expect(stream.responses.length).toBe(1);
    stream.send({ typeUrl: cds, responseNonce: stream.responses[0]!.nonce! });
    rig.flush();
    expect(stream.responses.slice(1).map(({ resources = [] }) => resources.map(({ name }) => name))).toEqual([
      ["c199"],
    ]);
  });

  test("ten thousand acknowledgements get no answer", () => {
    const rig = new AdsRig();
    const stream = rig.delta();
    stream.send({ node: { id: NODE }, typeUrl: cds });
    publish(rig, "a");
    for (let i = 0; i < 10_000; i++) stream.send({ typeUrl: cds, responseNonce: stream.responses[0]!.nonce! });
    rig.pass(60_000);
    expect(stream.responses.length).toBe(1);
  });

  test("routes that wait for clusters go out by the clock, without any other event", () => {
    const rig = new AdsRig();
    const stream = rig.delta();
    stream.send({ node: { id: NODE }, typeUrl: cds });
    stream.send({ typeUrl: TypeUrl.rds, resourceNamesSubscribe: ["r"] });
    rig.cache.set(NODE, Snapshot.of([make.cluster("a"), make.route("r")]));
    rig.pass(4900, 100);
    expect(stream.responses.map(({ typeUrl }) => typeUrl)).toEqual([cds]);
    rig.pass(200, 100);
    expect(stream.responses.map(({ typeUrl }) => typeUrl)).toEqual([cds, TypeUrl.rds]);
    expect(rig.clock.pendingTimers).toBeLessThan(10);
  });
});

test.each([
  ["envoy", 1],
  ["another", 0],
])("on a new stream %s is told endpoints that it says it has: %d times", (userAgentName, times) => {
  const rig = new AdsRig();
  rig.cache.set(NODE, Snapshot.of([make.endpoints("a")]));
  const first = rig.delta();
  first.send({ node: { id: NODE, userAgentName }, typeUrl: eds, resourceNamesSubscribe: ["a"] });
  rig.flush();
  const version = first.responses[0]?.resources?.[0]?.version ?? "";
  expect(version).not.toBe("");
  const again = rig.delta();
  const has = { resourceNamesSubscribe: ["a"], initialResourceVersions: { a: version } };
  again.send({ node: { id: NODE, userAgentName }, typeUrl: eds, ...has });
  rig.flush();
  expect(again.responses.length).toBe(times);
});

describe("what an operator sees", () => {
  test("each client with its types, versions, identity and last rejection", () => {
    const peer = peerOf("spiffe://cluster.local/ns/default/sa/reviews", Date.UTC(2026, 0, 2));
    const rig = new AdsRig({}, peer);
    publish(rig, "a", "b");
    const stream = rig.delta();
    const version = { majorNumber: 1, minorNumber: 40, patch: 2 };
    stream.send({
      node: { id: NODE, cluster: "reviews", userAgentName: "envoy", userAgentBuildVersion: { version } },
      typeUrl: cds,
    });
    rig.flush();
    const [client] = rig.server.clients;
    expect(client).toMatchObject({
      nodeId: NODE,
      cluster: "reviews",
      userAgent: "envoy 1.40.2",
      variant: "delta",
      spiffeId: peer.spiffeId,
      certificateNotAfterMs: peer.notAfterMs,
      connectedSinceMs: Date.UTC(2026, 0, 1),
      types: [{ typeUrl: cds, state: "pending", wildcard: true, names: 0, resources: 2, pushes: 1, nacks: 0 }],
    });
    const nonce = stream.responses[0]!.nonce!;
    stream.send({ typeUrl: cds, responseNonce: nonce, errorDetail: { code: 3, message: "a: duplicate" } });
    rig.flush();
    const type = rig.server.clients[0]!.types[0]!;
    expect(type).toMatchObject({ state: "rejected", nacks: 1, ackedVersion: undefined });
    expect(type.lastNack).toMatchObject({ nonce, reason: "a: duplicate", version: type.sentVersion! });
    stream.cancel();
    rig.flush();
    expect([rig.server.clients, rig.server.nacks.map(({ nodeId, reason }) => [nodeId, reason])]).toEqual([
      [],
      [[NODE, "a: duplicate"]],
    ]);
  });

  test("hooks: a node comes, its snapshot is made then, it goes; a rejection is told", () => {
    const heard: string[] = [];
    const rig: AdsRig = new AdsRig({
      onConnect: ({ id }) => {
        heard.push(`+${id}`);
        rig.cache.set(id!, Snapshot.of([make.cluster("made")]));
      },
      onDisconnect: ({ id }) => void heard.push(`-${id}`),
      onNack: (nodeId, { reason }) => void heard.push(`${nodeId}: ${reason}`),
    });
    const stream = rig.delta();
    stream.send({ node: { id: NODE }, typeUrl: cds });
    rig.flush();
    expect(stream.responses[0]!.resources!.map(({ name }) => name)).toEqual(["made"]);
    stream.send({ typeUrl: cds, responseNonce: stream.responses[0]!.nonce!, errorDetail: { code: 13 } });
    rig.flush();
    stream.cancel();
    rig.flush();
    expect(heard).toEqual([`+${NODE}`, `${NODE}: code 13`, `-${NODE}`]);
  });

  test("nothing is left behind when a client goes: no watch, no timer", () => {
    const rig = new AdsRig({}, peerOf("spiffe://a/b", Date.UTC(2027, 0, 1)));
    const before = rig.clock.pendingTimers;
    let watches = 0;
    const watch = rig.cache.watch.bind(rig.cache);
    rig.cache.watch = (nodeId, tell) => {
      const stop = watch(nodeId, tell);
      watches++;
      return () => {
        watches--;
        stop();
      };
    };
    const stream = rig.delta();
    stream.send({ node: { id: NODE }, typeUrl: cds });
    publish(rig, "a");
    expect(watches).toBe(1);
    rig.accepted[0]!.destroy();
    rig.flush();
    expect([rig.clock.pendingTimers, watches]).toEqual([before, 0]);
    publish(rig, "b");
    expect(rig.server.clients).toEqual([]);
  });
});
