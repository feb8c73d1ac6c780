/**
 * One endpoint that stands in a document: an item of a ServiceEntry, a WorkloadEntry, the template of a WorkloadGroup.
 *
 * @module
 */
import type { ExternalEndpoint } from "../model/external-service.ts";
import type { Locality } from "../model/locality.ts";
import { UNIX_PREFIX } from "../model/service.ts";
import type { Metadata } from "./document.ts";
import { labelledLocality, parseLocality } from "./locality.ts";
import { isAddress, isHost, isPortName, labels, objectName, textMap } from "./names.ts";
import type { Node } from "./node.ts";
import { anyText, integer, isText, MAX_UINT32, port } from "./read-values.ts";
import { quote } from "./tree.ts";

const FIELDS = ["address", "ports", "labels", "network", "locality", "weight", "serviceAccount"] as const;
/** Tells of an endpoint whether a proxy of the mesh is there: `istio` or `disabled`. */
const TLS_MODE_LABEL = "security.istio.io/tlsMode";
const MAX_LOCALITY_PARTS = 3;

interface EndpointForm {
  /** @default true */
  readonly needsAddress?: boolean;
  /** Labels that it has unless it says otherwise. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** @param metadata Of the document that it stands in. */
export function externalEndpoint(node: Node, metadata: Metadata, form: EndpointForm = {}): ExternalEndpoint {
  const fields = node.fields({ known: FIELDS });
  const address = fields.optional("address", endpointAddress) ?? "";
  const network = fields.optional("network", anyText) ?? "";
  const ports = fields.optional("ports", portMap) ?? {};
  if (
    address === "" &&
    form.needsAddress !== false &&
    !fields.has("address") &&
    network === "" &&
    node.tree.t === "map"
  )
    node.fail('field "address" is missing: without one, network must say where the endpoint is');
  if (address.startsWith(UNIX_PREFIX) && Object.keys(ports).length > 0)
    fields.at("ports")?.fail("a unix socket has no ports: leave them out");
  const serviceAccount = fields.optional("serviceAccount", objectName);
  const own = { ...form.labels, ...fields.optional("labels", labels) };
  const tlsMode = own[TLS_MODE_LABEL];
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    address,
    ports,
    labels: own,
    weight: fields.optional("weight", integer(0, MAX_UINT32)) || undefined,
    locality: fields.optional("locality", locality) ?? labelledLocality(own),
    network,
    serviceAccount,
    takesMtls: tlsMode === undefined ? serviceAccount !== undefined : tlsMode === "istio",
    healthy: true,
  };
}

/** Its path, or `@name`; undefined where it is none. */
export function unixSocket(address: string, node: Node): string | undefined {
  if (!address.startsWith(UNIX_PREFIX)) return undefined;
  const path = address.slice(UNIX_PREFIX.length);
  const bytes = Buffer.byteLength(path);
  if (!/^[/@]./.test(path)) node.fail(`a unix socket is unix:///path or unix://@name, found ${quote(address)}`);
  else if (bytes > MAX_UNIX_BYTES)
    node.fail(`the path of a unix socket may have ${MAX_UNIX_BYTES} bytes, found ${bytes}`);
  return path;
}

/** Of `sun_path`, without the zero at its end. */
const MAX_UNIX_BYTES = 107;

function endpointAddress(node: Node): string {
  const address = anyText(node);
  if (!isText(node)) return "";
  if (unixSocket(address, node) !== undefined) return address;
  if (!isAddress(address) && !isHost(address, false)) node.mustBe("an IP address, a host name or unix:///path");
  return address.toLowerCase();
}

const portMap = (node: Node): Readonly<Record<string, number>> => {
  textMap(
    (key, at) => {
      if (!isPortName(key)) at.failAtKey(`${quote(key)} is not the name of a port`);
    },
    () => "",
  )(node);
  return node.tree.t === "map" ? Object.fromEntries(node.entries().map(([name, at]) => [name, port(at)])) : {};
};

/** `region/zone/subzone`, or the first parts of it. */
function locality(node: Node): Locality | undefined {
  const written = anyText(node);
  const parts = written.split("/");
  if (parts.length > MAX_LOCALITY_PARTS || (written !== "" && parts[0] === ""))
    node.mustBe("region/zone/subzone, or the first parts of it");
  return written === "" ? undefined : parseLocality(written);
}
