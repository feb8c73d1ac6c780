/** Third-party hostile requests against heads and bodies alone, without a connection. */
import { describe, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type HostileCases,
  http11ProbeSuite,
  type Outcome,
  smugglerSuite,
} from "../../../tests/suites/http1-hostile.ts";
import { BAD_BODY, BodyScanner } from "./body.ts";
import { INCOMPLETE } from "./head.ts";
import { RequestHead } from "./request-head.ts";

const FOLDER = join(import.meta.dir, "../../../../shared/suites/http1-hostile");
const BODIES = ["none", "length", "chunked"];

/** Reads one request after the other, as a connection does. */
function readAll(raw: Buffer): Outcome {
  const head = new RequestHead();
  const body = new BodyScanner();
  const bodies: string[] = [];
  for (let at = 0; at < raw.length; ) {
    const behind = head.parse(raw, at, raw.length);
    if (behind === INCOMPLETE) return { t: "incomplete" };
    if (behind < 0) return { t: "refused", ...head.error };
    body.begin(head.framing, head.contentLength);
    at = body.scan(raw, behind, raw.length);
    if (at === BAD_BODY) return { t: "refused", status: 400, reason: body.reason };
    if (!body.done) return { t: "incomplete" };
    bodies.push(BODIES[head.framing] ?? "");
  }
  return bodies.length === 0 ? { t: "incomplete" } : { t: "accepted", bodies };
}

function describeCases(name: string, suite: (cases: HostileCases, read: typeof readAll) => void): void {
  describe(name, () => {
    const file = join(FOLDER, `${name}.json`);
    if (existsSync(file)) return suite(JSON.parse(readFileSync(file, "utf8")) as HostileCases, readAll);
    console.warn(`SKIPPED: ${file} is absent`);
    test.skip("cases are absent", () => {});
  });
}

describeCases("http11probe", http11ProbeSuite);
describeCases("smuggler", smugglerSuite);
