/**
 * Third-party hostile requests as data, for proxies that run. The folder's README says what each field means.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ProbeStep } from "./probe-client.ts";
import type { Rule } from "./verdict.ts";

interface Step {
  readonly label: string;
  /** Base64, with placeholders. */
  readonly rawRequest: string;
}

export interface HostileCase {
  readonly id: string;
  readonly note: string;
  readonly rfcLevel: string | null;
  readonly scored: boolean;
  /** Null in a case of several steps. */
  readonly rawRequest: string | null;
  readonly steps?: readonly Step[];
  /** Other payloads of the same case, by name. */
  readonly variants?: Readonly<Record<string, string>>;
  readonly expected: { readonly rules: readonly Rule[] };
}

export interface HostileFile {
  readonly cases: readonly HostileCase[];
  readonly upstreamCases: number;
}

const FOLDER = join(import.meta.dir, "../../../../shared/suites/http1-hostile");

/** Undefined, with a line that says so, where the file is absent. */
export function hostileFile(name: string): HostileFile | undefined {
  const file = join(FOLDER, `${name}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as HostileFile;
  console.warn(`SKIPPED: ${file} is absent`);
  return undefined;
}

/** What is sent in a step, once the steps before it are over. */
export type Message = (earlier: readonly ProbeStep[]) => Buffer;

/** The messages of a case, one a step. */
export function messagesOf({ rawRequest, steps }: HostileCase): Message[] {
  const all = rawRequest === null ? (steps ?? []).map((step) => step.rawRequest) : [rawRequest];
  return all.map((base64) => (earlier) => rendered(base64, earlier));
}

const HOST = "localhost:8080";

/** The bytes of a message, its placeholders filled in. */
export function rendered(base64: string, earlier: readonly ProbeStep[] = []): Buffer {
  const sum = (a: string, b: string): number => Number(a) + Number(b) * HOST.length;
  const text = Buffer.from(base64, "base64")
    .toString("latin1")
    .replace(/\{d:(\d+)\+(\d+)\*host\}/g, (_, a: string, b: string) => String(sum(a, b)))
    .replace(/\{x:(\d+)\+(\d+)\*host\}/g, (_, a: string, b: string) => sum(a, b).toString(16))
    .replaceAll("{host}", HOST)
    .replace(/\{header:(\d+):([^|}]+)\|([^|}]*)(?:\|(\w+))?\}/g, (_, step: string, name: string, ...rest: string[]) =>
      transformed(earlier[Number(step) - 1]?.header(name) ?? rest[0] ?? "", rest[1]),
    );
  return Buffer.from(text, "latin1");
}

/** Of an entity tag (RFC 9110 §8.8.3). */
function transformed(value: string, transform: string | undefined): string {
  if (transform === "unquote") return value.replace(/^"|"$/g, "");
  if (transform === "weaken") return value.startsWith("W/") ? value : `W/${value}`;
  return value;
}
