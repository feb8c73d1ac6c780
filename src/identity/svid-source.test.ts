import { describe, expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { seededRandom } from "../base/random.ts";
import { TestCa } from "../../tests/support/certificates.ts";
import { CertificateAuthority } from "./authority.ts";
import { memoryAuthorityStorage, type AuthorityFile } from "./authority-storage.ts";
import { readCsr } from "./csr-read.ts";
import { parseSpiffeId } from "./spiffe.ts";
import type { IssuedChain, Svid } from "./svid.ts";
import { SvidSource, type RequestCertificate } from "./svid-source.ts";

const REVIEWS = parseSpiffeId("spiffe://cluster.local/ns/default/sa/reviews");

/** Lets everything that waits for a promise go on. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

function setUp(ttlMs = 60_000) {
  const clock = new ManualClock();
  const files = new Map<AuthorityFile, string>();
  const authority = new CertificateAuthority(
    { storage: memoryAuthorityStorage(files), trustDomain: "cluster.local" },
    clock.wallMs(),
  );
  const issue = (csrPem: string): IssuedChain =>
    authority.issueSvid({ csr: csrPem, spiffeId: REVIEWS, ttlMs, nowMs: clock.wallMs() });
  const asked: { readonly atMs: number; readonly csr: string; readonly current: Svid | undefined }[] = [];
  const lines: string[] = [];
  const answers = { next: ((csrPem) => Promise.resolve(issue(csrPem))) as RequestCertificate };
  const write = (message: string, fields?: object): void =>
    void lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const source = new SvidSource({
    clock,
    random: seededRandom(7),
    log: { debug: write, info: write, warn: write, error: write },
    requestCertificate: (csr, current) => {
      asked.push({ atMs: clock.nowMs(), csr, current });
      return answers.next(csr, current);
    },
  });
  const pass = async (totalMs: number, stepMs = 50): Promise<void> => {
    for (let t = 0; t < totalMs; t += stepMs) {
      clock.advance(stepMs);
      await settle();
    }
  };
  return { clock, files, authority, issue, asked, lines, answers, source, pass };
}

describe("SvidSource", () => {
  test("has nothing before the start and an SVID after", async () => {
    const { source, asked } = setUp();
    await settle();
    expect(asked.length).toBe(0);
    expect(source.current).toBeUndefined();
    source.start();
    const svid = await source.ready();
    expect(source.current).toBe(svid);
    expect(svid.spiffeId).toEqual(REVIEWS);
    expect(asked[0]?.current).toBeUndefined();
    expect(await source.ready()).toBe(svid);
  });

  test("renews between 40 and 50 percent of the life, with a new key, and tells listeners", async () => {
    const { source, asked, pass } = setUp(60_000);
    const seen: Svid[] = [];
    source.onChange((svid) => void seen.push(svid));
    source.start();
    await settle();
    await pass(240_000);
    const gaps = asked.slice(1).map((request, i) => request.atMs - (asked[i]?.atMs ?? 0));
    expect(gaps.length).toBeGreaterThanOrEqual(8);
    for (const gap of gaps) {
      expect(gap).toBeGreaterThanOrEqual(0.4 * 60_000);
      expect(gap).toBeLessThanOrEqual(0.5 * 60_000 + 50);
    }
    expect(new Set(gaps).size).toBeGreaterThan(1);
    expect(seen.length).toBe(asked.length);
    expect(new Set(seen.map((svid) => svid.privateKeyPem)).size).toBe(seen.length);
    expect(asked[1]?.current).toBe(seen[0]);
    expect(source.current).toBe(seen.at(-1));
  });

  test("with a life of 5 s renews for a minute without a gap", async () => {
    const { source, clock, pass } = setUp(5000);
    source.start();
    await settle();
    for (let i = 0; i < 1200; i++) {
      await pass(50);
      expect(source.current?.notAfterMs ?? 0).toBeGreaterThan(clock.wallMs() + 2000);
    }
  });

  test("keeps the SVID in use while renewal fails, repeats with pauses, and recovers", async () => {
    const { source, asked, answers, issue, pass, lines } = setUp(60_000);
    source.start();
    const first = await source.ready();
    answers.next = () => Promise.reject(new Error("control plane is away"));
    await pass(58_000);
    expect(source.current).toBe(first);
    expect(asked.length).toBeGreaterThan(5);
    expect(new Set(asked.slice(1).map((request) => readCsr(request.csr).keyFingerprint)).size).toBe(1);
    expect(lines.some((line) => line.includes("control plane is away"))).toBe(true);
    answers.next = (csrPem) => Promise.resolve(issue(csrPem));
    await pass(2000);
    expect(source.current).not.toBe(first);
  });

  test("goes on after expiry: the last SVID stays, a renewal is no longer made with it, and it is said once", async () => {
    const { source, asked, answers, issue, pass, lines } = setUp(10_000);
    source.start();
    const first = await source.ready();
    answers.next = () => Promise.reject(new Error("away"));
    await pass(60_000);
    expect(source.current).toBe(first);
    expect(asked.at(-1)?.current).toBeUndefined();
    expect(lines.filter((line) => line.includes("has expired")).length).toBe(1);
    answers.next = (csrPem) => Promise.resolve(issue(csrPem));
    await pass(11_000);
    expect(source.current).not.toBe(first);
  });

  test("gives an attempt up that has no answer, and takes no notice of it afterwards", async () => {
    const { source, asked, answers, issue, pass } = setUp(60_000);
    const late: ((chain: IssuedChain) => void)[] = [];
    answers.next = () => new Promise((resolve) => void late.push(resolve));
    source.start();
    await settle();
    await pass(9950);
    expect(asked.length).toBe(1);
    await pass(300);
    expect(asked.length).toBe(2);
    late[0]?.(issue(asked[0]?.csr ?? ""));
    await settle();
    expect(source.current).toBeUndefined();
    late[1]?.(issue(asked[1]?.csr ?? ""));
    await settle();
    expect(source.current).toBeDefined();
  });

  test.each([
    [
      "another CA's chain",
      (chain: IssuedChain, ca: TestCa): IssuedChain => ({ ...chain, certChainPem: ca.svid(REVIEWS.uri).certChainPem }),
      "must lead to a root",
    ],
    [
      "a chain for another key",
      (_: IssuedChain, ca: TestCa): IssuedChain => ca.svid(REVIEWS.uri),
      "key of the request",
    ],
    [
      "an expired leaf",
      (_: IssuedChain, ca: TestCa): IssuedChain => ca.expiredSvid(REVIEWS.uri),
      "leaf certificate expired",
    ],
    [
      "another identity",
      (_: IssuedChain, ca: TestCa): IssuedChain => ca.svid("spiffe://cluster.local/ns/a/sa/b"),
      `must be for ${REVIEWS.uri}`,
    ],
    [
      "no bundle",
      (chain: IssuedChain): IssuedChain => ({ ...chain, trustBundlePem: "" }),
      "one root certificate at least",
    ],
    ["no chain", (chain: IssuedChain): IssuedChain => ({ ...chain, certChainPem: "" }), "found 0"],
  ] as const)("does not install %s", async (_name, spoil, words) => {
    const { source, clock, answers, issue, pass, lines } = setUp(60_000);
    source.start();
    const first = await source.ready();
    const ca = new TestCa("cluster.local", clock.wallMs() + 30_000);
    answers.next = (csrPem) => Promise.resolve(spoil(issue(csrPem), ca));
    await pass(31_000);
    expect(source.current).toBe(first);
    expect(lines.join("\n")).toContain(words);
  });

  test("takes a trust bundle that changed with the renewal", async () => {
    const { source, clock, issue, answers, pass } = setUp(60_000);
    source.start();
    const first = await source.ready();
    const more = new TestCa("cluster.local", clock.wallMs()).bundlePem;
    answers.next = (csrPem) => {
      const chain = issue(csrPem);
      return Promise.resolve({ ...chain, trustBundlePem: chain.trustBundlePem + more });
    };
    await pass(31_000);
    expect(source.current?.trustBundlePem).toBe(first.trustBundlePem + more);
  });

  test("renews at once when asked, and does nothing after stop()", async () => {
    const { source, asked, clock, pass } = setUp(60_000);
    source.start();
    await source.ready();
    source.renewNow();
    source.renewNow();
    await settle();
    expect(asked.length).toBe(2);
    const last = source.current;
    source.stop();
    expect(clock.pendingTimers).toBe(0);
    await pass(120_000, 1000);
    expect(asked.length).toBe(2);
    expect(source.current).toBe(last);
  });

  test("looks again at least every ten minutes, however long the life", async () => {
    const { source, clock } = setUp(24 * 3_600_000);
    source.start();
    await source.ready();
    for (let i = 0; i < 50; i++) {
      clock.advance(600_000);
      expect(clock.pendingTimers).toBe(1);
    }
  });

  test("goes on when a listener throws, and tells the others", async () => {
    const { source, lines, pass } = setUp(60_000);
    let told = 0;
    source.onChange(() => {
      throw new Error("oops");
    });
    const end = source.onChange(() => void told++);
    source.start();
    await settle();
    expect(told).toBe(1);
    end();
    await pass(31_000);
    expect(told).toBe(1);
    expect(lines.filter((line) => line.includes("oops")).length).toBe(2);
  });

  test("says nothing of keys", async () => {
    const { source, lines, pass } = setUp(10_000);
    source.start();
    await source.ready();
    await pass(30_000);
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.join("\n")).not.toMatch(/PRIVATE|BEGIN/);
  });
});
