import { expect, test } from "bun:test";
import { Secrets } from "./secrets.ts";

test("whoever watches hears of changes, and of nothing that comes again as it was", () => {
  const secrets = new Secrets();
  const heard: string[] = [];
  secrets.watch((name) => void heard.push(name));
  const pair = { t: "keyPair", certChainPem: "chain", privateKeyPem: "key" } as const;
  secrets.set("default", pair);
  secrets.set("default", { ...pair });
  expect(heard).toEqual(["default"]);
  secrets.set("default", { ...pair, privateKeyPem: "other" });
  secrets.set("ROOTCA", { t: "trustedCa", trustedCaPem: "roots" });
  secrets.set("ROOTCA", { t: "trustedCa", trustedCaPem: "roots" });
  secrets.set("ROOTCA", { ...pair });
  expect(heard).toEqual(["default", "default", "ROOTCA", "ROOTCA"]);
});

test("what is forgotten is gone, and told once", () => {
  const secrets = new Secrets();
  secrets.set("kubernetes://c", { t: "trustedCa", trustedCaPem: "roots" });
  const heard: string[] = [];
  secrets.watch((name) => void heard.push(name));
  secrets.delete("kubernetes://c");
  secrets.delete("kubernetes://c");
  expect([secrets.get("kubernetes://c"), heard]).toEqual([undefined, ["kubernetes://c"]]);
});

test("what is listed holds no secret", () => {
  const secrets = new Secrets();
  secrets.set("default", { t: "keyPair", certChainPem: "chain", privateKeyPem: "the key" });
  expect(JSON.stringify(secrets.list())).toBe('[{"name":"default","kind":"keyPair"}]');
});
