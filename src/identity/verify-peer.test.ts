import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { TestCa, type OddLeaf } from "../../tests/support/certificates.ts";
import { OID } from "./oids.ts";
import { fromPem } from "./pem.ts";
import { parseTrustBundle } from "./trust-bundle.ts";
import { spiffeIdOf, verifyPeer, type PeerRules } from "./verify-peer.ts";

const NOW = Date.UTC(2026, 5, 1);
const REVIEWS = "spiffe://cluster.local/ns/default/sa/reviews";
const ca = new TestCa("cluster.local", NOW);
const leaf = (chainPem: string) => new X509Certificate(fromPem(chainPem, "CERTIFICATE")[0] ?? "");
const rules = (more: Partial<PeerRules> = {}): PeerRules => ({
  allowed: [{ kind: "exact", value: REVIEWS }],
  role: "client",
  nowMs: NOW,
  ...more,
});
const reason = (peer: X509Certificate | undefined, more: Partial<PeerRules> = {}): string => {
  const verdict = verifyPeer(peer, rules(more));
  return verdict.ok ? "ok" : verdict.reason;
};

describe("verifyPeer()", () => {
  const good = ca.svid(REVIEWS);

  test("gives the identity of a peer that is allowed", () => {
    const verdict = verifyPeer(leaf(good.certChainPem), rules());
    expect(verdict).toEqual({ ok: true, id: good.spiffeId, serial: good.serial, notAfterMs: good.notAfterMs });
    expect(reason(leaf(good.certChainPem), { role: "server", allowed: "any" })).toBe("ok");
    const one = [
      { kind: "exact", value: "spiffe://x/y" },
      { kind: "trustDomain", value: "cluster.local" },
    ] as const;
    expect(reason(leaf(good.certChainPem), { allowed: one })).toBe("ok");
  });

  test("says who was expected and who it is", () => {
    const allowed = [
      { kind: "exact", value: "spiffe://cluster.local/ns/a/sa/b" },
      { kind: "prefix", value: "spiffe://x/" },
    ] as const;
    expect(reason(leaf(good.certChainPem), { allowed })).toBe(
      `peer must be spiffe://cluster.local/ns/a/sa/b or prefix spiffe://x/: it is ${REVIEWS}`,
    );
    expect(reason(leaf(good.certChainPem), { allowed: [] })).toBe(`peer must be nobody: it is ${REVIEWS}`);
  });

  test("refuses no certificate, an expired one and one of the future", () => {
    expect(reason(undefined)).toContain("it presented none");
    expect(reason(leaf(ca.expiredSvid(REVIEWS).certChainPem))).toContain("peer certificate expired at");
    expect(reason(leaf(ca.futureSvid(REVIEWS).certChainPem))).toContain("peer certificate is valid from");
  });

  test.each([
    ["two URI names", { uris: [REVIEWS, "spiffe://cluster.local/ns/a/sa/b"] }, "one URI name: found 2"],
    ["the same name twice", { uris: [REVIEWS, REVIEWS] }, "one URI name: found 2"],
    ["no URI name", { uris: [] }, "one URI name: found 0"],
    ["a name that looks like two", { uris: [`${REVIEWS}, URI:spiffe://x/y`] }, "path segments"],
    ["another scheme", { uris: ["https://example.com/a"] }, "must begin with spiffe://"],
    ["no path", { uris: ["spiffe://cluster.local"] }, "must have a path"],
    ["CA:true", { uris: [REVIEWS], isAuthority: true }, "it is an authority's"],
    ["no key usage", { uris: [REVIEWS], usage: "none" }, "digitalSignature"],
    ["keyCertSign", { uris: [REVIEWS], usage: "keyCertSign" }, "digitalSignature"],
    ["server use only", { uris: [REVIEWS], purposes: [OID.serverAuth] }, "client authentication"],
  ] as const satisfies readonly (readonly [string, OddLeaf, string])[])("refuses %s", (_name, odd, words) => {
    expect(reason(leaf(ca.odd(odd).certChainPem), { allowed: "any" })).toContain(words);
  });

  test("verifies the chain when asked to", () => {
    const [, intermediate] = fromPem(good.certChainPem, "CERTIFICATE");
    const intermediates = [{ raw: intermediate ?? Buffer.alloc(0) }];
    const chain = { intermediates, bundle: parseTrustBundle(ca.bundlePem) };
    expect(reason(leaf(good.certChainPem), { chain })).toBe("ok");
    const forged = new TestCa("cluster.local", NOW).svid(REVIEWS);
    expect(reason(leaf(forged.certChainPem), { chain })).toContain("must lead to a root");
  });

  test("gives a reason for octets that are no certificate", () => {
    expect(verifyPeer({ raw: Buffer.from("hello") }, rules()).ok).toBe(false);
  });
});

describe("spiffeIdOf()", () => {
  test("reads the runtime's certificate object", () => {
    expect(spiffeIdOf(leaf(ca.svid(REVIEWS).certChainPem)).uri).toBe(REVIEWS);
  });
});
