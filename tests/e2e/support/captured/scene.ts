/**
 * Captured workloads in namespaces of their own, and what becomes of their calls: `unshare -nm bun scene.ts <folder> <settings as JSON>`. Writes `outcome.json`.
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runControlPlane } from "../../../../src/app/control-plane/run.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import { lineLog } from "../../../../src/base/log.ts";
import { eventually } from "../eventually.ts";
import { Application } from "./caller.ts";
import {
  documents,
  FAR,
  GREETING_PORT,
  HTTP_PORTS,
  type OutboundMode,
  REVIEWS,
  SERVICE,
  SHOP,
  TCP_PORTS,
} from "./documents.ts";
import { documented } from "./documented.ts";
import { openNamespace, openNetwork, OUTSIDE, run, v6, within } from "./namespaces.ts";
import { ADMIN, BOOTSTRAPS, CapturedProxies } from "./proxies.ts";

export interface SceneSettings {
  readonly mode: OutboundMode;
  /** The binary that stands for our proxies. */
  readonly envoy?: string;
  readonly workers?: number;
}

type Calls = Awaited<ReturnType<typeof calls | typeof callsWithoutProxy | typeof straightCalls>>;

type KeysOf<T> = T extends unknown ? keyof T : never;

/** By what was called. */
export type Outcome = Readonly<Record<KeysOf<Calls> | "rejections" | "shopStats" | "reviewsStats", string>>;

const [folder = "", given = "{}"] = process.argv.slice(2);
const settings = JSON.parse(given) as SceneSettings;
const PLACES = { shop: SHOP, ...REVIEWS };

const capture = (name: string): readonly string[] => documented(/ capture .*NAME$/, { NAME: name });
const undo = (name: string): readonly string[] => documented(/ capture .*--undo$/, { NAME: name });

openNetwork(folder, { reviews: SERVICE, "far.example": FAR }, [FAR]);
for (const [name, address] of Object.entries(PLACES)) openNamespace(name, address);

const file = join(folder, "mesh.yaml");
writeFileSync(file, documents(settings.mode));
const log = lineLog("error", (line) => void process.stderr.write(line), systemClock.wallMs);
const { controlPlane, stop: stopControlPlane } = await runControlPlane({
  documents: [file],
  dataFolder: join(folder, "data"),
  svidTtlMs: undefined,
  bootstrapFolder: join(folder, BOOTSTRAPS),
  clock: systemClock,
  log,
  version: "0.0.0",
  ports: { address: OUTSIDE, xds: 15_012, admin: undefined },
});

const shop = new Application(within("shop"), "shop", [], []);
const outside = new Application([], "far", [80], [5555]);
const reviews = Object.keys(REVIEWS).map((name) => new Application(within(name), name, HTTP_PORTS, TCP_PORTS));
const everybody = [shop, outside, ...reviews];

const times = async (count: number, call: () => Promise<string>): Promise<string> => {
  const all: string[] = [];
  for (let i = 0; i < count; i++) all.push(await call());
  return all.join("\n");
};

async function calls() {
  return {
    byAddress: await shop.get(`http://${SERVICE}/`, { host: "reviews" }),
    byName: await shop.get("http://reviews/", { version: "v2" }),
    split: await times(24, () => shop.get("http://reviews/")),
    byRule: await shop.get("http://reviews/ruled"),
    tcp: await times(6, () => shop.tcp("reviews", 3306)),
    unknownTcp: await shop.tcp("far.example", 5555),
    unknownHttp: await shop.get("http://far.example/"),
    ownProxy: await shop.tcp(SHOP, 15_001),
    loopback: await shop.tcp("127.0.0.1", 1),
    otherProxy: await outside.tcp(REVIEWS["reviews-v1"], 15_006),
    plainHttp: await outside.get(`http://${REVIEWS["reviews-v1"]}:9080/`),
    plainTcp: await outside.tcp(REVIEWS["reviews-v1"], 3306),
    unlisted: await outside.tcp(REVIEWS["reviews-v1"], 4444),
    unlistedStrict: await outside.tcp(REVIEWS["reviews-v1"], 4445),
    byPod: await shop.tcp(REVIEWS["reviews-v1"], 4444),
    greeting: await shop.greeting("reviews", GREETING_PORT),
    farGreeting: await shop.greeting("far.example", GREETING_PORT),
    headlessTcp: await shop.tcp(REVIEWS["reviews-v1"], 3306),
    headlessHttp: await shop.get(`http://${REVIEWS["reviews-v1"]}:9080/`, { host: "each:9080" }),
    outV6: await shop.tcp(v6(OUTSIDE), 5555),
    inV6: await outside.tcp(v6(REVIEWS["reviews-v1"]), 4444),
  };
}

/** Whose proxy is gone gets no further. */
async function callsWithoutProxy() {
  await proxies.stopFirst();
  return { withoutProxy: await shop.tcp(FAR, 5555), withoutProxyByName: await shop.get("http://reviews/") };
}

/** Once nothing is captured any more. */
async function straightCalls() {
  for (const name of [...Object.keys(PLACES), "shop"]) run(...undo(name));
  return {
    straightTcp: await shop.tcp(FAR, 5555),
    straightHttp: await shop.get(`http://${REVIEWS["reviews-v1"]}:9080/`),
    straightV6: await shop.tcp(v6(OUTSIDE), 5555),
    straightInV6: await outside.tcp(v6(REVIEWS["reviews-v1"]), 4444),
  };
}

const proxies = new CapturedProxies({ controlPlane, folder, log, ...settings });

async function started(): Promise<void> {
  // The second time changes nothing.
  for (const name of [...Object.keys(PLACES), "shop"]) run(...capture(name));
  const { instances } = controlPlane;
  for (const instance of instances) proxies.start(instance);
  await eventually(
    "everything is acknowledged",
    async () => {
      const { publication, rejections } = controlPlane.status;
      if (rejections.length > 0 || proxies.haveEnded) return true;
      if (publication.acknowledged < instances.length) return false;
      const ready = await Promise.all([shop, ...reviews].map((it) => it.get(`${ADMIN}/ready`)));
      return ready.every((it) => it.startsWith("200"));
    },
    60_000,
  );
  const { rejections } = controlPlane.status;
  if (rejections.length > 0 || proxies.haveEnded) throw new Error("proxies refuse what they get, or have ended");
}

try {
  await started();
  const outcome = {
    ...(await calls()),
    rejections: JSON.stringify(controlPlane.status.rejections),
    shopStats: await shop.get(`${ADMIN}/stats?filter=upstream_cx_(total|none_healthy)`),
    reviewsStats: await (reviews[0] as Application).get(`${ADMIN}/stats?filter=upstream_cx_(total|none_healthy)`),
    ...(await callsWithoutProxy()),
    ...(await straightCalls()),
  };
  writeFileSync(join(folder, "outcome.json"), JSON.stringify(outcome));
} catch (error) {
  console.error(error, proxies.output, JSON.stringify(controlPlane.status.rejections, null, 1));
  process.exitCode = 1;
} finally {
  await proxies.stop();
  for (const it of everybody) await it.stop();
  await stopControlPlane();
}
process.exit();
