/**
 * Asks the admin endpoints of a running mesh.
 *
 * @module
 */
import { httpGet } from "../net/http-get.ts";

/** An admin endpoint that does not answer, or not with what was asked for. */
export class AdminError extends Error {
  override readonly name = "AdminError";
}

/**
 * The body of an answer of 200.
 *
 * @param base Such as `http://127.0.0.1:15014`.
 * @throws {AdminError} (as rejection) If there is no such answer.
 */
export async function askText(base: string, path: string): Promise<string> {
  const url = `${base}${path}`;
  let answer: Awaited<ReturnType<typeof httpGet>>;
  try {
    answer = await httpGet(url);
  } catch (cause) {
    throw new AdminError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
  if (answer.status === 200) return answer.body;
  throw new AdminError(`${url} answered ${answer.status}: ${answer.body.trim().slice(0, 500)}`);
}

/** As {@link askText}, of JSON. What it holds is the caller's to know. */
export async function askJson(base: string, path: string): Promise<unknown> {
  const body = await askText(base, path);
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new AdminError(`${base}${path} answered what is no JSON`, { cause });
  }
}
