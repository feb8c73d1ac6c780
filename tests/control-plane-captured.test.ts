/** Captured workloads that documents declare: registered, changed and taken away with them, and told how to join. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CapturedBootstraps } from "../src/app/capture/bootstraps.ts";
import { InstanceFile } from "../src/app/control-plane/instance-file.ts";
import { planOf } from "../src/app/up/plan.ts";
import { lineLog } from "../src/base/log.ts";
import { loadDocuments } from "../src/config/load.ts";
import { ControlPlaneRig } from "./support/control-plane-rig.ts";

const captured = (name: string, address: string, account = "default"): string =>
  `apiVersion: tulle.dev/v1\nkind: Workload\nmetadata: {name: ${name}}
spec: {interceptionMode: REDIRECT, address: ${address}, ports: [9080], serviceAccount: ${account}}\n`;
const SHOP = captured("shop", "10.1.0.10");
const BOTH = `${SHOP}---\n${captured("reviews", "10.1.0.20")}`;

const placesOf = (rig: ControlPlaneRig): readonly string[] =>
  rig.controlPlane.instances.map(
    ({ id, interceptionMode, ports, workload }) =>
      `${id} ${interceptionMode} ${ports[0]?.inbound.address} ${workload.serviceAccount}`,
  );

const folders: string[] = [];
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "tulle-captured-"));
  folders.push(made);
  return made;
};
afterEach(() => {
  for (const it of folders.splice(0)) rmSync(it, { recursive: true, force: true });
});

test("they follow the documents", async () => {
  const rig = new ControlPlaneRig({}, BOTH);
  await rig.startControlPlane();
  expect(placesOf(rig)).toEqual([
    "shop.default REDIRECT 10.1.0.10 default",
    "reviews.default REDIRECT 10.1.0.20 default",
  ]);
  rig.store.write("shop.yaml", captured("shop", "10.1.0.11", "shop"));
  expect(placesOf(rig)).toEqual(["shop.default REDIRECT 10.1.0.11 shop"]);
  rig.store.write("shop.yaml", SHOP.replace("interceptionMode: REDIRECT, address: 10.1.0.10, ", ""));
  expect(placesOf(rig)).toEqual([]);
});

test("what is remembered and not declared any more is forgotten", async () => {
  const path = join(folder(), "instances.json");
  const rig = new ControlPlaneRig({ instanceFile: new InstanceFile(path) }, BOTH);
  await rig.startControlPlane();
  rig.pass(100);
  expect(readFileSync(path, "utf8")).toContain("reviews.default");
  const options = { instanceFile: new InstanceFile(path) };
  const later = new ControlPlaneRig(
    options,
    `${SHOP}---\n${captured("reviews", "10.1.0.20").replace("REDIRECT, address: 10.1.0.20", "NONE")}`,
  );
  await later.startControlPlane();
  expect(placesOf(later)).toEqual(["shop.default REDIRECT 10.1.0.10 default"]);
});

test("how they join is written, with a new token in good time", async () => {
  const rig = new ControlPlaneRig({}, SHOP);
  await rig.startControlPlane();
  const target = folder();
  const log = lineLog(
    "error",
    (line) => void rig.logged.push(line),
    () => 0,
  );
  const bootstraps = new CapturedBootstraps({ controlPlane: rig.controlPlane, folder: target, clock: rig.clock, log });
  const token = (id: string): string => readFileSync(join(target, id, "token"), "utf8");
  bootstraps.start();
  const own = join(target, "shop.default");
  expect(readdirSync(own).sort()).toEqual(["bootstrap.json", "root.pem", "token"]);
  expect([statSync(own).mode & 0o777, statSync(join(own, "token")).mode & 0o777]).toEqual([0o700, 0o600]);
  expect(readFileSync(join(own, "bootstrap.json"), "utf8")).toContain(join(own, "token"));
  const first = token("shop.default");
  // What is the same is not written again.
  rig.store.write("shop.yaml", BOTH);
  bootstraps.write();
  expect([token("shop.default"), token("reviews.default") !== first]).toEqual([first, true]);
  rig.clock.advance(120_000);
  expect(token("shop.default")).not.toBe(first);
  bootstraps.stop();
  expect(rig.logged.filter((line) => line.includes("cannot write"))).toEqual([]);
});

test("tulle up refuses them by name", () => {
  const { mesh } = loadDocuments([{ file: "mesh.yaml", text: SHOP }]);
  expect(() => planOf(mesh, false, () => [], { portsOf: () => [] })).toThrow(
    "the Workload default/shop is captured (interceptionMode: REDIRECT)",
  );
});
