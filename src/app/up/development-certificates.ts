/**
 * Certificates that documents ask to be made on this machine (`tulle.dev/development-certificate`): signed by themselves, kept
 * over restarts so that a browser that trusted one goes on to.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SecretText } from "../../base/secret-text.ts";
import { makeDevelopmentCertificate } from "../../identity/development-certificate.ts";
import type { Credential, CredentialCertificate } from "../../model/gateway.ts";
import type { Store, StoreState } from "../../store/store.ts";

/** A certificate with less life left is made anew. */
const LEAST_LEFT_MS = 24 * 3_600_000;

export interface DevelopmentCertificatesOptions {
  /** Certificates go here, and their keys, which only the owner may read. */
  readonly folder: string;
  readonly wallMs: () => number;
}

type KeyPair = Extract<CredentialCertificate, { readonly t: "keyPair" }>;

/** The documents of another store, with the certificates that they ask for. */
export class DevelopmentCertificates implements Store {
  readonly #store: Store;
  readonly #options: DevelopmentCertificatesOptions;
  readonly #states = new WeakMap<StoreState, StoreState>();
  readonly #made = new Map<string, KeyPair>();

  constructor(store: Store, options: DevelopmentCertificatesOptions) {
    this.#store = store;
    this.#options = options;
  }

  get current(): StoreState {
    return this.#of(this.#store.current);
  }

  watch(onChange: (state: StoreState) => void): () => void {
    return this.#store.watch((state) => onChange(this.#of(state)));
  }

  close(): void {
    this.#store.close();
  }

  /** Where the certificate of a credential lies, for clients that are to trust it. */
  pathOf({ namespace, name }: Pick<Credential, "namespace" | "name">): string {
    return join(this.#options.folder, `${namespace}.${name}.pem`);
  }

  /** The same value for the same state: what is made of a mesh is kept by it. */
  #of(state: StoreState): StoreState {
    const { credentials } = state.mesh;
    if (credentials.every(({ certificate }) => certificate?.t !== "development")) return state;
    const known = this.#states.get(state);
    if (known !== undefined) return known;
    const mesh = { ...state.mesh, credentials: credentials.map((credential) => this.#fill(credential)) };
    const made = { ...state, mesh };
    this.#states.set(state, made);
    return made;
  }

  #fill(credential: Credential): Credential {
    if (credential.certificate?.t !== "development") return credential;
    const { hosts } = credential.certificate;
    const key = `${credential.namespace}/${credential.name} ${hosts.join()}`;
    const made = this.#made.get(key) ?? this.#kept(credential, hosts) ?? this.#make(credential, hosts);
    this.#made.set(key, made);
    return { ...credential, certificate: made };
  }

  #kept(credential: Credential, hosts: readonly string[]): KeyPair | undefined {
    const path = this.pathOf(credential);
    try {
      const certChainPem = readFileSync(path, "utf8");
      const { subjectAltName = "", validTo } = new X509Certificate(certChainPem);
      const fits = subjectAltName === hosts.map((host) => `DNS:${host}`).join(", ");
      if (!fits || Date.parse(validTo) - this.#options.wallMs() < LEAST_LEFT_MS) return undefined;
      return { t: "keyPair", certChainPem, privateKeyPem: new SecretText(readFileSync(keyOf(path), "utf8")) };
    } catch {
      // Not there yet, or spoilt: it is made anew.
      return undefined;
    }
  }

  #make(credential: Credential, hosts: readonly string[]): KeyPair {
    const { certChainPem, privateKeyPem } = makeDevelopmentCertificate(hosts, this.#options.wallMs());
    const path = this.pathOf(credential);
    mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 });
    writeFileSync(keyOf(path), privateKeyPem, { mode: 0o600 });
    writeFileSync(path, certChainPem);
    return { t: "keyPair", certChainPem, privateKeyPem: new SecretText(privateKeyPem) };
  }
}

const keyOf = (path: string): string => path.replace(/\.pem$/, ".key");
