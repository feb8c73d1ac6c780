import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log } from "../base/log.ts";
import { silentLog } from "../base/log.ts";
import { TestCa } from "../../tests/support/certificates.ts";
import { CertificateAuthority } from "./authority.ts";
import { folderAuthorityStorage } from "./authority-folder.ts";
import type { AuthorityOptions } from "./authority-open.ts";
import { AuthorityError, memoryAuthorityStorage, type AuthorityFile } from "./authority-storage.ts";
import { readCertificate } from "./certificate-read.ts";
import { CredentialError } from "./credential-error.ts";
import { buildCsr } from "./csr-write.ts";
import { generateKeyPair } from "./keys.ts";
import { fromPem } from "./pem.ts";
import { parseSpiffeId } from "./spiffe.ts";
import { parseTrustBundle } from "./trust-bundle.ts";
import { verifyChain } from "./verify-chain.ts";

const NOW = Date.UTC(2026, 5, 1, 12, 0, 0, 250);
const DAY_MS = 86_400_000;
const REVIEWS = parseSpiffeId("spiffe://cluster.local/ns/default/sa/reviews");
const csr = buildCsr(generateKeyPair());

let files: Map<AuthorityFile, string>;
beforeEach(() => {
  files = new Map();
});
const open = (more: Partial<AuthorityOptions> = {}, nowMs = NOW, log: Log = silentLog): CertificateAuthority =>
  new CertificateAuthority(
    { storage: memoryAuthorityStorage(files), trustDomain: "cluster.local", ...more },
    nowMs,
    log,
  );
const verified = (svid: { readonly certChainPem: string; readonly trustBundlePem: string }, nowMs: number) =>
  verifyChain(fromPem(svid.certChainPem, "CERTIFICATE"), parseTrustBundle(svid.trustBundlePem), nowMs);

describe("CertificateAuthority.issueSvid()", () => {
  test("gives a leaf and an intermediate that lead to the root", () => {
    const svid = open().issueSvid({ csr, spiffeId: REVIEWS, nowMs: NOW });
    expect(fromPem(svid.certChainPem, "CERTIFICATE").length).toBe(2);
    expect(verified(svid, NOW).uris).toEqual([REVIEWS.uri]);
    expect(svid.notAfterMs).toBe(Math.ceil((NOW + DAY_MS) / 1000) * 1000);
    expect(svid.notBeforeMs).toBe(Math.floor((NOW - 120_000) / 1000) * 1000);
  });

  test("names who was authenticated, not who the request asks for", () => {
    const greedy = buildCsr(generateKeyPair(), parseSpiffeId("spiffe://cluster.local/ns/kube-system/sa/admin"));
    expect(verified(open().issueSvid({ csr: greedy, spiffeId: REVIEWS, nowMs: NOW }), NOW).uris).toEqual([REVIEWS.uri]);
  });

  test("gives a life of one second at least one second, from now", () => {
    const svid = open().issueSvid({ csr, spiffeId: REVIEWS, ttlMs: 1000, nowMs: NOW });
    expect(svid.notAfterMs - NOW).toBeGreaterThanOrEqual(1000);
    expect(svid.notAfterMs - NOW).toBeLessThan(2000);
    expect(() => verified(svid, NOW + 1000)).not.toThrow();
    expect(() => verified(svid, NOW + 2000)).toThrow("leaf certificate expired");
  });

  test("gives each its own serial of up to 128 bits", () => {
    const ca = open();
    const serials = Array.from({ length: 50 }, () => ca.issueSvid({ csr, spiffeId: REVIEWS, nowMs: NOW }).serial);
    expect(new Set(serials).size).toBe(50);
    for (const serial of serials) expect(serial.length).toBeLessThanOrEqual(32);
    expect(Math.max(...serials.map((serial) => serial.length))).toBe(32);
  });

  test.each([0, 999, 91 * DAY_MS, Number.NaN, Number.POSITIVE_INFINITY])("refuses a life of %p ms", (ttlMs) => {
    expect(() => open().issueSvid({ csr, spiffeId: REVIEWS, ttlMs, nowMs: NOW })).toThrow(RangeError);
  });

  test.each(["spiffe://other.local/ns/default/sa/reviews", "spiffe://cluster.local"])("refuses %s", (uri) => {
    expect(() => open().issueSvid({ csr, spiffeId: parseSpiffeId(uri), nowMs: NOW })).toThrow(CredentialError);
  });

  test("refuses a request with a wrong signature", () => {
    const stolen = buildCsr({ privateKey: generateKeyPair().privateKey, spkiDer: generateKeyPair().spkiDer });
    expect(() => open().issueSvid({ csr: stolen, spiffeId: REVIEWS, nowMs: NOW })).toThrow("signature is wrong");
  });
});

describe("CertificateAuthority over time", () => {
  test("is the same after a restart", () => {
    const first = open();
    const again = open({}, NOW + DAY_MS);
    expect(again.trustBundle.pem).toBe(first.trustBundle.pem);
    expect(again.ends).toEqual(first.ends);
  });

  test("replaces the intermediate when less than a third is left, and old leaves still verify", () => {
    const ca = open();
    const old = ca.issueSvid({ csr, spiffeId: REVIEWS, ttlMs: 90 * DAY_MS, nowMs: NOW + 240 * DAY_MS });
    expect(ca.ends.intermediateMs).toBeLessThan(NOW + 366 * DAY_MS);
    const nowMs = NOW + 245 * DAY_MS;
    const fresh = ca.issueSvid({ csr, spiffeId: REVIEWS, nowMs });
    expect(ca.ends.intermediateMs).toBeGreaterThan(NOW + 600 * DAY_MS);
    expect(fresh.certChainPem.slice(-200)).not.toBe(old.certChainPem.slice(-200));
    expect(() => verified({ ...old, trustBundlePem: fresh.trustBundlePem }, nowMs)).not.toThrow();
    expect(() => verified(fresh, nowMs)).not.toThrow();
    expect(open({}, nowMs).ends).toEqual(ca.ends);
  });

  test("makes a new intermediate when the kept one is over", () => {
    open({ intermediateTtlMs: DAY_MS });
    const nowMs = NOW + 2 * DAY_MS;
    expect(() => verified(open({}, nowMs).issueSvid({ csr, spiffeId: REVIEWS, nowMs }), nowMs)).not.toThrow();
  });

  test("never signs past the root, and refuses when it is over", () => {
    const ca = open({ rootTtlMs: 10 * DAY_MS });
    expect(ca.ends.intermediateMs).toBe(ca.ends.rootMs);
    const svid = ca.issueSvid({ csr, spiffeId: REVIEWS, ttlMs: 5 * DAY_MS, nowMs: NOW + 9 * DAY_MS });
    expect(svid.notAfterMs).toBe(ca.ends.rootMs);
    expect(() => ca.issueSvid({ csr, spiffeId: REVIEWS, nowMs: NOW + 11 * DAY_MS })).toThrow(AuthorityError);
    expect(() => open({}, NOW + 11 * DAY_MS)).toThrow(/root in root.pem .* expired at .* Move the file away/);
  });

  test("warns in the last tenth of the root's life", () => {
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
    open({ rootTtlMs: 100 * DAY_MS }, NOW, log);
    expect(warnings).toEqual([]);
    open({}, NOW + 95 * DAY_MS, log);
    expect(warnings).toEqual([expect.stringContaining("less than a tenth")]);
  });

  test("trusts additional roots besides its own", () => {
    const other = new TestCa("cluster.local", NOW);
    files.set("additional-roots.pem", other.bundlePem);
    const ca = open();
    expect(ca.trustBundle.roots.length).toBe(2);
    const theirs = other.svid(REVIEWS.uri);
    expect(() => verified({ ...theirs, trustBundlePem: ca.trustBundle.pem }, NOW)).not.toThrow();
  });
});

describe("CertificateAuthority refuses to open", () => {
  const swapKey = (file: AuthorityFile): void => {
    const text = files.get(file) ?? "";
    files.set(file, text.slice(0, text.indexOf("-----BEGIN PRIVATE KEY")) + generateKeyPair().privateKeyPem);
  };

  test.each(["root.pem", "intermediate.pem"] as const)("%s with another's key", (file) => {
    open();
    swapKey(file);
    expect(() => open()).toThrow(new RegExp(`cannot use ${file}.*must belong together`));
  });

  test("an intermediate of another root", () => {
    open();
    const intermediate = files.get("intermediate.pem") ?? "";
    files.clear();
    open();
    files.set("intermediate.pem", intermediate);
    expect(() => open()).toThrow(/intermediate.pem.*delete it to have a new one made.*must lead to a root/);
  });

  test("a root of another trust domain", () => {
    open();
    expect(() => open({ trustDomain: "other.local" })).toThrow(
      /must be of spiffe:\/\/other.local: it is of spiffe:\/\/cluster.local/,
    );
  });

  test("a root that is no authority", () => {
    const svid = new TestCa("cluster.local", NOW).svid(REVIEWS.uri);
    files.set("root.pem", (svid.certChainPem.split(/(?=-----BEGIN)/)[0] ?? "") + svid.privateKeyPem);
    expect(() => open()).toThrow("must be an authority's");
  });

  test.each(["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])(
    "a root that reads %j",
    (text) => {
      files.set("root.pem", text);
      expect(() => open()).toThrow(AuthorityError);
    },
  );

  test("a private key without telling any of it", () => {
    open();
    const text = files.get("root.pem") ?? "";
    const secret = text.split("-----BEGIN PRIVATE KEY-----\n")[1]?.slice(0, 40) ?? "?";
    files.set("root.pem", text.replace(secret, secret.replace(/^M/, "N")));
    const error = (() => {
      try {
        return open() as unknown;
      } catch (found) {
        return found;
      }
    })();
    expect(error).toBeInstanceOf(AuthorityError);
    expect(Bun.inspect(error)).not.toContain(secret.slice(4, 24));
  });
});

describe("folderAuthorityStorage()", () => {
  let parent: string;
  let folder: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), "tulle-authority-"));
    folder = join(parent, "data", "ca");
  });
  afterEach(() => rmSync(parent, { recursive: true }));
  const openFolder = () => open({ storage: folderAuthorityStorage(folder) });
  const modeOf = (path: string): number => statSync(path).mode & 0o777;

  test("keeps keys 0600 in a folder 0700, and nothing else beside them", () => {
    const before = process.umask(0);
    try {
      const first = openFolder();
      expect(readdirSync(folder).sort()).toEqual(["intermediate.pem", "root.pem"]);
      for (const file of readdirSync(folder)) expect(modeOf(join(folder, file))).toBe(0o600);
      expect(modeOf(folder)).toBe(0o700);
      expect(openFolder().trustBundle.pem).toBe(first.trustBundle.pem);
    } finally {
      process.umask(before);
    }
  });

  test.each([0o640, 0o604, 0o620, 0o601])("refuses a key file of mode %o and says what to do", (mode) => {
    openFolder();
    chmodSync(join(folder, "root.pem"), mode);
    expect(openFolder).toThrow(AuthorityError);
    expect(openFolder).toThrow(
      `its mode is ${mode.toString(8)}. If nobody else can have seen its keys, run "chmod 600 ${folder}/root.pem"`,
    );
  });

  test.each([0o755, 0o710])("refuses a folder of mode %o", (mode) => {
    openFolder();
    chmodSync(folder, mode);
    expect(openFolder).toThrow(`chmod 700 ${folder}`);
  });

  test("takes additional roots that others may read, not change", () => {
    openFolder();
    const file = join(folder, "additional-roots.pem");
    writeFileSync(file, new TestCa().bundlePem, { mode: 0o644 });
    expect(openFolder().trustBundle.roots.length).toBe(2);
    chmodSync(file, 0o664);
    expect(openFolder).toThrow("its mode is 664");
  });

  test("refuses a link and a folder in a file's place, and a file that is too large", () => {
    openFolder();
    const file = join(folder, "root.pem");
    const text = readFileSync(file);
    rmSync(file);
    writeFileSync(join(parent, "elsewhere.pem"), text, { mode: 0o600 });
    symlinkSync(join(parent, "elsewhere.pem"), file);
    expect(openFolder).toThrow("it is a link");
    rmSync(file);
    writeFileSync(file, "x".repeat(300_000), { mode: 0o600 });
    expect(openFolder).toThrow("at most 262144 octets");
  });

  test("replaces a file whole and leaves no draft", () => {
    const storage = folderAuthorityStorage(folder);
    storage.write("root.pem", "one");
    storage.write("root.pem", "two");
    expect(storage.read("root.pem")).toBe("two");
    expect(storage.read("intermediate.pem")).toBeUndefined();
    expect(readdirSync(folder)).toEqual(["root.pem"]);
  });

  test("says so when it cannot write, and keeps what was there", () => {
    const storage = folderAuthorityStorage(folder);
    rmSync(folder, { recursive: true });
    expect(() => storage.write("root.pem", "x")).toThrow(`cannot write ${folder}/root.pem: ENOENT`);
  });

  test("keeps a certificate that may sign", () => {
    openFolder();
    const [root] = fromPem(readFileSync(join(folder, "root.pem"), "utf8"), "CERTIFICATE");
    expect(readCertificate(root ?? Buffer.alloc(0)).isAuthority).toBe(true);
  });
});
