/**
 * `directResponse` of an http rule. Source: networking.istio.io HTTPDirectResponse.
 *
 * Differs: `body.bytes` must be UTF-8 text, since the proxy holds bodies of its own as text.
 *
 * @module
 */
import type { DirectResponseAction } from "../model/virtual-service.ts";
import type { Node } from "./node.ts";
import { anyText, integer, text } from "./read-values.ts";

/** Istio's limit; each proxy holds the whole of it. */
const MAX_BODY_BYTES = 1024 * 1024;
const LARGE_BODY_BYTES = 100 * 1024;

export function directResponse(node: Node): DirectResponseAction {
  const fields = node.fields({ known: ["status", "body"] });
  return {
    t: "directResponse",
    status: fields.required("status", integer(200, 599), 200),
    body: fields.optional("body", body),
  };
}

function body(node: Node): string {
  const fields = node.fields({ known: ["string", "bytes"] });
  fields.oneOrMoreOf(["string", "bytes"]);
  if (fields.has("string") && fields.has("bytes")) fields.at("bytes")?.failAtKey("cannot stand beside string");
  const value = fields.optional("string", anyText) ?? fields.optional("bytes", decoded) ?? "";
  const bytes = Buffer.byteLength(value);
  if (bytes > MAX_BODY_BYTES) node.fail(`a body may have ${MAX_BODY_BYTES} bytes, found ${bytes}`);
  else if (bytes > LARGE_BODY_BYTES) node.warn(`has ${bytes} bytes, which every proxy that may be asked holds`);
  return value;
}

/** Base64, as protobuf's JSON writes bytes. */
function decoded(node: Node): string {
  const value = text(node);
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(value)) {
    node.mustBe("bytes in base64");
    return "";
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, "base64"));
  } catch {
    node.fail("bytes that are no UTF-8 text are not supported yet");
    return "";
  }
}
