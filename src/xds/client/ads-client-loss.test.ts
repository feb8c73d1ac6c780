import { describe, expect, test } from "bun:test";
import { begin, publish } from "../../../tests/support/ads-consumer.ts";
import { AdsRig, make, NODE } from "../../../tests/support/ads-rig.ts";
import { TypeUrl } from "../resources.ts";
import { Snapshot } from "../snapshot.ts";

const { cds, eds, lds } = TypeUrl;

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

  test("a renewed certificate: a new connection takes over at once, and nothing is sent again", () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    publish(rig, make.cluster("a"));
    client.subscribe(cds, ["*"]);
    client.start();
    rig.flush();
    const before = consumer.told.length;
    for (let i = 0; i < 5; i++) {
      client.renew();
      rig.flush();
      expect(client.status.link.t).toBe("streaming");
    }
    expect(rig.accepted.length).toBe(6);
    expect(rig.server.clients.map(({ types }) => types[0]!.pushes)).toEqual([0]);
    expect(consumer.told.slice(before)).toEqual([]);
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

  test("a server that hangs without closing is noticed and left", async () => {
    const rig = new AdsRig();
    const { client, consumer } = begin(rig);
    client.subscribe(cds, ["*"]);
    client.start();
    publish(rig, make.cluster("a"));
    rig.accepted[0]!.write = (bytes) => bytes.length;
    publish(rig, make.cluster("a", "2"));
    rig.pass(51_000);
    await Promise.resolve();
    rig.pass(4000);
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
