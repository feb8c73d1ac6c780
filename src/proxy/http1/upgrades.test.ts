/** Upgrades and CONNECT over HTTP/1.1: heads, refusals, and what a client could smuggle by them. */
import { describe, expect, test } from "bun:test";
import {
  answer,
  bodyOf,
  GET,
  get,
  headerOf,
  OK,
  type SceneOptions,
  scene,
  statusOf,
} from "../../../tests/support/proxy-scene.ts";
import { CONNECT, SWITCH, UPGRADE } from "../../../tests/suites/tunnels.ts";

const WEBSOCKET: SceneOptions = { manager: { upgradeConfigs: [{ upgradeType: "websocket" }] } };
const FORWARDED: SceneOptions = {
  manager: { upgradeConfigs: [{ upgradeType: "CONNECT" }] },
  route: { match: { connectMatcher: {} } },
};

describe("heads", () => {
  test("Connection and Upgrade reach the endpoint, and come back with 101", async () => {
    const { rig, backend } = await scene(WEBSOCKET);
    const client = await rig.client();
    await rig.exchange(
      client,
      get("/chat", "connection: keep-alive, Upgrade, X-Hop", "upgrade: WebSocket", "X-Hop: 1"),
    );
    expect(backend.last.text).toStartWith("GET /chat HTTP/1.1\r\n");
    expect(headerOf(backend.last.text, "connection")).toEqual(["Upgrade"]);
    expect(headerOf(backend.last.text, "upgrade")).toEqual(["WebSocket"]);
    expect(headerOf(backend.last.text, "x-hop")).toEqual([]);
    backend.last.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Hop\r\nUpgrade: websocket\r\nX-Hop: 1\r\nX-Own: 1\r\n\r\n",
    );
    await rig.turn();
    expect(statusOf(client.text)).toBe(101);
    expect(headerOf(client.text, "connection")).toEqual(["Upgrade"]);
    expect(headerOf(client.text, "upgrade")).toEqual(["websocket"]);
    expect([headerOf(client.text, "x-hop"), headerOf(client.text, "x-own")]).toEqual([[], ["1"]]);
    expect(headerOf(client.text, "transfer-encoding")).toEqual([]);
    await rig.finish();
  });

  test("CONNECT keeps its target; what an answer says of a body is not true and goes", async () => {
    const { rig, backend } = await scene(FORWARDED);
    const client = await rig.client();
    await rig.exchange(client, CONNECT);
    expect(backend.last.take()).toStartWith("CONNECT db:5432 HTTP/1.1\r\nhost: db:5432\r\n");
    backend.last.send("HTTP/1.1 200 Connected\r\ncontent-length: 2\r\nx-own: 1\r\n\r\nok");
    await rig.turn();
    expect([headerOf(client.text, "content-length"), headerOf(client.text, "x-own")]).toEqual([[], ["1"]]);
    expect(bodyOf(client.take())).toBe("ok");
    backend.last.send("more");
    await rig.turn();
    expect(client.take()).toBe("more");
    await rig.finish();
  });

  test("bytes behind the request and behind the answer, in the same reads, are not lost", async () => {
    const { rig, backend } = await scene(WEBSOCKET);
    const client = await rig.client();
    await rig.exchange(client, `${UPGRADE}early`);
    expect(bodyOf(backend.last.take())).toBe("");
    backend.last.send(`${SWITCH}first`);
    await rig.turn();
    expect(backend.last.text).toBe("early");
    expect(bodyOf(client.text)).toBe("first");
    await rig.finish();
  });

  test("a flood behind the request is held back until the endpoint switches", async () => {
    const { rig, backend } = await scene(WEBSOCKET);
    const client = await rig.client();
    await rig.exchange(client, UPGRADE);
    backend.last.take();
    client.send("x".repeat(2_000_000));
    await rig.turn();
    expect(client.unsentBytes).toBeGreaterThan(1_500_000);
    backend.last.send(SWITCH);
    await rig.until(() => backend.last.text.length === 2_000_000);
    await rig.finish();
  });

  test("interim answers go before 101", async () => {
    const { rig, backend } = await scene(WEBSOCKET);
    const client = await rig.client();
    await rig.exchange(client, UPGRADE);
    backend.last.send(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${SWITCH}`);
    await rig.turn();
    expect(client.text.match(/HTTP\/1.1 \d+/g)).toEqual(["HTTP/1.1 103", "HTTP/1.1 101"]);
    await rig.finish();
  });
});

describe("an endpoint that does not switch", () => {
  test("answers as to any request, and its connection serves another", async () => {
    const { rig, backend } = await scene(WEBSOCKET);
    const client = await rig.client();
    await rig.exchange(client, UPGRADE);
    backend.last.send(answer("no", "426 Upgrade Required"));
    await rig.turn();
    expect([statusOf(client.text), bodyOf(client.text)]).toEqual([426, "no"]);
    expect(headerOf(client.text, "connection")).toEqual(["close"]);
    backend.answer = () => OK;
    expect(statusOf(await rig.exchange(await rig.client(), GET))).toBe(200);
    expect(backend.connections).toHaveLength(1);
    expect((await rig.logged())[0]).toBe("426 - via_upstream rx=0 tx=2 attempts=1");
    await rig.finish();
  });

  test("is tried again where the policy says so, and may switch then", async () => {
    const { rig, backend } = await scene({ ...WEBSOCKET, action: { retryPolicy: { retryOn: "5xx", numRetries: 1 } } });
    const client = await rig.client();
    await rig.exchange(client, `${UPGRADE}early`);
    backend.last.send(answer("", "503 Service Unavailable"));
    await rig.turn();
    await rig.advance(300);
    backend.last.take();
    backend.last.send(SWITCH);
    await rig.turn();
    expect([statusOf(client.text), backend.last.text]).toEqual([101, "early"]);
    await rig.finish();
  });

  test("has the time of its route for that, and for its answer", async () => {
    const { rig, backend } = await scene({ ...WEBSOCKET, action: { timeout: 1000 } });
    const [silent, slow] = [await rig.client(), await rig.client()];
    await rig.exchange(silent, UPGRADE);
    await rig.exchange(slow, UPGRADE);
    await rig.advance(600);
    backend.last.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345");
    await rig.turn();
    await rig.advance(410);
    expect([statusOf(silent.text), slow.closed]).toEqual([504, true]);
    await rig.finish();
  });

  test("has the time of an attempt for that, and is tried again", async () => {
    const retryPolicy = { retryOn: "5xx", numRetries: 1, perTryTimeout: 500 };
    const { rig, backend } = await scene({ ...WEBSOCKET, action: { retryPolicy } });
    const client = await rig.client();
    await rig.exchange(client, UPGRADE);
    await rig.advance(510);
    await rig.advance(100);
    expect(backend.connections).toHaveLength(2);
    backend.last.send(SWITCH);
    await rig.turn();
    expect(statusOf(client.take())).toBe(101);
    // Then no time of an attempt counts any more.
    await rig.advance(5000);
    expect(client.closed).toBe(false);
    await rig.finish();
  });

  test("closed its kept connection meanwhile: a new one is asked", async () => {
    const { rig, backend } = await scene(WEBSOCKET);
    backend.answer = () => OK;
    await rig.exchange(await rig.client(), GET);
    backend.answer = () => undefined;
    const client = await rig.client();
    client.send(UPGRADE);
    backend.last.socket.destroy();
    await rig.until(() => backend.connections.length === 2 && backend.last.text !== "");
    backend.last.send(SWITCH);
    await rig.turn();
    expect(statusOf(client.text)).toBe(101);
    await rig.finish();
  });
});

describe("smuggling", () => {
  test("what a client sends behind an upgrade that is refused reaches nobody", async () => {
    const { rig, backend } = await scene(WEBSOCKET);
    const client = await rig.client();
    await rig.exchange(client, UPGRADE + get("/admin"));
    backend.last.send(answer("", "426 Upgrade Required"));
    await rig.turn();
    client.send(get("/admin"));
    await rig.turn();
    expect(backend.connections.map(({ text }) => text).join("")).not.toContain("/admin");
    expect(client.text.match(/HTTP\/1.1 \d+/g)).toEqual(["HTTP/1.1 426"]);
    expect(client.ended).toBe(true);
    await rig.finish();
  });

  test("nor behind a CONNECT that is refused, by us or by the endpoint", async () => {
    for (const options of [WEBSOCKET, FORWARDED]) {
      const { rig, backend } = await scene(options);
      backend.answer = () => answer("", "403 Forbidden");
      const client = await rig.client();
      await rig.exchange(client, CONNECT + get("/admin"));
      expect(backend.connections.map(({ text }) => text).join("")).not.toContain("/admin");
      expect([client.ended, client.bytes > 0]).toEqual([true, true]);
      await rig.finish();
    }
  });

  test("an offer of h2c, in any spelling, never reaches an endpoint that might take it", async () => {
    const { rig, backend } = await scene({ manager: { upgradeConfigs: [{ upgradeType: "websocket" }] } });
    backend.answer = () => OK;
    for (const spelling of ["h2c", "H2C", " h2c\t"]) {
      const client = await rig.client();
      const text = await rig.exchange(
        client,
        get(
          "/",
          "Connection: Upgrade, HTTP2-Settings",
          `Upgrade:${spelling}`,
          "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        ),
      );
      expect(statusOf(text)).toBe(200);
      const sent = backend.last.take();
      for (const name of ["upgrade", "connection", "http2-settings"]) expect(headerOf(sent, name)).toEqual([]);
    }
    for (const value of ["h2c, websocket", "websocket,h2c"])
      expect(
        statusOf(await rig.exchange(await rig.client(), get("/", "Connection: Upgrade", `Upgrade: ${value}`))),
      ).toBe(403);
    await rig.finish();
  });

  test.each([
    ["a length", `Content-Length: 4\r\n\r\nbody`],
    ["chunks", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"],
  ])("an upgrade with %s is refused: whose would the body be?", async (_, rest) => {
    const { rig, backend } = await scene(WEBSOCKET);
    const client = await rig.client();
    expect(statusOf(await rig.exchange(client, UPGRADE.replace(/\r\n$/, rest)))).toBe(400);
    expect(client.ended).toBe(true);
    expect(backend.connections).toHaveLength(0);
    await rig.finish();
  });

  test.each([
    ["a length", "Content-Length: 4\r\n\r\nbody", 400],
    ["chunks", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501],
    ["an Upgrade", "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 403],
  ])("CONNECT with %s is refused", async (_, rest, status) => {
    const { rig, backend } = await scene(FORWARDED);
    const client = await rig.client();
    expect(statusOf(await rig.exchange(client, CONNECT.replace(/\r\n$/, rest)))).toBe(status);
    expect(client.ended).toBe(true);
    expect(backend.connections).toHaveLength(0);
    await rig.finish();
  });

  test.each([
    ["nothing", ""],
    ["another protocol", "Upgrade: mine\r\n"],
    ["several", "Upgrade: websocket, mine\r\n"],
  ])("101 that names %s is the endpoint's error", async (_, line) => {
    const { rig, backend } = await scene(WEBSOCKET);
    const client = await rig.client();
    await rig.exchange(client, UPGRADE);
    backend.last.send(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${line}\r\n`);
    await rig.turn();
    expect(statusOf(client.text)).toBe(502);
    expect([client.ended, backend.last.closed]).toEqual([true, true]);
    await rig.finish();
  });

  test("101 to a request that asked for nothing, and 200 to an upgrade, open no tunnel", async () => {
    const { rig, backend } = await scene(WEBSOCKET);
    const plain = await rig.client();
    await rig.exchange(plain, GET);
    backend.last.send(SWITCH);
    await rig.turn();
    expect(statusOf(plain.text)).toBe(502);
    const client = await rig.client();
    await rig.exchange(client, UPGRADE);
    const last = backend.last;
    last.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    await rig.turn();
    await rig.exchange(client, "tunnelled");
    expect(last.text).not.toContain("tunnelled");
    await rig.finish();
  });

  test("an answer to CONNECT that two readers frame differently is refused", async () => {
    const { rig, backend } = await scene(FORWARDED);
    const client = await rig.client();
    await rig.exchange(client, CONNECT);
    backend.last.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n");
    await rig.turn();
    expect(statusOf(client.text)).toBe(502);
    await rig.finish();
  });
});

describe("POST in place of CONNECT", () => {
  const OPTIONS: SceneOptions = {
    action: { upgradeConfigs: [{ upgradeType: "CONNECT", connectConfig: { allowPost: true } }] },
  };

  test("its body goes to the endpoint without framing, the endpoint's bytes are the answer", async () => {
    const { rig, backend } = await scene(OPTIONS);
    const client = await rig.client();
    await rig.exchange(client, "POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npi");
    client.send("ng\r\n3\r\nend\r\n");
    await rig.turn();
    expect(backend.last.take()).toBe("pingend");
    backend.last.send("pong");
    client.send("0\r\n\r\n");
    await rig.turn();
    expect(backend.last.ended).toBe(true);
    backend.last.socket.end();
    await rig.turn();
    expect(client.text).toBe("4\r\npong\r\n0\r\n\r\n");
    expect(await rig.logged()).toEqual(["200 - via_upstream rx=7 tx=4 attempts=1"]);
    await rig.finish();
  });

  test("another method is a plain request", async () => {
    const { rig, backend } = await scene(OPTIONS);
    backend.answer = () => OK;
    expect(statusOf(await rig.exchange(await rig.client(), GET))).toBe(200);
    expect(backend.last.text).toStartWith("GET / HTTP/1.1\r\n");
    await rig.finish();
  });
});

describe("CONNECT that ends here", () => {
  const OPTIONS: SceneOptions = {
    action: { upgradeConfigs: [{ upgradeType: "CONNECT", connectConfig: {} }] },
    route: { match: { connectMatcher: {} } },
  };

  test("an endpoint that nobody listens on is a failure like any other", async () => {
    const { rig, backend } = await scene(OPTIONS);
    backend.listener.close();
    const client = await rig.client();
    expect(statusOf(await rig.exchange(client, CONNECT))).toBe(503);
    expect(client.ended).toBe(true);
    expect((await rig.logged())[0]).toStartWith("503 UF upstream_reset_before_response_started");
    await rig.finish();
  });

  test("a client that goes while the endpoint is dialled leaves nothing behind", async () => {
    const { rig } = await scene(OPTIONS);
    const client = await rig.client();
    client.send(CONNECT);
    client.socket.destroy();
    await rig.turn();
    await rig.finish();
  });

  test("circuit breakers count it", async () => {
    const { rig } = await scene({ ...OPTIONS, cluster: { circuitBreakers: { thresholds: [{ maxConnections: 1 }] } } });
    expect(statusOf(await rig.exchange(await rig.client(), CONNECT))).toBe(200);
    expect(statusOf(await rig.exchange(await rig.client(), CONNECT))).toBe(503);
    expect(rig.stat("cluster.app.upstream_rq_active")).toBe(1);
    await rig.finish();
  });
});

describe("100-continue", () => {
  const WAITING = "POST / HTTP/1.1\r\nHost: app\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

  test("the proxy answers it, and the endpoint is not asked", async () => {
    const { rig, backend } = await scene();
    const client = await rig.client();
    expect(await rig.exchange(client, WAITING)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    expect(headerOf(backend.last.text, "expect")).toEqual([]);
    backend.last.send("HTTP/1.1 100 Continue\r\n\r\n");
    expect(await rig.exchange(client, "body")).toBe("");
    backend.last.send(OK);
    await rig.turn();
    expect(statusOf(client.text)).toBe(200);
    await rig.finish();
  });

  test("with proxy_100_continue the endpoint does", async () => {
    const { rig, backend } = await scene({ manager: { proxy100Continue: true } });
    const client = await rig.client();
    expect(await rig.exchange(client, WAITING)).toBe("");
    expect(headerOf(backend.last.text, "expect")).toEqual(["100-continue"]);
    backend.last.send("HTTP/1.1 100 Continue\r\n\r\n");
    await rig.turn();
    expect(client.take()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    await rig.exchange(client, "body");
    expect(bodyOf(backend.last.take())).toBe("body");
    backend.last.send(OK);
    await rig.turn();
    expect(statusOf(client.take())).toBe(200);
    // A request that does not wait is not told.
    await rig.exchange(client, GET);
    backend.last.send(`HTTP/1.1 100 Continue\r\n\r\n${OK}`);
    await rig.turn();
    expect(statusOf(client.take())).toBe(200);
    await rig.finish();
  });

  test("and may refuse the body, which then belongs to nobody", async () => {
    const { rig, backend } = await scene({ manager: { proxy100Continue: true } });
    const client = await rig.client();
    await rig.exchange(client, WAITING);
    backend.last.send(answer("", "417 Expectation Failed"));
    await rig.turn();
    expect(statusOf(client.text)).toBe(417);
    expect(headerOf(client.take(), "connection")).toEqual(["close"]);
    expect(backend.last.closed).toBe(true);
    expect(await rig.exchange(client, GET)).toBe("");
    await rig.finish();
  });
});
