/**
 * `tulle.dev/v1 Mesh`: what holds for the whole mesh.
 *
 * @module
 */
import { defaultMeshSettings, type MeshSettings } from "../model/mesh.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { proxyConfigTopology } from "./gateway-topology.ts";
import { defaultExportTo } from "./export-to.ts";
import { dnsLabel, isHost, trustDomain } from "./names.ts";
import type { Node } from "./node.ts";
import { choice, duration, durationOrZero, textThat } from "./read-values.ts";
import { inboundRetries, retries } from "./retries.ts";
import { meshLocalities } from "./zone-aware-lb-setting.ts";

export function readMeshSettings(body: DocumentBody): MeshSettings {
  const spec = specFields(body, [
    "trustDomain",
    "rootNamespace",
    "clusterDomain",
    "protocolDetectionTimeout",
    "h2UpgradePolicy",
    "defaultConfig",
    "defaultServiceExportTo",
    "defaultVirtualServiceExportTo",
    "defaultDestinationRuleExportTo",
    "outboundTrafficPolicy",
    "localityLbSetting",
    "zoneAwareLbSetting",
    "dnsRefreshRate",
    "connectTimeout",
    "defaultHttpRetryPolicy",
    "defaultInboundHttpRetryPolicy",
  ]);
  const defaults = defaultMeshSettings;
  return {
    outboundTrafficPolicy:
      spec.optional("outboundTrafficPolicy", outboundTrafficPolicy) ?? defaults.outboundTrafficPolicy,
    dnsRefreshRateMs: spec.optional("dnsRefreshRate", duration) ?? defaults.dnsRefreshRateMs,
    connectTimeoutMs: spec.optional("connectTimeout", duration) ?? defaults.connectTimeoutMs,
    defaultHttpRetryPolicy: spec.optional("defaultHttpRetryPolicy", retries) ?? defaults.defaultHttpRetryPolicy,
    defaultInboundHttpRetryPolicy:
      spec.optional("defaultInboundHttpRetryPolicy", inboundRetries) ?? defaults.defaultInboundHttpRetryPolicy,
    trustDomain: spec.optional("trustDomain", trustDomain) ?? defaultMeshSettings.trustDomain,
    gatewayTopology: spec.optional("defaultConfig", proxyConfigTopology) ?? defaultMeshSettings.gatewayTopology,
    rootNamespace: spec.optional("rootNamespace", dnsLabel) ?? defaultMeshSettings.rootNamespace,
    clusterDomain:
      spec.optional(
        "clusterDomain",
        textThat((v) => isHost(v, false), "a domain name"),
      ) ?? defaultMeshSettings.clusterDomain,
    protocolDetectionTimeoutMs:
      spec.optional("protocolDetectionTimeout", durationOrZero) ?? defaultMeshSettings.protocolDetectionTimeoutMs,
    h2UpgradePolicy:
      spec.optional("h2UpgradePolicy", choice(["DO_NOT_UPGRADE", "UPGRADE"])) ?? defaultMeshSettings.h2UpgradePolicy,
    localityLbSetting: meshLocalities(spec) ?? defaults.localityLbSetting,
    defaultExportTo: {
      service: spec.optional("defaultServiceExportTo", defaultExportTo) ?? "*",
      virtualService: spec.optional("defaultVirtualServiceExportTo", defaultExportTo) ?? "*",
      destinationRule: spec.optional("defaultDestinationRuleExportTo", defaultExportTo) ?? "*",
    },
  };
}

/** `{mode: REGISTRY_ONLY}`. */
const EGRESS_PROXY = {
  name: "egressProxy",
  instead: "hosts that go through a proxy are ServiceEntries, each with a VirtualService that routes to the proxy",
};

export function outboundTrafficPolicy(node: Node): MeshSettings["outboundTrafficPolicy"] {
  const fields = node.fields({ known: ["mode"], unsupported: [EGRESS_PROXY] });
  return fields.optional("mode", choice(["ALLOW_ANY", "REGISTRY_ONLY"])) ?? "ALLOW_ANY";
}
