import { afterEach, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadDocuments } from "../../config/load.ts";
import type { CredentialCertificate } from "../../model/gateway.ts";
import type { Store, StoreState } from "../../store/store.ts";
import { DevelopmentCertificates } from "./development-certificates.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const NOW_MS = Date.parse("2026-01-01T00:00:00Z");
const wanted = (hosts: string): string =>
  `{apiVersion: v1, kind: Secret, metadata: {name: c, annotations: {tulle.dev/development-certificate: "${hosts}"}}}`;

/** A store that has these documents, and the certificates over it in `folder`. */
function open(text: string, folder: string, nowMs = NOW_MS) {
  const state: StoreState = { generation: 1, findings: [], ...loadDocuments([{ file: "a.yaml", text }]) };
  const inner: Store = {
    current: state,
    watch: (onChange) => (onChange(state), () => {}),
    close: () => {},
  };
  return new DevelopmentCertificates(inner, { folder, wallMs: () => nowMs });
}

function folderOf(): string {
  const folder = mkdtempSync(join(tmpdir(), "tulle-development-"));
  folders.push(folder);
  return join(folder, "certificates");
}

function pairOf(store: Store): Extract<CredentialCertificate, { readonly t: "keyPair" }> {
  const certificate = store.current.mesh.credentials[0]?.certificate;
  if (certificate?.t !== "keyPair") throw new Error("no certificate was made");
  return certificate;
}

test("a certificate is made for the names, and its key is nobody else's", () => {
  const folder = folderOf();
  const store = open(wanted("a.localhost, *.b.localhost"), folder);
  const certificate = new X509Certificate(pairOf(store).certChainPem);
  expect(certificate.subjectAltName).toBe("DNS:a.localhost, DNS:*.b.localhost");
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  const path = store.pathOf({ namespace: "default", name: "c" });
  expect(readFileSync(path, "utf8")).toBe(pairOf(store).certChainPem);
  expect(statSync(path.replace(".pem", ".key")).mode & 0o777).toBe(0o600);
});

test("the same state stays the same value, for those who watch too", () => {
  const store = open(wanted("a.localhost"), folderOf());
  const seen: StoreState[] = [];
  store.watch((state) => void seen.push(state));
  expect(seen[0]).toBe(store.current);
  expect(store.current.mesh).toBe(store.current.mesh);
});

test("it is kept until it ends, its names change or it is spoilt", () => {
  const folder = folderOf();
  const first = pairOf(open(wanted("a.localhost"), folder)).certChainPem;
  expect(pairOf(open(wanted("a.localhost"), folder)).certChainPem).toBe(first);
  const other = pairOf(open(wanted("b.localhost"), folder)).certChainPem;
  expect(other).not.toBe(first);
  const yearMs = 397 * 24 * 3_600_000;
  const next = open(wanted("b.localhost"), folder, NOW_MS + yearMs);
  expect(pairOf(next).certChainPem).not.toBe(other);
  writeFileSync(next.pathOf({ namespace: "default", name: "c" }), "spoilt");
  expect(pairOf(open(wanted("b.localhost"), folder)).certChainPem).toContain("BEGIN CERTIFICATE");
});

test("documents that ask for none pass as they are", () => {
  const text = "{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: w}, spec: {}}";
  const store = open(text, folderOf());
  expect(store.current.mesh.credentials).toEqual([]);
});
