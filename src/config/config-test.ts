/**
 * `tulle.dev/v1 ConfigTest`: requests, and what shall become of them by the documents beside. It says nothing to a mesh.
 *
 * @module
 */
import type { CaseRequest, ConfigCase, ConfigTest } from "../model/config-test.ts";
import { expectations } from "./config-expectations.ts";
import { tableRows } from "./config-test-table.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { headerValue, isHeaderName, textMap } from "./names.ts";
import type { Node, Read } from "./node.ts";
import { someOf, text, textThat } from "./read-values.ts";
import { quote } from "./tree.ts";

export function readConfigTest(body: DocumentBody): ConfigTest {
  const spec = specFields(body, ["cases"]);
  const cases = spec.required("cases", someOf(casesOf(body)), []).flat();
  return { origin: body.origin, cases };
}

/** One, or one for each row of its table. */
function casesOf(body: DocumentBody): Read<readonly ConfigCase[]> {
  return (node) => {
    const table = node.tree.t === "map" ? node.tree.entries.get("table") : undefined;
    if (table === undefined) return [readCase(node, body, "")];
    const fields = node.fields({ known: ["name", "request", "expect", "table"] });
    const rows = fields.required("table", (at) => tableRows(node, at), []);
    return rows.map((row, i) => readCase(row, body, ` [${i + 1}]`));
  };
}

function readCase(node: Node, { metadata, settings }: DocumentBody, suffix: string): ConfigCase {
  const fields = node.fields({ known: ["name", "request", "expect"] });
  const around = { namespace: metadata.namespace, settings };
  return {
    name: `${fields.required("name", text, "")}${suffix}`,
    place: node.place,
    request: fields.required("request", caseRequest, { from: undefined, method: undefined, url: "", headers: {} }),
    expectations: fields.required("expect", expectations(around), []),
  };
}

function caseRequest(node: Node): CaseRequest {
  const fields = node.fields({ known: ["from", "method", "url", "headers"] });
  return {
    from: fields.optional("from", text),
    method: fields.optional("method", method),
    url: fields.required("url", url, ""),
    headers: fields.optional("headers", headers) ?? {},
  };
}

const method = textThat((name) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(name), "a method, such as GET");

const url = textThat(
  (value) => URL.canParse(value) && ["http:", "https:", "tcp:"].includes(new URL(value).protocol),
  "a URL such as http://reviews:9080/reviews/1 or tcp://mongodb:27017",
);

const headers = textMap((name, at) => {
  if (!isHeaderName(name)) at.failAtKey(`${quote(name)} is not a header name`);
}, headerValue);
