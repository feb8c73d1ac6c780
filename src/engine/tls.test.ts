import { describe, expect, test } from "bun:test";
import {
  type CertificateValidationContext,
  type CommonTlsContext,
  DownstreamTlsContext,
  RawBuffer,
  UpstreamTlsContext,
} from "../xds/proto/tls.ts";
import { pack } from "../xds/types/any.ts";
import { CompileError } from "./compile-error.ts";
import { compileDownstreamTls, compileUpstreamTls, discoveredSecrets, keyPairOf, towards } from "./tls.ts";

const SECRETS: CommonTlsContext = {
  tlsCertificateSdsSecretConfigs: [{ name: "default" }],
  combinedValidationContext: {
    defaultValidationContext: {
      matchTypedSubjectAltNames: [{ sanType: "URI", matcher: { prefix: "spiffe://cluster.local/" } }],
    },
    validationContextSdsSecretConfig: { name: "ROOTCA" },
  },
};
const FILES: CommonTlsContext = {
  tlsCertificates: [{ certificateChain: { filename: "c.pem" }, privateKey: { filename: "k.pem" } }],
  validationContext: { trustedCa: { filename: "ca.pem" } },
};

const TWO = [...(FILES.tlsCertificates ?? []), ...(FILES.tlsCertificates ?? [])];

const upstream = (context: UpstreamTlsContext) =>
  compileUpstreamTls({ typedConfig: pack(UpstreamTlsContext, context) }, "transport_socket");
const downstream = (context: DownstreamTlsContext) =>
  compileDownstreamTls({ typedConfig: pack(DownstreamTlsContext, context) }, "transport_socket");
const validating = (validationContext: CertificateValidationContext) =>
  upstream({ commonTlsContext: { validationContext: { trustedCa: { filename: "ca.pem" }, ...validationContext } } });

function refused(compile: () => unknown): string {
  try {
    compile();
  } catch (error) {
    if (error instanceof CompileError) return error.path;
    throw error;
  }
  return "accepted";
}

describe("TLS contexts", () => {
  test("by secrets", () => {
    const tls = upstream({ commonTlsContext: { ...SECRETS, alpnProtocols: ["istio"] }, sni: "reviews" });
    expect([tls?.certificate, tls?.trust, tls?.sni, tls?.alpn]).toEqual([
      { t: "secret", name: "default" },
      { t: "secret", name: "ROOTCA" },
      "reviews",
      ["istio"],
    ]);
    expect(tls?.refuses({ uriSans: ["spiffe://cluster.local/ns/a/sa/b"], dnsSans: [] })).toBeUndefined();
    expect(tls?.refuses({ uriSans: ["spiffe://cluster.locale/ns/a/sa/b"], dnsSans: [] })).toBe(
      'wanted URI prefix "spiffe://cluster.local/", found "spiffe://cluster.locale/ns/a/sa/b"',
    );
  });

  test("by files, and plain text", () => {
    const tls = downstream({ commonTlsContext: FILES, requireClientCertificate: true });
    expect([tls?.certificate, tls?.trust, tls?.requireClientCertificate]).toEqual([
      { t: "inline", value: { chain: { filename: "c.pem" }, key: { filename: "k.pem" } } },
      { t: "inline", value: { filename: "ca.pem" } },
      true,
    ]);
    expect(tls?.refuses({ uriSans: [], dnsSans: [] })).toBeUndefined();
    expect(compileUpstreamTls(undefined, "")).toBeUndefined();
    expect(compileDownstreamTls({ typedConfig: pack(RawBuffer, {}) }, "")).toBeUndefined();
  });

  test("several certificates, revocation lists, and clients that anybody may be", () => {
    const tls = downstream({
      commonTlsContext: {
        tlsCertificateSdsSecretConfigs: ["a", "b", "c"].map((name) => ({ name, sdsConfig: { ads: {} } })),
        combinedValidationContext: {
          defaultValidationContext: { crl: { filename: "crl.pem" }, trustChainVerification: "ACCEPT_UNTRUSTED" },
          validationContextSdsSecretConfig: { name: "roots", sdsConfig: { ads: {} } },
        },
      },
    });
    expect(tls).toMatchObject({
      certificate: { name: "a" },
      furtherCertificates: [{ name: "b" }, { name: "c" }],
      crl: { filename: "crl.pem" },
      letsUnverifiedIn: true,
    });
    expect(discoveredSecrets([tls]).toSorted()).toEqual(["a", "b", "c", "roots"]);
  });

  test("of a combined context the secret's roots count", () => {
    const tls = upstream({
      commonTlsContext: {
        combinedValidationContext: {
          defaultValidationContext: { trustedCa: { filename: "old.pem" } },
          validationContextSdsSecretConfig: { name: "ROOTCA" },
        },
      },
    });
    expect(tls?.trust).toEqual({ t: "secret", name: "ROOTCA" });
  });

  test("one of several names is enough, each of its own kind", () => {
    const tls = validating({
      matchTypedSubjectAltNames: [
        { sanType: "URI", matcher: { exact: "spiffe://td/a" } },
        { sanType: "DNS", matcher: { exact: "a.Example.com" } },
        { sanType: "DNS", matcher: { suffix: ".internal" } },
      ],
    });
    const passes = (uriSans: readonly string[], dnsSans: readonly string[]) =>
      tls?.refuses({ uriSans, dnsSans }) === undefined;
    expect(passes(["spiffe://td/a"], [])).toBe(true);
    expect(passes([], ["other", "x.internal"])).toBe(true);
    expect(passes([], ["spiffe://td/a"])).toBe(false);
    expect(passes(["x.internal"], [])).toBe(false);
    expect(passes([], [])).toBe(false);
    expect(passes([], ["*.example.com"])).toBe(true);
    expect(passes([], ["*.com"])).toBe(false);
    expect(passes([], ["*.b.example.com"])).toBe(false);
    expect(
      validating({ matchSubjectAltNames: [{ exact: ".com" }] })?.refuses({ uriSans: [], dnsSans: ["*.com"] }),
    ).toBeDefined();
  });

  test("names without a kind are looked for in all", () => {
    const tls = validating({ matchSubjectAltNames: [{ exact: "spiffe://td/a" }, { prefix: "web." }] });
    const passes = (uriSans: readonly string[], dnsSans: readonly string[]) =>
      tls?.refuses({ uriSans, dnsSans }) === undefined;
    expect([passes(["spiffe://td/a"], []), passes([], ["web.x"]), passes(["spiffe://td/b"], [])]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("a peer's words are quoted and few", () => {
    const tls = validating({ matchTypedSubjectAltNames: [{ sanType: "URI", matcher: { exact: "spiffe://td/a" } }] });
    const reason = tls?.refuses({ uriSans: ["a\nb", "x".repeat(5000), "c", "d", "e"], dnsSans: [] }) ?? "";
    expect(reason).toContain('found "a\\nb", "xxx');
    expect(reason).toEndWith('"c" and 2 more');
    expect(reason.length).toBeLessThan(400);
    expect(tls?.refuses({ uriSans: [], dnsSans: [] })).toEndWith("found no name");
  });

  test("a client speaks what it is limited to", () => {
    const commonTlsContext = {
      ...FILES,
      tlsParams: { tlsMinimumProtocolVersion: "TLSv1_3", cipherSuites: ["AES128-SHA"] },
    } as const;
    expect(upstream({ commonTlsContext })?.limits).toEqual({
      minVersion: "1.3",
      maxVersion: "1.3",
      cipherSuites: ["AES128-SHA"],
    });
  });

  test("a server speaks what it is limited to", () => {
    const limits = downstream({
      commonTlsContext: {
        ...FILES,
        tlsParams: { tlsMinimumProtocolVersion: "TLSv1_3", cipherSuites: ["ECDHE-RSA-AES128-SHA"] },
      },
    })?.limits;
    expect(limits).toEqual({ minVersion: "1.3", maxVersion: "1.3", cipherSuites: ["ECDHE-RSA-AES128-SHA"] });
    const most = downstream({
      commonTlsContext: { ...FILES, tlsParams: { tlsMaximumProtocolVersion: "TLSv1_2" } },
    })?.limits;
    expect(most).toEqual({ minVersion: "1.2", maxVersion: "1.2", cipherSuites: [] });
  });

  test("a certificate that is pinned is the only one that passes, beside its name", () => {
    const hash = "AB:".repeat(31) + "AB";
    const check = validating({ verifyCertificateHash: [hash], matchSubjectAltNames: [{ exact: "a" }] })?.refuses;
    const peer = { uriSans: [], dnsSans: ["a"], fingerprint256: "ab".repeat(32) };
    expect(check?.(peer)).toBeUndefined();
    expect(check?.({ ...peer, dnsSans: ["b"] })).toContain("wanted exact");
    expect(check?.({ ...peer, fingerprint256: "cd".repeat(32) })).toContain("none of those that are pinned");
    expect(check?.({ uriSans: [], dnsSans: ["a"] })).toContain("none of those that are pinned");
  });

  test("a key that is pinned passes, as a certificate does that is", () => {
    const key = `${"A".repeat(43)}=`;
    const both = validating({ verifyCertificateSpki: [key], verifyCertificateHash: ["ab".repeat(32)] })?.refuses;
    const peer = { uriSans: [], dnsSans: ["a"], fingerprint256: "00".repeat(32), spkiSha256: `${"B".repeat(43)}=` };
    expect(both?.(peer)).toContain("none of those that are pinned");
    expect(both?.({ ...peer, spkiSha256: key })).toBeUndefined();
    expect(both?.({ ...peer, fingerprint256: "ab".repeat(32) })).toBeUndefined();
    expect(both?.({ uriSans: [], dnsSans: [] })).toContain("none of those that are pinned");
    expect(() => validating({ verifyCertificateSpki: ["abc"] })).toThrow("44 characters");
  });

  test("secrets of the aggregated stream are told apart from the agent's", () => {
    const own = { name: "kubernetes://c", sdsConfig: { ads: {} } };
    const tls = downstream({
      commonTlsContext: {
        tlsCertificateSdsSecretConfigs: [own],
        validationContextSdsSecretConfig: { name: "ROOTCA" },
      },
    });
    expect(discoveredSecrets([tls, undefined])).toEqual(["kubernetes://c"]);
  });

  test("what would let in more than was asked for is refused", () => {
    const common = "transport_socket.typed_config.common_tls_context";
    const cases: readonly (readonly [string, () => unknown])[] = [
      [common, () => upstream({ commonTlsContext: {} })],
      [common, () => downstream({ commonTlsContext: {} })],
      [
        "transport_socket.typed_config.require_client_certificate",
        () =>
          downstream({
            requireClientCertificate: true,
            commonTlsContext: { tlsCertificates: FILES.tlsCertificates },
          }),
      ],
      [
        `${common}.validation_context`,
        () =>
          downstream({
            commonTlsContext: {
              tlsCertificates: FILES.tlsCertificates,
              validationContext: { matchTypedSubjectAltNames: [{ sanType: "URI", matcher: { exact: "a" } }] },
            },
          }),
      ],
      [
        `${common}.validation_context.trust_chain_verification`,
        () => validating({ trustChainVerification: "ACCEPT_UNTRUSTED" }),
      ],
      [`${common}.validation_context.verify_certificate_hash[0]`, () => validating({ verifyCertificateHash: ["ab"] })],
      [`${common}.validation_context.verify_certificate_spki[0]`, () => validating({ verifyCertificateSpki: ["ab"] })],
      [
        `${common}.validation_context.only_verify_leaf_cert_crl`,
        () => validating({ crl: { filename: "/crl.pem" }, onlyVerifyLeafCertCrl: true }),
      ],
      [
        `${common}.validation_context.crl`,
        () => downstream({ commonTlsContext: { ...FILES, validationContext: { crl: { filename: "/crl.pem" } } } }),
      ],
      [common, () => upstream({ commonTlsContext: { ...FILES, tlsCertificates: TWO } })],
      [
        common,
        () =>
          downstream({
            commonTlsContext: {
              tlsCertificates: FILES.tlsCertificates,
              validationContext: { trustChainVerification: "ACCEPT_UNTRUSTED" },
            },
          }),
      ],
      [
        `${common}.tls_params.tls_maximum_protocol_version`,
        () => downstream({ commonTlsContext: { ...FILES, tlsParams: { tlsMaximumProtocolVersion: "TLSv1_1" } } }),
      ],
      [
        `${common}.tls_params`,
        () =>
          downstream({
            commonTlsContext: {
              ...FILES,
              tlsParams: { tlsMinimumProtocolVersion: "TLSv1_3", tlsMaximumProtocolVersion: "TLSv1_2" },
            },
          }),
      ],
      [
        `${common}.tls_params.cipher_suites[0]`,
        () => downstream({ commonTlsContext: { ...FILES, tlsParams: { cipherSuites: ["[A|B]"] } } }),
      ],
      [`${common}.validation_context.allow_expired_certificate`, () => validating({ allowExpiredCertificate: true })],
      [`${common}.validation_context.trusted_ca`, () => validating({ trustedCa: {} })],
      [
        `${common}.validation_context.trusted_ca.environment_variable`,
        () => validating({ trustedCa: { environmentVariable: "CA" } }),
      ],
      [
        `${common}.validation_context.match_typed_subject_alt_names[0].san_type`,
        () => validating({ matchTypedSubjectAltNames: [{ sanType: "EMAIL", matcher: { exact: "a@b" } }] }),
      ],
      ["transport_socket.typed_config.require_sni", () => downstream({ commonTlsContext: FILES, requireSni: true })],
      [
        "transport_socket.typed_config.ocsp_staple_policy",
        () => downstream({ commonTlsContext: FILES, ocspStaplePolicy: "MUST_STAPLE" }),
      ],
      [
        `${common}.tls_certificate_sds_secret_configs[0]`,
        () => downstream({ commonTlsContext: { tlsCertificateSdsSecretConfigs: [{ name: "" }] } }),
      ],
      [
        common,
        () => downstream({ commonTlsContext: { ...FILES, tlsCertificateSdsSecretConfigs: [{ name: "default" }] } }),
      ],
      ["transport_socket.typed_config", () => compileUpstreamTls({ name: "tls" }, "transport_socket")],
      ["c", () => keyPairOf({ certificateChain: { filename: "c.pem" } }, "c")],
      ["c.password", () => keyPairOf({ ...FILES.tlsCertificates?.[0], password: { inlineString: "x" } }, "c")],
    ];
    for (const [path, compile] of cases) expect(refused(compile), path).toBe(path);
  });

  test("the usual parameters pass", () => {
    const tlsParams = { tlsMinimumProtocolVersion: "TLSv1_2", tlsMaximumProtocolVersion: "TLSv1_3" } as const;
    expect(refused(() => upstream({ commonTlsContext: { ...FILES, tlsParams } }))).toBe("accepted");
  });
});

describe("towards the host of a request", () => {
  const own = validating({ matchTypedSubjectAltNames: [{ sanType: "DNS", matcher: { suffix: ".example.com" } }] });
  const of = (host: string, by = { sni: true, san: true }) =>
    own && towards({ ...own, sni: "own.example.com" }, host, by);
  const named = (...dnsSans: readonly string[]) => ({ uriSans: [], dnsSans });

  test("its name is asked for, an address is not", () => {
    expect(of("a.example.com")?.sni).toBe("a.example.com");
    for (const host of ["127.0.0.1", "::1", "[::1]", ""]) expect(of(host)?.sni, host).toBe("own.example.com");
    expect(of("a.example.com", { sni: false, san: true })?.sni).toBe("own.example.com");
  });

  test("the certificate must have it, besides what the context asks", () => {
    const to = of("a.example.com");
    expect(to?.refuses(named("b.example.com", "A.example.com"))).toBeUndefined();
    expect(to?.refuses(named("*.example.com"))).toBeUndefined();
    expect(to?.refuses(named("b.example.com"))).toContain('wanted DNS exact "a.example.com", found "b.example.com"');
    expect(of("a.example.org")?.refuses(named("a.example.org"))).toContain("wanted DNS suffix");
    expect(of("127.0.0.1")?.refuses(named("a.example.com"))).toContain("wanted DNS exact");
    expect(of("a.example.org", { sni: true, san: false })?.refuses(named("b.example.com"))).toBeUndefined();
  });
});
