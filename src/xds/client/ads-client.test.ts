import { describe, expect, test } from "bun:test";
import { silentLog } from "../../base/log.ts";
import { AdsRig, labelOf, make, NODE } from "../../../test/support/ads-rig.ts";
import type { GrpcClient } from "../grpc-client.ts";
import { type Resource, TypeUrl } from "../resources.ts";
import { type NamedMessage, Snapshot } from "../snapshot.ts";
import { AdsClient } from "./ads-client.ts";
import type { Rejection } from "./client-subscription.ts";

const { cds, eds, lds, rds } = TypeUrl;
const short = (typeUrl: string): string => Object.entries(TypeUrl).find(([, url]) => url === typeUrl)![0];

/** A proxy in the small: follows clusters to endpoints and listeners to routes, and writes down what it is told. */
class Consumer {
  readonly told: string[] = [];
  readonly have = new Map<string, string>();
  reject: (resource: Resource) => string | undefined = () => undefined;
  onUpdate: (typeUrl: string) => void = () => {};

  take(typeUrl: string, changed: readonly Resource[], removed: readonly string[]): Rejection[] {
    const texts = changed.map(({ name, any }) => `${name}=${labelOf(any)}`);
    this.told.push([short(typeUrl), ...texts, ...removed.map((name) => `-${name}`)].join(" "));
    const rejected = changed.flatMap((it) => {
      const reason = this.reject(it);
      return reason === undefined ? [] : [{ name: it.name, reason }];
    });
    for (const { name, any } of changed)
      if (!rejected.some((it) => it.name === name)) this.have.set(`${short(typeUrl)} ${name}`, labelOf(any));
    for (const name of removed) this.have.delete(`${short(typeUrl)} ${name}`);
    this.onUpdate(typeUrl);
    return rejected;
  }
}

function begin(rig: AdsRig, random = () => 0): { client: AdsClient; consumer: Consumer; grpc: GrpcClient } {
  const consumer = new Consumer();
  const grpc = rig.client();
  const client = new AdsClient({
    grpc,
    clock: rig.clock,
    random,
    log: silentLog,
    node: { id: NODE, cluster: "reviews" },
    onUpdate: (typeUrl, changed, removed) => consumer.take(typeUrl, changed, removed),
  });
  return { client, consumer, grpc };
}

function publish(rig: AdsRig, ...messages: NamedMessage[]): void {
  rig.cache.set(NODE, Snapshot.of(messages, rig.cache.get(NODE)));
  rig.flush();
}

describe("updates", () => {
  test("everything by wildcard, then only what changed", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    publish(rig, make.cluster("a"), make.cluster("b"), make.listener("l"));
    client.subscribe(cds, ["*"]);
    client.subscribe(lds, ["*"]);
    client.start();
    rig.flush();
    publish(rig, make.cluster("a"), make.cluster("b", "2"), make.cluster("c"), make.listener("l"));
    publish(rig, make.cluster("a"), make.listener("l"));
    expect(consumer.told).toEqual(["cds a=1 b=1", "lds l=1", "cds b=2 c=1", "cds -b -c"]);
    expect(client.status.link.t).toBe("streaming");
    expect(rig.server.clients[0]!.types.map(({ state, pushes }) => [state, pushes])).toEqual([
      ["synced", 3],
      ["synced", 1],
    ]);
  });

  test("names that become needed within an update are asked for after it, all at once", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    const names = Array.from({ length: 50 }, (_, i) => `c${i}`);
    publish(rig, ...names.map((name) => make.cluster(name)), ...names.map((name) => make.endpoints(name)));
    consumer.onUpdate = (typeUrl) => {
      if (typeUrl === cds) for (const name of names) client.subscribe(eds, [name]);
    };
    client.subscribe(cds, ["*"]);
    client.start();
    rig.flush();
    expect(consumer.told.map((line) => line.split(" ").length)).toEqual([51, 51]);
  });

  test("a name that does not exist is told as removed, and comes when it is made", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    publish(rig, make.route("there"));
    client.start();
    client.subscribe(rds, ["there", "later"]);
    rig.flush();
    publish(rig, make.route("there"), make.route("later", "7"));
    expect(consumer.told).toEqual(["rds there=1 -later", "rds later=7"]);
  });

  test("what was given up is not told, also when it is on its way; asked for again it comes again", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    publish(rig, make.route("a"), make.route("b"));
    client.start();
    client.subscribe(rds, ["a", "b"]);
    rig.flush();
    rig.cache.set(NODE, Snapshot.of([make.route("a", "2"), make.route("b", "2")]));
    client.unsubscribe(rds, ["a"]);
    rig.flush();
    expect(consumer.told).toEqual(["rds a=1 b=1", "rds b=2"]);
    client.subscribe(rds, ["a"]);
    rig.flush();
    expect(consumer.told.at(-1)).toBe("rds a=2");
    expect(rig.server.clients[0]!.types[0]!.names).toBe(2);
  });

  test("asking for what is asked for already costs no request", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    publish(rig, make.route("a"));
    client.start();
    for (let i = 0; i < 5; i++) {
      client.subscribe(rds, ["a"]);
      client.subscribe(cds, ["*"]);
      rig.flush();
    }
    expect(consumer.told).toEqual(["rds a=1"]);
    expect(rig.server.clients[0]!.types.map(({ pushes }) => pushes)).toEqual([1, 1]);
  });

  test("giving everything up does not turn into asking for everything", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    publish(rig, make.cluster("a"), make.cluster("b"));
    client.start();
    client.subscribe(cds, ["a"]);
    rig.flush();
    client.unsubscribe(cds, ["a"]);
    client.subscribe(eds, ["x"]);
    rig.accepted[0]!.destroy();
    rig.pass(2000);
    publish(rig, make.cluster("a", "2"), make.cluster("b", "2"));
    expect(consumer.told.filter((line) => line.startsWith("cds"))).toEqual(["cds a=1"]);
    expect(rig.server.clients[0]!.types.map(({ typeUrl }) => typeUrl)).toEqual([eds]);
    expect(client.status.attempts).toBe(2);
  });
});

describe("rejections", () => {
  test("bad resources are refused with their reasons, good ones beside them apply", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    consumer.reject = ({ any }) => (labelOf(any) === "bad" ? "alt_stat_name must be good" : undefined);
    publish(rig, make.cluster("a", "bad"), make.cluster("b"));
    client.subscribe(cds, ["*"]);
    client.start();
    rig.flush();
    expect([...consumer.have.keys()]).toEqual(["cds b"]);
    const [nack] = rig.server.nacks;
    expect(nack).toMatchObject({ nodeId: NODE, typeUrl: cds, reason: "a: alt_stat_name must be good" });
    expect(rig.server.clients[0]!.types[0]).toMatchObject({ state: "rejected", nacks: 1, pushes: 1 });
    expect(client.status.types[0]).toMatchObject({
      resources: 1,
      lastRejection: { reason: "a: alt_stat_name must be good" },
    });
    rig.pass(60_000);
    expect(consumer.told.length).toBe(1);
    publish(rig, make.cluster("a", "good"), make.cluster("b"));
    expect(consumer.told.at(-1)).toBe("cds a=good");
    expect(rig.server.clients[0]!.types[0]).toMatchObject({ state: "synced", lastNack: { reason: nack!.reason } });
  });

  test("after a reconnect the version that was in use before the rejection is what counts", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    consumer.reject = ({ any }) => (labelOf(any) === "bad" ? "no" : undefined);
    client.subscribe(cds, ["*"]);
    client.start();
    publish(rig, make.cluster("a", "1"));
    publish(rig, make.cluster("a", "bad"));
    rig.accepted[0]!.destroy();
    rig.pass(2000);
    expect(consumer.told).toEqual(["cds a=1", "cds a=bad", "cds a=bad"]);
    publish(rig, make.cluster("a", "1"));
    // The server believes that "bad" was delivered, so it says "1"; the client holds just that.
    expect([consumer.told.length, consumer.have.get("cds a")]).toEqual([3, "1"]);
  });

  test("a consumer that throws rejects the update, and the client lives on", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    consumer.onUpdate = () => {
      throw new Error("compile failed");
    };
    client.subscribe(cds, ["*"]);
    client.start();
    publish(rig, make.cluster("a"));
    expect(rig.server.nacks[0]!.reason).toBe("a: compile failed");
    consumer.onUpdate = () => {};
    publish(rig, make.cluster("a", "2"));
    expect(rig.server.clients[0]!.types[0]!.state).toBe("synced");
  });
});

describe("loss of the control plane", () => {
  test("a reconnect resumes: nothing that is held comes again, what changed meanwhile does", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    publish(rig, make.cluster("a"), make.cluster("b"), make.cluster("c"), make.endpoints("a"), make.listener("l"));
    client.subscribe(cds, ["*"]);
    client.subscribe(eds, ["a"]);
    client.subscribe(lds, ["*"]);
    client.start();
    rig.flush();
    const before = consumer.told.length;
    rig.accepted[0]!.destroy();
    rig.flush();
    expect(client.status.link.t).toBe("waiting");
    rig.cache.set(
      NODE,
      Snapshot.of([make.cluster("a"), make.cluster("b", "2"), make.endpoints("a"), make.listener("l")]),
    );
    rig.pass(2000);
    expect(consumer.told.slice(before)).toEqual(["cds b=2 -c"]);
    expect(rig.server.clients.map(({ types }) => types.map(({ state, pushes }) => [state, pushes]))).toEqual([
      [
        ["synced", 1],
        ["synced", 0],
        ["synced", 0],
      ],
    ]);
  });

  test("nothing changed: a reconnect brings no response at all", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    publish(rig, make.cluster("a"), make.endpoints("a"));
    client.subscribe(cds, ["*"]);
    client.subscribe(eds, ["a", "absent"]);
    client.start();
    rig.flush();
    const before = consumer.told.length;
    rig.accepted[0]!.destroy();
    rig.pass(2000);
    expect(rig.server.clients[0]!.types.find(({ typeUrl }) => typeUrl === cds)!.pushes).toBe(0);
    // Of a name that does not exist nothing is held, so it is told again.
    expect(consumer.told.slice(before)).toEqual(["eds -absent"]);
  });

  test("subscriptions made while the control plane is away are made when it is back", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    client.subscribe(cds, ["*"]);
    client.start();
    publish(rig, make.cluster("a"), make.endpoints("a"));
    rig.accepted[0]!.destroy();
    rig.flush();
    client.subscribe(eds, ["a"]);
    rig.pass(2000);
    expect(consumer.told).toEqual(["cds a=1", "eds a=1"]);
  });

  test("attempts go on, further and further apart, and end when there is a server", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig, () => 1);
    const accept = rig.grpc.accept.bind(rig.grpc);
    let up = false;
    rig.grpc.accept = (socket) => (up ? accept(socket) : socket.destroy());
    client.subscribe(cds, ["*"]);
    client.start();
    rig.pass(120_000, 100);
    // 0.5, 1, 2, 4, 8, 16 and then every 30 seconds.
    expect(client.status.attempts).toBeWithin(9, 11);
    up = true;
    publish(rig, make.cluster("a"));
    rig.pass(31_000);
    expect(consumer.told).toEqual(["cds a=1"]);
    expect(client.status.link.t).toBe("streaming");
  });

  test("a draining server: the client goes to a new connection and misses nothing", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    client.subscribe(cds, ["*"]);
    client.start();
    publish(rig, make.cluster("a"));
    rig.grpc.drain();
    rig.flush();
    // GOAWAY alone: the stream goes on.
    publish(rig, make.cluster("a", "2"));
    rig.server.drain();
    rig.flush();
    publish(rig, make.cluster("a", "3"));
    rig.pass(1000);
    expect(consumer.told).toEqual(["cds a=1", "cds a=2", "cds a=3"]);
    expect([rig.accepted.length, rig.grpc.connections]).toEqual([2, 1]);
  });

  test("a stream that the server ended is begun anew on a new connection, which may show a new certificate", () => {
    const rig = new AdsRig();
    const { client } = begin(rig);
    client.subscribe(cds, ["*"]);
    client.start();
    publish(rig, make.cluster("a"));
    rig.server.drain();
    rig.pass(1000);
    expect([rig.accepted.length, rig.grpc.connections, client.status.attempts]).toEqual([2, 1, 2]);
  });

  test("a server that hangs without closing is noticed and left", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    client.subscribe(cds, ["*"]);
    client.start();
    publish(rig, make.cluster("a"));
    rig.accepted[0]!.write = (bytes) => bytes.length;
    publish(rig, make.cluster("a", "2"));
    rig.pass(45_000);
    expect(consumer.told).toEqual(["cds a=1", "cds a=2"]);
    expect(client.status.attempts).toBe(2);
  });

  test("stop ends the stream and all attempts; start resumes", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    client.subscribe(cds, ["*"]);
    client.start();
    publish(rig, make.cluster("a"));
    client.stop();
    rig.pass(60_000);
    expect([rig.server.clients.length, client.status.attempts, client.status.link.t]).toEqual([0, 1, "stopped"]);
    client.start();
    rig.flush();
    publish(rig, make.cluster("a"), make.cluster("b"));
    expect(consumer.told).toEqual(["cds a=1", "cds b=1"]);
  });

  test("stopping within an update", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    consumer.onUpdate = () => client.stop();
    client.subscribe(cds, ["*"]);
    client.start();
    publish(rig, make.cluster("a"));
    rig.pass(60_000);
    expect([consumer.told, client.status.link.t]).toEqual([["cds a=1"], "stopped"]);
  });

  test("a closed gRPC client ends each attempt at once, and the client waits like for any loss", () => {
    const rig = new AdsRig();
    const { client, grpc } = begin(rig);
    grpc.close();
    client.start();
    expect(client.status.link).toMatchObject({ t: "waiting", reason: "unavailable: the client is closed" });
  });

  test("a server that does not speak discovery is left, with its reason", () => {
    const rig = new AdsRig();
    const { client } = begin(rig);
    const method = Object.keys(rig.server.methods).find((path) => path.endsWith("DeltaAggregatedResources"))!;
    Object.assign(rig.server.methods, {
      [method]: (call: { send(bytes: Uint8Array): void }) => ({
        onMessage: () => call.send(Buffer.from("0bff", "hex")),
        onHalfClose() {},
        onClosed() {},
      }),
    });
    client.subscribe(cds, ["*"]);
    client.start();
    rig.flush();
    expect(client.status.link).toMatchObject({ t: "waiting" });
    expect(JSON.stringify(client.status.link)).toContain("no discovery response");
  });
});
