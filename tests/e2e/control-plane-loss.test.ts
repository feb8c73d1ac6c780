/**
 * The control plane is killed and started again under load: requests go on, proxies come back by themselves and are told
 * only what is new.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { virtualService } from "./support/documents.ts";
import { call } from "./support/call.ts";
import { eventually } from "./support/eventually.ts";
import { SplitMesh } from "./support/split-mesh.ts";
import { faultsOf, isLong, sharesOf, traffic } from "./support/traffic.ts";
import { service, workload } from "../support/mesh.ts";

const LOSSES = isLong ? 20 : 3;
const SVID_TTL_MS = 6000;

const SHOP = [
  service("caller", ["http:80:8080"]),
  service("reviews", ["http:80:8080"]),
  workload("caller", "v1", [8080]),
  workload("reviews", "v1", [8080]),
  workload("reviews", "v2", [8080]),
].join("\n---\n");

const marked = (mark: string): string =>
  `${SHOP}\n---\n${virtualService("reviews", `{hosts: [reviews], http: [{headers: {response: {set: {x-mark: "${mark}"}}}, route: [{destination: {host: reviews}}]}]}`)}`;

describe("a control plane that is killed", () => {
  let mesh: SplitMesh;
  let via = "";
  beforeAll(async () => {
    mesh = await SplitMesh.start({ documents: marked("0"), svidTtlMs: SVID_TTL_MS });
    via = mesh.outboundOf("caller-v1");
  }, 40_000);
  afterAll(() => mesh.stop(), 60_000);

  const mark = async (): Promise<string | null> => (await call("http://reviews/", { via })).headers.get("x-mark");
  const allAcknowledged = () =>
    eventually(
      "all proxies are back",
      async () => {
        const found = await mesh.status();
        const { acknowledged, connected, proxies } = found.publication;
        return connected === 3 && acknowledged === proxies && found;
      },
      20_000,
    );

  test(
    `${LOSSES} times under load: no request fails`,
    async () => {
      const pace = { t: "rate", perSecond: 500, durationMs: 600_000 } as const;
      const load = traffic("http://reviews/", pace, { via, splitBy: "header:x-instance" });
      try {
        await eventually("the first mark is live", async () => (await mark()) === "0");
        for (let loss = 1; loss <= LOSSES; loss++) {
          await allAcknowledged();
          await mesh.killControlPlane();
          // Of the proxies' lives: long enough for a certificate to come due.
          const lostMs = performance.now();
          await eventually("some time has passed", () => performance.now() - lostMs > SVID_TTL_MS / 4, 10_000);
          expect(await mark()).toBe(String(loss - 1));
          await mesh.startControlPlane();
          const status = await allAcknowledged();
          // Nothing has changed, so there is nothing to tell: they said which versions they have.
          for (const { id, types } of status.proxies) {
            const pushes = types.reduce((sum, type) => sum + type.pushes, 0);
            expect({ id, pushes, types: types.map(({ state }) => state) }).toEqual({
              id,
              pushes: 0,
              types: types.map(() => "synced"),
            });
            expect(types.length).toBeGreaterThanOrEqual(4);
          }
          mesh.write(marked(String(loss)));
          await eventually("a change after it arrives", async () => (await mark()) === String(loss), 5000);
        }
      } finally {
        load.stop();
      }
      const result = await load.done;
      expect(faultsOf(result)).toEqual({});
      expect(sharesOf(result)["reviews-v1"]).toBeWithin(0.45, 0.55);
      console.log(`${result.tally.answered} requests through ${LOSSES} losses`);
    },
    LOSSES * 20_000 + 30_000,
  );

  test("a change that was made while it was gone arrives with it", async () => {
    await mesh.killControlPlane();
    mesh.write(marked("while-gone"));
    await mesh.startControlPlane();
    await eventually("the change is live", async () => (await mark()) === "while-gone", 20_000);
    const status = await allAcknowledged();
    // One route configuration has changed: the cluster, endpoint and listener stay as they were.
    const caller = status.proxies.find(({ id }) => id === "caller-v1");
    expect(Object.fromEntries(caller?.types.map(({ pushes, type }) => [type, pushes]) ?? [])).toMatchObject({
      cds: 0,
      eds: 0,
      lds: 0,
      rds: 1,
    });
  }, 60_000);

  test("certificates are renewed by the one that came back", async () => {
    const status = await eventually(
      "each proxy has a certificate of it",
      async () => {
        const found = await mesh.status();
        return found.proxies.every(({ certificates }) => certificates.length > 0) && found;
      },
      SVID_TTL_MS * 2,
    );
    for (const { certificates } of status.proxies)
      for (const { notBeforeMs, notAfterMs } of certificates) expect(notAfterMs).toBeGreaterThan(notBeforeMs);
  }, 30_000);
});
