/**
 * What Istio's own validation says of documents: its webhook would keep these out of an API server.
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ConfigDocument } from "./document.ts";
import type { Tools } from "./tools.ts";

const LIMIT_MS = 60_000;

/** Of those that are refused, by their key, why. @param folder For a file. */
export async function validate(
  { istio }: Tools,
  folder: string,
  documents: readonly ConfigDocument[],
): Promise<Map<string, string>> {
  if (documents.length === 0) return new Map();
  const file = join(folder, "documents.yaml");
  writeFileSync(file, documents.map((document) => `---\n${JSON.stringify(document)}\n`).join(""));
  const options = { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: LIMIT_MS } as const;
  const child = Bun.spawn([istio, "ctl", "validate", "-f", file], options);
  const texts = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) === 0) return new Map();
  const refused = new Map<string, string>();
  for (const [, key = "", reason = ""] of errorsOf(texts.join("\n")).matchAll(
    /^\s*\* (\w+\/[^/\s]+\/[^:\s]+): (.*)$/gm,
  ))
    refused.set(key, reason);
  if (refused.size === 0) throw new Error(`istioctl validate -f ${file}: ${texts.join("\n")}`);
  return refused;
}

/** What stands under "errors occurred": warnings have the same form. */
const errorsOf = (text: string): string => /errors? occurred:\n((?:\s*\* .*\n)*)/.exec(text)?.[1] ?? "";
