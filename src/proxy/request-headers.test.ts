/** What a route does to the head of a request. */
import { expect, test } from "bun:test";
import { answer, get, headerOf, OK, scene } from "../../tests/support/proxy-scene.ts";

const set = (key: string, value: string) => ({
  header: { key, value },
  appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" as const,
});

test("an operator sees what is left of the head, and what less specific levels made is not there yet", async () => {
  const { rig, backend } = await scene({
    route: {
      requestHeadersToRemove: ["x-gone"],
      requestHeadersToAdd: [
        set("x-from-gone", "[%REQ(x-gone)%]"),
        set("x-one", "1"),
        set("x-two", "%REQ(x-one)%2"),
        { header: { key: "x-more", value: "b" }, appendAction: "APPEND_IF_EXISTS_OR_ADD" },
        set("x-first", "%REQ(x-more)%"),
        set("x-kept", "%REQ(x-other)%"),
      ],
    },
    host: { requestHeadersToAdd: [set("x-host", "%REQ(x-two)%"), set("x-one", "9")] },
  });
  const lines = ["x-gone: g", "x-one: 0", "x-more: a", "x-other: o"];
  const exchange = rig.exchange(await rig.client(), get("/", ...lines));
  await rig.turn();
  backend.last.send(OK);
  await exchange;
  const names = ["x-gone", "x-from-gone", "x-one", "x-two", "x-more", "x-first", "x-kept", "x-host"];
  expect(names.map((name) => headerOf(backend.last.text, name))).toEqual([
    [],
    ["[]"],
    ["9"],
    ["02"],
    ["a", "b"],
    ["a"],
    ["o"],
    ["02"],
  ]);
  await rig.finish();
});

test("an operator says the first of several lines; what is added to a header of one line joins it", async () => {
  const append = (key: string, value: string) => ({ header: { key, value } });
  const { rig, backend } = await scene({
    route: {
      requestHeadersToAdd: [set("x-said", "%REQ(x-twice)%"), append("user-agent", "us"), append("x-twice", "c")],
      responseHeadersToAdd: [append("content-type", "more"), append("x-seen", "%RESP(x-two)%")],
    },
  });
  const client = await rig.client();
  await rig.exchange(client, get("/", "x-twice: a", "x-twice: b", "user-agent: them"));
  backend.last.send(answer("ok", "200 OK", "content-type: text/plain", "x-two: 1", "x-two: 2"));
  await rig.turn();
  const text = client.take();
  const seen = ["x-said", "user-agent", "x-twice"].map((name) => headerOf(backend.last.text, name));
  expect(seen).toEqual([["a"], ["them,us"], ["a", "b", "c"]]);
  expect(["content-type", "x-seen"].map((name) => headerOf(text, name))).toEqual([["text/plain,more"], ["1"]]);
  await rig.finish();
});

test("an own answer without a body has no type, were one added", async () => {
  const typed = [{ header: { key: "content-type", value: "a/b" } }, { header: { key: "x-more", value: "m" } }];
  const { rig } = await scene({ route: { responseHeadersToAdd: typed }, action: { cluster: "nobody" } });
  const text = await rig.exchange(await rig.client(), get("/"));
  expect(["content-type", "x-more"].map((name) => headerOf(text, name))).toEqual([[], ["m"]]);
  await rig.finish();
});

test.each([
  [{ responseHeadersToAdd: [set("content-type", "a/b")] }, ["a/b"]],
  [{ responseHeadersToAdd: [{ header: { key: "content-type", value: "a/b" } }] }, ["a/b"]],
  [{ responseHeadersToRemove: ["content-type"] }, ["text/plain"]],
])("an own answer with a body has a type: %j", async (edits, type) => {
  const directResponse = { status: 404, body: { inlineString: "no" } };
  const { rig } = await scene({ route: { route: undefined, directResponse, ...edits } });
  expect(headerOf(await rig.exchange(await rig.client(), get("/")), "content-type")).toEqual(type);
  await rig.finish();
});

test("a weighted cluster's host is not told, but is what a route's own rewrite changes", async () => {
  const part = { name: "app", weight: 1, hostRewriteLiteral: "part" };
  for (const [hostRewriteLiteral, host, original] of [
    [undefined, "part", []],
    ["whole", "whole", ["part"]],
  ] as const) {
    const action = { cluster: undefined, weightedClusters: { clusters: [part] }, hostRewriteLiteral };
    const { rig, backend } = await scene({ action });
    await rig.exchange(await rig.client(), get("/"));
    expect(headerOf(backend.last.text, "host")).toEqual([host]);
    expect(headerOf(backend.last.text, "x-envoy-original-host")).toEqual([...original]);
    await rig.finish();
  }
});

test("within a level headers are replaced before others are added, wherever they stand", async () => {
  const append = (key: string, value: string) => ({ header: { key, value } });
  const { rig, backend } = await scene({
    route: { requestHeadersToAdd: [append("x-a", "added"), set("x-a", "one"), set("x-a", "two")] },
    host: { requestHeadersToAdd: [append("x-a", "host")] },
  });
  await rig.exchange(await rig.client(), get("/", "x-a: came"));
  expect(headerOf(backend.last.text, "x-a")).toEqual(["two", "added", "host"]);
  await rig.finish();
});

test.each([
  ["/a/x", "/a/", "/a/", "/a/x"],
  ["/a/x", "/a/", "/b/", "/b/x"],
])("%s, whose %s becomes %s, says where it was sent", async (path, prefix, prefixRewrite, rewritten) => {
  const requestHeadersToAdd = [set("x-edited", "%REQ(:path)% [%REQ(x-envoy-original-path)%]")];
  const { rig, backend } = await scene({
    route: { match: { prefix }, requestHeadersToAdd },
    action: { prefixRewrite },
  });
  const exchange = rig.exchange(await rig.client(), get(path, "x-envoy-original-path: /lie"));
  await rig.turn();
  backend.last.send(OK);
  await exchange;
  expect(backend.last.text).toStartWith(`GET ${rewritten} `);
  expect(headerOf(backend.last.text, "x-envoy-original-path")).toEqual([path]);
  expect(headerOf(backend.last.text, "x-edited")).toEqual([`${path} []`]);
  await rig.finish();
});
