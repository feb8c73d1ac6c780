/**
 * Certificates of a few seconds: they are replaced again and again under load, and nobody notices.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually } from "./support/eventually.ts";
import { MeshRun } from "./support/mesh-run.ts";
import { faultsOf, isLong, traffic } from "./support/traffic.ts";

const DURATION_MS = isLong ? 120_000 : 15_000;

for (const args of isLong ? [[], ["--shared"]] : [[]]) {
  describe(["certificates that live for 5 seconds", ...args].join(" "), () => {
    let mesh: MeshRun;
    beforeAll(async () => void (mesh = await MeshRun.start({ args: ["--svid-ttl", "5s", ...args] })), 40_000);
    afterAll(() => mesh.stop(), 40_000);

    /** Serial numbers of the leaves that a proxy shows now. */
    async function serials(workload: string): Promise<string[]> {
      const { certificates } = JSON.parse(await mesh.admin(workload, "/certs")) as {
        readonly certificates: readonly { readonly cert_chain: readonly { readonly serial_number: string }[] }[];
      };
      return certificates.flatMap(({ cert_chain: chain }) => chain.slice(0, 1).map((c) => c.serial_number));
    }

    test(
      `${DURATION_MS / 1000} s of load: no request fails, and each proxy has changed its certificate several times`,
      async () => {
        const seen = new Map<string, Set<string>>(mesh.file.proxies.map(({ workload }) => [workload, new Set()]));
        const via = mesh.proxy("productpage-v1").outbound;
        const pace = { t: "rate", perSecond: 600, durationMs: DURATION_MS } as const;
        const reviews = traffic("http://reviews:9080/reviews/1", pace, { via });
        // Connections of their own that rest between requests, from outside and two calls deep.
        const page = traffic(
          `${mesh.url("productpage")}/productpage?u=jason`,
          { ...pace, perSecond: 20 },
          { connections: 30 },
        );
        let over = false;
        const results = Promise.all([reviews.done, page.done]).finally(() => (over = true));
        await eventually(
          "the load ends",
          async () => {
            for (const [workload, found] of seen) for (const serial of await serials(workload)) found.add(serial);
            return over;
          },
          DURATION_MS + 20_000,
        );
        for (const result of await results) expect(faultsOf(result)).toEqual({});
        // Renewed before half of their life is over; a shared proxy shows one for each identity.
        const identities = args.length === 0 ? 1 : 5;
        for (const [workload, { size }] of seen)
          expect({ workload, size, enough: size >= identities * (DURATION_MS / 5000) }).toMatchObject({ enough: true });
      },
      DURATION_MS + 40_000,
    );

    test("what was issued is what the control plane knows, and nothing of it is over", async () => {
      const status = await mesh.status();
      for (const { certificates, id } of status.proxies) {
        expect(certificates.length, id).toBeGreaterThan(0);
        for (const { notAfterMs } of certificates) expect(notAfterMs).toBeGreaterThan(status.controlPlane.nowMs);
      }
    });
  });
}
