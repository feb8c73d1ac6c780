import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { NameServer } from "../../tests/support/name-server.ts";
import { bunResolver } from "./bun-dns.ts";
import type { DnsAnswer } from "./dns.ts";

const folder = mkdtempSync(join(tmpdir(), "tulle-dns-"));
const hostsFile = join(folder, "hosts");
writeFileSync(hostsFile, "# comment\n10.1.2.3  own.test other.test # more\nfd00::3 own.test\n10.1.2.4 only4.test\n");
const server = await NameServer.start({
  "app.test A": { ttlS: 7, addresses: ["10.0.0.1", "10.0.0.2"] },
  "app.test AAAA": { ttlS: 9, addresses: ["fd00::1"] },
  "four.test A": { ttlS: 1, addresses: ["10.0.0.4"] },
  "broken.test A": "SERVFAIL",
});
afterAll(() => {
  server.stop();
  rmSync(folder, { recursive: true });
});

const resolver = bunResolver(systemClock, { servers: [`127.0.0.1:${server.port}`], hostsFile });
const ask = (name: string, version: 4 | 6): Promise<DnsAnswer> =>
  new Promise((resolve) => resolver.lookup(name, version, resolve));
const found = (...records: readonly (readonly [string, number])[]): DnsAnswer => ({
  t: "found",
  records: records.map(([address, ttlMs]) => ({ address, ttlMs })),
});

test.each([
  ["app.test", 4, found(["10.0.0.1", 7000], ["10.0.0.2", 7000])],
  ["app.test", 6, found(["fd00::1", 9000])],
  ["four.test", 6, { t: "none" }],
  ["nobody.test", 4, { t: "none" }],
  ["broken.test", 4, { t: "failed", reason: "ESERVFAIL" }],
  ["own.test", 4, found(["10.1.2.3", 0])],
  ["OWN.test", 6, found(["fd00::3", 0])],
  ["only4.test", 6, { t: "none" }],
  ["localhost", 4, found(["127.0.0.1", 0])],
  ["a.localhost", 6, found(["::1", 0])],
] as const)("%s, version %d", async (name, version, answer) => {
  expect(await ask(name, version)).toEqual(answer as DnsAnswer);
});

test("a server that is not there is a failure", async () => {
  const deaf = bunResolver(systemClock, { servers: ["127.0.0.1:1"], hostsFile });
  const answer = await new Promise<DnsAnswer>((resolve) => deaf.lookup("app.test", 4, resolve));
  expect(answer.t).toBe("failed");
}, 12_000);
