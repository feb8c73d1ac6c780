/**
 * PeerAuthentication to the model. Source: security.istio.io PeerAuthentication.
 *
 * @module
 */
import type { MtlsMode, PeerAuthentication } from "../model/security.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { isPortText, selector } from "./names.ts";
import type { Node } from "./node.ts";
import { choice } from "./read-values.ts";

export function readPeerAuthentication(body: DocumentBody): PeerAuthentication {
  const spec = specFields(body, ["selector", "mtls", "portLevelMtls"]);
  const selected = spec.optional("selector", selector);
  const portModes = spec.optional("portLevelMtls", modesByPort) ?? new Map<number, MtlsMode | undefined>();
  if (selected === undefined && spec.has("portLevelMtls")) {
    spec
      .at("portLevelMtls")
      ?.failAtKey("needs a selector with labels: ports belong to workloads, not to a namespace or the mesh");
  }
  return { origin: body.origin, selector: selected, mode: spec.optional("mtls", mtlsMode), portModes };
}

/** `{mode: STRICT}`; UNSET, or none, inherits. */
function mtlsMode(node: Node): MtlsMode | undefined {
  const mode = node.fields({ known: ["mode"] }).optional("mode", choice(["STRICT", "PERMISSIVE", "DISABLE", "UNSET"]));
  return mode === "UNSET" ? undefined : mode;
}

function modesByPort(node: Node): ReadonlyMap<number, MtlsMode | undefined> {
  const entries = node.entries();
  if (node.tree.t === "map" && entries.length === 0) node.fail("must have at least one port");
  return new Map(
    entries.map(([key, at]): [number, MtlsMode | undefined] => {
      if (!isPortText(key)) at.failAtKey("the key must be a workload's port, from 1 to 65535");
      return [Number(key), mtlsMode(at)];
    }),
  );
}
