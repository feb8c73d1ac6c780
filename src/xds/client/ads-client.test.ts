import { describe, expect, test } from "bun:test";
import { begin, publish } from "../../../tests/support/ads-consumer.ts";
import { AdsRig, labelOf, make, NODE } from "../../../tests/support/ads-rig.ts";
import { TypeUrl } from "../resources.ts";
import { Snapshot } from "../snapshot.ts";

const { cds, eds, lds, rds } = TypeUrl;

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

  test("a consumer may take its time: it is told of one update at a time, and each is answered when it is done", async () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    let done: () => void = () => {};
    consumer.delay = () => new Promise((resolve) => (done = resolve));
    consumer.reject = ({ name }) => (name === "bad" ? "no" : undefined);
    publish(rig, make.cluster("a"), make.cluster("bad"), make.listener("l"));
    client.subscribe(cds, ["*"]);
    client.subscribe(lds, ["*"]);
    client.start();
    rig.flush();
    const states = () => rig.server.clients[0]!.types.map(({ state }) => state);
    const finish = async (): Promise<void> => {
      done();
      for (let i = 0; i < 5; i++) await Promise.resolve();
      rig.flush();
    };
    expect(consumer.told).toEqual(["cds a=1 bad=1"]);
    expect(states()).toEqual(["pending", "waiting"]);
    await finish();
    expect(consumer.told).toEqual(["cds a=1 bad=1", "lds l=1"]);
    expect(states()).toEqual(["rejected", "pending"]);
    await finish();
    expect(states()).toEqual(["rejected", "synced"]);
  });

  test("an update that ends after its stream did counts, and is answered on no other", async () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    let done: () => void = () => {};
    consumer.delay = () => new Promise((resolve) => (done = resolve));
    publish(rig, make.cluster("a"));
    client.subscribe(cds, ["*"]);
    client.start();
    rig.flush();
    client.renew();
    rig.flush();
    done();
    for (let i = 0; i < 5; i++) await Promise.resolve();
    rig.flush();
    expect(consumer.told).toEqual(["cds a=1"]);
    expect(client.status.types[0]).toMatchObject({ resources: 1, updates: 1 });
    expect(rig.server.clients.at(-1)!.types.map(({ state }) => state)).toEqual(["synced"]);
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
